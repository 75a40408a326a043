"""What a table's columns seem to be: a proposal for its schema, for somebody to correct before it is published.

Ranges and categories of a schema are public, and belong to the field and not to the rows. So ranges are rounded
outward to a round number, and whoever takes them over should say what the field allows instead.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa

from bailee.adapters.tables import read_table, table_columns
from bailee.errors import SchemaError

LOOKED = 20_000
"""Rows that are looked at: the first ones."""
MOST_CATEGORIES = 32
MISSING = ("", "?", "NA", "N/A", "NaN", "nan", "null", "NULL", "None", "-")
LEAVE_OUT = "leave out"
_FLAGS = {"true", "false", "0", "1"}
_LONGEST = 90


@dataclass(frozen=True)
class Guess:
    """type: one of a schema's, or LEAVE_OUT for text of many kinds, names and numbers of people. low, high: decimal
    texts for numbers, rounded outward; missing: cells of those looked at that seem to hold nothing."""

    name: str
    type: str
    low: str = ""
    high: str = ""
    categories: tuple[str, ...] = ()
    missing: int = 0


@dataclass
class _Seen:
    values: set[str] = field(default_factory=set)
    missing: int = 0
    numbers: bool = True
    whole: bool = True
    low: float = math.inf
    high: float = -math.inf

    def add(self, cell: str) -> None:
        text = cell.strip()
        if text in MISSING:
            self.missing += 1
            return
        if len(self.values) <= MOST_CATEGORIES:
            self.values.add(text)
        if not self.numbers:
            return
        try:
            number = float(text)
        except ValueError:
            self.numbers = False
            return
        if not math.isfinite(number):
            self.numbers = False
            return
        self.whole = self.whole and number.is_integer() and not set(text) & set(".eE")
        self.low, self.high = min(self.low, number), max(self.high, number)

    def guess(self, name: str) -> Guess:
        if not self.values:
            return Guess(name, LEAVE_OUT, missing=self.missing)
        if {value.lower() for value in self.values} <= _FLAGS:
            return Guess(name, "flag", missing=self.missing)
        if self.numbers:
            low, high = outward(self.low, self.high)
            return Guess(name, "integer" if self.whole else "number", low, high, missing=self.missing)
        sound = all(value.isprintable() and len(value) <= _LONGEST for value in self.values)
        if 2 <= len(self.values) <= MOST_CATEGORIES and sound:
            return Guess(name, "category", categories=tuple(sorted(self.values)), missing=self.missing)
        return Guess(name, LEAVE_OUT, missing=self.missing)


def guess_columns(table: Path) -> tuple[Guess, ...]:
    """Of every column of a CSV or Parquet file, in its order. InputError, SchemaError (a column named twice)."""
    names = table_columns(table)
    if not names:
        raise SchemaError("the table has no columns; expected at least two, a label among them")
    seen = {name: _Seen() for name in names}
    with closing(read_table(table, names)) as batches:
        for batch in batches:
            more = LOOKED - batch.first_row + 1
            for name in names:
                for cell in _texts(batch.columns[name].slice(0, more)):
                    seen[name].add(cell)
            if batch.first_row + batch.rows > LOOKED:
                break
    return tuple(one.guess(name) for name, one in seen.items())


def _texts(cells: Any) -> Iterable[str]:
    if pa.types.is_binary(cells.type):
        return (cell.decode("utf-8", "replace") for cell in cells.to_pylist())
    return ("" if cell is None else str(cell) for cell in cells.to_pylist())


def outward(low: float, high: float) -> tuple[str, str]:
    """A round range that holds both: multiples of the power of ten below the span, to a billionth at the finest."""
    most = max(abs(low), abs(high))
    span = max(high - low, most * 1e-12, 1e-9) if high > low else max(most, 1e-9)
    unit = Decimal(1).scaleb(math.floor(math.log10(span)))
    down = (Decimal(low) / unit).to_integral_value(ROUND_FLOOR)
    up = (Decimal(high) / unit).to_integral_value(ROUND_CEILING)
    return _text(down * unit), _text(max(up, down + 1) * unit)


def _text(number: Decimal) -> str:
    return format(number.normalize() if number else Decimal(0), "f")
