"""Reading a blob through the cache: fewer requests, the same bytes, whatever lies in the cache."""

from __future__ import annotations

import random
from collections.abc import Mapping
from pathlib import Path

import pytest

from bailee.adapters.stores.memory import MemoryStore
from bailee.adapters.stores.store import Store
from bailee.errors import DamageError
from bailee.keys import Secret
from bailee.seal.vault.blobs.fragments import NamingKey
from bailee.seal.vault.blobs.layout import PLAIN
from bailee.seal.vault.blobs.reading import read_blob
from bailee.seal.vault.blobs.writing import BlobWriter
from bailee.seal.vault.cache import LEAST, DiskCache
from bailee.seal.vault.facts import Blob, Code

NAMING, KEY = NamingKey(Secret(bytes(32))), Secret(b"k" * 32)
CODE = Code(2, 3)
DATA = b"readable words, " * 9 + random.Random(3).randbytes(3 * PLAIN)
NO_STORES: Mapping[str, Store] = {}


@pytest.fixture
def stores() -> dict[str, Store]:
    return {f"s{index}": MemoryStore(f"s{index}") for index in range(3)}


@pytest.fixture
def blob(stores: dict[str, Store]) -> Blob:
    with BlobWriter(b"b" * 16, KEY, CODE, list(stores.values()), NAMING, 3) as writer:
        writer.write(DATA)
        return writer.finish()


@pytest.fixture
def cache(tmp_path: Path) -> DiskCache:
    return DiskCache(tmp_path / "cache", LEAST, NAMING)


def read(blob: Blob, stores: Mapping[str, Store], cache: DiskCache, start: int = 0, stop: int | None = None) -> bytes:
    return b"".join(read_blob(blob, KEY, stores, NAMING, start, stop, cache=cache))


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and path.name != "size"]


def test_what_was_read_needs_no_store(blob: Blob, stores: dict[str, Store], cache: DiskCache) -> None:
    assert read(blob, stores, cache) == DATA
    assert read(blob, NO_STORES, cache) == DATA
    assert read(blob, NO_STORES, cache, PLAIN - 3, 2 * PLAIN + 5) == DATA[PLAIN - 3 : 2 * PLAIN + 5]


def test_a_part_in_the_cache_and_the_rest_from_the_stores(
    blob: Blob, stores: dict[str, Store], cache: DiskCache
) -> None:
    assert read(blob, stores, cache, PLAIN + 1, PLAIN + 2) == DATA[PLAIN + 1 : PLAIN + 2]
    assert [cache.has(blob.id, segment) for segment in range(4)] == [False, True, False, False]
    with pytest.raises(DamageError, match="segment 0"):
        read(blob, NO_STORES, cache)
    assert read(blob, stores, cache) == DATA


@pytest.mark.parametrize("damage", ["flip", "cut", "empty", "swap"])
def test_what_does_not_open_is_fetched_again(
    blob: Blob, stores: dict[str, Store], cache: DiskCache, tmp_path: Path, damage: str
) -> None:
    faults: list[object] = []
    assert read(blob, stores, cache) == DATA
    kept = [Path(cache._path(blob.id, segment)) for segment in range(4)]
    whole = [path.read_bytes() for path in kept]
    for at, path in enumerate(kept):
        changed = {
            "flip": whole[at][:100] + bytes([whole[at][100] ^ 1]) + whole[at][101:],
            "cut": whole[at][:-1],
            "empty": b"",
            "swap": whole[(at + 1) % 3],
        }
        path.write_bytes(changed[damage])
    told = read_blob(blob, KEY, stores, NAMING, cache=cache, on_fault=lambda *fault: faults.append(fault))
    assert b"".join(told) == DATA
    assert not faults, "no store is to blame for a damaged cache"
    assert [path.read_bytes() for path in kept] == whole


def test_no_plaintext_lies_there(blob: Blob, stores: dict[str, Store], cache: DiskCache, tmp_path: Path) -> None:
    assert read(blob, stores, cache) == DATA
    kept = b"".join(path.read_bytes() for path in files(tmp_path))
    assert len(kept) > len(DATA)
    assert b"readable" not in kept
    for at in range(0, len(DATA) - 24, 65_521):
        assert DATA[at : at + 24] not in kept


def test_a_lying_store_does_not_reach_the_cache(blob: Blob, stores: dict[str, Store], cache: DiskCache) -> None:
    path = NAMING.path(blob.id, 0)
    told = stores["s0"].read(path)
    writing = stores["s0"].write(path)
    writing.write(bytes(len(told)))
    writing.finish()
    assert read(blob, stores, cache) == DATA
    assert read(blob, NO_STORES, cache) == DATA
