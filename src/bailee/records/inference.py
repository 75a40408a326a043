"""What is signed about a trained model that stays hidden: answers it gives, and how well it does on sealed rows.

The structure of a claim is part of the record: a reader sees all that is claimed, and the statement is written from
it (`bailee.statements.inference`, `bailee.statements.evaluation`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from bailee.errors import RecordError
from bailee.records.canonical import Json, canonical, digest
from bailee.records.envelope import Record
from bailee.records.fields import Count, Decimal, Hex32, Name, Time

EVERYONE = "everyone"
"""The group of all rows that a claim is about."""
SET, NOT_SET, AT_LEAST, BELOW = KINDS = ("set", "not set", "at least", "below")
SIZE, CORRECT, ERROR, PREDICTED = "size", "correct", "squared error", "predicted "
PUBLIC, SEALED, FRESH = SOURCES = ("public", "sealed", "fresh")
LOGITS, CLASS, SCORE = TOLD = ("logits", "class", "score")


@dataclass(frozen=True)
class UsedModel:
    """The model: a commitment that a model passport ends with, and the opening of it that the proof spends.

    architecture: columns (names), hidden, outputs, loss, labels and inputs (names). passport: digest of the passport's
    envelope, or null: then nothing is said of where the model comes from.
    """

    passport: Hex32 | None
    commitment: Mapping[str, Json]
    opening: Count
    architecture: Mapping[str, Json]


@dataclass(frozen=True)
class Condition:
    """On one encoded column of a row: set, not set (value: what the column holds where set), at least, below."""

    column: Name
    kind: Name
    value: int

    def require(self) -> None:
        if self.kind not in KINDS:
            raise RecordError(f"condition on {self.column!r}: expected one of {', '.join(KINDS)}, got {self.kind!r}")
        if abs(self.value) > 1 << 13:
            raise RecordError(f"condition on {self.column!r}: {self.value} is beyond every encoded column's range")


@dataclass(frozen=True)
class Group:
    """The rows that meet every condition."""

    name: Name
    where: tuple[Condition, ...]


@dataclass(frozen=True)
class CountBound:
    """Bounds on a measure summed over a group: both the same where the number itself is told.

    measure: "size", "correct", "predicted COLUMN" (rows for which the model chose that label column), or
    "squared error" (regression: in units of 2^-24, an encoded target's 1.0 being 2^12).
    """

    measure: Name
    group: Name
    at_least: Count | None
    at_most: Count | None


@dataclass(frozen=True)
class RateBound:
    """Bounds on a measure's mean over a group of at least one row, whose size stays hidden."""

    measure: Name
    group: Name
    at_least: Decimal | None
    at_most: Decimal | None


@dataclass(frozen=True)
class GapBound:
    """The means of a measure over two groups, each of at least one row, are at most so far apart."""

    measure: Name
    first: Name
    second: Name
    at_most: Decimal


@dataclass(frozen=True)
class Assessment:
    """All that an evaluation claims about rows `first` to `first + rows - 1` of a sealed dataset.

    threshold: of a logistic model's logit, at 2^26: above it the answer is yes. margin_bits: logits of one row are
    less than 2^margin_bits apart.
    """

    first: Count
    rows: Count
    threshold: int
    margin_bits: Count
    groups: tuple[Group, ...]
    counts: tuple[CountBound, ...]
    rates: tuple[RateBound, ...]
    gaps: tuple[GapBound, ...]

    def require(self) -> None:
        names = [EVERYONE, *(group.name for group in self.groups)]
        if len(set(names)) != len(names):
            raise RecordError(f"assessment: a group is named twice, or {EVERYONE!r} is defined")
        for group in self.groups:
            if not group.where:
                raise RecordError(f"assessment: group {group.name!r} has no condition; {EVERYONE!r} is all rows")
            for condition in group.where:
                condition.require()
        if not self.rows or not (self.counts or self.rates or self.gaps):
            raise RecordError("assessment: expected at least one row and one bound")
        bounds: list[CountBound | RateBound] = [*self.counts, *self.rates]
        used = [bound.group for bound in bounds]
        used += [group for gap in self.gaps for group in (gap.first, gap.second)]
        for name in used:
            if name not in names:
                raise RecordError(f"assessment: a bound is about the group {name!r}; there are {', '.join(names)}")
        for bound in bounds:
            if bound.at_least is None and bound.at_most is None:
                raise RecordError(f"assessment: {bound.measure!r} in {bound.group!r} is bounded on neither side")


@dataclass(frozen=True)
class Evaluation(Record):
    KIND: ClassVar[str] = "evaluation"
    SIGNER: ClassVar[str] = "builder"

    builder: Hex32
    builder_name: Name
    model: UsedModel
    card: Hex32
    """Digest of the signed card of the rows."""
    card_proof: Hex32
    opening: Count
    """The opening of the rows' commitment that the proof spends."""
    claim: Assessment
    proof: Hex32
    created: Time

    def require(self) -> None:
        self.claim.require()

    def subjects(self) -> tuple[tuple[str, str], ...]:
        return (("model", digest(canonical(self.model.commitment))), ("card", self.card))


@dataclass(frozen=True)
class Answer(Record):
    """What a model answers to some rows. source: "public", the rows are told; "sealed", rows of a card, by place
    (from 0); "fresh", rows committed to for this answer, whose commitment is told. answers: per row the logits (at
    2^26), the class (its number among the labels; 0 or 1 for a logistic model) or the scores (probabilities or
    values, at 2^16)."""

    KIND: ClassVar[str] = "answer"
    SIGNER: ClassVar[str] = "builder"

    builder: Hex32
    builder_name: Name
    model: UsedModel
    source: Name
    rows: tuple[tuple[int, ...], ...]
    card: Hex32 | None
    card_proof: Hex32 | None
    places: tuple[Count, ...]
    commitment: Mapping[str, Json] | None
    schema: Mapping[str, Json] | None
    """Of fresh rows: what a card would say of them, proven here."""
    opening: Count | None
    """Of the card's or the fresh commitment that the proof spends."""
    told: Name
    threshold: int
    margin_bits: Count
    answers: tuple[tuple[int, ...], ...]
    proof: Hex32
    created: Time

    def require(self) -> None:
        if self.source not in SOURCES or self.told not in TOLD:
            raise RecordError(f"answer: expected a source among {SOURCES} and told among {TOLD}")
        has = (bool(self.rows), self.card is not None, self.commitment is not None)
        if has != tuple(self.source == source for source in SOURCES):
            raise RecordError("answer: expected rows of a public source, a card of a sealed, a commitment of a fresh")
        if (self.schema is None) != (self.commitment is None):
            raise RecordError("answer: fresh rows come with their schema")
        sealed = (self.card_proof is not None, bool(self.places))
        if sealed != (self.card is not None,) * 2 or (self.opening is None) != (self.source == PUBLIC):
            raise RecordError("answer: a card goes with its proof and places, an opening with a commitment")
        asked = len(self.rows) or len(self.places) or len(self.answers)
        if not self.answers or len(self.answers) != asked:
            raise RecordError(f"answer: {len(self.answers)} answers to {asked} rows")

    def subjects(self) -> tuple[tuple[str, str], ...]:
        return (("model", digest(canonical(self.model.commitment))),)
