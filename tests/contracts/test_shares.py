"""Shares of one work: who may do what, payments in each kind of currency, claims, transfers, the extremes."""

from typing import Any

import pytest

from chains import Engine, engine  # noqa: F401
from evm import MOST, NATIVE, NOBODY, WHOLE, Contract, Refused, World, double, new_world, shipped

USE = b"\xab" * 32


@pytest.fixture(scope="module")
def built(engine: Engine) -> World:  # noqa: F811
    return new_world(engine)


@pytest.fixture
def world(built: World) -> Any:
    before = built.evm.snapshot()
    yield built
    built.evm.revert(before)


@pytest.fixture
def shares(world: World) -> Contract:
    """60 and 40 of a hundred, for the first two accounts; the coin is accepted."""
    a, b = (one.address for one in world.evm.accounts[:2])
    return world.make(1, {a: 6 * 10**8, b: 4 * 10**8}, (world.coin.address,))


def test_what_a_work_begins_with(world: World, shares: Contract) -> None:
    a, b, evm = world.evm.accounts[0], world.evm.accounts[1], world.evm
    assert evm.call(shares, "work") == 1
    assert evm.call(shares, "registry") == world.works.address.lower()
    assert [evm.call(shares, name) for name in ("name", "symbol", "decimals")] == ["Bailee shares", "SHARES", 7]
    assert evm.call(shares, "totalSupply") == WHOLE
    assert [evm.call(shares, "balanceOf", one.address) for one in (a, b)] == [6 * 10**8, 4 * 10**8]
    assert list(evm.call(shares, "currencies")) == [NATIVE, world.coin.address.lower()]


def test_it_is_initialised_once_and_the_implementation_never(world: World, shares: Contract) -> None:
    somebody = world.evm.accounts[3]
    for contract in (shares, world.implementation):
        refusal = world.evm.refusal(somebody, contract, "initialise", 2, [somebody.address], [WHOLE], [])
        assert refusal == "shares: initialised already"


@pytest.mark.parametrize(
    ("units", "refusal"),
    [
        ([WHOLE - 1, 0], "shares: units are not 10^9 in all"),
        ([WHOLE, 1], "shares: units are not 10^9 in all"),
        ([WHOLE], "shares: one number of units a holder"),
    ],
)
def test_units_that_do_not_add_up(world: World, units: list[int], refusal: str) -> None:
    holders = [one.address for one in world.evm.accounts[:2]]
    arguments = (5, world.owner.address, holders, units, [])
    assert world.evm.refusal(world.owner, world.works, "make", *arguments) == refusal


def test_a_holder_named_twice_has_both_parts(world: World) -> None:
    holder = world.evm.accounts[0].address
    world.evm.do(world.owner, world.works, "make", 5, world.owner.address, [holder, holder], [WHOLE - 1, 1], [])
    made = Contract(world.evm.call(world.works, "sharesOf", 5), shipped("Shares").abi)
    assert world.evm.call(made, "balanceOf", holder) == WHOLE


def test_65_holders_at_once(world: World) -> None:
    units = {"0x" + (1000 + i).to_bytes(20, "big").hex(): 10**7 for i in range(64)}
    made = world.make(5, units | {world.owner.address: WHOLE - 64 * 10**7})
    assert world.evm.call(made, "balanceOf", world.owner.address) == WHOLE - 64 * 10**7


def test_a_payment_is_credited_to_all_and_pulled_by_each(world: World, shares: Contract) -> None:
    a, b, payer = world.evm.accounts[:3]
    evm, coin = world.evm, world.coin
    world.give(coin, payer, 101, shares)
    receipt = evm.do(payer, shares, "pay", coin.address, 101, USE)
    assert [log.values for log in receipt.logs(shares)] == [
        {"currency": coin.address.lower(), "payer": payer.address.lower(), "use": USE, "amount": 101}
    ]
    assert [evm.call(shares, "claimable", one.address, coin.address) for one in (a, b)] == [60, 40]
    claimed = evm.do(payer, shares, "claim", a.address, coin.address)  # anybody may
    assert [log.values for log in claimed.logs(shares)] == [
        {"holder": a.address.lower(), "currency": coin.address.lower(), "amount": 60, "to": a.address.lower()}
    ]
    evm.do(b, shares, "claim_to", coin.address, evm.accounts[5].address)
    assert [evm.call(coin, "balanceOf", evm.accounts[i].address) for i in (0, 1, 5)] == [60, 0, 40]
    assert (evm.call(shares, "received", coin.address), evm.call(shares, "withdrawn", coin.address)) == (101, 100)
    # What was left over is not lost: 0.6 and 0.4 of a unit are carried on.
    world.give(coin, payer, 1)
    evm.do(payer, shares, "pay", coin.address, 1, USE)
    assert [evm.call(shares, "claimable", one.address, coin.address) for one in (a, b)] == [1, 0]
    assert evm.do(a, shares, "claim", evm.accounts[7].address, coin.address).logs(shares) == []  # holds nothing


