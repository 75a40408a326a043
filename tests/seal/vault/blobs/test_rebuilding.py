from __future__ import annotations

import random
from dataclasses import replace

import pytest

from bailee.adapters.stores.memory import MemoryStore
from bailee.errors import DamageError, InputError, MissingError, StoreError
from bailee.seal.vault.blobs.fragments import verify_fragment
from bailee.seal.vault.blobs.layout import LEAF, Layout
from bailee.seal.vault.blobs.rebuilding import rebuild
from bailee.seal.vault.facts import Code
from blobs import NAMING, Shelf, shelf
from faulty import FaultyStore

CODE = Code(3, 6)
SIZE = 6_000_000
DATA = random.Random(6).randbytes(SIZE)
LAYOUT = Layout(CODE, SIZE)


@pytest.fixture
def found() -> Shelf:
    return shelf(CODE, DATA)


def spare(name: str = "spare") -> FaultyStore:
    return FaultyStore(MemoryStore(name))


@pytest.mark.parametrize("lost", [(0,), (5,), (1, 4), (0, 1, 2), (3, 4, 5)])
def test_a_fragment_is_made_byte_for_byte(found: Shelf, lost: tuple[int, ...]) -> None:
    targets = {index: spare(f"new{index}") for index in lost}
    before = {index: bytes(found.string(index)) for index in lost}
    for index in lost:
        found.stores[index].down = True
    placed = rebuild(found.blob, targets, found.by_name, NAMING)
    assert [(made.index, made.store) for made in placed] == [(index, f"new{index}") for index in lost]
    assert [made.root for made in placed] == [found.blob.fragments[index].root for index in lost]
    for index in lost:
        assert targets[index].read(found.path(index)) == before[index]
        verify_fragment(found.blob, index, targets[index], NAMING)


def test_it_moves_what_the_code_needs_and_no_more(found: Shelf) -> None:
    for store in found.stores:
        store.bytes_read = 0
    targets = {1: spare("a"), 4: spare("b")}
    moved: list[int] = []
    rebuild(found.blob, targets, found.by_name, NAMING, on_bytes=moved.append)
    assert sum(store.bytes_read for store in found.stores) == 3 * (LAYOUT.body + LEAF * LAYOUT.segments)
    assert [target.bytes_written for target in targets.values()] == [LAYOUT.fragment] * 2
    assert sum(moved) == 5 * LAYOUT.body


def test_liars_and_rot_are_not_copied_on(found: Shelf) -> None:
    found.stores[0].lies = True
    for at in range(0, LAYOUT.body, 50_000):
        found.string(2)[at] ^= 1
    original = bytes(found.string(3))
    target = spare()
    rebuild(found.blob, {3: target}, found.by_name, NAMING, on_fault=found.on_fault)
    assert target.read(found.path(3)) == original
    assert {index for _, index, _ in found.faults} == {0, 2}


def test_in_place(found: Shelf) -> None:
    original = bytes(found.string(3))
    found.string(3)[10] ^= 1
    with pytest.raises(DamageError, match=r"fragment 3 of blob .* on s3: 1 of 6 pieces changed \(0\); rebuild it"):
        verify_fragment(found.blob, 3, found.stores[3], NAMING)
    rebuild(found.blob, {3: found.stores[3]}, found.by_name, NAMING)
    assert found.string(3) == original


def test_too_few_are_left(found: Shelf) -> None:
    for index in (0, 1, 2):
        found.stores[index].down = True
    target = spare()
    with pytest.raises(DamageError, match=r"3 fragments are needed.*store s0: does not answer"):
        rebuild(found.blob, {3: target}, found.by_name, NAMING)
    assert list(target.inner.paths()) == []


def test_a_target_that_fails_beside_one_that_does_not(found: Shelf) -> None:
    targets = {1: spare("a"), 4: spare("b")}
    targets[1].full = 100
    placed = rebuild(found.blob, targets, found.by_name, NAMING, on_fault=found.on_fault)
    assert [made.index for made in placed] == [4]
    assert found.faults == [("a", 1, "store a: no space left")]
    targets[4].full = 100
    with pytest.raises(StoreError, match="store a: no space left; store b: no space left"):
        rebuild(found.blob, targets, found.by_name, NAMING)


def test_it_can_be_stopped(found: Shelf) -> None:
    class EnoughError(Exception): ...

    def stop(count: int) -> None:
        raise EnoughError

    target = spare()
    with pytest.raises(EnoughError):
        rebuild(found.blob, {1: target}, found.by_name, NAMING, on_bytes=stop)
    assert list(target.inner.paths()) == []


def test_a_wrong_root_in_the_catalogue_stops_before_the_end(found: Shelf) -> None:
    fragments = tuple(replace(p, root=bytes(32)) if p.index == 1 else p for p in found.blob.fragments)
    target = spare()
    with pytest.raises(DamageError, match="its root is not the catalogue's"):
        rebuild(replace(found.blob, fragments=fragments), {1: target}, found.by_name, NAMING)
    assert list(target.inner.paths()) == []


@pytest.mark.parametrize("wanted", [set(), {6}, {-1, 2}])
def test_what_is_no_fragment(found: Shelf, wanted: set[int]) -> None:
    with pytest.raises(InputError, match="expected fragments of 0 to 5 to rebuild"):
        rebuild(found.blob, {index: spare() for index in wanted}, found.by_name, NAMING)


def test_verifying_says_what_is_wrong(found: Shelf) -> None:
    verify_fragment(found.blob, 0, found.stores[0], NAMING)
    found.string(0)[-1] ^= 1
    with pytest.raises(DamageError, match=r"fragment 0 of blob .* on s0: its leaves do not fit its root; rebuild it"):
        verify_fragment(found.blob, 0, found.stores[0], NAMING)
    found.stores[1].inner.delete(found.path(1))
    with pytest.raises(MissingError, match="store s1: nothing is under"):
        verify_fragment(found.blob, 1, found.stores[1], NAMING)
    del found.string(2)[-1]
    with pytest.raises(StoreError, match="store s2"):
        verify_fragment(found.blob, 2, found.stores[2], NAMING)
