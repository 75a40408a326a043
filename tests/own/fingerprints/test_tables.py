"""Fingerprints of tables: what must not change them, what must leave them recognisable, and what is hostile."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bailee.errors import InputError, SchemaError
from bailee.own.fingerprints import Title, fingerprint
from bailee.own.fingerprints.cells import MISSING, hash_cells
from bailee.own.fingerprints.spelling import as_bytes, plain_name
from bailee.own.fingerprints.tables import BLOCK, TableSketch
from bailee.own.near_copies import NEAR_COPY, UNRELATED, decide, scores
from bailee.records.fingerprint import Fingerprint


def of(table: pa.Table, key: bytes | None = None, batch: int = 1 << 16, file: int = 0) -> Fingerprint:
    """file: a number that stands for the bytes of the file."""
    sketch = TableSketch(table.column_names, key)
    for some in table.to_batches(batch):
        sketch.add({name: some.column(name) for name in table.column_names}, some.num_rows)
    parts = sketch.parts()
    return Fingerprint("table", sketch.rows, parts if key is not None else {"instance": bytes([file]) * 32, **parts})


def heart(rows: int = 400, seed: int = 1) -> pa.Table:
    rng = np.random.default_rng(seed)
    return pa.table(
        {
            "age": rng.integers(25, 80, rows),
            "sex": rng.choice(["male", "female"], rows),
            "chol": rng.normal(240, 40, rows).round(1),
            "rest": rng.normal(130, 15, rows).round(2),
            "peak": rng.gamma(2, 0.6, rows).round(3),
            "pain": rng.choice(["none", "typical", "atypical"], rows),
            "site": rng.choice(["Zürich", "Basel"], rows),
            "sick": rng.integers(0, 2, rows).astype(bool),
        }
    )


CELLS = st.one_of(st.integers(-1000, 1000).map(str), st.sampled_from(["", "NaN", "a", "b c", "é", "1e3", "0.50"]))
TABLES = st.integers(1, 5).flatmap(
    lambda width: st.lists(st.lists(CELLS, min_size=width, max_size=width), min_size=1, max_size=40)
)


def _table(rows: list[list[str]], order: Sequence[int] | None = None) -> pa.Table:
    names = [f"c{at}" for at in range(len(rows[0]))]
    chosen = range(len(names)) if order is None else order
    return pa.table({names[at]: [row[at] for row in rows] for at in chosen})


@given(TABLES, st.randoms(use_true_random=False), st.integers(1, 9))
@settings(max_examples=60, deadline=None)
def test_order_of_rows_and_columns_and_size_of_batches_change_nothing(
    rows: list[list[str]], rng: random.Random, batch: int
) -> None:
    shuffled, order = list(rows), list(range(len(rows[0])))
    rng.shuffle(shuffled)
    rng.shuffle(order)
    assert of(_table(shuffled, order), batch=batch).to_bytes() == of(_table(rows)).to_bytes()


@given(TABLES)
@settings(max_examples=30, deadline=None)
def test_a_table_is_a_near_copy_of_itself_twice_over(rows: list[list[str]]) -> None:
    one, twice = of(_table(rows)), of(_table(rows + rows))
    assert twice.parts == one.parts
    assert twice.extent == 2 * one.extent


def _hashes(cells: Sequence[object]) -> tuple[list[int], list[int]]:
    array = as_bytes(pa.array(cells))
    offsets = np.frombuffer(array.buffers()[1], np.int32)[: len(cells) + 1]
    data = array.buffers()[2]
    octets = np.zeros(1, np.uint8) if data is None or not data.size else np.frombuffer(data, np.uint8)
    exact, coarse = np.empty(len(cells), np.uint64), np.empty(len(cells), np.uint64)
    present = np.asarray(array.is_valid().to_numpy(zero_copy_only=False), bool)
    hash_cells(octets, offsets, present, np.uint64(3), exact, coarse)
    return exact.tolist(), coarse.tolist()


SAME = [
    ["54", " 54", "54.0", "+54.00", "5.4e1", "540E-1", "0054"],
    ["-0.5", "-.5", "-5e-1"],
    ["0", "-0", "0.000", "0e9", ".0"],
    ["New  York", "new york", " NEW\tYORK "],
    ["Zürich", "ZU\u0308RICH", "zu\u200brich", "zurich"],
    ["", "NaN", "null", "N/A", " ? ", "None", "<NA>"],
    ["ﬁle", "file"],
]


@pytest.mark.parametrize("cells", SAME)
def test_one_value_has_one_spelling(cells: list[str]) -> None:
    exact, coarse = _hashes(cells)
    assert len(set(exact)) == 1
    assert len(set(coarse)) == 1


def test_different_values_stay_different() -> None:
    cells = ["54", "-54", "5.4", "540", "54a", "54e", "e5", ".", "-", "+-5", "1.2.3", "1e", "54 0", "9" * 30, "9" * 31,
             "nan1", "newyork", "new york", "true", "1e5", "1e-5", "0", "."]  # fmt: skip
    exact, _ = _hashes(cells[:-1])
    distinct = {cell for cell in cells if cell != "-"}  # alone it is a missing value
    assert len(set(exact)) == len(distinct) + 1


def test_coarse_hashes_see_two_digits_and_letters() -> None:
    _, coarse = _hashes(["54.3", "54.4", "54", "55", "0.0123", "0.01234", "99.6", "100"])
    assert coarse[0] == coarse[1] == coarse[2] != coarse[3]
    assert coarse[4] == coarse[5]
    assert coarse[6] == coarse[7]
    _, coarse = _hashes(["New-York, (NY)", "newyork ny", "new york nz"])
    assert coarse[0] == coarse[1] != coarse[2]


def test_missing_cells_of_any_kind_are_one() -> None:
    exact, _ = _hashes([None, "", "nan"])
    assert exact == [int(MISSING)] * 3
    exact, _ = _hashes([None, math.nan])
    assert exact == [int(MISSING)] * 2


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_float_is_spelt_as_its_shortest_decimal(value: float) -> None:
    assert _hashes([value])[0] == _hashes([repr(value)])[0]


def test_csv_and_parquet_of_one_table_have_one_sketch(tmp_path: Path) -> None:
    table = heart().append_column("when", pa.array(range(400), pa.timestamp("s")))
    pyarrow.csv.write_csv(table, tmp_path / "t.csv")
    pyarrow.parquet.write_table(table, tmp_path / "t.parquet")
    title = Title("Heart", "of four hospitals")
    one, other = (fingerprint(tmp_path / name, title=title) for name in ("t.csv", "t.parquet"))
    assert one.parts["instance"] != other.parts["instance"]
    assert {**one.parts, "instance": b""} == {**other.parts, "instance": b""}
    assert one.extent == other.extent == 400
    assert "meta" in one.parts


def test_blocks_and_batches_join_without_a_seam() -> None:
    table = heart(BLOCK + 37)
    assert of(table).to_bytes() == of(table, batch=1000).to_bytes()


COPIES: list[tuple[str, Any]] = [
    ("half of the rows", lambda table: table.slice(100, 200)),
    ("a column dropped", lambda table: table.drop_columns(["rest"])),
    ("a third of the columns dropped", lambda table: table.drop_columns(["rest", "sick", "pain"])),
    ("renamed", lambda table: table.rename_columns([f"v{at}" for at in range(8)])),
    ("rounded", lambda table: table.set_column(2, "chol", pa.array([round(x) for x in table["chol"].to_pylist()]))),
]


@pytest.mark.parametrize(("name", "edit"), COPIES)
def test_copies_are_found(name: str, edit: Any) -> None:
    decision, found = decide(of(edit(heart()), file=1), of(heart()))
    assert decision == NEAR_COPY, (name, found)


def test_other_rows_of_the_same_columns_are_no_copy() -> None:
    found = scores(of(heart(seed=1)), of(heart(seed=2), file=1))
    assert found.structural == 1.0
    assert found.subject < 0.2
    assert found.semantic > 0.5
    other = pa.table({"x": range(1000, 1400), "y": [f"word {at}" for at in range(400)]})
    assert decide(of(heart()), of(other, file=1))[0] == UNRELATED


def test_keys_keep_fingerprints_apart() -> None:
    key, other = b"k" * 32, b"o" * 32
    keyed = of(heart(), key)
    assert "instance" not in keyed.parts
    assert decide(keyed, of(heart().slice(50), key))[0] == NEAR_COPY
    assert decide(keyed, of(heart(), other))[0] == decide(keyed, of(heart()))[0] == "not comparable"
    same = sum(a == b != 0 for a, b in zip(keyed.parts["probes"], of(heart()).parts["probes"], strict=True))
    assert same < 60  # of 1,168
    with pytest.raises(InputError, match="fingerprint key of 32 bytes, got 3"):
        TableSketch(["a"], b"key")


def test_padding_with_made_up_rows_dilutes_but_does_not_hide() -> None:
    """An attacker adds as many rows of its own: half of the larger table, all of the smaller one."""
    stuffed = pa.concat_tables([heart(seed=1), heart(800, seed=9)])
    found = scores(of(stuffed, file=1), of(heart(seed=1)))
    assert found.subject > 0.6


def test_hostile_tables_are_read_or_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    for text, kind, message in (
        ("a,b\n", InputError, "has a header but no rows"),
        ("a,a\n1,2\n", SchemaError, "names the column 'a' twice"),
        ("a,b\n1\n", InputError, "expected 2 cells as in the header"),
        ("", InputError, "is empty"),
    ):
        path.write_text(text)
        with pytest.raises(kind, match=message):
            fingerprint(path, "table")
    path.write_bytes(b"PAR1 and nothing that is Parquet PAR1")
    with pytest.raises(InputError, match="not readable as Parquet"):
        fingerprint(path)
    path.write_text(",".join(f"c{at}" for at in range(5000)) + "\n" + ",".join("1" * 5000) + "\n")
    with pytest.raises(InputError, match="expected 1 to 4096 columns to fingerprint, got 5000"):
        fingerprint(path)
    path.write_bytes(b"a,b\n\xff\xfe,1e999999999999\n\xff\xfe,-inf\n" + b'"' + b"x" * 100_000 + b'",1\n')
    assert fingerprint(path).extent == 3


def test_columns_of_every_arrow_type_are_read() -> None:
    table = pa.table(
        {
            "dict": pa.array(["a", "b", None]).dictionary_encode(),
            "null": pa.nulls(3),
            "list": pa.array([[1], None, [2, 3]]),
            "large": pa.array(["x", "y", "z"], pa.large_string()),
            "bytes": pa.array([b"\xff", b"\x00", None]),
            "date": pa.array([1, 2, 3], pa.date32()),
            "time": pa.array([1, 2, 3], pa.time64("us")),
            "decimal": pa.array([1, 2, 3]).cast(pa.decimal128(25, 2)),
            "half": pa.array([1.5, 2.5, 3.5], pa.float32()),
            "struct": pa.array([{"a": 1}, None, {"a": 2}]),
        }
    )
    assert of(table).extent == 3


def test_names_are_compared_by_letters_and_digits() -> None:
    assert plain_name(" Âge (Years) ") == plain_name("age_years") == "ageyears"
    assert plain_name("***") == ""
