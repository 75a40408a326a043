from __future__ import annotations

import random
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bailee.adapters.stores.memory import MemoryStore
from bailee.errors import InputError, StoreError
from bailee.seal.vault.blobs import errands
from bailee.seal.vault.blobs.fragments import verify_fragment
from bailee.seal.vault.blobs.layout import PLAIN, Layout
from bailee.seal.vault.blobs.reading import read_blob
from bailee.seal.vault.blobs.segments import commitment
from bailee.seal.vault.blobs.writing import BlobWriter
from bailee.seal.vault.facts import Blob, Code
from blobs import KEY, NAMING, shelf, stores, writer
from faulty import FaultyStore

SIZES = [0, 1, 255, 256, 257, 5000, PLAIN - 1, PLAIN, PLAIN + 1, 2 * PLAIN, 3_000_001]
CODES = [Code(1, 1), Code(1, 3), Code(2, 3), Code(8, 12)]


def _write(writing: BlobWriter, data: bytes) -> Blob:
    writing.write(data)
    return writing.finish()


def left(targets: list[FaultyStore]) -> list[str]:
    return [found.path for store in targets for found in store.inner.paths()]


@pytest.mark.parametrize("code", CODES, ids=str)
@pytest.mark.parametrize("size", SIZES)
def test_any_size_comes_back(code: Code, size: int) -> None:
    data = random.Random(size).randbytes(size)
    found = shelf(code, data, chunk=777_777)
    assert found.blob.length == size
    assert found.blob.commitment == commitment(KEY)
    assert [placed.store for placed in found.blob.fragments] == [store.name for store in found.stores]
    assert found.read() == data
    layout = Layout(code, size)
    for index, store in enumerate(found.stores):
        assert [stored.size for stored in store.paths()] == [layout.fragment]
        verify_fragment(found.blob, index, store, NAMING)
    assert found.faults == []


@settings(deadline=None, max_examples=25)
@given(
    st.lists(st.integers(0, 2_600_000), max_size=5), st.integers(1, 3), st.sampled_from([bytes, bytearray, memoryview])
)
def test_however_it_is_cut(cuts: list[int], workers: int, kind: type) -> None:
    ends = [0, *sorted(cuts)]
    data = random.Random(len(cuts)).randbytes(ends[-1])
    targets = stores(3)
    writing = writer(Code(2, 3), targets, workers=workers)
    buffer = bytearray(2_600_000)
    for start, stop in pairwise(ends):
        if kind is bytes:
            writing.write(data[start:stop])
        else:  # the caller's buffer changes as soon as write has returned
            buffer[: stop - start] = data[start:stop]
            writing.write(kind(memoryview(buffer)[: stop - start]))
    blob = writing.finish()
    buffer[:] = bytes(len(buffer))
    assert b"".join(read_blob(blob, KEY, {store.name: store for store in targets}, NAMING)) == data


def test_nothing_readable_is_on_the_stores() -> None:
    found = shelf(Code(1, 3), b"PLAINTEXT-" * 200_000)
    assert all(b"PLAINTEXT" not in found.string(index) for index in range(3))


def test_two_puts_of_the_same_share_nothing() -> None:
    one, two = shelf(Code(2, 3), b"same"), shelf(Code(2, 3), b"same")
    assert one.blob.id != two.blob.id
    assert not {one.path(j) for j in range(3)} & {two.path(j) for j in range(3)}
    assert not {bytes(one.string(j)) for j in range(3)} & {bytes(two.string(j)) for j in range(3)}


@pytest.mark.parametrize("size", [10, 9_000_000])
@pytest.mark.parametrize("fault", ["down", "full", "breaks"])
def test_stores_that_fail_are_left_out(size: int, fault: str) -> None:
    targets = stores(5)
    for broken in targets[1:3]:
        setattr(broken, fault, 0 if fault == "full" else True)
    data = random.Random(1).randbytes(size)
    with writer(Code(2, 5), targets, need=3) as writing:
        writing.write(data)
        blob = writing.finish()
        assert sorted(name for name, _ in writing.faults) == ["s1", "s2"]
    assert [placed.store for placed in blob.fragments] == ["s0", "", "", "s3", "s4"]
    assert all(len(placed.root) == 32 for placed in blob.fragments)
    assert len(left(targets)) == 3


@pytest.mark.parametrize("size", [10, 9_000_000])
def test_too_few_stores_is_an_error_and_leaves_nothing(size: int) -> None:
    targets = stores(5)
    targets[1].down = targets[2].down = targets[3].down = True
    writing = writer(Code(2, 5), targets, need=3, patience=1)
    expected = "2 stores take fragments, 3 are needed, nothing was stored: store s1: does not answer; store s2"
    with pytest.raises(StoreError, match=expected):
        _write(writing, bytes(size))
    assert left(targets) == []


def test_a_store_that_fills_up_on_the_way(monkeypatch: pytest.MonkeyPatch) -> None:
    targets = stores(3)
    targets[1].full = 2_000_000
    with writer(Code(1, 3), targets, need=2) as writing:
        for _ in range(12):
            writing.write(bytes(1 << 20))
        blob = writing.finish()
    assert [placed.store for placed in blob.fragments] == ["s0", "", "s2"]
    assert len(left(targets)) == 2


