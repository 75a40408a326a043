"""Tables as columns: an Arrow IPC stream for each, all cut into the same groups of rows, and a small face for all.

    face      canonical JSON: number of rows, of columns, and names and types of those that are told
    schema    the whole Arrow schema with its metadata; only shares of the whole table open it
    columns   one Arrow IPC stream each, with a schema of one field

Nothing here knows of stores or catalogues: columns go to writers and come from iterators of bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import pyarrow as pa

from bailee.errors import DamageError, InputError, NotFoundError, RecordError
from bailee.records import canonical, parse
from bailee.records.fields import Count, Name, check, decode, encode
from bailee.records.share import FACE, SCHEMA, Label

CONTENT_TYPE = "application/vnd.bailee.table"
GROUP = 1 << 16
"""Rows of a group at most; a source's own smaller batches stay as they are."""
MAX_STREAMED = 64
"""Columns of a source that can be read only once: each is written at the same time as all others."""
_BROKEN = (pa.ArrowException, OSError, ValueError)
"""What Arrow raises for bytes that are no stream. What the stores raise is none of these and goes through."""

Table: TypeAlias = "pa.Table | pa.RecordBatchReader"


class Writer(Protocol):
    def write(self, data: bytes | memoryview) -> object: ...


@dataclass(frozen=True)
class ToldColumn:
    """What the face says of a column. name and type are "" where they are not told."""

    name: Label
    type: Label
    is_public: bool


@dataclass(frozen=True)
class Face:
    """What every share of a table opens."""

    rows: Count
    columns: tuple[ToldColumn, ...]

    def to_bytes(self) -> bytes:
        return canonical({"version": 1, "face": encode(self)})

    @classmethod
    def from_bytes(cls, data: bytes) -> Face:
        """Raises RecordError for anything but a face of version 1."""
        value = parse(data)
        if not isinstance(value, Mapping) or sorted(value) != ["face", "version"] or value["version"] != 1:
            raise RecordError("expected the face of a table of version 1")
        face: Face = decode(cls, value["face"], "face")
        return face


def check_columns(schema: pa.Schema, public: Sequence[str]) -> None:
    """InputError where names are missing, double or not printable, or `public` names what is not there."""
    for name in schema.names:
        try:
            check(Name, name, "column")
        except RecordError as error:
            raise InputError(f"{error}; rename it: names stand in shares, where people read them") from None
    if not schema.names or len(set(schema.names)) != len(schema.names):
        raise InputError("expected a table with at least one column, each name once")
    unknown = [name for name in public if name not in schema.names]
    if unknown or len(set(public)) != len(public):
        raise InputError(
            f"expected public columns among {_some(schema.names)}, each once; got {_some(unknown or public)}"
        )


def face_of(schema: pa.Schema, rows: int, public: Sequence[str], hide_names: bool) -> Face:
    """hide_names: what is not public is counted, not named."""
    told = [(field, field.name in public) for field in schema]
    return Face(
        rows,
        tuple(
            ToldColumn(field.name, _short(field.type), is_public)
            if is_public or not hide_names
            else ToldColumn("", "", False)
            for field, is_public in told
        ),
    )


def write_columns(table: Table, open_writer: Callable[[str], Writer], close: Callable[[str], None]) -> int:
    """Every column to a writer of its own; returns the number of rows. `close` is called when a column is whole.

    A table in memory is written column after column. A reader is read once, all columns side by side: at most
    MAX_STREAMED of them, or InputError.
    """
    if isinstance(table, pa.Table):
        sizes = _groups(table)
        for place, field in enumerate(table.schema):
            _write_one(field, table.column(place), sizes, open_writer(field.name))
            close(field.name)
        return int(table.num_rows)
    if len(table.schema) > MAX_STREAMED:
        raise InputError(
            f"expected at most {MAX_STREAMED} columns in a stream, got {len(table.schema)}; "
            "read it into a pyarrow.Table, or put it as several tables"
        )
    rows = 0
    with _Streams(table.schema, open_writer) as streams:
        for batch in table:
            for start in range(0, batch.num_rows, GROUP):
                streams.write(batch.slice(start, GROUP))
            rows += batch.num_rows
    for name in table.schema.names:
        close(name)
    return rows


class _Streams:
    """An open Arrow IPC stream for each column."""

    def __init__(self, schema: pa.Schema, open_writer: Callable[[str], Writer]) -> None:
        self._fields = list(schema)
        self._open = [_stream(open_writer(field.name), field) for field in self._fields]

    def __enter__(self) -> _Streams:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:  # otherwise the writers are given up, and no end of stream may reach them
            for stream in self._open:
                stream.close()

    def write(self, batch: pa.RecordBatch) -> None:
        for field, values, stream in zip(self._fields, batch.columns, self._open, strict=True):
            stream.write_batch(_batch(values, field))


