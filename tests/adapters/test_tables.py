"""Tables: streamed, bounded, and every way a file can be wrong is said with its place."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bailee.adapters.tables import read_table
from bailee.errors import InputError, SchemaError


def cells(path: Path, *columns: str) -> list[list[object]]:
    found: list[list[object]] = [[] for _ in columns]
    for batch in read_table(path, columns):
        assert batch.first_row == len(found[0]) + 1
        for place, name in enumerate(columns):
            found[place] += batch.columns[name].to_pylist()
    return found


def write(tmp_path: Path, data: bytes) -> Path:
    path = tmp_path / "table"
    path.write_bytes(data)
    return path


def test_csv_columns_come_by_name(tmp_path: Path) -> None:
    path = write(tmp_path, b'\xef\xbb\xbfa,"b, c",d\r\n1,"x\n""y""",3\r\n\r\n4,,6\r\n')
    assert cells(path, "d", "b, c") == [[b"3", b"6"], [b'x\n"y"', b""]]
    assert cells(path, "a") == [[b"1", b"4"]]


def test_parquet_is_told_by_its_content(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    pq.write_table(pa.table({"a": [1, None], "b": ["x", "y"]}), path)
    assert cells(path, "b", "a") == [["x", "y"], [1, None]]


@pytest.mark.parametrize(
    ("data", "error", "says"),
    [
        (b"", InputError, "is empty"),
        (b"a,b\n", InputError, "no rows"),
        (b"\n\n", InputError, "no header"),
        (b"a,b", InputError, "row"),
        (b"a,b\n1,2\n3\n", InputError, "row 2: expected 2 cells as in the header, got 1"),
        (b"a,b\n1,2\n3,4\n5,6,7\n", InputError, "row 3: expected 2 cells as in the header, got 3"),
        (b'a,b\n1,2\n3,"4\n5,6\n', InputError, "quotes do not pair up"),
        (b'a,b\n1,2\n"3,4\n5,6\n', InputError, "unclosed quote"),
        (b"b,c\n1,2\n", SchemaError, "no column 'a'"),
        (b"a,b,a\n1,2,3\n", SchemaError, "'a' twice"),
        (b"\xff\xfe\x00a,b\n1,2\n", InputError, "UTF-8"),
        (b"PAR1", InputError, "Parquet"),
        (b"PAR1" + b"x" * 100 + b"PAR1", InputError, "Parquet"),
    ],
)
def test_a_wrong_file_is_refused_with_its_place(tmp_path: Path, data: bytes, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        cells(write(tmp_path, data), "a")


def test_no_file_or_a_directory(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        cells(tmp_path / "none", "a")
    with pytest.raises(InputError, match="directory"):
        cells(tmp_path, "a")


def test_a_ragged_row_far_into_the_file_is_numbered(tmp_path: Path) -> None:
    path = tmp_path / "table"
    with path.open("w") as file:
        file.write("a,b\n" + "1234567,1234567\n" * 700_000 + "1\n" + "1,2\n")
    with pytest.raises(InputError, match="row 700001: "):
        for _ in read_table(path, ["a"]):
            pass


def test_a_cell_s_content_is_never_told(tmp_path: Path) -> None:
    for data in (b"a,b\n1,2\nsecret\n", b'a,b\nsecret,"secret\n', b"b,c\nsecret,secret\n"):
        with pytest.raises(InputError) as caught:
            cells(write(tmp_path, data), "a")
        assert "secret" not in str(caught.value)
        assert caught.value.__cause__ is None
        assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_memory_stays_bounded(tmp_path: Path) -> None:
    csv_path, parquet_path = tmp_path / "big.csv", tmp_path / "big.parquet"
    with csv_path.open("w") as file:
        file.write("a,b,c\n")
        for _ in range(40):
            file.write("12345.678,some words that fill the file,0.1234567890123\n" * 20_000)
    with pq.ParquetWriter(parquet_path, pa.schema([("a", pa.float64()), ("b", pa.string())])) as writer:
        words = pa.array([f"word {i} and another {i * i}" for i in range(100_000)])
        for _ in range(8):
            writer.write_table(pa.table({"a": pa.array(range(100_000), pa.float64()), "b": words}))
    assert csv_path.stat().st_size > 40_000_000
    code = (
        "import resource,sys; from pathlib import Path; from bailee.adapters.tables import read_table\n"
        "def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10\n"
        "small = Path(sys.argv[1]); small.write_text('a,b\\n1,2\\n'); list(read_table(small, ['a']))\n"
        "start = peak()\n"
        "rows = sum(b.rows for b in read_table(Path(sys.argv[2]), ['a', 'b']))\n"
        "print(rows, peak() - start)"
    )
    for path, rows in ((csv_path, 800_000), (parquet_path, 800_000)):
        run = subprocess.run(
            [sys.executable, "-c", code, str(tmp_path / "small"), str(path)], capture_output=True, text=True, check=True
        )
        found, grown = map(int, run.stdout.split())
        assert found == rows
        assert grown < 32, f"{path.name}: memory grew by {grown} MiB"


@settings(max_examples=150, suppress_health_check=list(HealthCheck), deadline=None)
@given(st.binary(max_size=120) | st.text('ab,"\n\r1x ', max_size=60).map(lambda text: b"a,b\n" + text.encode()))
def test_fuzzed_csv_reads_or_is_refused(tmp_path: Path, data: bytes) -> None:
    with contextlib.suppress(InputError):
        cells(write(tmp_path, data), "a")


@settings(max_examples=150, suppress_health_check=list(HealthCheck), deadline=None)
@given(st.data())
def test_fuzzed_parquet_reads_or_is_refused(tmp_path: Path, data: st.DataObject) -> None:
    good = tmp_path / "good"
    if not good.exists():
        pq.write_table(pa.table({"a": list(range(50)), "b": ["x"] * 50}), good, write_page_checksum=True)
    raw = bytearray(good.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    cut = data.draw(st.integers(0, len(raw)))
    with contextlib.suppress(InputError):
        cells(write(tmp_path, bytes(raw[:cut] if data.draw(st.booleans()) else raw)), "a")
