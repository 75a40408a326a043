"""Consent: who may accept, revoke and spend, what a price does, and that no budget is ever overspent."""

from dataclasses import replace
from typing import Any

import pytest
from eth_keys.datatypes import Signature

from chains import Engine, engine  # noqa: F401
from evm import NATIVE, NOBODY, double, shipped
from rights import BOND, FAR, Rights, Terms, new_rights, signed, word, work_id

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
"""Of secp256k1."""


@pytest.fixture(scope="module")
def built(engine: Engine) -> Rights:  # noqa: F811
    rights = new_rights(engine)
    rights.register(rights.owner, word("rows"))
    return rights


@pytest.fixture
def rights(built: Rights) -> Any:
    before = built.evm.snapshot()
    yield built
    built.evm.revert(before)


@pytest.fixture
def work(rights: Rights) -> int:
    return work_id(rights.owner.address, word("rows"))


@pytest.fixture
def terms(rights: Rights, work: int) -> Terms:
    return Terms(work, rights.builder.address)


def refused(rights: Rights, terms: Terms, signature: bytes | None = None, who: Any = None, value: int = 0) -> str:
    signature = rights.sign(terms, rights.owner) if signature is None else signature
    return rights.evm.refusal(who or rights.builder, rights.grants, "accept", terms.values(), signature, value=value)


def test_an_offer_that_is_accepted_and_paid(rights: Rights, work: int) -> None:
    evm = rights.evm
    terms = Terms(work, rights.builder.address, record=word("record"), price=1000, royalty=7, not_before=5)
    signature = rights.sign(terms, rights.owner)
    assert evm.call(rights.grants, "live", rights.digest(terms)) is False
    receipt = evm.do(rights.builder, rights.grants, "accept", terms.values(), signature, value=1000)
    grant = rights.digest(terms)
    accepted, paid = receipt.logs(rights.grants, rights.shares(work))
    assert accepted.values == {
        "grant": grant, "work": work, "builder": rights.builder.address.lower(), "record": word("record"),
        "price": 1000, "currency": NOBODY, "royalty": 7,
    }  # fmt: skip
    assert paid.values == {"currency": NATIVE, "payer": rights.grants.address.lower(), "use": grant, "amount": 1000}
    assert evm.call(rights.shares(work), "claimable", rights.owner.address, NATIVE) == 1000
    told = evm.call(rights.grants, "grant", grant)
    assert told[2] > 0  # the block of the acceptance
    assert told == (
        work, rights.builder.address.lower(), told[2], 0, 5, FAR, 7, terms.epsilon, terms.delta, 0, 0, 0
    )  # fmt: skip
    assert evm.call(rights.grants, "live", grant) is True
    assert refused(rights, terms, signature, value=1000) == "accepted"  # once


def test_a_grant_that_nobody_accepted_is_all_zero(rights: Rights, terms: Terms) -> None:
    told = rights.evm.call(rights.grants, "grant", rights.digest(terms))
    assert told == (0, NOBODY, *[0] * 10)


def test_a_price_in_a_coin(rights: Rights, work: int) -> None:
    evm = rights.evm
    coin = evm.deploy(shipped("Coin"), rights.owner.address)
    evm.do(rights.owner, coin, "mint", rights.builder.address, 5000)
    terms = Terms(work, rights.builder.address, currency=coin.address, price=5000)
    # The work does not take that coin yet; then the builder has not allowed it.
    evm.do(rights.builder, coin, "approve", rights.grants.address, 5000)
    assert refused(rights, terms) == "shares: a currency that is not accepted"
    evm.do(rights.owner, rights.shares(work), "accept_currency", coin.address)
    assert refused(rights, terms, value=1) == "bad-value"
    evm.do(rights.builder, coin, "approve", rights.grants.address, 4999)
    assert refused(rights, terms) == "coin: more than allowed"
    evm.do(rights.builder, coin, "approve", rights.grants.address, 5000)
    rights.accept(terms, rights.owner, rights.builder)
    assert evm.call(rights.shares(work), "claimable", rights.owner.address, coin.address) == 5000
    assert evm.call(coin, "balanceOf", rights.grants.address) == 0
    assert evm.call(coin, "allowance", rights.grants.address, rights.shares(work).address) == 0


