"""Segments whose data pieces are in memory are read without a thread; whatever is amiss goes the ordinary way."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from bailee.adapters.stores.folder import FolderStore
from bailee.adapters.stores.store import Store
from bailee.errors import StorageError
from bailee.seal.vault.blobs import gathering
from bailee.seal.vault.blobs.layout import PLAIN
from bailee.seal.vault.blobs.reading import read_at_hand, read_blob
from bailee.seal.vault.facts import Blob, Code
from blobs import KEY, NAMING, unhurried, writer

CODE = Code(2, 3)
SMALL, LARGE = random.Random(1).randbytes(3000), random.Random(2).randbytes(2 * PLAIN + 999)


@pytest.fixture
def stores(tmp_path: Path) -> dict[str, Store]:
    return {f"s{at}": FolderStore.create(f"s{at}", tmp_path / f"s{at}") for at in range(3)}


def put(stores: dict[str, Store], data: bytes) -> Blob:
    with writer(CODE, list(stores.values())) as writing:
        writing.write(data)
        blob = writing.finish()
    if blob.length <= PLAIN and read_at_hand(blob, KEY, stores, NAMING, 0, 0) is None:
        pytest.skip("this system does not tell what is in memory")
    return blob


@pytest.fixture
def no_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(errand: object) -> None:
        raise AssertionError("an errand was run")

    monkeypatch.setattr(gathering.errands, "run", refuse)


@pytest.mark.parametrize("data", [b"", b"a", SMALL])
def test_a_small_blob_takes_no_thread(stores: dict[str, Store], data: bytes, request: pytest.FixtureRequest) -> None:
    blob = put(stores, data)
    request.getfixturevalue("no_threads")
    assert b"".join(read_blob(blob, KEY, stores, NAMING)) == data
    assert read_at_hand(blob, KEY, stores, NAMING, 0, len(data)) == data
    start, stop = len(data) // 3, len(data) // 2
    assert read_at_hand(blob, KEY, stores, NAMING, start, stop) == data[start:stop]


def test_nor_does_a_large_one(stores: dict[str, Store], request: pytest.FixtureRequest) -> None:
    put(stores, SMALL)  # skips where nothing is told
    blob = put(stores, LARGE)
    request.getfixturevalue("no_threads")
    assert b"".join(read_blob(blob, KEY, stores, NAMING)) == LARGE
    assert b"".join(read_blob(blob, KEY, stores, NAMING, PLAIN - 5, PLAIN + 5)) == LARGE[PLAIN - 5 : PLAIN + 5]
    assert read_at_hand(blob, KEY, stores, NAMING, 0, 10) is None  # more than a segment


def test_ranges_outside_are_not_at_hand(stores: dict[str, Store]) -> None:
    blob = put(stores, SMALL)
    assert read_at_hand(blob, KEY, stores, NAMING, 0, len(SMALL) + 1) is None
    assert read_at_hand(blob, KEY, stores, NAMING, -1, 5) is None


@pytest.mark.parametrize("data", [SMALL, LARGE])
@pytest.mark.parametrize("index", [0, 1])
@pytest.mark.parametrize("fault", ["gone", "rotten", "short", "away"])
def test_a_fault_is_gone_round_and_named(
    stores: dict[str, Store], tmp_path: Path, data: bytes, index: int, fault: str
) -> None:
    blob = put(stores, data)
    path = tmp_path / f"s{index}" / NAMING.path(blob.id, index)
    found = path.read_bytes()
    if fault == "gone":
        path.unlink()
    elif fault == "short":
        path.write_bytes(found[:10])
    elif fault == "rotten":
        path.write_bytes(bytes([found[0] ^ 1]) + found[1:])
    else:
        del stores[f"s{index}"]
    assert read_at_hand(blob, KEY, stores, NAMING, 0, 1) is None
    told: list[tuple[str, int]] = []

    def tell(store: Store, index: int, error: StorageError) -> None:
        told.append((store.name, index))

    assert b"".join(read_blob(blob, KEY, stores, NAMING, on_fault=tell, pace=unhurried(stores))) == data
    assert told == ([] if fault == "away" else [(f"s{index}", index)])
