"""Streams a table into the integer matrix that is committed to: one pass, vectorised, bounded memory.

Every cell that does not fit is found; the first MAX_SHOWN are named by row and column, the rest counted. Messages
never hold a cell's content. While streaming, a value takes two bytes (all lie in [-4096, 4096]).
"""

from __future__ import annotations

import re
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from bailee.adapters.machine import memory_bytes
from bailee.adapters.tables import Batch, Source, read_table, source_name
from bailee.errors import SchemaError
from bailee.records.schema import BINARY, NUMBER, UNIT, Column, Schema
from bailee.seal.progress import Progress

MAX_SHOWN = 10
WORDS_PER_VALUE = 8
_MEMORY_PART = 0.4
_NUMBER = re.compile(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]{1,4})?")
_TRUE, _FALSE = ("true", "1", "1.0"), ("false", "0", "0.0")


@dataclass
class Faults:
    """Cells that do not fit: how many, and the first of them."""

    count: int = 0
    shown: list[tuple[int, str, str]] = field(default_factory=list)

    def add(self, first_row: int, bad: NDArray[np.bool_], column: str, wants: str) -> None:
        places = np.flatnonzero(bad)
        self.count += len(places)
        self.shown += [(first_row + int(place), column, wants) for place in places[:MAX_SHOWN]]
        self.shown = sorted(self.shown, key=lambda fault: fault[0])[:MAX_SHOWN]

    def raise_if_any(self, source: Source) -> None:
        if self.count:
            lines = [f"  row {row}, {column}: expected {wants}" for row, column, wants in self.shown]
            more = f"\n  and {self.count - len(lines)} more" if self.count > len(lines) else ""
            what = "cell does" if self.count == 1 else "cells do"
            where = source_name(source)
            raise SchemaError(f"table {where}: {self.count} {what} not fit the schema\n" + "\n".join(lines) + more)


def memory_ceiling() -> int:
    """Bytes that a dataset may need while it is proven, unless the caller says otherwise: 40 % of the memory."""
    return int(_MEMORY_PART * memory_bytes())


def proving_bytes(rows: int, columns: int) -> int:
    """Memory to prove a matrix: 8 words per value, both sides padded to powers of two."""
    return (1 << (max(rows, 1) - 1).bit_length()) * (1 << (columns - 1).bit_length()) * WORDS_PER_VALUE * 8


def encode(
    source: Source, schema: Schema, ceiling: int | None = None, progress: Progress | None = None
) -> NDArray[np.int64]:
    """The matrix (rows, columns) of `schema.layout` for a table.

    `ceiling` bounds `proving_bytes`. Raises InputError (no table), SchemaError (columns, cells, too large).
    """
    limit = memory_ceiling() if ceiling is None else ceiling
    layout = schema.layout
    faults = Faults()
    chunks: list[NDArray[np.int16]] = []
    rows = 0
    with closing(read_table(source, [column.name for column in schema.columns])) as batches:
        for batch in batches:
            rows += batch.rows
            needed = proving_bytes(rows, len(layout.names))
            if needed > limit:
                raise SchemaError(
                    f"table {source_name(source)} has {rows} rows or more of {len(layout.names)} encoded columns: "
                    f"proving them needs {needed >> 20} MiB, the limit is {limit >> 20} MiB; split the table into "
                    "several datasets, name fewer columns, or use a machine with more memory"
                )
            chunk = _encode_batch(batch, schema, layout.norm_bound, faults)
            if not faults.count:
                chunks.append(chunk)
            if progress is not None:
                progress("encode", batch.part)
    faults.raise_if_any(source)
    matrix = np.empty((rows, len(layout.names)), np.int64)
    at = 0
    for place, chunk in enumerate(chunks):
        matrix[at : at + len(chunk)] = chunk
        at += len(chunk)
        chunks[place] = chunk[:0]  # the chunk's memory goes back before the next is copied
    return matrix