@pytest.mark.parametrize("kind", ["Token", "Mute"])
def test_odd_coins_and_money_that_lay_there(rights: Rights, work: int, kind: str) -> None:
    """One that takes a fee, one whose functions answer nothing; what somebody sent to Grants by mistake stays there."""
    evm = rights.evm
    token = evm.deploy(double(kind))
    evm.do(rights.owner, token, "mint", rights.grants.address, 77)
    evm.do(rights.owner, token, "mint", rights.builder.address, 1000)
    evm.do(rights.builder, token, "approve", rights.grants.address, 1000)
    evm.do(rights.owner, rights.shares(work), "accept_currency", token.address)
    if kind == "Token":
        evm.do(rights.owner, token, "set_fee", 1000)
    rights.accept(Terms(work, rights.builder.address, currency=token.address, price=1000), rights.owner, rights.builder)
    came = 810 if kind == "Token" else 1000  # a tenth is taken twice
    assert evm.call(rights.shares(work), "claimable", rights.owner.address, token.address) == came


def test_a_coin_that_calls_back_cannot_accept_twice(rights: Rights, work: int) -> None:
    evm = rights.evm
    token = evm.deploy(double("Token"))
    evm.do(rights.owner, token, "mint", rights.builder.address, 1000)
    evm.do(rights.builder, token, "approve", rights.grants.address, 1000)
    evm.do(rights.owner, rights.shares(work), "accept_currency", token.address)
    terms = Terms(work, rights.builder.address, currency=token.address, price=1000)
    inner = Terms(work, token.address)
    call = rights.grants.data("accept", inner.values(), rights.sign(inner, rights.owner))
    evm.do(rights.owner, token, "set_call", rights.grants.address, call, False)
    rights.accept(terms, rights.owner, rights.builder)
    assert evm.call(token, "reached") is False
    assert evm.call(rights.grants, "grant", rights.digest(inner))[2] == 0
    evm.do(rights.owner, token, "set_call", rights.grants.address, call, False)  # outside of a payment it goes through
    evm.do(rights.owner, token, "transfer", rights.builder.address, 0)
    assert evm.call(token, "reached") is True


@pytest.mark.parametrize(
    ("changed", "value", "reason"),
    [
        ({"price": 10}, 9, "bad-value"),
        ({"price": 10}, 0, "bad-value"),
        ({}, 1, "bad-value"),
        ({"not_after": 1000}, 0, "expired"),
        ({"not_before": FAR + 1}, 0, "bad-period"),
        ({"royalty": 10**9 + 1}, 0, "royalty-over-one"),
        ({"royalty": 2**32 - 1}, 0, "royalty-over-one"),
        ({"builder": "0x" + "11" * 20}, 0, "not-builder"),
        ({"work": 7}, 0, "no-work"),
    ],
)
def test_offers_that_cannot_be_accepted(
    rights: Rights, terms: Terms, changed: dict[str, Any], value: int, reason: str
) -> None:
    assert refused(rights, replace(terms, **changed), value=value) == reason


def test_terms_changed_after_signing(rights: Rights, terms: Terms) -> None:
    signature = rights.sign(terms, rights.owner)
    changes: dict[str, Any] = {
        "record": word("x"), "purpose": word("x"), "plan": word("x"), "fields": word("x"), "not_before": 1,
        "not_after": FAR - 1, "currency": rights.registry.address, "royalty": 1, "epsilon": 2**64 - 1, "delta": 1,
        "salt": word("x"),
    }  # fmt: skip
    for name, value in changes.items():
        assert refused(rights, replace(terms, **{name: value}), signature) == "not-signed-by-owner", name
    assert refused(rights, replace(terms, price=1), signature, value=1) == "not-signed-by-owner"
    assert refused(rights, terms, signature, who=rights.owner) == "not-builder"
    assert refused(rights, replace(terms, builder=rights.owner.address), signature, who=rights.owner) == (
        "not-signed-by-owner"
    )
    assert refused(rights, terms, signature) == ""


