"""Whether a grant allows a use: fails closed, and says which one condition does not hold.

Pure: the owner's process asks it before answering a builder, the verifier asks it again about the past.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal as Number

from bailee.errors import GrantError
from bailee.records.card import Card
from bailee.records.envelope import Signed
from bailee.records.fields import Decimal, Hex32, Name, check, hints, parse_time
from bailee.records.grant import Grant, Revocation


@dataclass(frozen=True)
class Use:
    """What somebody wants to do with a dataset."""

    builder: Hex32
    purpose: Name
    plan: Hex32
    """Digest of the plan's canonical bytes."""
    fields: tuple[Name, ...]
    """Encoded columns, as the card names them."""
    epsilon: Decimal
    delta: Decimal

    def __post_init__(self) -> None:
        for name, kind in hints(Use).items():
            check(kind, getattr(self, name), f"use.{name}")


def check_grant(
    grant: Signed[Grant], card: Signed[Card], revocations: Sequence[Signed[Revocation]], use: Use, now: datetime
) -> None:
    """Raises GrantError unless `grant` lets `use` be made of the dataset of `card` at the moment `now` (aware).

    A revocation counts if the grant's owner signed it for this very grant and its time has come.
    """
    terms = grant.record
    if terms.card != card.digest:
        raise GrantError(f"the grant is for the card {terms.card[:16]}..., not for {card.digest[:16]}...; ask for one")
    if terms.owner != card.record.owner:
        raise GrantError("the grant is signed by somebody who does not own the dataset; only its owner can grant")
    begins, ends = parse_time(terms.not_before), parse_time(terms.not_after)
    if now < begins:
        raise GrantError(f"the grant is not yet valid: it begins at {terms.not_before}")
    if now > ends:
        raise GrantError(f"the grant has expired: it ended at {terms.not_after}; ask the owner for a new one")
    for revocation in revocations:
        end = revocation.record
        if end.grant == grant.digest and end.owner == terms.owner and parse_time(end.revoked) <= now:
            raise GrantError(f"the grant was revoked by its owner at {end.revoked}")
    if terms.builder != use.builder:
        raise GrantError(f"the grant is for the builder {terms.builder[:16]}..., not for {use.builder[:16]}...")
    if terms.purpose != use.purpose:
        raise GrantError(f"the grant is for another purpose: {terms.purpose!r}, not {use.purpose!r}")
    if terms.plan != use.plan:
        raise GrantError(f"the grant is for another plan: {terms.plan[:16]}..., not {use.plan[:16]}...")
    if not use.fields:
        raise GrantError("the use names no fields; a use of none cannot be granted")
    for name in use.fields:
        if name not in terms.fields:
            raise GrantError(f"the field {name!r} is not granted; granted are {', '.join(terms.fields[:20])}")
        if name not in card.record.columns:
            raise GrantError(f"the field {name!r} is granted, but the dataset has no such column")
    if Number(use.epsilon) > Number(terms.max_epsilon):
        raise GrantError(f"too much privacy loss: epsilon {use.epsilon}, the grant allows {terms.max_epsilon}")
    if Number(use.delta) > Number(terms.max_delta):
        raise GrantError(f"too much privacy loss: delta {use.delta}, the grant allows {terms.max_delta}")
    if Number(use.epsilon) < 0 or not 0 <= Number(use.delta) < 1:
        raise GrantError(f"not a privacy loss: epsilon {use.epsilon}, delta {use.delta}")
