"""ERC-20 as others expect it, of Shares and of Coin: the properties that github.com/crytic/properties lists for ERC-20.

Ours, by the names of that list; none of its code. The properties of pausing, burning and of the non-standard
increase/decreaseAllowance ask for functions that are not there; those of minting are asked of the coin. Shares
and the coin refuse transfers to themselves too, where units and money would be lost.
"""

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chains import Engine, engine  # noqa: F401
from evm import NOBODY, WHOLE, Contract, World, new_world

FOREVER = 2**256 - 1


@dataclass(frozen=True)
class Case:
    world: World
    token: Contract
    names: dict[str, str]
    """What each says when it refuses."""

    def balances(self) -> list[int]:
        evm = self.world.evm
        return [evm.call(self.token, "balanceOf", one.address) for one in evm.accounts[:3]]

    def events(self, receipt: Any) -> list[tuple[str, int]]:
        return [(log.name, log.values["value"]) for log in receipt.logs(self.token)]


@pytest.fixture(scope="module")
def built(engine: Engine) -> World:  # noqa: F811
    return new_world(engine)


@pytest.fixture(scope="module")
def prepared(built: World) -> dict[str, Contract]:
    a, b = (one.address for one in built.evm.accounts[:2])
    shares = built.make(1, {a: WHOLE - 1000, b: 1000}, (built.coin.address,))
    built.give(built.coin, built.evm.accounts[0], WHOLE - 1000)
    built.give(built.coin, built.evm.accounts[1], 1000)
    return {"shares": shares, "coin": built.coin}


@pytest.fixture(params=["shares", "coin"])
def case(request: pytest.FixtureRequest, built: World, prepared: dict[str, Contract]) -> Any:
    before = built.evm.snapshot()
    name = request.param
    lost = "shares: units sent where nobody can claim" if name == "shares" else "coin: sent where nobody has it"
    yield Case(
        built,
        prepared[name],
        {"more": f"{name}: more than held", "allowed": f"{name}: more than allowed", "lost": lost},
    )
    built.evm.revert(before)


def test_constant_supply_and_user_balances_below_it(case: Case) -> None:
    evm, (a, b, c) = case.world.evm, case.world.evm.accounts[:3]
    assert evm.call(case.token, "totalSupply") == WHOLE == sum(case.balances())
    evm.do(a, case.token, "transfer", c.address, 17)
    evm.do(b, case.token, "transfer", a.address, 1000)
    assert evm.call(case.token, "totalSupply") == WHOLE == sum(case.balances())


def test_zero_address_balance_and_its_own_stay_zero(case: Case) -> None:
    evm, (a, b) = case.world.evm, case.world.evm.accounts[:2]
    evm.do(a, case.token, "approve", b.address, 100)
    for to in (NOBODY, case.token.address):
        for amount in (0, 1):
            assert evm.refusal(a, case.token, "transfer", to, amount) == case.names["lost"]
            assert evm.refusal(b, case.token, "transferFrom", a.address, to, amount) == case.names["lost"]
        assert evm.call(case.token, "balanceOf", to) == 0


def test_self_transfer_and_self_transfer_from(case: Case) -> None:
    evm, (a, b) = case.world.evm, case.world.evm.accounts[:2]
    before = case.balances()
    assert case.events(evm.do(a, case.token, "transfer", a.address, before[0])) == [("Transfer", before[0])]
    evm.do(a, case.token, "approve", b.address, 100)
    evm.do(b, case.token, "transferFrom", a.address, a.address, 100)
    assert case.balances() == before
    assert evm.refusal(a, case.token, "transfer", a.address, before[0] + 1) == case.names["more"]


def test_transfer_to_more_than_balance_and_overflow(case: Case) -> None:
    evm, (a, b, c) = case.world.evm, case.world.evm.accounts[:3]
    before = case.balances()
    evm.do(a, case.token, "approve", b.address, FOREVER)
    for amount in (before[0] + 1, FOREVER):
        assert evm.refusal(a, case.token, "transfer", c.address, amount) == case.names["more"]
        assert evm.refusal(b, case.token, "transferFrom", a.address, c.address, amount) == case.names["more"]
        receipt = evm.send(a, case.token, "transfer", c.address, amount)
        assert (receipt.status, receipt.raw_logs) == (0, ())
    assert case.balances() == before


def test_transfer_zero_amount(case: Case) -> None:
    evm, (a, b, c) = case.world.evm, case.world.evm.accounts[:3]
    before = case.balances()
    assert case.events(evm.do(c, case.token, "transfer", a.address, 0)) == [("Transfer", 0)]
    assert case.events(evm.do(b, case.token, "transferFrom", a.address, c.address, 0)) == [("Transfer", 0)]
    assert case.balances() == before


@settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(amount=st.integers(0, WHOLE - 1000), spare=st.integers(0, 5))
def test_transfers_and_allowances_for_any_amount(case: Case, amount: int, spare: int) -> None:
    """transfer, transferFrom, setAllowance, its update, spending it: by exactly the amount, with the events."""
    evm, (a, b, c) = case.world.evm, case.world.evm.accounts[:3]
    before = case.balances()
    assert evm.call(case.token, "transfer", c.address, amount, sender=a.address) is True
    assert case.events(evm.do(a, case.token, "transfer", c.address, amount)) == [("Transfer", amount)]
    assert case.balances() == [before[0] - amount, before[1], before[2] + amount]
    assert case.events(evm.do(c, case.token, "approve", b.address, amount + spare)) == [("Approval", amount + spare)]
    assert evm.call(case.token, "allowance", c.address, b.address) == amount + spare
    refusal = evm.refusal(b, case.token, "transferFrom", c.address, a.address, amount + spare + 1)
    assert refusal == case.names["allowed"]
    assert evm.call(case.token, "transferFrom", c.address, a.address, amount, sender=b.address) is True
    logs = case.events(evm.do(b, case.token, "transferFrom", c.address, a.address, amount))
    assert logs == [("Transfer", amount)]
    assert evm.call(case.token, "allowance", c.address, b.address) == spare
    assert case.balances() == before
    evm.do(c, case.token, "approve", b.address, 0)
    if amount:
        assert evm.refusal(b, case.token, "transferFrom", c.address, a.address, amount) == case.names["allowed"]


def test_an_unlimited_allowance_is_not_spent(case: Case) -> None:
    evm, (a, b, c) = case.world.evm, case.world.evm.accounts[:3]
    evm.do(a, case.token, "approve", b.address, FOREVER)
    evm.do(b, case.token, "transferFrom", a.address, c.address, 5)
    assert evm.call(case.token, "allowance", a.address, b.address) == FOREVER


def test_mint_grows_balance_and_supply(built: World, case: Case) -> None:
    evm, c = built.evm, built.evm.accounts[2]
    receipt = evm.do(built.owner, built.coin, "mint", c.address, 77)
    assert [(log.name, log.values["value"]) for log in receipt.logs(built.coin)] == [("Transfer", 77)]
    assert (evm.call(built.coin, "totalSupply"), evm.call(built.coin, "balanceOf", c.address)) == (WHOLE + 77, 77)
    assert evm.send(built.owner, built.coin, "mint", c.address, FOREVER).status == 0
