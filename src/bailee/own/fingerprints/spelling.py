"""The one form of text: what compares as equal is spelt equally, whatever script, case, width or hidden letters.

For columns of a table and for names. Numbers and ASCII are brought to one form by the kernels (`cells.py`).
"""

from __future__ import annotations

import unicodedata
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

_MOST = 1 << 20
_UNSEEN = r"[\p{Cf}\p{Mn}\p{Me}]"
"""Formatting letters (zero-width, direction) and marks on top of letters."""


def plain_name(text: str) -> str:
    """A name (column, title): NFKC, letters and digits only, one case. '' where none is left."""
    folded = unicodedata.normalize("NFKD", text[:_MOST]).casefold()
    return "".join(letter for letter in folded if letter.isalnum())


def as_bytes(column: Any) -> Any:
    """A column of any Arrow type as an array of large enough binary cells, canonical beyond ASCII.

    A real number becomes the shortest decimal that reads back as the same value, so that a table means the same as CSV
    and as Parquet.
    """
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    kind = column.type
    if pa.types.is_dictionary(kind):
        column = column.cast(kind.value_type)
        kind = column.type
    if not (pa.types.is_binary(kind) or pa.types.is_string(kind)):
        if pa.types.is_null(kind):
            return pa.array([None] * len(column), pa.binary())
        column = _as_text(column)
    column = column.cast(pa.binary()) if pa.types.is_string(column.type) else column
    return column if _is_ascii(column) else _folded(column)


def _as_text(column: Any) -> Any:
    kind = column.type
    if pa.types.is_large_string(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind):
        return column.cast(pa.binary())
    if pa.types.is_timestamp(kind) or pa.types.is_time(kind):  # without the zeros of a finer unit
        text = column.cast(pa.string())
        return text if kind.unit == "s" else pc.replace_substring_regex(text, r"\.?0+(Z?)$", r"\1")
    try:
        return column.cast(pa.string())
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid):  # lists, structures: their JSON-like spelling
        return pa.array([None if cell is None else str(cell) for cell in column.to_pylist()], pa.string())


def _is_ascii(column: Any) -> bool:
    data = column.buffers()[2]
    return data is None or memoryview(data).tobytes().isascii()


def _folded(column: Any) -> Any:
    """Cells that are not UTF-8 stay as they are."""
    try:
        text = column.cast(pa.string())
    except pa.ArrowInvalid:
        return pa.array([_fold_one(cell) for cell in column.to_pylist()], pa.binary())
    text = pc.utf8_lower(pc.utf8_normalize(text, form="NFKD"))
    return pc.replace_substring_regex(text, pattern=_UNSEEN, replacement="").cast(pa.binary())


def _fold_one(cell: bytes | None) -> bytes | None:
    if cell is None:
        return None
    try:
        text = cell.decode()
    except UnicodeDecodeError:
        return cell
    kept = unicodedata.normalize("NFKD", text).lower()
    return "".join(x for x in kept if unicodedata.category(x) not in ("Cf", "Mn", "Me")).encode()