def read_columns(
    names: Sequence[str], open_part: Callable[[str], Iterator[bytes]], schema: pa.Schema | None = None
) -> pa.RecordBatchReader:
    """The named columns side by side, group by group, in constant memory. schema: the whole one, where it is known.

    Raises DamageError where columns have different groups, or are not what their names say.
    """
    streams = [_opened(name, open_part(name)) for name in names]
    fields = [stream.schema.field(0) for stream in streams]
    metadata = None
    if schema is not None:
        fields, metadata = [schema.field(name) for name in names], schema.metadata
    whole = pa.schema(fields, metadata=metadata)

    def batches() -> Iterator[pa.RecordBatch]:
        while True:
            groups = [_next(stream, name) for stream, name in zip(streams, names, strict=True)]
            if all(group is None for group in groups):
                return
            if len({None if group is None else group.num_rows for group in groups}) != 1:
                raise DamageError(
                    "the columns of this table have different numbers of rows; it was put together wrongly"
                )
            yield pa.RecordBatch.from_arrays([group.column(0) for group in groups if group is not None], schema=whole)

    return pa.RecordBatchReader.from_batches(whole, batches())


def chosen(columns: Sequence[str] | None, known: Sequence[str]) -> list[str]:
    """The columns asked for, all for None. NotFoundError for those that are not there."""
    if columns is None:
        return list(known)
    unknown = [name for name in columns if name not in known]
    if unknown:
        raise NotFoundError(f"there is no column {_some(unknown)}; there are {_some(known)}")
    if not columns or len(set(columns)) != len(columns):
        raise InputError("expected at least one column, each once")
    return list(columns)


def schema_bytes(schema: pa.Schema) -> bytes:
    return bytes(schema.serialize())


def read_schema(data: bytes) -> pa.Schema:
    try:
        return pa.ipc.read_schema(pa.py_buffer(data))
    except _BROKEN:
        raise DamageError("the schema of this table is not an Arrow schema; it was put together wrongly") from None


def is_column(part: str) -> bool:
    return part not in (FACE, SCHEMA, "")


class _Bytes:
    """An iterator of bytes as the file Arrow reads from."""

    def __init__(self, parts: Iterator[bytes]) -> None:
        self._parts, self._left = parts, memoryview(b"")
        self.closed = False

    def read(self, size: int = -1) -> bytes:
        found, missing = [], size
        while missing:
            if not self._left:
                part = next(self._parts, None)
                if part is None:
                    break
                self._left = memoryview(part)
            taken = self._left[:missing] if missing > 0 else self._left
            self._left = self._left[len(taken) :]
            found.append(taken)
            missing -= len(taken) if missing > 0 else 0
        return b"".join(found)

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return False

    def seekable(self) -> bool:
        return False

    def close(self) -> None:
        self.closed = True


class _Sink:
    """A writer as the file Arrow writes to."""

    closed = False

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    def write(self, data: Any) -> int:
        view = memoryview(data).cast("B")
        self._writer.write(view)
        return len(view)

    def writable(self) -> bool:
        return True

    def readable(self) -> bool:
        return False

    def seekable(self) -> bool:
        return False

    def flush(self) -> None:
        pass

    def close(self) -> None:
        pass


def _stream(writer: Writer, field: pa.Field) -> Any:
    # Dictionaries that change between groups are written anew: a stream, not a file, allows that.
    options = pa.ipc.IpcWriteOptions(emit_dictionary_deltas=False)
    return pa.ipc.new_stream(pa.PythonFile(_Sink(writer), "w"), pa.schema([field]), options=options)


def _write_one(field: pa.Field, values: pa.ChunkedArray, sizes: Sequence[int], writer: Writer) -> None:
    stream, start = _stream(writer, field), 0
    for size in sizes:
        group = values.slice(start, size)
        start += size
        whole = group.chunk(0) if group.num_chunks == 1 else group.combine_chunks()
        if isinstance(whole, pa.ChunkedArray):  # too large for one array of its type
            raise InputError(
                f"the column {field.name!r} has a group of rows over 2 GiB; use a large_ type, or smaller batches"
            )
        stream.write_batch(_batch(whole, field))
    stream.close()


def _batch(values: pa.Array, field: pa.Field) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([values], schema=pa.schema([field]))


def _groups(table: pa.Table) -> list[int]:
    rows = table.num_rows
    return [min(GROUP, rows - start) for start in range(0, rows, GROUP)]


def _opened(name: str, parts: Iterator[bytes]) -> Any:
    try:
        stream = pa.ipc.open_stream(pa.PythonFile(_Bytes(parts), "r"))
        names = stream.schema.names
    except _BROKEN:
        raise _wrong(name) from None
    if names != [name]:
        raise _wrong(name)
    return stream


def _next(stream: Any, name: str) -> pa.RecordBatch | None:
    try:
        batch = stream.read_next_batch()
        # Arrow reads lengths and offsets as they are written; whoever shared the column may have made them up.
        batch.validate(full=True)
    except StopIteration:
        return None
    except _BROKEN:
        raise _wrong(name) from None
    return batch


def _wrong(name: str) -> DamageError:
    return DamageError(f"the column {name!r} is not an Arrow stream of that column; it was put together wrongly")


def _short(kind: pa.DataType) -> str:
    text = str(kind)
    return text if len(text) <= 255 and text.isprintable() else text.split("<")[0][:200] + "<...>"


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(repr(name) for name in list(names)[:8])
    return shown + (", ..." if len(names) > 8 else "")
