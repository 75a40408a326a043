"""Predictions of a published model, sold by the request: rows in, the proven integers' answers out.

Request: JSON `{"rows": [{column: value, ...}, ...]}`; answer: `{"passport", "label", "answers": [{...}, ...]}`, for a
label with classes the class and each one's probability, else the value. The same rows give the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from bailee import json_text
from bailee.errors import InputError, StatementError
from bailee.release import ReleasedModel
from bailee.seal.encode import encode_features
from bailee.settle.pricing import Price

MOST_ROWS = 1000


@dataclass(frozen=True)
class Predictions:
    """A `Resource` of the paid door."""

    model: ReleasedModel
    price: Price
    description: str = "predictions of a model that pays those whose data it was trained on"
    media: str = "application/json"

    def answer(self, body: bytes) -> bytes:
        rows = _rows(body)
        schema = self.model.schema
        for column in schema.features:
            if lacking := [str(place) for place, row in enumerate(rows, 1) if column.name not in row]:
                raise InputError(f"row {lacking[0]} has no column {column.name!r}; say null where a value is missing")
        columns = {column.name: [_cell(row, column.name) for row in rows] for column in schema.features}
        table = pa.table({name: pa.array(cells, pa.string()) for name, cells in columns.items()})
        try:
            scores = self.model.scores(encode_features(table, schema))
        except StatementError as error:
            raise InputError(f"the model cannot answer these rows: {error}") from None
        answers = [self._told(row) for row in scores.tolist()]
        found = {"passport": self.model.passport, "label": schema.label, "answers": answers}
        return json.dumps(found, separators=(",", ":")).encode()

    def _told(self, scores: Sequence[float]) -> dict[str, Any]:
        classes = self.model.classes
        if not classes:
            return {"value": scores[0]}
        best = max(range(len(classes)), key=lambda place: scores[place])
        return {"class": classes[best], "probabilities": dict(zip(classes, scores, strict=True))}


def _rows(body: bytes) -> list[dict[str, Any]]:
    try:
        found = json_text.load(body)
    except ValueError:
        raise InputError('expected JSON as {"rows": [{column: value, ...}, ...]}') from None
    rows = found.get("rows") if isinstance(found, dict) else None
    if not isinstance(rows, list) or not 0 < len(rows) <= MOST_ROWS or not all(isinstance(row, dict) for row in rows):
        raise InputError(f'expected {{"rows": [...]}} with 1 to {MOST_ROWS} rows, each an object')
    return rows


def _cell(row: dict[str, Any], name: str) -> str | None:
    """As a CSV would have it."""
    value = row.get(name)
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    raise InputError(f"column {name}: expected text, a number, true, false or null")
