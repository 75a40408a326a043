"""A grant: who may do what with a sealed dataset, until when and at what privacy loss; and how it ends early."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal as Number
from typing import ClassVar

from bailee.errors import RecordError
from bailee.records.envelope import Record
from bailee.records.fields import Decimal, Hex16, Hex32, Name, Time, parse_time


@dataclass(frozen=True)
class Grant(Record):
    KIND: ClassVar[str] = "grant"
    SIGNER: ClassVar[str] = "owner"

    id: Hex16
    owner: Hex32
    card: Hex32
    """Digest of the card's envelope."""
    builder: Hex32
    purpose: Name
    plan: Hex32
    """Digest of the plan's canonical bytes."""
    fields: tuple[Name, ...]
    """Encoded columns that may be used, as the card names them."""
    not_before: Time
    not_after: Time
    max_epsilon: Decimal
    max_delta: Decimal

    def require(self) -> None:
        if parse_time(self.not_after) < parse_time(self.not_before):
            raise RecordError(f"grant: ends at {self.not_after}, before it begins at {self.not_before}")
        if Number(self.max_epsilon) < 0 or not 0 <= Number(self.max_delta) < 1:
            raise RecordError("grant: expected max_epsilon of at least 0 and max_delta in [0, 1)")
        if len(set(self.fields)) != len(self.fields) or not self.fields:
            raise RecordError("grant: expected at least one field, each named once")

    def subjects(self) -> tuple[tuple[str, str], ...]:
        return (("card", self.card),)


@dataclass(frozen=True)
class Revocation(Record):
    KIND: ClassVar[str] = "revocation"
    SIGNER: ClassVar[str] = "owner"

    owner: Hex32
    grant: Hex32
    """Digest of the grant's envelope."""
    revoked: Time

    def subjects(self) -> tuple[tuple[str, str], ...]:
        return (("grant", self.grant),)
