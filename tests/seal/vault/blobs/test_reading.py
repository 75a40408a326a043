from __future__ import annotations

import random
import threading
from dataclasses import replace
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bailee.adapters.stores.store import Store
from bailee.errors import DamageError, InputError, StorageError
from bailee.keys import Secret
from bailee.seal.vault.blobs.layout import PLAIN, Layout
from bailee.seal.vault.blobs.pace import Pace
from bailee.seal.vault.blobs.reading import read_blob
from bailee.seal.vault.facts import Code
from blobs import KEY, NAMING, Shelf, shelf, unhurried

SIZE = 7_000_000
DATA = random.Random(5).randbytes(SIZE)


@pytest.fixture
def found() -> Shelf:
    return shelf(Code(3, 6), DATA)


@settings(deadline=None, max_examples=40)
@given(st.tuples(st.integers(0, SIZE), st.integers(0, SIZE)).map(sorted))
def test_any_range(ends: list[int]) -> None:
    assert _SHARED.read(*ends) == DATA[slice(*ends)]


_SHARED = shelf(Code(3, 6), DATA)


def test_a_range_reads_only_the_segments_it_needs(found: Shelf) -> None:
    for store in found.stores:
        store.bytes_read = 0
    assert found.read(2 * PLAIN + 5, 2 * PLAIN + 9, unhurried(found.by_name)) == DATA[2 * PLAIN + 5 : 2 * PLAIN + 9]
    assert sum(store.bytes_read for store in found.stores) == 3 * Layout(Code(3, 6), SIZE).piece


@pytest.mark.parametrize(("start", "stop"), [(-1, 3), (5, 4), (0, SIZE + 1), (SIZE + 1, SIZE + 1)])
def test_ranges_outside_are_refused_at_once(start: int, stop: int) -> None:
    with pytest.raises(InputError, match=f"expected a range within {SIZE} bytes"):
        read_blob(_SHARED.blob, KEY, _SHARED.by_name, NAMING, start, stop)


def test_another_key_is_refused_at_once() -> None:
    with pytest.raises(DamageError, match="this key does not fit the blob"):
        read_blob(_SHARED.blob, Secret(b"l" * 32), _SHARED.by_name, NAMING)


FAULTS = ["down", "lies", "cuts", "breaks", "gone", "rotten", "elsewhere"]


def spoil(found: Shelf, index: int, fault: str) -> None:
    if fault == "gone":
        found.stores[index].inner.delete(found.path(index))
    elif fault == "rotten":
        body = Layout(found.blob.code, found.blob.length).body
        for at in range(0, body, 100_000):
            found.string(index)[at] ^= 1
    elif fault == "elsewhere":
        fragments = tuple(replace(p, store="") if p.index == index else p for p in found.blob.fragments)
        found.blob = replace(found.blob, fragments=fragments)
    else:
        setattr(found.stores[index], fault, True)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("indexes", [(0, 1, 2), (3, 4, 5), (0, 3, 5)])
def test_any_three_of_six_may_fail(found: Shelf, fault: str, indexes: tuple[int, ...]) -> None:
    for index in indexes:
        spoil(found, index, fault)
    assert found.read(pace=unhurried(found.by_name)) == DATA
    if fault != "elsewhere":
        asked = {index for index in indexes if index < 3}
        assert asked <= {index for _, index, _ in found.faults} <= set(indexes)
        assert len(found.faults) == len({index for _, index, _ in found.faults}), "each is told once"


def test_all_kinds_of_faults_at_once(found: Shelf) -> None:
    for index, fault in ((0, "lies"), (2, "down"), (1, "rotten")):
        spoil(found, index, fault)
    assert found.read(pace=unhurried(found.by_name)) == DATA
    told = {index: text for _, index, text in found.faults}
    assert sorted(told) == [0, 1, 2]
    # A store that lies about pieces lies about leaves as well.
    assert "its leaves do not fit its root; rebuild it" in told[0]
    assert "piece 0 of fragment 1 of blob" in told[1]
    assert told[2] == "store s2: does not answer"


@pytest.mark.parametrize("fault", FAULTS)
def test_one_more_is_an_error_that_says_what_is_missing(found: Shelf, fault: str) -> None:
    for index in (0, 1, 3, 5):
        spoil(found, index, fault)
    with pytest.raises(DamageError, match="3 fragments are needed and fewer can be had") as caught:
        found.read()
    assert all(f"fragment {index}" in str(caught.value) or f"s{index}" in str(caught.value) for index in (0, 1))


def test_a_rotten_piece_on_every_store_is_survived(found: Shelf) -> None:
    piece = Layout(Code(3, 6), SIZE).piece
    for index in range(6):
        found.string(index)[index * piece + 7] ^= 1  # each in another segment
    assert found.read() == DATA


