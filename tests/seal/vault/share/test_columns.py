"""Columns as streams of bytes: what is written reads back; what is no column or no face is refused."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bailee.errors import DamageError, InputError, NotFoundError, RecordError
from bailee.seal.vault.share.columns import (
    GROUP,
    Face,
    ToldColumn,
    check_columns,
    chosen,
    face_of,
    read_columns,
    read_schema,
    schema_bytes,
    write_columns,
)

TABLE = pa.table({"a": pa.array(range(200), pa.int32()), "b": [f"text {i}" for i in range(200)]})


class Taken(bytearray):
    def write(self, data: bytes | memoryview) -> None:
        self.extend(data)


def written(table: pa.Table | pa.RecordBatchReader) -> dict[str, bytes]:
    taken: dict[str, Taken] = {}
    closed: list[str] = []

    def open_writer(name: str) -> Taken:
        taken[name] = Taken()
        return taken[name]

    rows = write_columns(table, open_writer, closed.append)
    assert closed == list(taken)
    if isinstance(table, pa.Table):
        assert rows == table.num_rows
    return {name: bytes(data) for name, data in taken.items()}


def read(columns: dict[str, bytes], size: int = 1000) -> pa.Table:
    def parts(name: str) -> Iterator[bytes]:
        data = columns[name]
        return (data[at : at + size] for at in range(0, len(data), size))

    return read_columns(list(columns), parts).read_all()


COLUMNS = written(TABLE)


@pytest.mark.parametrize("size", [1, 7, 64, 100_000])
def test_it_reads_back_however_the_bytes_come(size: int) -> None:
    assert read(COLUMNS, size).equals(TABLE)


def test_a_table_and_its_stream_give_the_same_bytes() -> None:
    batches = TABLE.to_batches()
    assert written(pa.RecordBatchReader.from_batches(TABLE.schema, batches)) == COLUMNS


def test_groups() -> None:
    data = pa.table({"a": pa.array(range(2 * GROUP + 5), pa.int64())})
    for source in (data, pa.RecordBatchReader.from_batches(data.schema, data.to_batches())):
        column = written(source)["a"]
        found = read_columns(["a"], lambda name, data=column: iter([data]))
        assert [batch.num_rows for batch in found] == [GROUP, GROUP, 5]


def test_one_column_is_read_without_the_others() -> None:
    opened: list[str] = []

    def parts(name: str) -> Iterator[bytes]:
        opened.append(name)
        return iter([COLUMNS[name]])

    assert read_columns(["b"], parts).read_all().column_names == ["b"]
    assert opened == ["b"]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.binary(max_size=4), st.booleans())
def test_bytes_that_are_no_column(at: int, noise: bytes, cut: bool) -> None:
    """The vault's encryption finds changes; this is for an owner who puts something else together."""
    good = COLUMNS["b"]
    at %= len(good)
    data = good[:at] if cut else good[:at] + noise + good[at + len(noise) :]
    try:
        found = read({"a": COLUMNS["a"], "b": data})
    except DamageError:
        return
    assert found.column_names == ["a", "b"]
    assert found.num_rows == 200


def test_errors_of_the_stores_go_through() -> None:
    def parts(name: str) -> Iterator[bytes]:
        yield COLUMNS[name][:300]
        raise DamageError("too few fragments")

    with pytest.raises(DamageError, match="too few fragments"):
        read_columns(["a"], parts).read_all()


def test_a_column_under_another_name() -> None:
    with pytest.raises(DamageError, match="'c' is not an Arrow stream of that column"):
        read({"c": COLUMNS["a"]})
    with pytest.raises(DamageError, match="'a' is not an Arrow stream"):
        read({"a": b""})
    unusual = written(pa.table({"unusual": [1]}))["unusual"]
    with pytest.raises(DamageError, match="'unusual' is not an Arrow stream"):
        read({"unusual": unusual.replace(b"unusual", b"\xff" * 7)})


def test_the_face() -> None:
    face = face_of(TABLE.schema, 200, ["b"], hide_names=False)
    assert face.columns == (ToldColumn("a", "int32", False), ToldColumn("b", "string", True))
    hidden = face_of(TABLE.schema, 200, ["b"], hide_names=True)
    assert hidden.columns == (ToldColumn("", "", False), ToldColumn("b", "string", True))
    for one in (face, hidden):
        assert Face.from_bytes(one.to_bytes()) == one
    deep = pa.schema([("x" * 10, pa.struct([(f"field {i}", pa.int8()) for i in range(100)]))])
    assert Face.from_bytes(face_of(deep, 0, [], False).to_bytes()).columns[0].type == "struct<...>"


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=60) | st.tuples(st.integers(0, 200), st.binary(min_size=1, max_size=3)))
def test_bytes_that_are_no_face(data: bytes | tuple[int, bytes]) -> None:
    good = face_of(TABLE.schema, 200, ["b"], hide_names=False).to_bytes()
    if isinstance(data, tuple):
        at = data[0] % len(good)
        data = good[:at] + data[1] + good[at + len(data[1]) :]
    try:
        assert Face.from_bytes(data).to_bytes() == data
    except RecordError:
        return


def test_faces_of_another_form() -> None:
    for data in (b"{}", b"[]", b'{"face":{},"version":1}', b'{"face":{"columns":[],"rows":1},"version":2}'):
        with pytest.raises(RecordError):
            Face.from_bytes(data)


def test_schemas() -> None:
    assert read_schema(schema_bytes(TABLE.schema)) == TABLE.schema
    for data in (b"", b"abc", schema_bytes(TABLE.schema)[:-9]):
        with pytest.raises(DamageError, match="not an Arrow schema"):
            read_schema(data)


def test_names() -> None:
    check_columns(TABLE.schema, ["a"])
    assert chosen(None, ["a", "b"]) == ["a", "b"]
    assert chosen(["b"], ["a", "b"]) == ["b"]
    with pytest.raises(NotFoundError, match="there is no column 'c'; there are 'a', 'b'"):
        chosen(["c"], ["a", "b"])
    for wrong in ([], ["a", "a"]):
        with pytest.raises(InputError, match="at least one column, each once"):
            chosen(wrong, ["a", "b"])
