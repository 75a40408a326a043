"""pandas, PyArrow, DuckDB and Zarr read and write sealed paths as they do any others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import fsspec
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
import zarr

from bailee.files import VaultFileSystem

ROWS = 20_000


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    draw = np.random.default_rng(1)
    sites = np.array(["east", "west"])[draw.integers(0, 2, ROWS)]
    return pd.DataFrame({"id": np.arange(ROWS), "dose": draw.normal(size=ROWS), "site": sites})


@pytest.fixture
def options(home: Path) -> dict[str, Any]:
    return {"home": str(home)}


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    monkeypatch.setenv("BAILEE_HOME", str(home))


def test_the_protocol_is_known(sealed: VaultFileSystem) -> None:
    assert fsspec.get_filesystem_class("bailee") is VaultFileSystem
    with fsspec.open("bailee://known.txt", "w") as file:  # the home comes from BAILEE_HOME
        file.write("words")
    with fsspec.open("bailee://known.txt", "r") as file:
        assert file.read() == "words"


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_pandas(frame: pd.DataFrame, options: dict[str, Any], kind: str) -> None:
    url = f"bailee://pandas/frame.{kind}"
    if kind == "csv":
        frame.to_csv(url, index=False, storage_options=options)
        found = pd.read_csv(url, storage_options=options)
    else:
        frame.to_parquet(url, storage_options=options)
        found = pd.read_parquet(url, storage_options=options)
    pd.testing.assert_frame_equal(found, frame, check_dtype=False)


def test_pandas_reads_an_older_version(frame: pd.DataFrame, options: dict[str, Any], sealed: VaultFileSystem) -> None:
    url = "bailee://pandas/versions.csv"
    frame.to_csv(url, index=False, storage_options=options)
    first = sealed.info(url)["version"]
    frame.head(3).to_csv(url, index=False, storage_options=options)
    assert len(pd.read_csv(url, storage_options=options)) == 3
    assert len(pd.read_csv(f"{url}?version={first}", storage_options=options)) == ROWS


def test_pyarrow_datasets(frame: pd.DataFrame, sealed: VaultFileSystem) -> None:
    table = pa.Table.from_pandas(frame, preserve_index=False)
    ds.write_dataset(
        table, "arrow/sites", format="parquet", filesystem=sealed, partitioning=["site"], partitioning_flavor="hive"
    )
    assert len(sealed.glob("arrow/sites/site=*/*.parquet")) == 2
    found = ds.dataset("arrow/sites", filesystem=sealed, partitioning="hive")
    east = found.to_table(filter=ds.field("site") == "east").sort_by("id")
    assert east.num_rows == (frame.site == "east").sum()
    assert east["id"].to_pylist() == frame.id[frame.site == "east"].tolist()


def test_pyarrow_reads_only_the_columns_asked_for(frame: pd.DataFrame, sealed: VaultFileSystem) -> None:
    pq.write_table(pa.Table.from_pandas(frame), "arrow/one.parquet", filesystem=sealed)
    found = pq.read_table("arrow/one.parquet", columns=["dose"], filesystem=sealed)
    assert found.column_names == ["dose"]
    assert found["dose"].to_pylist() == frame.dose.tolist()


def test_duckdb(frame: pd.DataFrame, sealed: VaultFileSystem) -> None:
    with duckdb.connect() as connection:
        connection.register_filesystem(sealed)
        connection.register("frame", frame)
        connection.execute("COPY frame TO 'bailee://duck/frame.parquet' (FORMAT parquet)")
        count, total = connection.execute(
            "SELECT count(*), sum(id) FROM read_parquet('bailee://duck/*.parquet') WHERE site = 'west'"
        ).fetchall()[0]
        connection.execute("COPY frame TO 'bailee://duck/frame.csv' (HEADER)")
        assert connection.execute("SELECT count(*) FROM 'bailee://duck/frame.csv'").fetchall() == [(ROWS,)]
    west = frame[frame.site == "west"]
    assert (count, total) == (len(west), west.id.sum())


def test_zarr(options: dict[str, Any]) -> None:
    data = np.arange(90_000, dtype="i4").reshape(300, 300)
    group = zarr.open_group("bailee://zarr/scan", mode="w", storage_options=options)
    array = group.create_array("image", shape=data.shape, chunks=(100, 100), dtype=data.dtype)
    array[:] = data
    group.attrs["unit"] = "HU"
    found = zarr.open_group("bailee://zarr/scan", mode="r", storage_options=options)
    assert found.attrs["unit"] == "HU"
    assert sorted(found.array_keys()) == ["image"]
    np.testing.assert_array_equal(found["image"][50:150, 10:20], data[50:150, 10:20])
    found = zarr.open_group("bailee://zarr/scan", mode="a", storage_options=options)
    found["image"][0, :] = -1
    assert (found["image"][0, :] == -1).all()
