"""From signed rules on datasets to what their proofs claim: the same for prover and verifier."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

from bailee.errors import RecordError
from bailee.records import Card
from bailee.records.canonical import Json, canonical, digest
from bailee.records.rules import DISTINCT, MEAN_SQUARE, ROWS, ColumnBound, DatasetRules
from bailee.records.schema import UNIT, Schema
from bailee.statements.rules import DistinctClaim
from bailee.statements.statistics import Bound, StatisticsClaim


def rules_spending(record: DatasetRules) -> str:
    """Digest of what is claimed, whenever and by whichever openings: the same claim twice is one proof."""
    left_out = ("datasets", "proof", "created", "owner_name")
    kept: dict[str, Json] = {name: value for name, value in record.to_predicate().items() if name not in left_out}
    return digest(canonical({"spending": record.KIND, "cards": [one.card for one in record.datasets], **kept}))


def rules_claim(record: DatasetRules, cards: Sequence[Card]) -> DistinctClaim | StatisticsClaim:
    """Raises RecordError, StatementError where record and cards do not fit together."""
    if record.rule == DISTINCT:
        return _distinct(record, cards)
    schema, rows = Schema.from_json(cards[0].schema), cards[0].rows
    return StatisticsClaim(
        rows, len(schema.layout.names), UNIT, tuple(_bound(schema, rows, one) for one in record.bounds)
    )


def _distinct(record: DatasetRules, cards: Sequence[Card]) -> DistinctClaim:
    schemas = [Schema.from_json(card.schema) for card in cards]
    first = schemas[0]
    for other in schemas[1:]:
        if (other.columns, other.label, other.label_kind) != (first.columns, first.label, first.label_kind):
            raise RecordError("dataset-rules: datasets sealed under different schemas have no records to compare")
    names = first.layout.names
    chosen = tuple(_place(names, column) for column in record.columns)
    return DistinctClaim(tuple(card.rows for card in cards), len(names), chosen)


def _bound(schema: Schema, rows: int, one: ColumnBound) -> Bound:
    layout = schema.layout
    place = _place(layout.names, one.column)
    low, high, _ = layout.domains[place]
    least, most = Fraction(one.at_least), Fraction(one.at_most)
    if one.measure == MEAN_SQUARE:
        return Bound.second_moment(place, rows, least * high**2, most * high**2)
    if low == 0:  # set, or not
        if one.measure == ROWS:
            return Bound.count(place, high, math.ceil(least), math.floor(most))
        return Bound.mean(place, rows, least * high, most * high)
    column = next((found for found in schema.columns if found.name == one.column), None)
    if column is None or column.min is None or column.max is None or one.measure == ROWS:
        raise RecordError(f"dataset-rules: column {one.column!r} has no measure {one.measure!r}")
    start, end = Fraction(column.min), Fraction(column.max)
    middle, half = (start + end) / 2, (end - start) / 2
    return Bound.mean(place, rows, (least - middle) / half * UNIT, (most - middle) / half * UNIT)


def _place(names: Sequence[str], column: str) -> int:
    if column not in names:
        raise RecordError(f"dataset-rules: no column {column!r}; there are {', '.join(names)}"[:400])
    return list(names).index(column)
