"""Grants: what is allowed is allowed; for everything else the one reason is named."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bailee.errors import GrantError, RecordError, SignatureError
from bailee.grant import Use, check_grant, give_grant, open_card, open_grant, open_revocation, revoke
from bailee.keys import Identity
from bailee.records import Card, Grant, Signed, sign
from bailee.records.schema import Column, Schema

OWNER, BUILDER, EVE = (Identity.generate(name) for name in ("St. Ann", "Ada", "Eve"))
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
PLAN, OTHER = "a" * 64, "b" * 64
SCHEMA = Schema(
    "heart",
    "sick",
    (
        Column("age", "number", "0", "100"),
        Column("cp", "category", categories=("x", "y")),
        Column("cp=z", "flag"),
        Column("sick", "flag"),
    ),
)


def a_card(owner: Identity = OWNER, rows: int = 10) -> Signed[Card]:
    return sign(
        Card(
            owner=owner.public_key.hex(),
            name="heart",
            owner_name=owner.name,
            schema=SCHEMA.to_json(),
            rows=rows,
            columns=SCHEMA.layout.names,
            commitment={"root": "c" * 64},
            opening=0,
            proof="d" * 64,
            created="2026-05-01T00:00:00Z",
            renews=None,
        ),
        owner,
    )


CARD = a_card()


def a_grant(**changes: Any) -> Signed[Grant]:
    terms: dict[str, Any] = {
        "builder": BUILDER.public_key.hex(),
        "purpose": "research",
        "plan": PLAN,
        "not_before": NOW - DAY,
        "not_after": NOW + DAY,
        "max_epsilon": "1.5",
        "max_delta": 1e-5,
        "grant_id": b"i" * 16,
    }
    return give_grant(OWNER, CARD, **{**terms, **changes})


USE = Use(BUILDER.public_key.hex(), "research", PLAN, CARD.record.columns, "1.5", "0.00001")


def test_what_is_granted_is_allowed() -> None:
    grant = a_grant()
    for now in (NOW, NOW - DAY, NOW + DAY):
        check_grant(grant, CARD, [], USE, now)
    check_grant(grant, CARD, [], dataclasses.replace(USE, epsilon="0.1", delta="0", fields=("age",)), NOW)
    assert open_grant(grant.envelope, OWNER.public_key) == grant


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"builder": EVE.public_key.hex()}, "for the builder"),
        ({"purpose": "advertising"}, "another purpose: 'research', not 'advertising'"),
        ({"plan": OTHER}, "another plan"),
        ({"fields": ("age", "income")}, "field 'income' is not granted"),
        ({"fields": ()}, "names no fields"),
        ({"epsilon": "1.5000000001"}, "epsilon 1.5000000001, the grant allows 1.5"),
        ({"delta": "0.1"}, "delta 0.1, the grant allows 0.00001"),
        ({"epsilon": "-1"}, "not a privacy loss"),
        ({"delta": "-0.1"}, "not a privacy loss"),
    ],
)
def test_another_use_is_refused_by_name(change: dict[str, Any], says: str) -> None:
    with pytest.raises(GrantError, match=says):
        check_grant(a_grant(), CARD, [], dataclasses.replace(USE, **change), NOW)


def test_another_time_is_refused_by_name() -> None:
    second = timedelta(seconds=1)
    with pytest.raises(GrantError, match=r"not yet valid: it begins at 2026-05-31T12:00:00Z"):
        check_grant(a_grant(), CARD, [], USE, NOW - DAY - second)
    with pytest.raises(GrantError, match=r"expired: it ended at 2026-06-02T12:00:00Z"):
        check_grant(a_grant(), CARD, [], USE, NOW + DAY + second)


def test_another_dataset_is_refused_by_name() -> None:
    with pytest.raises(GrantError, match="for the card"):
        check_grant(a_grant(), a_card(rows=11), [], USE, NOW)
    stolen = dataclasses.replace(a_grant().record, owner=EVE.public_key.hex())
    with pytest.raises(GrantError, match="does not own"):
        check_grant(sign(stolen, EVE), CARD, [], USE, NOW)
    with pytest.raises(GrantError, match="does not own"):
        give_grant(EVE, CARD, USE.builder, "p", PLAN, NOW, NOW, "1", "0", b"i" * 16)
    wide = dataclasses.replace(a_grant().record, fields=("age", "ghost"))
    with pytest.raises(GrantError, match="no such column"):
        check_grant(sign(wide, OWNER), CARD, [], dataclasses.replace(USE, fields=("ghost",)), NOW)


def test_a_revocation_ends_a_grant() -> None:
    grant = a_grant()
    end = revoke(OWNER, grant, NOW)
    assert open_revocation(end.envelope) == end
    check_grant(grant, CARD, [end], USE, NOW - timedelta(seconds=1))
    for now in (NOW, NOW + DAY):
        with pytest.raises(GrantError, match="revoked by its owner at 2026-06-01T12:00:00Z"):
            check_grant(grant, CARD, [end], USE, now)
    other = a_grant(grant_id=b"j" * 16)
    check_grant(other, CARD, [end], USE, NOW)


def test_only_its_owner_revokes() -> None:
    grant = a_grant()
    with pytest.raises(GrantError, match="only the owner"):
        revoke(EVE, grant, NOW)
    foreign = sign(dataclasses.replace(revoke(OWNER, grant, NOW).record, owner=EVE.public_key.hex()), EVE)
    check_grant(grant, CARD, [foreign], USE, NOW)


def test_fields_are_named_by_table_or_encoded_column() -> None:
    assert a_grant(fields=["age", "sick"]).record.fields == ("age", "(bias)", "sick")
    assert a_grant(fields=["cp"]).record.fields == ("cp=x", "cp=y", "(bias)")
    assert a_grant(fields=["cp=x", "cp=z"]).record.fields == ("cp=x", "cp=z", "(bias)")
    assert a_grant().record.fields == CARD.record.columns
    with pytest.raises(GrantError, match="no field 'income'"):
        a_grant(fields=["income"])


def test_terms_that_make_no_sense_are_refused() -> None:
    for change in (
        {"not_after": NOW - 2 * DAY},
        {"max_epsilon": "-1"},
        {"max_delta": 1},
        {"max_epsilon": float("nan")},
        {"purpose": ""},
        {"plan": "x"},
        {"builder": "x"},
        {"grant_id": b""},
    ):
        with pytest.raises(RecordError):
            a_grant(**change)
    with pytest.raises(RecordError):
        dataclasses.replace(USE, epsilon="NaN")


def test_a_changed_grant_is_no_grant() -> None:
    grant = a_grant()
    with pytest.raises((SignatureError, RecordError)):
        open_grant(grant.envelope[:-40] + b"A" + grant.envelope[-39:])
    with pytest.raises(SignatureError, match="expected it signed by"):
        open_grant(grant.envelope, EVE.public_key)
    with pytest.raises(RecordError, match="expected a record"):
        open_card(grant.envelope)