def test_native_money_by_payment_by_plain_transfer_and_by_force(world: World, shares: Contract) -> None:
    a, payer, evm = world.evm.accounts[0], world.evm.accounts[2], world.evm
    evm.do(payer, shares, "pay", NATIVE, 10, USE, value=10)
    evm.transact(payer, shares.address, b"", 10)
    bomb = evm.deploy(double("Receiver"))
    evm.do(payer, bomb, "destroy", shares.address, value=10)
    assert evm.call(shares, "received", NATIVE) == 10
    assert [log.values["amount"] for log in evm.do(payer, shares, "credit", NATIVE).logs(shares)] == [20]
    assert evm.do(payer, shares, "credit", NATIVE).logs(shares) == []  # once
    before = evm.balance(a.address)
    evm.do(payer, shares, "claim", a.address, NATIVE)
    assert evm.balance(a.address) - before == 18


def test_a_plain_transfer_is_nobodys_payment(world: World, shares: Contract) -> None:
    payer, evm, coin = world.evm.accounts[2], world.evm, world.coin
    world.give(coin, payer, 1000, shares)
    evm.do(payer, coin, "transfer", shares.address, 300)
    logs = evm.do(payer, shares, "pay", coin.address, 5, USE).logs(shares)
    assert [(log.name, log.values["amount"]) for log in logs] == [("Credited", 300), ("Paid", 5)]
    assert evm.call(shares, "received", coin.address) == 305


@pytest.mark.parametrize(
    ("currency", "amount", "value", "refusal"),
    [
        (NATIVE, 10, 9, "shares: the value sent is not the amount"),
        ("coin", 10, 1, "shares: native money sent beside another currency"),
        ("0x" + "77" * 20, 10, 0, "shares: a currency that is not accepted"),
        ("coin", 10**12, 0, "coin: more than held"),
    ],
)
def test_payments_that_are_refused(
    world: World, shares: Contract, currency: str, amount: int, value: int, refusal: str
) -> None:
    payer = world.evm.accounts[2]
    world.give(world.coin, payer, 1000, shares)
    named = world.coin.address if currency == "coin" else currency
    assert world.evm.refusal(payer, shares, "pay", named, amount, USE, value=value) == refusal


def test_calls_of_functions_that_are_not_there_take_no_money(world: World, shares: Contract) -> None:
    sender = world.evm.accounts[2].address
    for value in ("0x0", "0x1"):
        asked = {"from": sender, "to": shares.address, "data": "0x12345678", "value": value}
        with pytest.raises(Refused, match="shares: no such function"):
            world.evm.ask("eth_call", asked, "latest")


def test_a_token_that_takes_a_fee_counts_by_what_came(world: World, shares: Contract) -> None:
    a, payer, evm = world.evm.accounts[0], world.evm.accounts[2], world.evm
    token = evm.deploy(double("Token"))
    evm.do(world.owner, token, "set_fee", 500)
    evm.do(world.owner, shares, "accept_currency", token.address)
    world.give(token, payer, 10_000, shares)
    logs = evm.do(payer, shares, "pay", token.address, 1000, USE).logs(shares)
    assert [(log.name, log.values["amount"]) for log in logs] == [("Paid", 950)]
    evm.do(a, shares, "claim", a.address, token.address)
    assert evm.call(token, "balanceOf", a.address) == 570 - 28  # the fee is the holder's, as with any transfer
    assert evm.call(shares, "withdrawn", token.address) == 570


