"""Records: every field of every one is tampered with, every way to write one wrongly is refused, by name."""

from __future__ import annotations

import base64
import copy
import dataclasses
import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st
from securesystemslib.dsse import Envelope
from securesystemslib.signer import SSlibKey

from bailee import records
from bailee.errors import RecordError, SignatureError
from bailee.keys import Identity
from bailee.records import (
    Anchor,
    AnchoredPassport,
    Beacon,
    Card,
    Closing,
    Coin,
    Contribution,
    Entrant,
    Grant,
    Invite,
    Iterate,
    NoiseCommitment,
    Passport,
    Proven,
    Record,
    Renewal,
    Revocation,
    Round,
    Spending,
    Spent,
    canonical,
    decimal_text,
    digest,
    key_id,
    open_signed,
    parse,
    parse_time,
    sign,
    time_text,
)  # fmt: skip
from bailee.records.account import link_account
from bailee.records.envelope import Signed, pae
from bailee.records.inference import Answer, Assessment, Condition, CountBound, Evaluation, GapBound, Group, UsedModel
from bailee.records.model import (
    AnchoredModelCoin,
    AnchoredModelPassport,
    CoinPromise,
    Lender,
    ModelCoin,
    ModelOpening,
    ModelPassport,
    ModelShare,
    Promise,
    ProvenChunk,
    ProvenShuffle,
    Waiver,
)
from bailee.records.possession import Audit, Challenge, Holding
from bailee.records.proxy import ProxyFragment, ReceivingKey, Reencrypted, ReencryptionRequest
from bailee.records.request import GrantAnswer, GrantRequest
from bailee.records.rules import ColumnBound, DatasetRules, RuledRows
from bailee.records.share import (
    HYBRID,
    Grantee,
    Item,
    PassedOn,
    Share,
    SharedBlob,
    SharedFragment,
    SharedStore,
    SharedVersion,
    ShareRevocation,
    Terms,
)
from bailee.records.tree_head import TreeHead
from chains import account

ANN = Identity.generate("St. Ann")
EVE = Identity.generate("Eve")
KEY = ANN.public_key.hex()
D = "d" * 64
E = "e" * 64
T = "2026-01-31T12:00:00Z"
COMMITMENT = {"root": D, "shape": [["rows", 10]], "openings": 8}

