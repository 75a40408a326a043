"""Tables as streams of record batches: CSV and Parquet through PyArrow, never the whole file.

Memory, whatever the file's size: for CSV a few blocks of BLOCK_BYTES; for Parquet a batch of BATCH_ROWS rows of
the wanted columns, plus one page of each (the file's writer chose its size, normally 1 MiB). The kind of file is
told by its first bytes, not by its name.

Rows are counted from 1 after the header; blank lines of a CSV are no rows. Messages name file, column and row, and
never a cell's content: it is somebody's secret.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from bailee.adapters.files import storage_errors
from bailee.errors import InputError, SchemaError

BLOCK_BYTES = 4 << 20
BATCH_ROWS = 65_536
_HEADER_BYTES = 1 << 20
_PARQUET_MAGIC = b"PAR1"


@dataclass(frozen=True)
class Batch:
    """Some rows of the wanted columns. CSV cells are binary (undecoded), Parquet cells of the file's own type."""

    first_row: int
    """Number of the first row, from 1."""
    columns: dict[str, Any]
    """pyarrow.Array by column name, all of one length."""
    rows: int
    part: float
    """How much of the file has been read after this batch, 0 to 1; an estimate for CSV."""


Source: TypeAlias = Path | pa.Table
"""A CSV or Parquet file, or a table in memory, which never touches a disk."""


def read_table(source: Source, columns: Sequence[str]) -> Generator[Batch, None, None]:
    """The named columns of a table, batch by batch, in row order. Close it where it is left before its end.

    PyArrow reads ahead in a thread of its own, which ends the process if it still reads when the interpreter goes.

    InputError: no such file, empty, unreadable as its kind. SchemaError: a column missing or named twice.
    """
    if isinstance(source, Path):
        yield from _read_file(source, columns)
        return
    _check_columns(source_name(source), source.column_names, columns)
    if not source.num_rows:
        raise InputError("the table has no rows; expected at least one")
    first = 1
    for batch in source.select(list(columns)).to_batches(BATCH_ROWS):
        part = min(1.0, (first + batch.num_rows - 1) / source.num_rows)
        yield Batch(first, {name: batch.column(name) for name in columns}, batch.num_rows, part)
        first += batch.num_rows


def table_columns(path: Path) -> list[str]:
    """Names of the columns of a CSV or Parquet file, in its order. InputError as `read_table` raises it."""
    if not _is_parquet(path):
        return _csv_header(path)
    with storage_errors(path):
        try:
            return list(pyarrow.parquet.read_schema(path).names)
        except (pa.ArrowException, OSError, ValueError, KeyError) as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise
            kind = type(error).__name__
            raise InputError(f"table {path} is not readable as Parquet ({kind}); it is damaged") from None


def source_name(source: Source) -> str:
    """What messages call it. A table in memory would show its rows."""
    return str(source) if isinstance(source, Path) else "in memory"


def _is_parquet(path: Path) -> bool:
    """Whether a file that has something in it is Parquet; otherwise it is taken for CSV."""
    with storage_errors(path):
        if path.is_fifo():  # opening one would wait for a writer
            raise InputError(f"table {path} is a pipe, and a table is opened more than once; save it to a file first")
        try:
            with path.open("rb") as file:
                magic = file.read(len(_PARQUET_MAGIC))
        except FileNotFoundError:
            raise InputError(f"table {path} does not exist; check the path") from None
        except IsADirectoryError:
            raise InputError(f"expected a CSV or Parquet file at {path}, got a directory") from None
    if not magic:
        raise InputError(f"table {path} is empty; expected a CSV file with a header line, or a Parquet file")
    return magic == _PARQUET_MAGIC


def _read_file(path: Path, columns: Sequence[str]) -> Iterator[Batch]:
    batches = _read_parquet(path, columns) if _is_parquet(path) else _read_csv(path, columns)
    empty = True
    for batch in batches:
        if batch.rows:
            empty = False
            yield batch
    if empty:
        raise InputError(f"table {path} has a header but no rows; expected at least one")


