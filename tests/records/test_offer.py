"""Offers: every wallet and the contract see the same digest; every field counts; what is malformed is refused."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from blake3 import blake3
from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_utils.crypto import keccak
from hypothesis import given, settings
from hypothesis import strategies as st

from bailee.errors import RecordError, SignatureError
from bailee.keys import Identity
from bailee.records import Grant, canonical, sign
from bailee.records.offer import NATIVE, NONE, TYPES, Offer, SignedOffer, offer_of, sign_offer
from chains import Engine, account, engine  # noqa: F401
from rights import new_rights, word

GRANTS = "0xED000c64DB1aE9B5e60F29234bDB9a68C17024ac"
LEDGER = f"eip155:31337:{GRANTS.lower()}"
OWNER, BUILDER = account(0), account(1)
OFFER = Offer(
    2**255 + 7, BUILDER.address, "01" * 32, "02" * 32, "03" * 32, NONE, 5, 2**40, NATIVE, 10**18, 10**8, 4 * 10**9,
    10**13, "04" * 32,
)  # fmt: skip
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141

words = st.binary(min_size=32, max_size=32).map(bytes.hex)
addresses = st.binary(min_size=20, max_size=20).map(lambda raw: "0x" + raw.hex())
offers = st.builds(
    Offer,
    st.integers(0, 2**256 - 1), addresses, words, words, words, words, st.integers(0, 2**63),
    st.integers(2**63, 2**64 - 1), addresses, st.integers(0, 2**256 - 1), st.integers(0, 10**9),
    st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1), words,
)  # fmt: skip


@given(offers, st.integers(1, 2**53))
@settings(max_examples=60, deadline=None)
def test_the_digest_is_what_eth_account_signs(offer: Offer, chain_id: int) -> None:
    signable = encode_typed_data(full_message=offer.typed_data(chain_id, GRANTS))
    assert offer.digest(chain_id, GRANTS) == keccak(b"\x19\x01" + signable.header + signable.body).hex()


def test_the_digest_is_the_contracts(engine: Engine) -> None:  # noqa: F811
    rights = new_rights(engine)
    chain_id, address = engine.chain.chain_id, rights.grants.address
    changes: list[dict[str, Any]] = [
        {}, {"work": 0}, {"builder": OWNER.address}, {"fields": "05" * 32}, {"royalty": 0}, {"not_before": 0},
        {"currency": address}, {"epsilon": 2**64 - 1}, {"delta": 2**64 - 1}, {"price": 2**256 - 1},
    ]  # fmt: skip
    for change in changes:
        offer = replace(OFFER, **change)
        assert rights.evm.call(rights.grants, "digest", offer.values()).hex() == offer.digest(chain_id, address)


def test_an_offer_signed_here_is_accepted_there(engine: Engine) -> None:  # noqa: F811
    rights = new_rights(engine)
    work = rights.register(rights.owner, word("rows"))
    ledger = f"eip155:{engine.chain.chain_id}:{rights.grants.address.lower()}"
    signed = sign_offer(replace(OFFER, work=work, price=0), rights.owner, ledger)
    assert signed.signer() == rights.owner.address
    sent = SignedOffer.from_json(signed.to_json())
    rights.evm.do(rights.builder, rights.grants, "accept", sent.offer.values(), sent.signature)
    assert rights.evm.call(rights.grants, "live", bytes.fromhex(signed.id)) is True


def test_each_field_is_in_the_digest() -> None:
    base = OFFER.digest(1, GRANTS)
    seen = {base, OFFER.digest(2, GRANTS), OFFER.digest(1, NATIVE)}
    for name, kind in TYPES:
        value: Any = "0" * 63 + "9" if kind == "bytes32" else OWNER.address if kind == "address" else 6
        seen.add(replace(OFFER, **{name: value}).digest(1, GRANTS))
    assert len(seen) == 3 + len(TYPES)


def test_a_grant_as_an_offer() -> None:
    owner = Identity.generate("owner")
    grant = sign(
        Grant(
            "ab" * 16, owner.public_key.hex(), "01" * 32, "02" * 32, "heart disease", "03" * 32, ("age", "bias"),
            "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z", "2.1234567891", "0.00001",
        ),
        owner,
    )  # fmt: skip
    offer = offer_of(grant, 7, BUILDER.address, "04" * 32, price=5, royalty=10**8)
    assert offer == Offer(
        work=7, builder=BUILDER.address, record=grant.digest, purpose=blake3(b"heart disease").hexdigest(),
        plan="03" * 32, fields=blake3(canonical(["age", "bias"])).hexdigest(),
        not_before=int(datetime(2026, 1, 1, tzinfo=UTC).timestamp()),
        not_after=int(datetime(2027, 1, 1, tzinfo=UTC).timestamp()),
        currency=NATIVE, price=5, royalty=10**8, epsilon=2_123_456_790, delta=10**13, salt="04" * 32,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"work": -1}, "offer.work: expected an integer from 0"),
        ({"work": True}, "offer.work: expected an integer"),
        ({"work": 2**256}, "offer.work: expected an integer"),
        ({"epsilon": 2**64}, "offer.epsilon: expected an integer"),
        ({"royalty": 10**9 + 1}, "offer.royalty: expected at most 1000000000"),
        ({"record": "01" * 31}, "offer.record: expected 64 lower-case hex digits"),
        ({"salt": "AB" * 32}, "offer.salt: expected 64 lower-case hex digits"),
        ({"builder": "0x12"}, "expected an address"),
        ({"builder": 5}, "offer.builder: expected an address"),
        ({"currency": GRANTS.replace("E", "e")}, "wrong check sum"),
        ({"not_before": 2**41}, "before it begins"),
    ],
)
def test_offers_that_make_no_sense(change: dict[str, Any], told: str) -> None:
    with pytest.raises(RecordError, match=told):
        replace(OFFER, **change)


def test_signed_offers_travel_as_canonical_json() -> None:
    signed = sign_offer(OFFER, OWNER, LEDGER)
    data = signed.to_json()
    assert SignedOffer.from_json(data) == signed
    found = json.loads(data)
    for change in (
        {"version": 2}, {"ledger": 5}, {"signature": "AB"}, {"signature": ""}, {"ledger": "eip155:1"}, {"more": 1},
        {"offer": {**found["offer"], "more": "1"}}, {"offer": {**found["offer"], "price": 5}},
        {"offer": {**found["offer"], "price": "05"}}, {"offer": {**found["offer"], "price": "-5"}},
        {"offer": [1]},
    ):  # fmt: skip
        with pytest.raises(RecordError):
            SignedOffer.from_json(canonical({**found, **change}))
    with pytest.raises(RecordError, match="another spelling"):
        SignedOffer.from_json(data + b" ")


def test_who_signed() -> None:
    signed = sign_offer(OFFER, OWNER, LEDGER)
    assert signed.signer() == OWNER.address
    assert replace(signed, offer=replace(OFFER, price=1)).signer() != OWNER.address
    assert replace(signed, ledger=LEDGER.replace("31337", "1")).signer() != OWNER.address
    good = signed.signature
    twin = good[:32] + (ORDER - int.from_bytes(good[32:64], "big")).to_bytes(32, "big") + bytes([55 - good[64]])
    assert Account._recover_hash(bytes.fromhex(signed.id), signature=twin) == OWNER.address  # elsewhere it would count
    for bad, told in (
        (twin, "high twin"), (good[:64], "65 bytes"), (good[:64] + b"\0", "27 or 28"), (bytes(64) + b"\x1b", "nobody's")
    ):  # fmt: skip
        with pytest.raises(SignatureError, match=told):
            replace(signed, signature=bad).signer()
