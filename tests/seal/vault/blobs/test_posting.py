from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from bailee.adapters.stores.folder import FolderStore
from bailee.errors import MissingError, StoreError
from bailee.keys import Secret
from bailee.seal.vault.blobs import posting
from bailee.seal.vault.blobs.fragments import NamingKey
from bailee.seal.vault.blobs.posting import SMALL, Fragment, post
from bailee.seal.vault.blobs.reading import read_blob
from bailee.seal.vault.blobs.writing import BlobWriter
from bailee.seal.vault.facts import Blob, Code

NAMING = NamingKey(Secret(bytes(32)))
KEY = Secret(bytes(range(32)))
CODE = Code(2, 3)


class Shelf(FolderStore):
    """Counts what comes at once; waits while its gate is shut; refuses what it is told to."""

    def __init__(self, name: str, root: Path, sync: bool = False) -> None:
        super().__init__(name, root, sync)
        self.batches: list[int] = []
        self.gate = threading.Event()
        self.gate.set()
        self.refused: set[str] = set()
        self.came = threading.Event()

    def write_many(self, strings: Sequence[tuple[str, bytes | memoryview]]) -> None:
        self.batches.append(len(strings))
        self.came.set()
        self.gate.wait(20)
        if self.refused & {path for path, _ in strings}:
            raise StoreError(f"store {self.name}: refused")
        super().write_many(strings)

    def write(self, path: str):  # type: ignore[no-untyped-def]
        if path in self.refused:
            raise StoreError(f"store {self.name}: refused {path}")
        return super().write(path)


@pytest.fixture
def shelves(tmp_path: Path) -> list[Shelf]:
    made = [Shelf.create(f"s{at}", tmp_path / f"s{at}", False) for at in range(3)]
    assert all(isinstance(one, Shelf) for one in made)
    return made  # type: ignore[return-value]


def put(shelves: Sequence[Shelf], number: int, body: bytes, need: int = 3, patience: float = 20.0) -> Blob:
    blob_id = number.to_bytes(16, "big")
    writer = BlobWriter(blob_id, KEY, CODE, shelves, NAMING, need, patience=patience)
    writer.write(body)
    return writer.finish()


def get(shelves: Sequence[Shelf], blob: Blob) -> bytes:
    return b"".join(read_blob(blob, KEY, {one.name: one for one in shelves}, NAMING))


@pytest.mark.parametrize("size", [0, 1, 256, 3000, SMALL])
def test_small_blobs_come_back(shelves: list[Shelf], size: int) -> None:
    body = bytes(range(256)) * (size // 256 + 1)
    blob = put(shelves, size, body[:size])
    assert get(shelves, blob) == body[:size]
    assert [one.batches for one in shelves] == [[1]] * 3


def test_larger_blobs_go_by_lanes(shelves: list[Shelf]) -> None:
    blob = put(shelves, 1, bytes(SMALL + 1))
    assert get(shelves, blob) == bytes(SMALL + 1)
    assert [one.batches for one in shelves] == [[], [], []]


def test_what_waits_for_a_store_goes_there_together(shelves: list[Shelf]) -> None:
    for one in shelves:
        one.gate.clear()
    blobs: dict[int, Blob] = {}

    def work(number: int) -> None:
        blobs[number] = put(shelves, number, b"%d" % number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(9)]
    threads[0].start()
    for one in shelves:
        assert one.came.wait(20)
    for thread in threads[1:]:
        thread.start()
    desks = [posting._desks[one] for one in shelves]
    while any(len(desk._waiting) < 8 for desk in desks):
        pass
    for one in shelves:
        one.gate.set()
    for thread in threads:
        thread.join()
    assert [one.batches for one in shelves] == [[1, 8]] * 3
    assert {number: get(shelves, blob) for number, blob in blobs.items()} == {n: b"%d" % n for n in range(9)}


def test_one_fragment_that_is_refused_takes_no_other_with_it(shelves: list[Shelf]) -> None:
    shelves[0].refused.add("ab/1")
    fragments = [Fragment(at, shelves[0], f"ab/{at}", b"%d" % at) for at in range(3)]
    post(fragments, 2, 20.0)
    assert [one.is_safe for one in fragments] == [True, False, True]
    assert str(fragments[1].error) == "store s0: refused ab/1"
    assert shelves[0].read("ab/2") == b"2"


def test_a_put_goes_on_without_a_store_that_is_not_needed(shelves: list[Shelf]) -> None:
    shelves[1].refused.add(NAMING.path((7).to_bytes(16, "big"), 1))
    blob = put(shelves, 7, b"seven", need=2)
    assert [placed.store for placed in blob.fragments] == ["s0", "", "s2"]
    assert get(shelves, blob) == b"seven"


def test_nothing_is_left_where_too_few_stores_take_it(shelves: list[Shelf]) -> None:
    blob_id = (7).to_bytes(16, "big")
    for at in (0, 2):
        shelves[at].refused.add(NAMING.path(blob_id, at))
    with pytest.raises(
        StoreError, match="1 stores take fragments, 2 are needed, nothing was stored: store s0: refused"
    ):
        put(shelves, 7, b"seven", need=2)
    with pytest.raises(MissingError):
        shelves[1].read(NAMING.path(blob_id, 1))


def test_a_store_that_hangs_holds_nobody_up_for_ever(shelves: list[Shelf]) -> None:
    shelves[2].gate.clear()
    blobs = [put(shelves, number, b"x", need=2, patience=0.5) for number in (1, 2)]
    assert [blob.fragments[2].store for blob in blobs] == ["", ""]
    assert posting._desks[shelves[2]]._waiting == []  # nothing is kept for it
    with pytest.raises(StoreError, match="2 stores take fragments, 3 are needed, nothing was stored: store s2: took"):
        put(shelves, 3, b"x", need=3, patience=0.5)
    shelves[2].gate.set()
    assert get(shelves, put(shelves, 4, b"four")) == b"four"


def test_a_fragment_that_arrives_when_nobody_wants_it_is_deleted(shelves: list[Shelf]) -> None:
    shelves[2].gate.clear()
    with pytest.raises(StoreError):
        put(shelves, 5, b"x", need=3, patience=0.01)
    shelves[2].gate.set()
    put(shelves, 6, b"x")  # after the other, at the same desk
    for at, one in enumerate(shelves):
        with pytest.raises(MissingError):
            one.read(NAMING.path((5).to_bytes(16, "big"), at))