def test_a_signature_for_another_chain_contract_or_domain(rights: Rights, terms: Terms) -> None:
    chain_id = rights.evm.engine.chain.chain_id
    for chain, contract in ((chain_id + 1, rights.grants.address), (chain_id, rights.registry.address)):
        assert refused(rights, terms, signed(terms, rights.owner, chain, contract)) == "not-signed-by-owner"


def test_the_same_offer_at_a_second_ledger_on_the_same_chain(rights: Rights, terms: Terms) -> None:
    other = new_rights(rights.evm.engine)
    other.evm.nonces = rights.evm.nonces  # the same accounts send on both
    other.register(other.owner, word("rows"))
    signature = rights.sign(terms, rights.owner)
    rights.evm.do(rights.builder, rights.grants, "accept", terms.values(), signature)
    assert refused(other, terms, signature) == "not-signed-by-owner"


def test_signatures_of_odd_shape(rights: Rights, terms: Terms) -> None:
    good = rights.sign(terms, rights.owner)
    r, s, v = good[:32], int.from_bytes(good[32:64], "big"), good[64]
    twin = r + (ORDER - s).to_bytes(32, "big") + bytes([55 - v])  # valid to ecrecover, and refused: not low
    for bad in (b"", good[:64], good + b"\0", r + good[32:64] + bytes([v - 27]), r + good[32:64] + bytes([55 - v]),
                twin, bytes(65), bytes(64) + b"\x1b", rights.sign(terms, rights.builder)):  # fmt: skip
        assert refused(rights, terms, bad) == "not-signed-by-owner"
    digest = rights.digest(terms)
    recovered = Signature(twin[:64] + bytes([twin[64] - 27])).recover_public_key_from_msg_hash(digest)
    assert recovered.to_checksum_address() == rights.owner.address


def test_an_owner_that_is_a_contract_signs_by_erc_1271(rights: Rights, terms: Terms) -> None:
    evm = rights.evm
    wallet = evm.deploy(double("Wallet"))
    evm.do(rights.owner, rights.registry, "transferFrom", rights.owner.address, wallet.address, terms.work)
    assert refused(rights, terms) == "not-signed-by-owner"  # the former owner's word
    assert refused(rights, terms, b"any bytes") == "not-signed-by-owner"
    evm.do(rights.owner, wallet, "set_approved", rights.digest(terms), True)
    assert refused(rights, terms, b"any bytes") == ""
    assert refused(rights, replace(terms, royalty=0), b"any bytes") == "not-signed-by-owner"


def test_offers_of_a_former_owner_are_void(rights: Rights, terms: Terms) -> None:
    buyer = rights.evm.accounts[3]
    rights.evm.do(rights.owner, rights.registry, "transferFrom", rights.owner.address, buyer.address, terms.work)
    assert refused(rights, terms) == "not-signed-by-owner"
    assert refused(rights, terms, rights.sign(terms, buyer)) == ""


def test_revoked_before_acceptance(rights: Rights, terms: Terms) -> None:
    evm, grant = rights.evm, rights.digest(terms)
    receipt = evm.do(rights.owner, rights.grants, "revoke", terms.work, grant)
    assert [log.values for log in receipt.logs(rights.grants)] == [{"grant": grant, "work": terms.work}]
    assert evm.call(rights.grants, "revoked", terms.work, grant) > 0
    assert refused(rights, terms) == "revoked"
    assert evm.refusal(rights.owner, rights.grants, "revoke", terms.work, grant) == "revoked"


