"""Signing grants and revocations, and reading them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from bailee.errors import GrantError, RecordError
from bailee.keys import Identity
from bailee.records import Card, Grant, Revocation, Signed, open_signed, sign, time_text
from bailee.records.fields import decimal_text
from bailee.records.model import Waiver
from bailee.records.schema import BIAS, Schema


def give_grant(
    owner: Identity,
    card: Signed[Card],
    builder: str,
    purpose: str,
    plan: str,
    not_before: datetime,
    not_after: datetime,
    max_epsilon: str | float,
    max_delta: str | float,
    grant_id: bytes,
    fields: Sequence[str] | None = None,
) -> Signed[Grant]:
    """A signed grant on the dataset of `card`.

    builder: raw public key, hex; plan: digest of the plan's canonical bytes, hex; fields: names of encoded columns,
    of table columns (all of a category's encoded columns) or None for all, the bias always in; grant_id: 16 fresh
    random bytes.
    Raises GrantError (not the owner's card, no such field) and RecordError (a term that makes no sense).
    """
    if card.record.owner != owner.public_key.hex():
        raise GrantError(f"{owner.name} does not own the dataset {card.record.name!r}; only its owner can grant")
    if len(grant_id) != 16:
        raise RecordError(f"expected a grant id of 16 bytes, got {len(grant_id)}")
    return sign(
        Grant(
            id=grant_id.hex(),
            owner=card.record.owner,
            card=card.digest,
            builder=builder,
            purpose=purpose,
            plan=plan,
            fields=granted_fields(card.record, fields),
            not_before=time_text(not_before),
            not_after=time_text(not_after),
            max_epsilon=decimal_text(max_epsilon),
            max_delta=decimal_text(max_delta),
        ),
        owner,
    )


def revoke(owner: Identity, grant: Signed[Grant], now: datetime) -> Signed[Revocation]:
    """A signed revocation, in force from `now`. Raises GrantError where the grant is another owner's."""
    if grant.record.owner != owner.public_key.hex():
        raise GrantError(f"the grant {grant.record.id} is not {owner.name}'s; only the owner who gave it can revoke it")
    return sign(Revocation(owner.public_key.hex(), grant.digest, time_text(now)), owner)


def waive(owner: Identity, grant: Signed[Grant], now: datetime) -> Signed[Waiver]:
    """A signed waiver beside `grant`: its plan promises no privacy. Raises GrantError for another owner's grant."""
    if grant.record.owner != owner.public_key.hex():
        raise GrantError(f"the grant {grant.record.id} is not {owner.name}'s; only the owner who gave it can waive")
    return sign(Waiver(owner.public_key.hex(), grant.digest, grant.record.plan, time_text(now)), owner)


def open_card(data: bytes, owner: bytes | None = None) -> Signed[Card]:
    """The card in an envelope's bytes, form and signature checked. RecordError, SignatureError."""
    return open_signed(data, Card, owner)


def open_grant(data: bytes, owner: bytes | None = None) -> Signed[Grant]:
    """The grant in an envelope's bytes, form and signature checked. RecordError, SignatureError."""
    return open_signed(data, Grant, owner)


def open_revocation(data: bytes, owner: bytes | None = None) -> Signed[Revocation]:
    """The revocation in an envelope's bytes, form and signature checked. RecordError, SignatureError."""
    return open_signed(data, Revocation, owner)


def granted_fields(card: Card, wanted: Sequence[str] | None) -> tuple[str, ...]:
    """Encoded columns that a grant on `wanted` names, as `give_grant` says. Raises GrantError."""
    if wanted is None:
        return card.columns
    schema = Schema.from_json(card.schema)
    columns = {column.name: column.encoded for column in schema.features} | {schema.label: schema.label_names}
    found = [BIAS]  # the constant column says nothing of anybody
    for name in wanted:
        own = columns.get(name, (name,) if name in card.columns else ())
        if not own:
            raise GrantError(f"the dataset {card.name!r} has no field {name!r}; it has {', '.join(card.columns[:20])}")
        found += [column for column in own if column not in found]
    return tuple(column for column in card.columns if column in found)