def encode_features(source: Source, schema: Schema) -> NDArray[np.int64]:
    """The matrix for rows that a model is asked about: as `encode`, but the label's columns are 0 and not read.

    Raises InputError, SchemaError.
    """
    faults = Faults()
    chunks: list[NDArray[np.int16]] = []
    with closing(read_table(source, [column.name for column in schema.features])) as batches:
        for batch in batches:
            chunk, numbers = _encode_part(batch, schema, faults)
            if not faults.count:
                _bound_rows(chunk, numbers, schema.row_bound, schema.over_norm == "shrink", batch.first_row, faults)
                chunks.append(chunk)
    faults.raise_if_any(source)
    return np.concatenate(chunks).astype(np.int64)


def _encode_batch(batch: Batch, schema: Schema, norm_bound: int, faults: Faults) -> NDArray[np.int16]:
    found = faults.count
    chunk, numbers = _encode_part(batch, schema, faults)
    at = schema.layout.labels[0]
    label = schema.label_column
    cells = _read_column(batch, label, schema, faults)
    if schema.label_kind == BINARY:
        chunk[:, at] = _label(cells, label)
    else:
        _place(chunk, at, label, cells)
    if faults.count == found:
        # A target counts with its largest square, so that what a row may hold does not depend on its target.
        spare = UNIT**2 - chunk[:, at].astype(np.int64) ** 2 if schema.label_kind == NUMBER else 0
        _bound_rows(chunk, numbers, norm_bound - spare, schema.over_norm == "shrink", batch.first_row, faults)
    return chunk


def _encode_part(batch: Batch, schema: Schema, faults: Faults) -> tuple[NDArray[np.int16], list[int]]:
    """The batch's rows with features and bias, labels still 0; and which columns are numbers, which may shrink."""
    chunk = np.zeros((batch.rows, len(schema.layout.names)), np.int16)
    at = 0
    numbers: list[int] = []
    for column in schema.features:
        _place(chunk, at, column, _read_column(batch, column, schema, faults))
        if column.type == "number":
            numbers.append(at)
        at += len(column.encoded)
    chunk[:, at] = UNIT
    return chunk, numbers


def _place(chunk: NDArray[np.int16], at: int, column: Column, values: NDArray[np.float64]) -> None:
    """Write a column's cells, as `_read_column` gave them, from matrix column `at` on."""
    if column.type == "category":
        chunk[np.arange(len(chunk)), at + values.astype(np.intp)] = UNIT
    elif column.type == "flag":
        chunk[:, at] = values * UNIT
    else:
        low, high = float(column.min or 0), float(column.max or 0)
        chunk[:, at] = np.rint((values - low) * (2 * UNIT / (high - low))) - UNIT


def _read_column(batch: Batch, column: Column, schema: Schema, faults: Faults) -> NDArray[np.float64]:
    """The column's cells as numbers: themselves, the category's index, or 0 and 1. What does not fit reads as low."""
    array = batch.columns[column.name]
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if _is_text(array.type):
        array = _decode_text(array, batch.first_row, column.name, faults)
        blank = pc.is_in(array, value_set=pa.array(schema.missing_values, pa.string()))
        array = pc.if_else(blank, pa.scalar(None, pa.string()), array)
    elif not (_is_plain(array.type) or pa.types.is_null(array.type)):
        raise SchemaError(f"column {column.name!r} has type {array.type} in the table; expected numbers, text or flags")
    missing = _mask(array.is_null())
    if column.missing is None and missing.any():
        faults.add(batch.first_row, missing, column.name, "a value, the cell is empty (or give a `missing` value)")
    values, fits = _as_numbers(array, column)
    if column.missing is not None:
        values[missing] = _fill(column, column.missing)
    bad = ~fits & ~missing
    if bad.any():
        faults.add(batch.first_row, bad, column.name, _wants(column))
    values[bad | (missing if column.missing is None else False)] = float(column.min or 0)
    return values


