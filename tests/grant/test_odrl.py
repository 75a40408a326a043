"""Consent as ODRL: the same terms back, always the same bytes, every change refused, no word that nobody defined."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from blake3 import blake3
from eth_account import Account
from hypothesis import given, settings
from hypothesis import strategies as st

from bailee.errors import RecordError, SignatureError
from bailee.grant.odrl import PROFILE, Consent, consent_of, from_odrl, to_odrl
from bailee.keys import Identity
from bailee.records import Grant, Signed, canonical, sign
from bailee.records.offer import NATIVE, NONE, Offer, SignedOffer, offer_of, sign_offer
from chains import account

OWNER, BUILDER = account(0), account(1)
GRANTS = "0xED000c64DB1aE9B5e60F29234bDB9a68C17024ac"
LEDGER = f"eip155:31337:{GRANTS.lower()}"
COIN = "0x" + "5c" * 20

# The words of https://www.w3.org/ns/odrl.jsonld that a policy of ours uses, by what they are there.
ODRL_KEYS = {
    "uid", "profile", "assigner", "assignee", "permission", "obligation", "duty", "target", "action", "constraint",
    "refinement", "leftOperand", "operator", "rightOperand", "unit",
}  # fmt: skip
ODRL_WORDS = {
    "@type": {"Offer", "Agreement"}, "action": {"derive"}, "operator": {"eq", "gteq", "lteq", "isPartOf"},
    "leftOperand": {"dateTime", "purpose", "payAmount"},
}  # fmt: skip
PROFILE_WORDS = {
    "ledger", "salt", "signature", "record", "acceptedInBlock", "revokedInBlock", "royalty", "epsilon", "delta", "plan",
    "fields", "fieldsDigest", "purposeDigest", "unixTime", "blake3",
}  # fmt: skip

words = st.just(NONE) | st.binary(min_size=32, max_size=32).map(bytes.hex)
addresses = st.just(NATIVE) | st.binary(min_size=20, max_size=20).map(lambda raw: "0x" + raw.hex())
edges = st.sampled_from([0, 1, 10**9 - 1, 10**9, 10**18 - 1, 2**64 - 1])
times = edges | st.sampled_from([253402300799, 253402300800]) | st.integers(0, 2**64 - 1)
SECRET = "0x" + "77" * 32


@st.composite
def consents(draw: st.DrawFn) -> Consent:
    """Any that can be, signed by an account."""
    first, last = sorted((draw(times), draw(times)))
    purpose = draw(st.none() | st.text(st.characters(codec="utf-8"), max_size=20))
    fields = draw(st.none() | st.lists(st.text(st.characters(codec="utf-8"), min_size=1, max_size=8)).map(tuple))
    offer = Offer(
        draw(st.integers(0, 2**256 - 1)),
        draw(addresses),
        draw(words),
        draw(words) if purpose is None else blake3(purpose.encode()).hexdigest(),
        draw(words),
        draw(words) if fields is None else blake3(canonical(list(fields))).hexdigest(),
        first,
        last,
        draw(addresses),
        draw(edges | st.integers(0, 2**256 - 1)),
        draw(st.integers(0, 10**9)),
        draw(edges | st.integers(0, 2**64 - 1)),
        draw(edges | st.integers(0, 2**64 - 1)),
        draw(words),
    )
    chain = draw(st.integers(1, 2**53))
    signed = sign_offer(offer, Account.from_key(SECRET), f"eip155:{chain}:{draw(st.sampled_from([GRANTS, COIN]))}")
    blocks = st.none() | st.integers(0, 2**53 - 1)
    return Consent(signed, signed.signer(), purpose, fields, draw(blocks), draw(blocks))


@given(consents())
@settings(max_examples=60, deadline=None)
def test_reading_gives_the_same_terms(consent: Consent) -> None:
    data = to_odrl(consent)
    assert from_odrl(data) == consent
    assert to_odrl(from_odrl(data)) == data


def granted() -> Signed[Grant]:
    owner = Identity.generate("owner")
    return sign(
        Grant(
            "ab" * 16, owner.public_key.hex(), "01" * 32, "02" * 32, "heart disease", "03" * 32, ("age", "bias"),
            "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z", "2.5", "0.00001",
        ),
        owner,
    )  # fmt: skip


@pytest.fixture(scope="module")
def consent() -> Consent:
    """One that says everything that can be said."""
    grant = granted()
    offer = offer_of(grant, 7, BUILDER.address, "04" * 32, currency=COIN, price=5_000_000, royalty=4 * 10**8)
    return consent_of(sign_offer(offer, OWNER, LEDGER), grant, accepted=12, revoked=40)


def test_what_a_reader_of_odrl_sees(consent: Consent) -> None:
    policy = json.loads(to_odrl(consent))
    assert (policy["@type"], policy["profile"]) == ("Agreement", PROFILE)
    assert policy["uid"] == f"https://bailee.dev/grant/{LEDGER}/{consent.signed.id}"
    assert policy["assigner"] == f"did:pkh:eip155:31337:{OWNER.address}"
    assert policy["assignee"] == f"did:pkh:eip155:31337:{BUILDER.address}"
    (permission,) = policy["permission"]
    assert (permission["target"], permission["action"]) == (f"https://bailee.dev/work/{LEDGER}/7", "derive")
    said = {(one["leftOperand"], one["operator"]): one["rightOperand"] for one in permission["constraint"]}
    assert said == {
        ("dateTime", "gteq"): {"@type": "xsd:dateTime", "@value": "2026-01-01T00:00:00Z"},
        ("dateTime", "lteq"): {"@type": "xsd:dateTime", "@value": "2027-01-01T00:00:00Z"},
        ("bailee:epsilon", "lteq"): {"@type": "xsd:decimal", "@value": "2.5"},
        ("bailee:delta", "lteq"): {"@type": "xsd:decimal", "@value": "0.00001"},
        ("purpose", "eq"): "heart disease",
        ("bailee:plan", "eq"): {"@type": "bailee:blake3", "@value": "03" * 32},
        ("bailee:fields", "isPartOf"): {"@list": ["age", "bias"]},
    }
    (price,) = permission["duty"][0]["action"][0]["refinement"]
    assert permission["duty"][0]["action"][0]["rdf:value"] == {"@id": "odrl:compensate"}
    assert price["rightOperand"] == {"@type": "xsd:decimal", "@value": "5000000"}
    assert price["unit"] == {"@id": f"https://bailee.dev/unit/eip155:31337:{COIN}"}
    (royalty,) = policy["obligation"][0]["action"][0]["refinement"]
    assert (royalty["leftOperand"], royalty["rightOperand"]["@value"]) == ("bailee:royalty", "0.4")
    assert (policy["bailee:acceptedInBlock"], policy["bailee:revokedInBlock"]) == (12, 40)
    offered = json.loads(to_odrl(replace(consent, accepted=None)))
    assert offered["@type"] == "Offer"
    free = sign_offer(replace(consent.signed.offer, price=0, currency=NATIVE, royalty=0), OWNER, LEDGER)
    told = json.loads(to_odrl(consent_of(free)))
    assert "obligation" not in told
    assert "duty" not in told["permission"][0]


@given(consents())
@settings(max_examples=20, deadline=None)
def test_every_word_is_odrls_or_of_the_profile(consent: Consent) -> None:
    policy = json.loads(to_odrl(consent))
    context = policy.pop("@context")
    assert context == ["http://www.w3.org/ns/odrl.jsonld", {"bailee": f"{PROFILE}#"}]
    for name, value in pairs(policy):
        if name.startswith("bailee:"):
            assert name.removeprefix("bailee:") in PROFILE_WORDS
        elif name in ("leftOperand", "operator", "action") and isinstance(value, str):
            kind, _, word = value.rpartition(":")
            assert word in (PROFILE_WORDS if kind == "bailee" else ODRL_WORDS[name])
        elif name == "@type":
            assert value in ODRL_WORDS["@type"] | {"xsd:decimal", "xsd:dateTime", "xsd:integer", "bailee:blake3"}
        elif name not in ("@value", "@id", "@list", "rdf:value"):
            assert name in ODRL_KEYS
    # What ODRL's information model asks of an offer or an agreement.
    assert all(policy[name] for name in ("uid", "assigner", "assignee", "permission"))
    for one in constraints(policy):
        assert set(one) - {"unit"} == {"leftOperand", "operator", "rightOperand"}


def pairs(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield name, inner
            yield from pairs(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from pairs(inner)


def constraints(policy: dict[str, Any]) -> list[dict[str, Any]]:
    return [one for name, found in pairs(policy) if name in ("constraint", "refinement") for one in found]


def changed(value: Any) -> Iterator[Any]:
    """The same value with one leaf changed, one entry left out, or one entry more; each way there is."""
    if isinstance(value, dict):
        for name in value:
            yield {other: inner for other, inner in value.items() if other != name}
            for inner in changed(value[name]):
                yield value | {name: inner}
        yield value | {"more": "x"}
    elif isinstance(value, list):
        for place, item in enumerate(value):
            yield value[:place] + value[place + 1 :]
            for inner in changed(item):
                yield [*value[:place], inner, *value[place + 1 :]]
        yield [*value, "x"]
    else:
        yield value[:-1] + ("1" if value.endswith("0") else "0")
        yield value + " "
        yield 5


def test_every_change_is_refused(consent: Consent) -> None:
    count, policy = 0, json.loads(to_odrl(replace(consent, accepted=None, revoked=None)))
    for other in changed(policy):
        with pytest.raises((RecordError, SignatureError)):
            from_odrl(canonical(other))
        count += 1
    assert count > 150


def test_blocks_are_the_writers_word(consent: Consent) -> None:
    later = json.loads(to_odrl(consent)) | {"bailee:acceptedInBlock": 13}
    assert from_odrl(canonical(later)) == replace(consent, accepted=13)


def test_refusals_say_what_is_wrong(consent: Consent) -> None:
    data = to_odrl(consent)
    policy = json.loads(data)
    for change, told in (
        ({"profile": "http://www.w3.org/ns/odrl/2/core"}, "of the profile https://bailee.dev"),
        ({"@type": "Set"}, "policy.@type is not as Bailee writes"),
        ({"prohibition": []}, "policy.prohibition, which is too much,"),
        ({"assignee": policy["assigner"]}, "policy.uid is not as Bailee writes"),
        ({"bailee:ledger": "eip155:1"}, r"CAIP-10"),
        ({"bailee:signature": "xy"}, "bailee:signature of 1 to 1024 bytes"),
        ({"bailee:acceptedInBlock": "12"}, "the number of a block"),
        ({"permission": []}, "permission as a list of one object"),
    ):
        with pytest.raises(RecordError, match=told):
            from_odrl(canonical({**policy, **change}))
    with pytest.raises(SignatureError, match=f"the assigner is {BUILDER.address}, and the signature"):
        from_odrl(canonical({**policy, "assigner": f"did:pkh:eip155:31337:{BUILDER.address}"}))
    with pytest.raises(RecordError, match="another spelling"):
        from_odrl(json.dumps(policy, indent=1).encode())
    with pytest.raises(RecordError, match="of the profile"):
        from_odrl(canonical([1]))


def test_an_owner_that_is_a_contract(consent: Consent) -> None:
    """Its signature is of its own kind: who the owner is, whoever reads it knows from the ledger."""
    wallet = SignedOffer(consent.signed.offer, LEDGER, b"\x01\x02")
    with pytest.raises(SignatureError, match="65 bytes"):
        consent_of(wallet)
    told = consent_of(wallet, owner=GRANTS)
    assert from_odrl(to_odrl(told), owner=GRANTS) == told
    with pytest.raises(SignatureError, match="65 bytes"):
        from_odrl(to_odrl(told))
    with pytest.raises(SignatureError, match="the assigner is"):
        from_odrl(to_odrl(told), owner=OWNER.address)


def test_words_that_are_not_the_offers(consent: Consent) -> None:
    with pytest.raises(RecordError, match="is not the one that the offer stands for"):
        consent_of(consent.signed, granted())
    with pytest.raises(RecordError, match="the purpose 'another' is not the one"):
        replace(consent, purpose="another")
    with pytest.raises(RecordError, match="the fields are not those"):
        replace(consent, fields=("bias", "age"))