def test_never_wrong_bytes_before_the_error(found: Shelf) -> None:
    piece = Layout(Code(3, 6), SIZE).piece
    for index in range(4):
        found.string(index)[3 * piece] ^= 1
    given = b""
    parts = read_blob(found.blob, KEY, found.by_name, NAMING)
    for _ in range(3):
        given += next(parts)
    with pytest.raises(DamageError, match="segment 3: 3 fragments are needed"):
        next(parts)
    assert given == DATA[: 3 * PLAIN]


def test_swapped_fragments_and_swapped_blobs_do_not_open(found: Shelf) -> None:
    other = shelf(Code(3, 6), DATA)
    for index in range(6):
        found.string(index)[:] = other.string(index)
    with pytest.raises(DamageError, match="its leaves do not fit its root"):
        found.read()


def test_swapped_segments_do_not_open(found: Shelf) -> None:
    piece = Layout(Code(3, 6), SIZE).piece
    for index in range(6):
        string = found.string(index)
        string[:piece], string[piece : 2 * piece] = string[piece : 2 * piece], string[:piece]
    with pytest.raises(DamageError, match="segment 0"):
        found.read()


def test_a_catalogue_of_another_length_does_not_open(found: Shelf) -> None:
    for length in (SIZE - PLAIN, SIZE + PLAIN, PLAIN // 2):
        blob = replace(found.blob, length=length)
        with pytest.raises(DamageError):
            b"".join(read_blob(blob, KEY, found.by_name, NAMING))


def test_whole_pieces_that_do_not_open_are_the_catalogues_fault(found: Shelf) -> None:
    other = shelf(Code(3, 6), DATA)
    blob = replace(found.blob, fragments=other.blob.fragments)
    for index in range(6):
        found.string(index)[:] = other.string(index)
    with pytest.raises(DamageError, match="are those that were stored, but they do not open"):
        b"".join(read_blob(blob, KEY, found.by_name, NAMING))


def test_a_store_that_hangs_does_not_hold_up_a_read(found: Shelf) -> None:
    for index in (0, 1, 2):
        found.stores[index].gate.clear()
    assert found.read() == DATA
    assert found.faults == []
    for store in found.stores:
        store.gate.set()


def test_flapping_stores(found: Shelf) -> None:
    for index in (0, 2, 4):
        found.stores[index].flaps = True
    assert found.read() == DATA


def test_the_fastest_are_asked_first(found: Shelf) -> None:
    pace = Pace()
    for index, store in enumerate(found.stores):
        pace.answered(store.name, 20.0 if index >= 3 else 2000.0)  # so slow that on no machine one is late
    assert b"".join(read_blob(found.blob, KEY, found.by_name, NAMING, pace=pace)) == DATA
    assert [store.reads > 0 for store in found.stores] == [False] * 3 + [True] * 3


def test_data_pieces_are_preferred_among_equals(found: Shelf) -> None:
    assert found.read(pace=unhurried(found.by_name)) == DATA
    assert [store.reads > 0 for store in found.stores] == [True] * 3 + [False] * 3


def test_a_store_that_failed_rests() -> None:
    now = [0.0]
    pace = Pace(lambda: now[0])
    pace.failed("a")
    assert pace.is_resting("a")
    now[0] = 31
    assert not pace.is_resting("a")
    pace.failed("a")
    pace.answered("a", 0.1)
    assert not pace.is_resting("a")
    assert pace.expected("a") == pytest.approx(0.1)
    pace.late("a", 5)
    assert pace.expected("a") == 5


@pytest.mark.parametrize("code", [Code(1, 1), Code(2, 3), Code(8, 12)], ids=str)
def test_every_choice_of_k_stores(code: Code) -> None:
    data = DATA[:1_500_000]
    found = shelf(code, data)
    for chosen in list(combinations(range(code.n), code.k))[::37]:
        stores: dict[str, Store] = {f"s{index}": found.stores[index] for index in chosen}
        assert b"".join(read_blob(found.blob, KEY, stores, NAMING)) == data


def test_many_readers_at_once(found: Shelf) -> None:
    pace, problems = Pace(), []

    def work(number: int) -> None:
        start = number * 500_000
        try:
            parts = read_blob(found.blob, KEY, found.by_name, NAMING, start, start + 2_000_000, pace=pace)
            assert b"".join(parts) == DATA[start : start + 2_000_000]
        except BaseException as error:
            problems.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []


def test_a_fault_handler_gets_the_store(found: Shelf) -> None:
    seen: list[tuple[Store, int, StorageError]] = []
    found.stores[1].down = True
    pace = unhurried(found.by_name)
    parts = read_blob(found.blob, KEY, found.by_name, NAMING, on_fault=lambda *fault: seen.append(fault), pace=pace)
    assert b"".join(parts) == DATA
    assert [(store, index) for store, index, _ in seen] == [(found.stores[1], 1)]