def _as_numbers(array: Any, column: Column) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """(values, which of them fit); a missing cell's value is arbitrary."""
    if column.type in ("category", "flag"):
        if pa.types.is_boolean(array.type) or pa.types.is_integer(array.type) or column.type == "flag":
            array = array.cast(pa.string())
        if not _is_text(array.type):
            return np.zeros(len(array)), np.zeros(len(array), np.bool_)
        if column.type == "flag":
            array = pc.utf8_lower(array)
        choices = column.categories or _FALSE + _TRUE
        place = pc.index_in(array, value_set=pa.array(choices, pa.string())).fill_null(-1)
        index = place.to_numpy(zero_copy_only=False).astype(np.float64)
        fits = index >= 0
        return (index if column.categories else (index >= len(_FALSE)).astype(np.float64)), fits
    try:
        array = array.cast(pa.float64(), safe=False)
    except pa.ArrowInvalid:  # text that Arrow does not read: cell by cell, to find which
        cells = ("" if cell is None else cell for cell in array.to_pylist())
        array = pa.array([float(cell) if _NUMBER.fullmatch(cell) else np.nan for cell in cells])
    values = array.fill_null(float(column.min or 0)).to_numpy(zero_copy_only=False).copy()
    fits = (values >= float(column.min or 0)) & (values <= float(column.max or 0))
    if column.type == "integer":
        fits &= values == np.floor(values)
    return values, fits


def _decode_text(array: Any, first_row: int, name: str, faults: Faults) -> Any:
    """Bytes as trimmed UTF-8 text; a cell that is none becomes missing, after it was counted as a fault."""
    try:
        return pc.utf8_trim_whitespace(array.cast(pa.string()))
    except pa.ArrowInvalid:
        cells = array.to_pylist()
        bad = np.array([not _is_utf8(cell) for cell in cells])
        faults.add(first_row, bad, name, "text in UTF-8")
        kept = [None if wrong else cell for cell, wrong in zip(cells, bad, strict=True)]
        return pc.utf8_trim_whitespace(pa.array(kept, pa.binary()).cast(pa.string()))


def _is_utf8(cell: bytes | None) -> bool:
    try:
        return cell is None or cell.decode("utf-8") is not None
    except UnicodeDecodeError:
        return False


def _is_text(kind: Any) -> bool:
    return any(
        test(kind)
        for test in (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view, pa.types.is_binary)
    )


def _is_plain(kind: Any) -> bool:
    tests = (pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean, pa.types.is_decimal)
    return any(test(kind) for test in tests)


def _mask(array: Any) -> NDArray[np.bool_]:
    mask: NDArray[np.bool_] = array.to_numpy(zero_copy_only=False).astype(np.bool_)
    return mask


def _fill(column: Column, text: str) -> float:
    if column.type == "category":
        return float(column.categories.index(text))
    return float(text == "true") if column.type == "flag" else float(text)


def _wants(column: Column) -> str:
    if column.type == "category":
        return f"one of {len(column.categories)} known categories"
    if column.type == "flag":
        return "true, false, 1 or 0"
    return f"{'a whole number' if column.type == 'integer' else 'a number'} in [{column.min}, {column.max}]"


def _label(values: NDArray[np.float64], column: Column) -> NDArray[np.bool_]:
    if column.type == "flag":
        return values.astype(np.bool_)
    if column.positive_above is not None:
        above: NDArray[np.bool_] = values > float(column.positive_above)
        return above
    return np.isin(values, [column.categories.index(name) for name in column.positive])


def _bound_rows(
    chunk: NDArray[np.int16],
    numbers: list[int],
    bounds: NDArray[np.int64] | int,
    shrink: bool,
    first_row: int,
    faults: Faults,
) -> None:
    """Refuse rows above their norm bound, or scale their number columns toward 0 until they are within it."""
    norms = np.einsum("ij,ij->i", chunk, chunk, dtype=np.int64)
    over = norms > bounds
    if not over.any():
        return
    bound = np.broadcast_to(bounds, norms.shape)[over]
    part = chunk[np.ix_(over, numbers)].astype(np.int64)
    own = np.einsum("ij,ij->i", part, part)
    rest = norms[over] - own
    if shrink and (rest <= bound).all():
        factor = np.sqrt((bound - rest) / np.maximum(own, 1))
        small = np.trunc(part * factor[:, None]).astype(np.int64)
        # Floats may round the factor up by a hair; the bound is exact, so step below it where that happened.
        while (still := np.einsum("ij,ij->i", small, small) + rest > bound).any():
            small[still] -= np.sign(small[still])
        chunk[np.ix_(over, numbers)] = small
        return
    if shrink:
        over[over] = rest > bound
        faults.add(first_row, over, "whole row", "its other columns to be within row_norm by themselves")
    else:
        faults.add(first_row, over, "whole row", 'its norm to be within row_norm (see over_norm = "shrink")')