def test_a_token_that_answers_nothing(world: World, shares: Contract) -> None:
    a, payer, evm = world.evm.accounts[0], world.evm.accounts[2], world.evm
    token = evm.deploy(double("Mute"))
    evm.do(world.owner, shares, "accept_currency", token.address)
    world.give(token, payer, 10_000, shares)
    evm.do(payer, shares, "pay", token.address, 1000, USE)
    evm.do(a, shares, "claim", a.address, token.address)
    assert evm.call(token, "balanceOf", a.address) == 600


def test_a_token_that_answers_false(world: World, shares: Contract) -> None:
    a, payer, evm = world.evm.accounts[0], world.evm.accounts[2], world.evm
    token = evm.deploy(double("Token"))
    evm.do(world.owner, shares, "accept_currency", token.address)
    world.give(token, payer, 10_000, shares)
    evm.do(payer, shares, "pay", token.address, 1000, USE)
    for who in (payer, a):
        evm.do(world.owner, token, "set_silent", who.address)
        name, arguments = ("pay", (token.address, 5, USE)) if who is payer else ("claim", (a.address, token.address))
        assert evm.refusal(payer, shares, name, *arguments) == "shares: the currency refuses"


def test_a_token_that_shrinks_is_first_come_first_served_until_the_hole_is_filled(
    world: World, shares: Contract
) -> None:
    a, b, payer, evm = *world.evm.accounts[:3], world.evm
    token = evm.deploy(double("Token"))
    evm.do(world.owner, shares, "accept_currency", token.address)
    world.give(token, payer, 10_000, shares)
    evm.do(payer, shares, "pay", token.address, 1000, USE)
    evm.do(world.owner, token, "burn", shares.address, 500)
    assert evm.do(payer, shares, "credit", token.address).logs(shares) == []
    evm.do(a, shares, "claim", a.address, token.address)
    assert evm.call(token, "balanceOf", a.address) == 500  # of 600
    assert evm.do(b, shares, "claim", b.address, token.address).logs(shares) == []  # of 400: nothing is there
    evm.do(payer, shares, "pay", token.address, 700, USE)
    assert evm.call(shares, "received", token.address) == 1200
    for who in (a, b):
        evm.do(who, shares, "claim", who.address, token.address)
    assert [evm.call(token, "balanceOf", who.address) for who in (a, b)] == [720, 480]


def test_who_accepts_which_currencies(world: World, shares: Contract) -> None:
    evm, other = world.evm, world.evm.accounts[3]
    token = evm.deploy(double("Token"))
    another = world.make(2, {other.address: WHOLE})
    assert evm.refusal(other, shares, "accept_currency", token.address) == "shares: only the work's owner"
    for currency, refusal in (
        (world.coin.address, "shares: accepted already"),
        (NATIVE, "shares: accepted already"),
        (other.address, "shares: no contract there"),
        (another.address, "shares: shares of works are no currency"),
        (shares.address, "shares: shares of works are no currency"),
    ):
        assert evm.refusal(world.owner, shares, "accept_currency", currency) == refusal
    tokens = [token, *(evm.deploy(double("Mute")) for _ in range(6))]
    for one in tokens[:6]:
        receipt = evm.do(world.owner, shares, "accept_currency", one.address)
        assert [log.name for log in receipt.logs(shares)] == ["CurrencyAccepted"]
    assert evm.refusal(world.owner, shares, "accept_currency", tokens[6].address) == "shares: 8 currencies at most"
    assert len(evm.call(shares, "currencies")) == 8


def test_transfers_keep_what_was_earned(world: World, shares: Contract) -> None:
    a, b, payer, c = *world.evm.accounts[:3], world.evm.accounts[4]
    evm, coin = world.evm, world.coin
    world.give(coin, payer, 10_000, shares)
    evm.do(payer, shares, "pay", coin.address, 1000, USE)
    evm.do(a, shares, "transfer", c.address, 6 * 10**8)
    evm.do(payer, shares, "pay", coin.address, 1000, USE)
    evm.do(b, shares, "transfer", b.address, 4 * 10**8)  # to oneself: nothing changes
    evm.do(a, shares, "transfer", c.address, 0)
    found = [evm.call(shares, "claimable", one.address, coin.address) for one in (a, b, c)]
    assert found == [600, 800, 600]