def _read_csv(path: Path, columns: Sequence[str]) -> Iterator[Batch]:
    header = _csv_header(path)
    _check_columns(path, header, columns)
    ragged: list[Any] = []

    def refuse(row: Any) -> str:
        ragged.append(row)
        return "error"

    size = max(path.stat().st_size, 1)
    first = 1
    with storage_errors(path), _CsvFile(path) as file:
        try:
            reader = pyarrow.csv.open_csv(
                file,
                # One thread: with several, PyArrow does not number the rows it refuses.
                read_options=pyarrow.csv.ReadOptions(use_threads=False, block_size=BLOCK_BYTES),
                parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True, invalid_row_handler=refuse),
                convert_options=pyarrow.csv.ConvertOptions(
                    include_columns=list(columns),
                    column_types=dict.fromkeys(columns, pa.binary()),
                    strings_can_be_null=False,
                ),
            )
            for batch in reader:
                part = min(1.0, file.tell() / size)
                yield Batch(first, dict(zip(columns, batch.columns, strict=True)), batch.num_rows, part)
                first += batch.num_rows
            if file.quotes % 2:
                raise InputError(f"table {path}: its quotes do not pair up; a cell's closing quote is missing")
        except (pa.ArrowException, ValueError) as error:
            if ragged:
                row = ragged[0]
                raise InputError(
                    f"table {path}, row {row.number - 1}: expected {row.expected_columns} cells as in the header, "
                    f"got {row.actual_columns}; an unclosed quote also looks like this"
                ) from None
            kind = "a cell or row longer than a block, or an unclosed quote" if "straddling" in str(error) else "damage"
            raise InputError(f"table {path}, after row {first - 1}: not readable as CSV ({kind})") from None


class _CsvFile(io.FileIO):
    """A file that counts its quotes: PyArrow takes a quote that never closes as one long last cell, rows and all."""

    quotes = 0

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(-1 if size is None else size) or b""
        self.quotes += data.count(b'"')
        return data


def _csv_header(path: Path) -> list[str]:
    with path.open("rb") as file:
        start = file.read(_HEADER_BYTES)
    # A multi-byte character may be cut at the end of the block; it is past the header or the header is too long.
    text = start.decode("utf-8-sig", errors="surrogateescape")
    try:
        header = next((row for row in csv.reader(io.StringIO(text, newline=""), strict=True) if row), None)
    except csv.Error:
        header = None
    if header is None or (len(start) == _HEADER_BYTES and text.count("\n") == 0):
        raise InputError(f"table {path}: no header line was found; expected a CSV file with one, or a Parquet file")
    if any(not name.isprintable() for name in header):
        raise InputError(f"table {path}: the header is not text in UTF-8; expected a CSV file, or Parquet")
    return header


def _read_parquet(path: Path, columns: Sequence[str]) -> Iterator[Batch]:
    first = 1
    with storage_errors(path):
        try:
            with pyarrow.parquet.ParquetFile(
                path, buffer_size=1 << 20, pre_buffer=False, page_checksum_verification=True
            ) as file:
                _check_columns(path, file.schema_arrow.names, columns)
                total = max(file.metadata.num_rows, 1)
                for batch in file.iter_batches(BATCH_ROWS, columns=list(columns), use_threads=False):
                    found = {name: batch.column(name) for name in columns}
                    part = min(1.0, (first + batch.num_rows - 1) / total)
                    yield Batch(first, found, batch.num_rows, part)
                    first += batch.num_rows
        except (pa.ArrowException, OSError, ValueError, KeyError) as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise
            raise InputError(
                f"table {path}, after row {first - 1}: not readable as Parquet ({type(error).__name__}); it is damaged"
            ) from None


def _check_columns(path: object, found: Sequence[str], wanted: Sequence[str]) -> None:
    twice = sorted({name for name in wanted if found.count(name) > 1})
    if twice:
        raise SchemaError(f"table {path} names the column {twice[0]!r} twice; rename one")
    missing = [name for name in wanted if name not in found]
    if missing:
        shown = ", ".join(repr(name) for name in list(found)[:20])
        raise SchemaError(f"table {path} has no column {missing[0]!r}, which the schema names; it has {shown}")
