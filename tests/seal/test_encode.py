"""Encoding: right integers, every cell that does not fit found and counted, memory refused before it is used."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bailee.errors import InputError, SchemaError
from bailee.records.schema import UNIT
from bailee.seal.encode import encode, proving_bytes
from bailee.seal.schema import read_schema

U = UNIT
ROWS = [
    [0, -U, U, 0, 0, U, U, 0],
    [-U, U, 0, U, 0, 0, U, 1],
    [U, -U // 2, 0, 0, U, 0, U, 1],
    [-2007, 0, U, 0, 0, U, U, 0],
]


def test_a_csv_becomes_integers(schema_toml: bytes, table: Path) -> None:
    steps: list[tuple[str, float]] = []
    matrix = encode(table, read_schema(schema_toml), progress=lambda step, part: steps.append((step, part)))
    assert matrix.dtype == np.int64
    assert matrix.tolist() == ROWS
    assert steps[-1] == ("encode", 1.0)


def test_a_parquet_of_many_types_becomes_the_same_integers(schema_toml: bytes, tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    columns = {
        "age": pa.array([50, 0, 100, 25.5], pa.float32()),
        "vessels": pa.array([0, 4, None, 2], pa.int8()),
        "pain": pa.array(["none", "mild", "bad", "none"]).dictionary_encode(),
        "smoker": pa.array([True, False, None, True]),
        "sick": pa.array(["0", "1", "4", "0"], pa.large_string()),
    }
    pq.write_table(pa.table(columns), path, row_group_size=3)
    assert encode(path, read_schema(schema_toml)).tolist() == ROWS


@pytest.mark.parametrize(
    ("label", "cells", "expected"),
    [
        ('type = "flag"', ["true", "0", "1"], [1, 0, 1]),
        ('type = "category"\ncategories = ["a", "b", "c"]\npositive = ["c", "a"]', ["a", "b", "c"], [1, 0, 1]),
        ('type = "number"\nmin = 0\nmax = 1\npositive_above = 0.5', ["0.5", "0.51", "1"], [0, 1, 1]),
    ],
)
def test_a_label_is_zero_or_one(tmp_path: Path, label: str, cells: list[str], expected: list[int]) -> None:
    schema = (
        f'[dataset]\nname = "t"\nlabel = "y"\n[[column]]\nname = "y"\n{label}\n[[column]]\nname = "x"\ntype = "flag"\n'
    )
    path = tmp_path / "t.csv"
    path.write_text("x,y\n" + "".join(f"1,{cell}\n" for cell in cells))
    assert encode(path, read_schema(schema.encode()))[:, -1].tolist() == expected


def test_classes_become_one_column_each(tmp_path: Path) -> None:
    schema = (
        b'[dataset]\nname = "t"\nlabel = "digit"\nlabel_kind = "classes"\n[[column]]\nname = "digit"\n'
        b'type = "category"\ncategories = ["0", "1", "2"]\n[[column]]\nname = "x"\ntype = "flag"\n'
    )
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"x": [True, False, True], "digit": pa.array([2, 0, 1], pa.int8())}), path)
    assert encode(path, read_schema(schema)).tolist() == [[U, U, 0, 0, U], [0, U, U, 0, 0], [U, U, 0, U, 0]]
    pq.write_table(pa.table({"x": [True, False], "digit": [1, 3]}), path)
    with pytest.raises(SchemaError, match="row 2, digit: expected one of 3 known categories"):
        encode(path, read_schema(schema))


TARGETS = (
    '[dataset]\nname = "t"\nlabel = "y"\nlabel_kind = "number"\nrow_norm = 1.2\nover_norm = "{over}"\n'
    '[[column]]\nname = "y"\ntype = "number"\nmin = 0\nmax = 2\n'
    '[[column]]\nname = "x"\ntype = "number"\nmin = -1\nmax = 1\n'
)


def test_a_target_is_a_number_and_does_not_change_what_a_row_may_hold(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("x,y\n0,0\n0.5,1\n-0.5,2\n0.25,1.5\n")
    schema = read_schema(TARGETS.format(over="refuse").encode())
    assert encode(path, schema).tolist() == [[0, U, -U], [U // 2, U, 0], [-U // 2, U, U], [U // 4, U, U // 2]]
    path.write_text("x,y\n1,1\n1,2\n")  # with y = 1 the whole row would be short enough
    with pytest.raises(SchemaError, match="2 cells do not fit"):
        encode(path, schema)
    matrix = encode(path, read_schema(TARGETS.format(over="shrink").encode()))
    assert matrix[0, 0] == matrix[1, 0] < U
    assert matrix[:, 2].tolist() == [0, U]


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("1,none,101,0,true,0", r"row 5, age: expected a number in \[0, 100\]"),
        ("1,none,-0.01,0,true,0", "row 5, age"),
        ("1,none,nan,0,true,0", "row 5, age"),
        ("1,none,inf,0,true,0", "row 5, age"),
        ("1,none,1_0,0,true,0", "row 5, age"),
        ("1,none,0x10,0,true,0", "row 5, age"),
        ("1,none,1e9999,0,true,0", "row 5, age"),
        ("1,none,,0,true,0", "row 5, age: expected a value, the cell is empty"),
        ("1,none,?,0,true,0", "row 5, age: expected a value, the cell is empty"),
        ("1,none,5,1.5,true,0", r"row 5, vessels: expected a whole number in \[0, 4\]"),
        ("1,None,5,1,true,0", "row 5, pain: expected one of 3 known categories"),
        ("1,,5,1,true,0", "row 5, pain: expected a value"),
        ("1,none,5,1,yes,0", "row 5, smoker: expected true, false, 1 or 0"),
        ("1,none,5,1,true,", "row 5, sick: expected a value"),
        ("1,n\udcffne,5,1,true,0", "row 5, pain: expected text in UTF-8"),
        ("1,none,\udcff,1,true,0", "row 5, age: expected text in UTF-8"),
    ],
)
def test_a_cell_that_does_not_fit_is_named(schema_toml: bytes, table: Path, row: str, says: str) -> None:
    with table.open("a", encoding="utf-8", errors="surrogateescape") as file:
        file.write(row + "\n")
    with pytest.raises(SchemaError, match=says) as caught:
        encode(table, read_schema(schema_toml))
    assert str(caught.value).count("row ") <= 2


def test_good_cells_beside_a_bad_one_stay_good(schema_toml: bytes, table: Path) -> None:
    with table.open("a") as file:
        file.write("5,none,+50,0,true,0\n")  # only the careful reader takes a plus sign
    assert encode(table, read_schema(schema_toml))[-1].tolist() == ROWS[0]


def test_the_first_faults_are_shown_and_all_are_counted(schema_toml: bytes, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("pain,age,vessels,smoker,sick\n" + "none,999,9,true,0\n" * 300_000)
    with pytest.raises(SchemaError, match="600000 cells do not fit") as caught:
        encode(path, read_schema(schema_toml))
    lines = str(caught.value).splitlines()
    assert len(lines) == 12
    assert lines[1:3] == [
        "  row 1, age: expected a number in [0, 100]",
        "  row 1, vessels: expected a whole number in [0, 4]",
    ]
    assert lines[-1] == "  and 599990 more"
    assert "999" not in "".join(lines[1:-1])


def test_a_column_of_a_foreign_type_is_refused(schema_toml: bytes, tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    good = {"age": [1.0], "vessels": [1], "pain": ["none"], "smoker": [True], "sick": [0]}
    for bad in ([[1.0]], [b"\xff"], [{"a": 1}]):
        pq.write_table(pa.table({**good, "age": bad}), path)
        with pytest.raises(SchemaError, match="age"):
            encode(path, read_schema(schema_toml))
    pq.write_table(pa.table({**good, "pain": [1.5]}), path)
    with pytest.raises(SchemaError, match="row 1, pain"):
        encode(path, read_schema(schema_toml))
    pq.write_table(pa.table({**good, "age": pa.array([None], pa.null())}), path)
    with pytest.raises(SchemaError, match="row 1, age: expected a value"):
        encode(path, read_schema(schema_toml))


NORMS = '[dataset]\nname = "t"\nlabel = "y"\nrow_norm = {norm}\nover_norm = "{over}"\n' + "".join(
    f'[[column]]\nname = "{name}"\ntype = "{kind}"\n' + ("min = -1\nmax = 1\n" if kind == "number" else "")
    for name, kind in (("a", "number"), ("b", "number"), ("f", "flag"), ("y", "flag"))
)


def test_rows_above_the_norm_are_refused_or_shrunk(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a,b,f,y\n0.1,0.1,0,1\n1,-0.5,0,1\n-1,1,1,0\n")
    with pytest.raises(SchemaError, match=r"2 cells do not fit[^$]*row 2, whole row[^$]*row 3, whole row"):
        encode(path, read_schema(NORMS.format(norm=1.45, over="refuse").encode()))
    schema = read_schema(NORMS.format(norm=1.45, over="shrink").encode())
    matrix = encode(path, schema)
    norms = (matrix**2).sum(axis=1)
    assert (norms <= schema.layout.norm_bound).all()
    assert matrix[0, :2].tolist() == [410, 410]
    assert norms[1] > 0.999 * schema.layout.norm_bound
    assert abs(matrix[1, 0] + 2 * matrix[1, 1]) <= 2  # the direction stays
    with pytest.raises(SchemaError, match=r"row 3, whole row: expected its other columns"):
        encode(path, read_schema(NORMS.format(norm=1.2, over="shrink").encode()))


@settings(max_examples=60, suppress_health_check=list(HealthCheck), deadline=None)
@given(
    st.lists(st.tuples(st.floats(-1, 1), st.floats(-1, 1)), min_size=1, max_size=20),
    st.floats(1.0, 1.8).map(lambda value: round(value, 3)),
)
def test_shrunk_rows_always_fit(tmp_path: Path, cells: list[tuple[float, float]], norm: float) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a,b,f,y\n" + "".join(f"{a!r},{b!r},0,1\n" for a, b in cells))
    schema = read_schema(NORMS.format(norm=norm, over="shrink").encode())
    matrix = encode(path, schema)
    assert ((matrix**2).sum(axis=1) <= schema.layout.norm_bound).all()
    for column, (low, high, step) in enumerate(schema.layout.domains):
        values = matrix[:, column]
        assert ((values >= low) & (values <= high) & ((values - low) % step == 0)).all()


def test_a_table_too_large_is_refused_before_it_is_read_whole(schema_toml: bytes, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("pain,age,vessels,smoker,sick\n" + "none,50,1,true,0\n" * 1_000_000)
    parts: list[float] = []
    with pytest.raises(SchemaError, match="MiB, the limit is 100 MiB; split"):
        encode(path, read_schema(schema_toml), 100 << 20, lambda step, part: parts.append(part))
    assert max(parts, default=0) < 0.9
    assert proving_bytes(1000, 33) == 1024 * 64 * 64


def test_a_hundred_thousand_rows_are_quick(tmp_path: Path) -> None:
    names = [f"c{i}" for i in range(31)]
    values = np.random.default_rng(0).integers(0, 1000, (100_000, 31)) / 10
    path = tmp_path / "t.csv"
    with path.open("w") as file:
        file.write(",".join(names) + ",y\n")
        np.savetxt(file, np.c_[values, values[:, 0] > 50], fmt="%.1f", delimiter=",")
    columns = "".join(f'[[column]]\nname = "{name}"\ntype = "number"\nmin = 0\nmax = 100\n' for name in names)
    schema = read_schema(
        f'[dataset]\nname = "t"\nlabel = "y"\n{columns}[[column]]\nname = "y"\ntype = "flag"\n'.encode()
    )
    start = time.process_time()
    matrix = encode(path, schema)
    assert time.process_time() - start < 10  # of all threads; a loop in Python over the cells takes longer
    assert (matrix[:, :31] == np.rint(values * 81.92) - UNIT).all()


@settings(max_examples=100, suppress_health_check=list(HealthCheck), deadline=None)
@given(st.lists(st.lists(st.text('0129.-+eE?na"tru ', max_size=5), min_size=5, max_size=5), max_size=4))
def test_fuzzed_cells_encode_into_their_domains_or_are_refused(
    schema_toml: bytes, tmp_path: Path, cells: list[list[str]]
) -> None:
    path = tmp_path / "t.csv"
    path.write_text("pain,age,vessels,smoker,sick\n" + "".join(",".join(row) + "\n" for row in cells))
    schema = read_schema(schema_toml)
    try:
        matrix = encode(path, schema)
    except InputError:
        return
    for column, (low, high, step) in enumerate(schema.layout.domains):
        values = matrix[:, column]
        assert ((values >= low) & (values <= high) & ((values - low) % step == 0)).all()