@pytest.mark.parametrize("receiver", ["zero", "self"])
def test_units_are_never_sent_where_nobody_can_claim(world: World, shares: Contract, receiver: str) -> None:
    to = NOBODY if receiver == "zero" else shares.address
    refusal = world.evm.refusal(world.evm.accounts[0], shares, "transfer", to, 1)
    assert refusal == "shares: units sent where nobody can claim"
    refusal = world.evm.refusal(world.evm.accounts[0], shares, "claim_to", NATIVE, to)
    assert refusal == "shares: money sent where nobody has it"


def test_the_extremes(world: World, shares: Contract) -> None:
    a, b, payer, evm = *world.evm.accounts[:3], world.evm
    token = evm.deploy(double("Token"))
    evm.do(world.owner, shares, "accept_currency", token.address)
    world.give(token, payer, 2**200, shares)
    evm.do(payer, shares, "pay", token.address, 0, USE)
    evm.do(payer, shares, "pay", token.address, 1, USE)
    assert [evm.call(shares, "claimable", one.address, token.address) for one in (a, b)] == [0, 0]
    too_much = "shares: a currency's total stays below 2^112"
    assert evm.refusal(payer, shares, "pay", token.address, MOST, USE) == too_much
    evm.do(payer, shares, "pay", token.address, MOST - 1, USE)
    assert evm.call(shares, "received", token.address) == MOST
    assert evm.refusal(payer, shares, "pay", token.address, 1, USE) == too_much
    evm.do(a, shares, "transfer", b.address, 1)  # settles at the top
    owed = [MOST * 6 * 10**8 // WHOLE, MOST * 4 * 10**8 // WHOLE]
    assert [evm.call(shares, "claimable", one.address, token.address) for one in (a, b)] == owed
    for one in (a, b):
        evm.do(one, shares, "claim", one.address, token.address)
    assert [evm.call(token, "balanceOf", one.address) for one in (a, b)] == owed
    assert MOST - sum(owed) <= 1


def test_plain_transfers_beyond_the_top_block_no_payment(world: World, shares: Contract) -> None:
    payer, evm = world.evm.accounts[2], world.evm
    token = evm.deploy(double("Token"))
    evm.do(world.owner, shares, "accept_currency", token.address)
    world.give(token, payer, 1000, shares)
    evm.do(payer, shares, "pay", token.address, 1000, USE)
    evm.do(world.owner, token, "mint", shares.address, 2**200)
    evm.do(payer, shares, "credit", token.address)
    assert evm.call(shares, "received", token.address) == MOST
    assert evm.do(payer, shares, "credit", token.address).logs(shares) == []
    evm.do(payer, shares, "claim", evm.accounts[0].address, token.address)


def test_a_lineage_gathers_upwards(world: World) -> None:
    a, payer, evm, coin = world.evm.accounts[0], world.evm.accounts[2], world.evm, world.coin
    data = world.make(1, {a.address: WHOLE}, (coin.address,))
    model = world.make(2, {data.address: 3 * 10**8, world.owner.address: 7 * 10**8}, (coin.address,))
    derived = world.make(3, {model.address: 5 * 10**8, world.owner.address: 5 * 10**8}, (coin.address,))
    world.give(coin, payer, 1000, derived)
    evm.do(payer, derived, "pay", coin.address, 1000, USE)
    logs = evm.do(payer, model, "gather", derived.address, coin.address).logs(model, derived)
    assert [(log.name, log.values["amount"]) for log in logs] == [("Claimed", 500), ("Gathered", 500)]
    # A claim for a work by anybody arrives as a plain transfer.
    evm.do(payer, model, "claim", data.address, coin.address)
    logs = evm.do(payer, data, "credit", coin.address).logs(data)
    assert [(log.name, log.values["amount"]) for log in logs] == [("Credited", 150)]
    assert evm.call(data, "claimable", a.address, coin.address) == 150
    assert evm.call(data, "gather", model.address, coin.address) == 0


def test_a_child_that_lies_brings_nothing(world: World, shares: Contract) -> None:
    liar = world.evm.deploy(double("Liar"))
    somebody, coin = world.evm.accounts[3], world.coin
    logs = world.evm.do(somebody, shares, "gather", liar.address, coin.address).logs(shares)
    assert [(log.name, log.values["amount"]) for log in logs] == [("Gathered", 0)]
    assert world.evm.call(shares, "received", coin.address) == 0
