"""Currencies, holders and children that call back, refuse or lie: each hurts nobody but itself."""

from typing import Any

import pytest

from chains import Engine, engine  # noqa: F401
from evm import NATIVE, WHOLE, Contract, World, double, new_world

USE = b"\xcd" * 32


@pytest.fixture(scope="module")
def built(engine: Engine) -> World:  # noqa: F811
    return new_world(engine)


@pytest.fixture
def world(built: World) -> Any:
    before = built.evm.snapshot()
    yield built
    built.evm.revert(before)


@pytest.fixture
def token(world: World) -> Contract:
    return world.evm.deploy(double("Token"))


@pytest.fixture
def shares(world: World, token: Contract) -> Contract:
    """Half for the first account, half for the token itself, so that it can act as a holder too."""
    a = world.evm.accounts[0].address
    made = world.make(1, {a: WHOLE // 2, token.address: WHOLE // 2}, (world.coin.address, token.address))
    for one in (world.coin, token):
        world.give(one, world.evm.accounts[2], 10**12, made)
    return made


def calls(world: World, shares: Contract, token: Contract) -> dict[str, bytes]:
    """Each function that takes or sends money, so that it would go through if the token called it by itself."""
    a = world.evm.accounts[0].address
    child = world.make(2, {shares.address: WHOLE}, (token.address,))
    return {
        "pay": shares.data("pay", token.address, 0, USE),
        "pay native": shares.data("pay", NATIVE, 0, USE),
        "credit": shares.data("credit", token.address),
        "claim": shares.data("claim", a, token.address),
        "claim another currency": shares.data("claim", a, world.coin.address),
        "claim_to": shares.data("claim_to", token.address, world.evm.accounts[7].address),
        "gather": shares.data("gather", child.address, token.address),
    }


@pytest.mark.parametrize(
    "again", ["pay", "pay native", "credit", "claim", "claim another currency", "claim_to", "gather"]
)
@pytest.mark.parametrize("during", ["pay", "claim"])
@pytest.mark.parametrize("after", [False, True])
def test_a_token_that_calls_back_is_locked_out(
    world: World, shares: Contract, token: Contract, again: str, during: str, after: bool
) -> None:
    evm, a, payer = world.evm, world.evm.accounts[0], world.evm.accounts[2]
    evm.do(payer, shares, "pay", world.coin.address, 500, USE)
    evm.do(payer, shares, "pay", token.address, 1000, USE)
    message = calls(world, shares, token)[again]
    evm.ask("eth_call", {"from": token.address, "to": shares.address, "data": "0x" + message.hex()}, "latest")
    evm.do(world.owner, token, "set_call", shares.address, message, after)
    if during == "pay":
        evm.do(payer, shares, "pay", token.address, 1000, USE)
    else:
        evm.do(payer, shares, "claim", a.address, token.address)
    assert evm.call(token, "reached") is False
    assert evm.call(shares, "received", token.address) == (2000 if during == "pay" else 1000)
    assert evm.call(shares, "withdrawn", token.address) == (0 if during == "pay" else 500)
    assert evm.call(shares, "withdrawn", world.coin.address) == 0


@pytest.mark.parametrize("during", ["pay", "claim"])
def test_units_sent_from_within_a_currency_earn_nothing_twice(
    world: World, shares: Contract, token: Contract, during: str
) -> None:
    evm, a, payer, c = world.evm, world.evm.accounts[0], world.evm.accounts[2], world.evm.accounts[4]
    evm.do(payer, shares, "pay", token.address, 1000, USE)
    evm.do(world.owner, token, "set_call", shares.address, shares.data("transfer", c.address, WHOLE // 2), True)
    if during == "pay":
        evm.do(payer, shares, "pay", token.address, 1000, USE)
    else:
        evm.do(payer, shares, "claim", token.address, token.address)
    assert evm.call(token, "reached") is True
    assert evm.call(shares, "balanceOf", c.address) == WHOLE // 2
    owed = [evm.call(shares, "claimable", one, token.address) for one in (a.address, token.address, c.address)]
    assert owed == ([1000, 500, 500] if during == "pay" else [500, 0, 0])


def test_what_a_currency_brings_in_meanwhile_is_nobodys_payment(world: World, token: Contract) -> None:
    """The payer pays 1 and has the work's own earnings arrive while it does: that is no payment of 501."""
    evm, payer = world.evm, world.evm.accounts[2]
    parent = world.make(1, {world.owner.address: WHOLE}, (token.address,))
    child = world.make(2, {parent.address: WHOLE}, (token.address,))
    for made in (parent, child):
        world.give(token, payer, 1000, made)
    evm.do(payer, child, "pay", token.address, 500, USE)
    evm.do(payer, token, "set_call", child.address, child.data("claim", parent.address, token.address), False)
    logs = evm.do(payer, parent, "pay", token.address, 1, USE).logs(parent)
    assert evm.call(token, "reached") is True
    assert [(log.name, log.values["amount"]) for log in logs] == [("Credited", 500), ("Paid", 1)]


def test_a_gather_from_within_its_child_is_locked_out(world: World, token: Contract) -> None:
    evm, payer = world.evm, world.evm.accounts[2]
    parent = world.make(1, {world.owner.address: WHOLE}, (token.address,))
    child = world.make(2, {parent.address: WHOLE}, (token.address,))
    world.give(token, payer, 1000, child)
    evm.do(payer, child, "pay", token.address, 500, USE)
    evm.do(payer, token, "set_call", parent.address, parent.data("gather", child.address, token.address), True)
    evm.do(payer, parent, "gather", child.address, token.address)
    assert evm.call(token, "reached") is False
    assert evm.call(parent, "received", token.address) == 500


def test_a_receiver_that_calls_back_gets_its_own_once(world: World) -> None:
    evm, payer, c = world.evm, world.evm.accounts[2], world.evm.accounts[4]
    hostile = evm.deploy(double("Receiver"))
    made = world.make(1, {hostile.address: WHOLE // 2, world.evm.accounts[0].address: WHOLE // 2})
    again = {
        "claim": made.data("claim", hostile.address, NATIVE),
        "claim_to": made.data("claim_to", NATIVE, c.address),
        "pay": made.data("pay", NATIVE, 0, USE),
        "credit": made.data("credit", NATIVE),
    }
    for name, message in again.items():
        before = evm.balance(hostile.address)
        evm.do(payer, made, "pay", NATIVE, 1000, USE, value=1000)
        evm.do(payer, hostile, "set_call", made.address, message)
        evm.do(payer, made, "claim", hostile.address, NATIVE)
        assert evm.balance(hostile.address) - before == 500, name
    assert (evm.call(hostile, "calls"), evm.call(hostile, "reached")) == (len(again), 0)
    evm.do(payer, made, "pay", NATIVE, 1000, USE, value=1000)
    evm.do(payer, hostile, "set_call", made.address, made.data("transfer", c.address, WHOLE // 2))
    evm.do(payer, made, "claim", hostile.address, NATIVE)
    assert evm.call(hostile, "reached") == 1  # units may move: they earn from here on
    assert evm.call(made, "claimable", c.address, NATIVE) == 0


def test_a_receiver_that_refuses_blocks_nobody_and_can_have_it_elsewhere(world: World) -> None:
    evm, a, payer, c = world.evm, world.evm.accounts[0], world.evm.accounts[2], world.evm.accounts[4]
    hostile = evm.deploy(double("Receiver"))
    made = world.make(1, {hostile.address: WHOLE // 2, a.address: WHOLE // 2})
    evm.do(payer, hostile, "set_refusing", True)
    evm.do(payer, made, "pay", NATIVE, 1000, USE, value=1000)
    assert evm.send(payer, made, "claim", hostile.address, NATIVE).status == 0
    evm.do(payer, made, "pay", NATIVE, 1000, USE, value=1000)
    evm.do(payer, made, "claim", a.address, NATIVE)
    evm.do(a, made, "transfer", c.address, WHOLE // 2)
    assert evm.call(made, "claimable", hostile.address, NATIVE) == 1000
    before = evm.balance(c.address)
    evm.do(payer, hostile, "act", made.address, made.data("claim_to", NATIVE, c.address), 0)
    assert evm.balance(c.address) - before == 1000


def test_a_holder_whom_a_currency_refuses_blocks_nobody(world: World, shares: Contract, token: Contract) -> None:
    evm, a, payer, c = world.evm, world.evm.accounts[0], world.evm.accounts[2], world.evm.accounts[4]
    evm.do(payer, shares, "pay", token.address, 1000, USE)
    evm.do(world.owner, token, "set_refusing", a.address)
    assert evm.refusal(payer, shares, "claim", a.address, token.address) == "token: refused"
    evm.do(payer, shares, "pay", token.address, 1000, USE)
    evm.do(payer, shares, "claim", token.address, token.address)
    evm.do(a, shares, "claim_to", token.address, c.address)
    assert evm.call(token, "balanceOf", c.address) == 1000


@pytest.mark.parametrize("lie", ["more", "less", "refuses all"])
def test_a_currency_that_lies_hurts_only_those_paid_in_it(
    world: World, shares: Contract, token: Contract, lie: str
) -> None:
    evm, a, payer, c = world.evm, world.evm.accounts[0], world.evm.accounts[2], world.evm.accounts[4]
    for one in (world.coin, token):
        evm.do(payer, shares, "pay", one.address, 1000, USE)
    evm.do(payer, shares, "pay", NATIVE, 1000, USE, value=1000)
    if lie == "refuses all":
        evm.do(world.owner, token, "set_refusing", shares.address)
    else:
        evm.do(world.owner, token, "set_lie", 2**250 if lie == "more" else -1000)
        evm.do(payer, shares, "credit", token.address)
    evm.do(a, shares, "transfer", c.address, WHOLE // 4)
    for currency in (world.coin.address, NATIVE):
        evm.do(payer, shares, "pay", currency, 1000, USE, value=1000 if currency == NATIVE else 0)
        evm.do(payer, shares, "claim", a.address, currency)
        evm.do(payer, shares, "claim", c.address, currency)
        assert evm.call(shares, "withdrawn", currency) == 1000  # 750 and 250 of 2000, the token has the rest


def test_works_that_hold_one_another(world: World) -> None:
    """Two works hold half of each other: what is paid goes around, less each time, until all but dust is out."""
    evm, a, b, payer = world.evm, *world.evm.accounts[:3]
    coin = world.coin
    first = world.make(1, {a.address: WHOLE}, (coin.address,))
    second = world.make(2, {b.address: WHOLE // 2, first.address: WHOLE // 2}, (coin.address,))
    evm.do(a, first, "transfer", second.address, WHOLE // 2)
    world.give(coin, payer, 10**6, first)
    evm.do(payer, first, "pay", coin.address, 10**6, USE)
    rounds = 0
    while evm.call(first, "claimable", second.address, coin.address):
        evm.do(payer, second, "gather", first.address, coin.address)
        evm.do(payer, first, "gather", second.address, coin.address)
        rounds += 1
    for who, made in ((a, first), (b, second)):
        evm.do(who, made, "claim", who.address, coin.address)
    got = [evm.call(coin, "balanceOf", one.address) for one in (a, b)]
    left = [evm.call(coin, "balanceOf", one.address) for one in (first, second)]
    assert rounds <= 11  # a quarter is left of what there was, each time
    assert sum(got) + sum(left) == 10**6
    assert all(one <= 2 for one in left)
    assert abs(got[0] - 2 * 10**6 // 3) <= 2  # 1/2 + 1/8 + 1/32 + ...


def test_a_work_that_holds_itself_by_way_of_another_pays_no_more_than_it_has(world: World) -> None:
    evm, payer, coin = world.evm, world.evm.accounts[2], world.coin
    first = world.make(1, {world.owner.address: WHOLE}, (coin.address,))
    second = world.make(2, {first.address: WHOLE}, (coin.address,))
    evm.do(world.owner, first, "transfer", second.address, WHOLE)
    world.give(coin, payer, 1000, first)
    evm.do(payer, first, "pay", coin.address, 1000, USE)
    for _ in range(3):  # nobody outside has a part: it only goes around
        evm.do(payer, second, "gather", first.address, coin.address)
        evm.do(payer, first, "gather", second.address, coin.address)
    assert evm.call(coin, "balanceOf", first.address) == 1000
    assert evm.call(first, "received", coin.address) == 4000