CARD = Card(
    owner=KEY, name="heart", owner_name="St. Ann", schema={"version": 1, "columns": [{"name": "age"}]}, rows=303,
    columns=("age", "(bias)", "disease"), commitment=COMMITMENT, opening=0, proof=D, created=T,
    renews=Renewal(card=E, commitment=COMMITMENT, old_opening=7, new_opening=1, proof=E),
)  # fmt: skip
GRANT = Grant(
    id="1" * 32, owner=KEY, card=D, builder=E, purpose="research", plan=D, fields=("age", "disease"),
    not_before=T, not_after="2027-01-31T12:00:00Z", max_epsilon="1.5", max_delta="0.00001",
)  # fmt: skip
PASSPORT = Passport(
    session=D, builder=KEY, builder_name="Ada", plan={"rounds": 2}, invite=D, builder_coin=E, closing=D,
    owners=(
        Contribution(
            owner=E, name="St. Ann", rows=303, card=D, card_proof=E, grant=D, noise=E, coin=D, rounds=(D, E), proven=D,
            proof=E, epsilon="1.5", delta="0.00001", share="0.5",
        ),
    ),
    columns=("age", "(bias)"), weights=(5, -7), accounting={"accountant": "rdp"}, created=T,
)  # fmt: skip
LEDGER = "eip155:1:0x" + "ab" * 20
SPENDING = Spending(owner=KEY, grant=D, block=7, transaction=E, epsilon="1.5", delta="0.00001")
MODEL = UsedModel(passport=D, commitment=COMMITMENT, opening=2, architecture={"loss": "logistic"})
MODEL_PASSPORT = ModelPassport(
    session=D, builder=KEY, builder_name="Ada", plan={"epochs": 2}, opening=D, coins=(E,), coins_drawn_by="parties",
    owners=(
        ModelShare(
            owner=E, name="St. Ann", rows=303, card=D, card_proof=E, grant=D, waiver=None, uses=606, share="1",
        ),
    ),
    shuffles=(ProvenShuffle(opening=1, shuffled=COMMITMENT, statement=D, proof=E),),
    chunks=(ProvenChunk(boundary=COMMITMENT, openings=(2,), statement=D, proof=E),),
    revealed=None, epsilon="1.5", delta="0.00001", accounting={"unit": "one row"}, created=T,
)  # fmt: skip
SHARE = Share(
    id="1" * 32, owner=KEY, grantee=Grantee(party=E, suite=HYBRID, sealing=D),
    terms=Terms(
        purpose="research", not_before=T, not_after="2027-01-31T12:00:00Z", passes=1,
        items=(Item(version="2" * 32, columns=None, span=None),),
    ),
    versions=(
        SharedVersion(
            id="2" * 32, name="scans/7.tar", content_type="application/x-tar", public=None,
            blobs=(
                SharedBlob(
                    id="3" * 32, name="", start=0, length=99, k=1, n=2, commitment=D,
                    fragments=(SharedFragment(index=1, store="berlin", path="ab/cd", root=E),),
                ),
            ),
        ),
    ),
    stores=(SharedStore(name="berlin", url="s3://bucket/folder", provider="acme", region="de"),), keys="00ff",
)  # fmt: skip
EXAMPLES: list[Record] = [
    CARD,
    GRANT,
    Spent(session=D, owner=KEY, ledger=LEDGER, spending=SPENDING),
    Anchor(session=D, builder=KEY, ledger=LEDGER, spendings=(SPENDING,), beacon=Beacon(number=8, hash=D)),
    AnchoredPassport(**vars(PASSPORT), anchor=D),
    Revocation(owner=KEY, grant=D, revoked=T),
    GrantRequest(
        id="5" * 32, builder=KEY, builder_name="Ada", owner=E, card=D, dataset="heart", plan={"rounds": 2},
        fields=("age", "disease"), begins=T, ends="2027-01-31T12:00:00Z", max_epsilon="1.5", max_delta="0.00001",
        purpose="research", message="May I?\nA line more.", asked=T,
    ),
    GrantAnswer(owner=KEY, request=D, decision="given", grant_id="1" * 32, grant=E, reason="gladly", answered=T),
    Invite(
        session=D, builder=KEY, plan={"rounds": 2}, terms={"shift": 4}, owners=(Entrant(owner=E, card=D, grant=E),),
        coin_commitment=D, created=T,
    ),
    NoiseCommitment(session=D, owner=KEY, commitment=COMMITMENT, coin_commitment=E),
    link_account(ANN, account(0), 1, T).record,
    Coin(session=D, party=KEY, coin=E),
    Iterate(session=D, builder=KEY, round=1, weights=(3, -4)),
    Closing(session=D, builder=KEY, transcript=E),
    Round(session=D, owner=KEY, round=3, weights=E, sums=(1, -2, 0)),
    Proven(session=D, owner=KEY, statement=E, proof=D, opening=1, seconds="12.5", created=T),
    PASSPORT,
    Waiver(owner=KEY, grant=D, plan=E, created=T),
    CoinPromise(party=KEY, plan=E, promise=D, created=T),
    ModelOpening(
        session=D, builder=KEY, plan={"epochs": 2}, terms={"laps": 1},
        owners=(Lender(owner=E, card=D, grant=E, waiver=None),), noise=(COMMITMENT,), orders=(),
        promises=(Promise(party=E, promise=D),), created=T,
    ),
    ModelCoin(session=D, party=KEY, opening=E, coin=D),
    AnchoredModelCoin(session=D, party=KEY, opening=E, coin=D, anchor=E),
    MODEL_PASSPORT,
    AnchoredModelPassport(**vars(MODEL_PASSPORT), anchor=D, spent=(E,)),
    Evaluation(
        builder=KEY, builder_name="Ada", model=MODEL, card=D, card_proof=E, opening=3,
        claim=Assessment(
            first=0, rows=100, threshold=0, margin_bits=40,
            groups=(Group(name="old", where=(Condition(column="age", kind="at least", value=9),)),),
            counts=(CountBound(measure="correct", group="everyone", at_least=70, at_most=None),), rates=(),
            gaps=(GapBound(measure="correct", first="old", second="everyone", at_most="0.1"),),
        ),
        proof=D, created=T,
    ),
    SHARE,
    PassedOn(giver=KEY, share=D, parent=E, grantee=SHARE.grantee, terms=SHARE.terms, keys="00ff"),
    ShareRevocation(party=KEY, share=D, revoked=T),
    TreeHead(owner=KEY, vault="4" * 32, size=3, root=D, created=T),
    ReceivingKey(party=KEY, key="02" + D),
    ProxyFragment(
        owner=KEY, proxy=E, share=D, grantee=E, not_before=T, not_after=T, number=0, threshold=2, proxies=3,
        capsule="00", delegating="02" + D, verifying="02" + E, receiving="03" + D, fragment="00ff",
    ),
    ReencryptionRequest(party=KEY, share=D, created=T),
    Reencrypted(proxy=KEY, share=D, fragment="00ff", created=T),
    Answer(
        builder=KEY, builder_name="Ada", model=MODEL, source="public", rows=((1, 4096, 0),), card=None,
        card_proof=None, places=(), commitment=None, schema=None, opening=None, told="class", threshold=0,
        margin_bits=40, answers=((1,),), proof=D, created=T,
    ),
    DatasetRules(
        owner=KEY, owner_name="Ada", rule="bounds", datasets=(RuledRows(D, E, 3),), columns=(),
        bounds=(ColumnBound("age", "mean", "-0.5", "60"),), proof=D, created=T,
    ),
    Holding(owner=KEY, store="north", fragments=2, pieces=9, tree=D, created=T),
    Challenge(challenger=KEY, holding=D, randomness=E, source="a beacon, round 7", samples=688, created=T),
    Audit(auditor=KEY, store="north", holding=D, challenge=E, samples=9, missing=0, answer=D, created=T),
]  # fmt: skip
IDS = [type(example).__name__ for example in EXAMPLES]