def test_only_the_works_owner_revokes_or_whom_it_approved(rights: Rights, terms: Terms) -> None:
    evm = rights.evm
    grant = rights.accept(terms, rights.owner, rights.builder)
    other = rights.register(rights.builder, word("other"))
    assert evm.refusal(rights.builder, rights.grants, "revoke", terms.work, grant) == "not-allowed"
    assert evm.refusal(rights.builder, rights.grants, "revoke", other, grant) == "other-work"
    assert evm.refusal(rights.owner, rights.grants, "revoke", 7, grant) == "no-work"
    # A word on a grant by a foreign work's owner before acceptance stands under that work only.
    later = replace(terms, salt=word("later"))
    evm.do(rights.builder, rights.grants, "revoke", other, rights.digest(later))
    assert refused(rights, later) == ""
    evm.do(rights.owner, rights.registry, "approve", evm.accounts[3].address, terms.work)
    assert evm.refusal(evm.accounts[3], rights.grants, "revoke", terms.work, grant) == ""
    evm.do(rights.owner, rights.registry, "setApprovalForAll", evm.accounts[4].address, True)
    evm.do(evm.accounts[4], rights.grants, "revoke", terms.work, grant)
    assert evm.call(rights.grants, "live", grant) is False
    assert evm.call(rights.grants, "grant", grant)[3] > 0


def test_spending(rights: Rights, terms: Terms) -> None:
    evm, grants = rights.evm, rights.grants
    grant = rights.accept(terms, rights.owner, rights.builder)
    call = (grant, word("s"), 10**9, 10**12, word("anchor"))
    assert evm.refusal(rights.owner, grants, "spend", *call) == "no-budget"
    receipt = evm.do(rights.owner, grants, "set_budget", terms.work, 6 * 10**9, 10**14)
    assert [log.values for log in receipt.logs(grants)] == [{"work": terms.work, "epsilon": 6 * 10**9, "delta": 10**14}]
    spent = evm.do(rights.owner, grants, "spend", *call)
    assert [log.values for log in spent.logs(grants)] == [
        {"grant": grant, "work": terms.work, "session": word("s"), "epsilon": 10**9, "delta": 10**12,
         "anchor": word("anchor")}
    ]  # fmt: skip
    block = evm.call(grants, "spending", grant, word("s"))[0]
    assert evm.call(grants, "spending", grant, word("s")) == (block, 10**9, 10**12, word("anchor"))
    assert block > 0
    assert evm.call(grants, "spending", grant, word("t")) == (0, 0, 0, bytes(32))
    assert evm.call(grants, "budget", terms.work) == (6 * 10**9, 10**14, 10**9, 10**12)
    assert evm.call(grants, "grant", grant)[-3:] == (10**9, 10**12, 1)
    assert evm.refusal(rights.owner, grants, "spend", *call) == "spent"  # the same session, whatever the amount
    for session in ("t", "u", "v"):
        rights.spend(grant, word(session))
    assert evm.refusal(rights.owner, grants, "spend", grant, word("w"), 1, 0, word("a")) == "grant-spent"
    assert evm.refusal(rights.owner, grants, "spend", grant, word("w"), 0, 10**13, word("a")) == "grant-spent"
    # A second grant on the same work meets what is left of the work's own.
    second = rights.accept(replace(terms, salt=word("2")), rights.owner, rights.builder)
    assert evm.refusal(rights.owner, grants, "spend", second, word("s"), 2 * 10**9 + 1, 0, word("a")) == "budget-spent"
    assert evm.refusal(rights.owner, grants, "spend", second, word("s"), 2 * 10**9, 0, word("a")) == ""


@pytest.mark.parametrize(("epsilon", "delta"), [(2**64 - 1, 0), (0, 2**64 - 1), (2**64 - 1, 2**64 - 1)])
def test_the_largest_numbers_never_run_over(rights: Rights, terms: Terms, epsilon: int, delta: int) -> None:
    evm, grants, most = rights.evm, rights.grants, 2**64 - 1
    grant = rights.accept(replace(terms, epsilon=most, delta=most), rights.owner, rights.builder)
    evm.do(rights.owner, grants, "set_budget", terms.work, most, most)
    rights.spend(grant, word("s"), epsilon, delta)
    assert evm.call(grants, "budget", terms.work) == (most, most, epsilon, delta)
    assert evm.call(grants, "grant", grant)[-3:] == (epsilon, delta, 1)
    for session, more in (("e", (1, 0)), ("d", (0, 1)), ("b", (most, most))):
        over = (epsilon + more[0] > most) or (delta + more[1] > most)
        reason = evm.refusal(rights.owner, grants, "spend", grant, word(session), *more, word("a"))
        assert reason == ("budget-spent" if over else "")


