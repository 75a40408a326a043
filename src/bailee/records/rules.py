"""What an owner signs about rows that stay sealed: no record twice, or column statistics within bounds.

What is claimed follows from the record and the cards it names (`bailee.statements.ruled`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from bailee.errors import RecordError
from bailee.records.envelope import Record
from bailee.records.fields import Count, Decimal, Hex32, Name, Time

DISTINCT, BOUNDS = RULES = ("distinct", "bounds")
MEAN, MEAN_SQUARE, ROWS = MEASURES = ("mean", "mean square", "rows")


@dataclass(frozen=True)
class RuledRows:
    """A sealed dataset, and the opening of its commitment that the proof spends."""

    card: Hex32
    """Digest of the signed card."""
    card_proof: Hex32
    opening: Count


@dataclass(frozen=True)
class ColumnBound:
    """A measure of one encoded column, over all rows: at_least <= measure <= at_most.

    "mean": of a number, in the units of the table, as encoded; of a flag, a category or a binary label the share of
    rows where it is set. "mean square": of encoded values, the column's largest being 1. "rows": where it is set.
    """

    column: Name
    measure: Name
    at_least: Decimal
    at_most: Decimal


@dataclass(frozen=True)
class DatasetRules(Record):
    """One rule on one owner's rows.

    "distinct": no record occurs twice among all datasets; records are compared in `columns` (encoded), in all where
    there are none. "bounds": all `bounds` hold of a single dataset.
    """

    KIND: ClassVar[str] = "dataset-rules"
    SIGNER: ClassVar[str] = "owner"

    owner: Hex32
    owner_name: Name
    rule: Name
    datasets: tuple[RuledRows, ...]
    columns: tuple[Name, ...]
    bounds: tuple[ColumnBound, ...]
    proof: Hex32
    created: Time

    def require(self) -> None:
        if self.rule not in RULES:
            raise RecordError(f"dataset-rules: expected a rule among {', '.join(RULES)}, got {self.rule!r}")
        cards = [one.card for one in self.datasets]
        if not cards or len(set(cards)) != len(cards):
            raise RecordError("dataset-rules: expected at least one dataset, each once")
        if self.rule == DISTINCT and self.bounds:
            raise RecordError("dataset-rules: a rule of distinct records has no bounds")
        if self.rule == BOUNDS and (len(cards) != 1 or self.columns or not self.bounds):
            raise RecordError("dataset-rules: bounds are on one dataset, at least one, and compare no columns")
        for bound in self.bounds:
            if bound.measure not in MEASURES:
                raise RecordError(f"dataset-rules: expected a measure among {MEASURES}, got {bound.measure!r}")

    def subjects(self) -> tuple[tuple[str, str], ...]:
        return tuple(("card", one.card) for one in self.datasets)