def test_a_store_that_hangs_is_dropped_and_what_it_has_is_abandoned() -> None:
    targets = stores(3)
    targets[1].gate.clear()
    with writer(Code(1, 3), targets, need=2, patience=1.0) as writing:
        writing.write(bytes(30 << 20))
        blob = writing.finish()
        assert [(name, str(error)) for name, error in writing.faults] == [
            ("s1", f"store s1: took too long to write {NAMING.path(blob.id, 1)}")
        ]
    assert [placed.store for placed in blob.fragments] == ["s0", "", "s2"]
    targets[1].gate.set()
    assert len(left(targets)) == 2


def test_when_too_many_hang_it_is_an_error() -> None:
    targets = stores(3)
    targets[0].gate.clear()
    targets[1].gate.clear()
    writing = writer(Code(1, 3), targets, need=2, patience=0.4)
    writing.write(b"x")
    with pytest.raises(
        StoreError, match="1 stores take fragments, 2 are needed, nothing was stored: the others do not"
    ):
        writing.finish()
    for store in targets[:2]:
        store.gate.set()


def test_a_place_may_be_empty_from_the_start() -> None:
    targets = stores(3)
    with writer(Code(2, 3), [targets[0], None, targets[2]], need=2) as writing:
        writing.write(b"x")
        blob = writing.finish()
    assert [placed.store for placed in blob.fragments] == ["s0", "", "s2"]
    with (
        pytest.raises(StoreError, match="2 stores take fragments, 3 are needed"),
        writer(Code(2, 3), [targets[0], None, targets[2]]) as writing,
    ):
        writing.finish()


@pytest.mark.parametrize("size", [0, 10, 9_000_000])
@pytest.mark.parametrize("workers", [1, 2])
def test_abandoning_leaves_nothing(size: int, workers: int) -> None:
    targets = stores(3)
    with writer(Code(2, 3), targets, workers=workers) as writing:
        writing.write(bytes(size))
    assert left(targets) == []
    with pytest.raises(InputError, match="this blob is finished or abandoned"):
        writing.write(b"x")
    with pytest.raises(InputError, match="this blob is finished or abandoned"):
        writing.finish()


def test_finished_fragments_are_deleted_when_the_others_fail() -> None:
    class NeverDone(MemoryStore):
        def write(self, path: str):  # type: ignore[no-untyped-def, override]
            growing = super().write(path)

            def finish() -> None:
                raise StoreError(f"store {self.name}: refused")

            growing.finish = finish  # type: ignore[method-assign]
            return growing

    good = MemoryStore("good")
    writing = writer(Code(1, 3), [good, NeverDone("a"), NeverDone("b")], need=2)
    writing.write(b"x")
    with pytest.raises(StoreError, match=r"1 stores take fragments, 2 are needed.*store a: refused; store b: refused"):
        writing.finish()
    assert good.strings == {}


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("size", [10, 9_000_000])
def test_stores_that_never_wait_cost_no_thread(size: int, workers: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(errand: object) -> None:
        raise AssertionError(f"{errand} was given to a thread")

    monkeypatch.setattr(errands, "run", run)
    targets = [MemoryStore(f"s{index}") for index in range(3)]
    data = random.Random(size).randbytes(size)
    blob = _write(writer(Code(2, 3), targets, workers=workers), data)
    for index, store in enumerate(targets):
        verify_fragment(blob, index, store, NAMING)
    monkeypatch.undo()
    assert b"".join(read_blob(blob, KEY, {store.name: store for store in targets}, NAMING)) == data


def test_a_store_that_never_waits_may_fail() -> None:
    class Full(MemoryStore):
        def write(self, path: str):  # type: ignore[no-untyped-def, override]
            growing = super().write(path)
            take = growing.write

            def write(data: bytes | memoryview) -> None:
                take(data)
                if len(growing._data) > 2_000_000:
                    raise StoreError(f"store {self.name}: no space left")

            growing.write = write  # type: ignore[method-assign]
            return growing

    targets = [MemoryStore("s0"), Full("s1"), MemoryStore("s2")]
    with writer(Code(1, 3), targets, need=2) as writing:
        blob = _write(writing, bytes(12 << 20))
        assert [(name, str(error)) for name, error in writing.faults] == [("s1", "store s1: no space left")]
    assert [placed.store for placed in blob.fragments] == ["s0", "", "s2"]
    assert targets[1].strings == {}
    with pytest.raises(StoreError, match="2 stores take fragments, 3 are needed, nothing was stored: store s1: no sp"):
        _write(writer(Code(1, 3), targets), bytes(12 << 20))
    assert [len(store.strings) for store in targets] == [1, 0, 1]


def test_what_cannot_be_written() -> None:
    with pytest.raises(InputError, match="a code of 2 of 3 needs 3 targets, got 2"):
        writer(Code(2, 3), stores(2))
    with pytest.raises(InputError, match="a code of 2 of 3 needs 2 to 3 fragments to be safe, got 1"):
        writer(Code(2, 3), stores(3), need=1)