def test_who_spends_and_when(rights: Rights, terms: Terms) -> None:
    evm, grants = rights.evm, rights.grants
    evm.do(rights.owner, grants, "set_budget", terms.work, 10**12, 10**15)
    assert evm.refusal(rights.owner, grants, "spend", word("none"), word("s"), 1, 1, word("a")) == "no-grant"
    early = rights.accept(replace(terms, not_before=FAR), rights.owner, rights.builder)  # accepted before its time
    assert evm.refusal(rights.owner, grants, "spend", early, word("s"), 1, 1, word("a")) == "not-live"
    grant = rights.accept(terms, rights.owner, rights.builder)
    call = (grant, word("s"), 1, 1, word("a"))
    assert evm.refusal(rights.builder, grants, "spend", *call) == "not-allowed"
    assert evm.refusal(rights.owner, grants, "spend", *call) == ""
    evm.do(rights.owner, grants, "revoke", terms.work, grant)
    assert evm.refusal(rights.owner, grants, "spend", *call) == "not-live"
    now = evm.engine.chain.block().time
    short = rights.accept(replace(terms, not_after=now + 500), rights.owner, rights.builder)
    assert evm.refusal(rights.owner, grants, "spend", short, word("s"), 1, 1, word("a")) == ""
    evm.engine.advance(600)
    assert evm.refusal(rights.owner, grants, "spend", short, word("s"), 1, 1, word("a")) == "not-live"
    assert evm.call(grants, "live", short) is False


def test_a_budget_only_falls(rights: Rights, terms: Terms) -> None:
    evm, grants, work = rights.evm, rights.grants, terms.work
    approved = evm.accounts[3]
    evm.do(rights.owner, rights.registry, "approve", approved.address, work)
    for stranger in (rights.builder, approved):
        assert evm.refusal(stranger, grants, "set_budget", work, 1, 1) == "not-owner"
    evm.do(rights.owner, grants, "set_budget", work, 0, 5)  # nothing at all, and that stands too
    for raised in ((1, 5), (0, 6)):
        assert evm.refusal(rights.owner, grants, "set_budget", work, *raised) == "budget-only-falls"
    evm.do(rights.owner, grants, "set_budget", work, 0, 0)
    assert evm.refusal(rights.owner, grants, "set_budget", work, 0, 1) == "budget-only-falls"
    # Nor does a new owner raise it.
    evm.do(rights.owner, rights.registry, "transferFrom", rights.owner.address, approved.address, work)
    assert evm.refusal(approved, grants, "set_budget", work, 1, 0) == "budget-only-falls"
    assert evm.refusal(rights.owner, grants, "set_budget", work, 0, 0) == "not-owner"


def test_a_budget_may_fall_below_what_is_spent(rights: Rights, terms: Terms) -> None:
    evm, grants = rights.evm, rights.grants
    grant = rights.accept(terms, rights.owner, rights.builder)
    evm.do(rights.owner, grants, "set_budget", terms.work, 10**10, 10**14)
    rights.spend(grant, word("s"))
    evm.do(rights.owner, grants, "set_budget", terms.work, 5, 5)
    assert evm.call(grants, "budget", terms.work) == (5, 5, 10**9, 10**12)
    assert evm.refusal(rights.owner, grants, "spend", grant, word("t"), 0, 0, word("a")) == "budget-spent"


def test_money_sent_to_contracts_that_take_none(rights: Rights) -> None:
    for contract in (rights.grants, rights.registry, rights.verifiers, rights.arbiters):
        receipt = rights.evm.transact(rights.builder, contract.address, b"", BOND)
        assert int(str(receipt["status"]), 16) == 0 if isinstance(receipt["status"], str) else receipt["status"] == 0
