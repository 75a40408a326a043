"""The dataset card: what an owner makes public about sealed rows. docs/records.md lists every field."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from bailee.errors import RecordError
from bailee.records.canonical import Json, canonical, digest
from bailee.records.envelope import Record
from bailee.records.fields import Count, Hex32, Name, Time


@dataclass(frozen=True)
class Renewal:
    """Why a new commitment holds the rows of an old card: the proof of equality and the openings it spent."""

    card: Hex32
    """Digest of the old card's envelope."""
    commitment: Mapping[str, Json]
    """The old commitment, in full, so that the proof can be checked where the old card is not at hand."""
    old_opening: Count
    new_opening: Count
    proof: Hex32
    """Digest of the equality proof's bytes."""


@dataclass(frozen=True)
class Card(Record):
    KIND: ClassVar[str] = "card"
    SIGNER: ClassVar[str] = "owner"

    owner: Hex32
    name: Name
    owner_name: Name
    schema: Mapping[str, Json]
    """The public form of the schema, from which the validity claim is derived again."""
    rows: Count
    columns: tuple[Name, ...]
    """Names of the encoded columns, in matrix order: features, then the bias, then the label's."""
    commitment: Mapping[str, Json]
    opening: Count
    """The opening that the validity proof spent."""
    proof: Hex32
    """Digest of the validity proof's bytes."""
    created: Time
    renews: Renewal | None

    def require(self) -> None:
        if self.rows == 0 or len(self.columns) < 3:
            raise RecordError("card: expected at least one row, one feature, the bias and the label")
        if len(set(self.columns)) != len(self.columns):
            raise RecordError("card: a column is named twice")

    def subjects(self) -> tuple[tuple[str, str], ...]:
        return ((self.name, digest(canonical(self.commitment))),)