def every_record(base: type[Record] = Record) -> Iterator[type[Record]]:
    for kind in base.__subclasses__():
        if kind.__module__.startswith("bailee.records"):
            yield kind
        yield from every_record(kind)


def payload_of(signed: Signed[Any]) -> dict[str, Any]:
    return json.loads(base64.b64decode(json.loads(signed.envelope)["payload"]))


def envelope(payload: object, signer: Identity | None = None, like: Signed[Any] | None = None) -> bytes:
    """An envelope around `payload`: signed afresh by `signer`, or with the signature of `like`."""
    raw = canonical(payload)
    if signer is not None:
        signature = {"keyid": key_id(signer.public_key), "sig": base64.b64encode(signer.sign(pae(raw))).decode()}
    else:
        assert like is not None
        signature = json.loads(like.envelope)["signatures"][0]
    return canonical(
        {
            "payload": base64.b64encode(raw).decode(),
            "payloadType": "application/vnd.in-toto+json",
            "signatures": [signature],
        }
    )


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every leaf and every container inside a JSON value."""
    if path:
        yield path
    if isinstance(value, dict):
        for key in value:
            yield from places(value[key], (*path, key))
    elif isinstance(value, list):
        for index in range(len(value)):
            yield from places(value[index], (*path, index))


def changed(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    value = copy.deepcopy(value)
    inner = value
    for step in path[:-1]:
        inner = inner[step]
    if new is places:
        del inner[path[-1]]
    else:
        inner[path[-1]] = new
    return value


def at(value: Any, path: tuple[Any, ...]) -> Any:
    for step in path:
        value = value[step]
    return value


def altered(leaf: Any) -> Any:
    """Another value that may still be of the right form."""
    if isinstance(leaf, bool):
        return not leaf
    if isinstance(leaf, int):
        return leaf + 1
    if isinstance(leaf, str):
        return ("1" if leaf[:1] != "1" else "2") + leaf[1:]
    return [] if leaf else ["more"]


def test_there_is_an_example_of_every_record() -> None:
    assert {type(example) for example in EXAMPLES} == set(every_record())


@pytest.mark.parametrize("record", EXAMPLES, ids=IDS)
def test_a_record_reads_back_as_itself(record: Record) -> None:
    signed = sign(record, ANN)
    opened = open_signed(signed.envelope, type(record), ANN.public_key)
    assert opened == signed
    assert opened.digest == digest(signed.envelope)
    version = 2 if isinstance(record, AnchoredPassport | AnchoredModelCoin | AnchoredModelPassport) else 1
    assert records.predicate_type_of(signed.envelope) == f"https://bailee.dev/{record.KIND}/v{version}"
    assert type(record).from_predicate(json.loads(json.dumps(record.to_predicate()))) == record


@pytest.mark.parametrize("record", EXAMPLES, ids=IDS)
def test_another_library_checks_our_envelopes(record: Record) -> None:
    signed = sign(record, ANN)
    theirs = Envelope.from_dict(json.loads(signed.envelope))
    key = SSlibKey(key_id(ANN.public_key), "ed25519", "ed25519", {"public": KEY})
    assert list(theirs.verify([key], 1)) == [key_id(ANN.public_key)]
    statement = json.loads(theirs.payload)
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert all(set(subject["digest"]) == {"blake3"} for subject in statement["subject"])


@pytest.mark.parametrize("record", EXAMPLES, ids=IDS)
def test_every_changed_place_breaks_the_signature_or_the_form(record: Record) -> None:
    signed = sign(record, ANN)
    payload = payload_of(signed)
    for path in places(payload):
        data = envelope(changed(payload, path, altered(at(payload, path))), like=signed)
        with pytest.raises((SignatureError, RecordError)):
            open_signed(data, type(record))


@pytest.mark.parametrize("record", EXAMPLES, ids=IDS)
def test_every_field_is_needed_and_typed_even_when_its_signer_lies(record: Record) -> None:
    payload = payload_of(sign(record, ANN))
    # structures that another room checks
    free = {"schema", "commitment", "plan", "terms", "accounting", "architecture", "boundary", "shuffled", "noise"}
    lists = {"sums", "weights", "rounds", "openings", "coins", "shuffles", "counts", "gaps"}
    optional = (
        {"renews", "passport", "epsilon"} if isinstance(record, Card | Evaluation | Answer | ModelPassport) else ()
    )
    if isinstance(record, GrantRequest):
        optional = {"fields", "max_epsilon", "max_delta"}
    whole = {"sums", "weights", "answers", "rows"}
    blank = {"name", "content_type", "provider", "region", "keys", "capsule", "fragment", "message", "reason"}
    is_sharing = isinstance(record, Share | PassedOn | ProxyFragment | Reencrypted | GrantRequest | GrantAnswer)
    for path in places(payload):
        inside = any(step in free for step in path[:-1])
        for new in (places, None, True, 1.5, "", -1, [], {}, [[]]):
            if inside or new == at(payload, path) or (path[-1] in free and new == {}):
                continue
            if (path[-1] in optional and new is None) or (path[-1] in blank and new == "" and is_sharing):
                continue
            signed_number = path[-1] in ("value", "threshold") or (
                whole.intersection(path[1:2]) and isinstance(path[-1], int)
            )
            number = new == -1 and signed_number and isinstance(at(payload, path), int)
            length = (new is places and isinstance(path[-1], int)) or (path[-1] in lists and new == [])
            table = (
                isinstance(record, Answer) and whole.intersection(path[1:2]) and new == ([[]] if len(path) == 2 else [])
            )
            if number or length or table:
                continue  # any integer fits there; how long such a list must be is for the plan to say
            try:
                body = changed(payload, path, new)
                data = envelope(body, signer=ANN)
            except RecordError:
                continue  # a float has no canonical form
            with pytest.raises((RecordError, SignatureError)):
                open_signed(data, type(record))
    with pytest.raises(RecordError, match="unknown fields"):
        open_signed(envelope(changed(payload, ("predicate", "more"), 1), signer=ANN), type(record))
    with pytest.raises(RecordError, match="statement"):
        open_signed(envelope(changed(payload, ("more",), 1), signer=ANN), type(record))


@pytest.mark.parametrize("record", EXAMPLES, ids=IDS)
def test_the_subject_follows_from_the_record(record: Record) -> None:
    payload = payload_of(sign(record, ANN))
    payload["subject"][0]["name"] = "another thing"
    with pytest.raises(RecordError, match=r"subject.*changed or damaged; ask for it again"):
        open_signed(envelope(payload, signer=ANN), type(record))


@pytest.mark.parametrize("record", EXAMPLES, ids=IDS)
def test_a_record_is_not_taken_for_another(record: Record) -> None:
    signed = sign(record, ANN)
    for other in EXAMPLES:
        if type(other) is not type(record):
            with pytest.raises(RecordError, match="expected a record"):
                open_signed(signed.envelope, type(other))
    payload = payload_of(signed)
    named = f"/v{record.VERSION}"
    payload["predicateType"] = payload["predicateType"].replace(named, "/v9")
    with pytest.raises(RecordError, match=named):
        open_signed(envelope(payload, signer=ANN), type(record))


@pytest.mark.parametrize("record", EXAMPLES, ids=IDS)
def test_only_the_named_signer_signs(record: Record) -> None:
    with pytest.raises(SignatureError, match="names"):
        sign(record, EVE)
    signed = sign(record, ANN)
    with pytest.raises(SignatureError, match="expected it signed by"):
        open_signed(signed.envelope, type(record), EVE.public_key)
    with pytest.raises(SignatureError, match="expected signature of key"):
        open_signed(envelope(payload_of(signed), signer=EVE), type(record))
    forged = json.loads(envelope(payload_of(signed), signer=EVE))
    forged["signatures"][0]["keyid"] = key_id(ANN.public_key)
    with pytest.raises(SignatureError, match="does not fit"):
        open_signed(canonical(forged), type(record))


def test_an_envelope_has_one_spelling() -> None:
    good = sign(GRANT, ANN).envelope
    fields = json.loads(good)
    for data in (
        good + b"\n",
        json.dumps(fields).encode(),
        good.replace(b'"payload"', b'"payload":"","payload"', 1),
        good[:-1],
        b"",
        b"null",
        b"[]",
        b"\xff" + good,
        b"[" * 100_000,
    ):
        with pytest.raises(RecordError):
            open_signed(data, Grant)
    signature = fields["signatures"][0]
    with pytest.raises(SignatureError, match="exactly one"):
        open_signed(canonical({**fields, "signatures": [signature, signature]}), Grant)
    with pytest.raises(SignatureError, match="exactly one"):
        open_signed(canonical({**fields, "signatures": []}), Grant)
    with pytest.raises(RecordError, match="payload type"):
        open_signed(canonical({**fields, "payloadType": "text/plain"}), Grant)
    with pytest.raises(RecordError, match="base64"):
        open_signed(canonical({**fields, "payload": fields["payload"] + "\n"}), Grant)
    # 64 bytes end in a character whose low bits are free: only one spelling is ours.
    loose = signature["sig"][:-3] + chr(ord(signature["sig"][-3]) + 1) + "=="
    with pytest.raises(RecordError, match="base64"):
        open_signed(canonical({**fields, "signatures": [{**signature, "sig": loose}]}), Grant)


@pytest.mark.parametrize(
    "data",
    [b'{"a":1,"a":1}', b'{"a":1.0}', b'{"a":NaN}', b'{"a":Infinity}', b'{"a":1e3}', b'{ "a":1}', b'{"b":1,"a":1}',
     b'{"a":9007199254740992}', b'{"a":-0}', b'"\\u0041"', b'"\\ud800"', b"01", b'{"a":' + b"9" * 5000 + b"}"],
)  # fmt: skip
def test_json_that_is_not_canonical_is_refused(data: bytes) -> None:
    with pytest.raises(RecordError):
        parse(data)


def test_what_has_no_canonical_form_is_refused() -> None:
    for value in (1.5, float("nan"), 2**53, {"a": 1.0}, {1: "a"}, b"bytes", "\ud800", {"a": {1, 2}}):
        with pytest.raises(RecordError):
            canonical(value)  # type: ignore[arg-type]


def test_a_record_over_the_size_limit_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    data = sign(GRANT, ANN).envelope
    monkeypatch.setattr(sys.modules["bailee.records.canonical"], "MAX_BYTES", len(data) - 1)
    with pytest.raises(RecordError, match="at most"):
        open_signed(data, Grant)


def test_a_record_cannot_be_made_wrong() -> None:
    with pytest.raises(RecordError, match=r"grant\.not_before"):
        dataclasses.replace(GRANT, not_before="yesterday")
    with pytest.raises(RecordError, match="before it begins"):
        dataclasses.replace(GRANT, not_after="2025-01-31T12:00:00Z")
    with pytest.raises(RecordError, match="max_delta"):
        dataclasses.replace(GRANT, max_delta="1")
    with pytest.raises(RecordError, match=r"card\.rows"):
        dataclasses.replace(CARD, rows=True)
    with pytest.raises(RecordError, match=r"card\.columns"):
        dataclasses.replace(CARD, columns=["age", "(bias)", "disease"])  # type: ignore[arg-type]
    with pytest.raises(RecordError, match="weights"):
        dataclasses.replace(PASSPORT, weights=(1,))
    with pytest.raises(RecordError, match="each named once"):
        dataclasses.replace(PASSPORT, owners=PASSPORT.owners * 2)


def test_times_and_decimals() -> None:
    moment = datetime(2026, 1, 31, 12, 0, 0, tzinfo=UTC)
    assert time_text(moment) == T
    assert parse_time(T) == moment
    for text in (
        "2026-02-30T00:00:00Z",
        "2026-01-31T12:00:00+00:00",
        "2026-01-31 12:00:00Z",
        "",
        "2026-01-31T12:00:00.5Z",
    ):
        with pytest.raises(RecordError):
            parse_time(text)
    with pytest.raises(RecordError, match="time zone"):
        time_text(datetime(2026, 1, 31))
    assert decimal_text(1e-5) == "0.00001"
    assert decimal_text(0.1) == "0.1"
    assert decimal_text(100) == "100"
    assert decimal_text(-0.0) == "0"
    for value in (float("nan"), float("inf"), "1e999999999", "one"):
        with pytest.raises(RecordError):
            decimal_text(value)


leaves = st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=8)
values = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4)
)


@given(values)
def test_canonical_bytes_read_back(value: Any) -> None:
    assert parse(canonical(value)) == value


@given(values)
def test_canonical_bytes_are_those_of_rfc_8785(value: Any) -> None:
    assert canonical(value) == rfc8785.dumps(value)


def test_canonical_bytes_of_what_is_rare() -> None:
    every = "".join(map(chr, (*range(0x3000), 0xD7FF, 0xE000, 0xFEFF, 0xFFFF, 0x10000, 0x10FFFF)))
    for value in (
        every,
        {every: 1},
        {"\U00010000": 1, "\uffff": 2, "a": 3},
        {"Z": (1, [True]), "": None, "a": {}},
        0,
        -1,
    ):
        assert canonical(value) == rfc8785.dumps(value)
    assert canonical({"b": [1, (2,)], "a": '\x00\x1f\x7f\u2028/"\\'}) == (
        b'{"a":"\\u0000\\u001f\x7f\xe2\x80\xa8/\\"\\\\","b":[1,[2]]}'
    )


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=-1e30, max_value=1e30))
def test_a_decimal_reads_back_as_the_same_float(value: float) -> None:
    try:
        assert float(decimal_text(value)) == value
    except RecordError:
        assert abs(value) < 1e-60


@settings(max_examples=150)
@given(st.data())
def test_fuzzed_envelopes_never_open_as_something_else(data: st.DataObject) -> None:
    signed = sign(GRANT, ANN)
    raw = bytearray(signed.envelope)
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(raw) - 1))
        match data.draw(st.sampled_from(["flip", "cut", "insert"])):
            case "flip":
                raw[place] ^= data.draw(st.integers(1, 255))
            case "cut":
                del raw[place:]
            case _:
                raw[place:place] = data.draw(st.binary(min_size=1, max_size=4))
        if not raw:
            break
    if bytes(raw) != signed.envelope:
        with pytest.raises((RecordError, SignatureError)):
            open_signed(bytes(raw), Grant)


@given(st.binary(max_size=200), st.sampled_from(EXAMPLES))
def test_fuzzed_bytes_are_refused(raw: bytes, example: Record) -> None:
    with pytest.raises((RecordError, SignatureError)):
        open_signed(raw, type(example))


@given(values, st.sampled_from(EXAMPLES))
def test_fuzzed_predicates_are_refused(value: Any, example: Record) -> None:
    with pytest.raises(RecordError):
        type(example).from_predicate(value)


def test_a_grant_of_the_first_version_still_reads() -> None:
    signer = Ed25519PrivateKey.from_private_bytes(b"bailee, stored artefact, grant 1")
    key = signer.public_key().public_bytes_raw()
    raw = canonical(
        {
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{"name": "card", "digest": {"blake3": D}}],
            "predicateType": "https://bailee.dev/grant/v1",
            "predicate": {**GRANT.to_predicate(), "owner": key.hex()},
        }
    )
    signature = {"keyid": key_id(key), "sig": base64.b64encode(signer.sign(pae(raw))).decode()}
    stored = canonical(
        {
            "payload": base64.b64encode(raw).decode(),
            "payloadType": "application/vnd.in-toto+json",
            "signatures": [signature],
        }
    )
    assert digest(stored) == "e2bb45cbba63663d3b9fda6811c79b774b6f0ac75ef05614ef48bbe638d477ae"
    opened = open_signed(stored, Grant, key)
    assert opened.record == dataclasses.replace(GRANT, owner=key.hex())
