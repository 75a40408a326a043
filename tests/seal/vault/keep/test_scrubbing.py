"""Scrub and repair: whatever is wrong with at most n - k fragments of a blob is found and mended, wherever it is."""

from __future__ import annotations

import os
import random
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bailee.adapters.catalogue.keeping import count_tasks, cursor, find_task
from bailee.adapters.catalogue.tables import blobs as table
from bailee.errors import InputError
from bailee.seal.vault.blobs.layout import LEAF, Layout
from bailee.seal.vault.facts import Code
from bailee.seal.vault.keep import repairing
from bailee.seal.vault.keep.health import health
from bailee.seal.vault.keep.keeping import queue_repair
from bailee.seal.vault.keep.repairing import repair
from bailee.seal.vault.keep.scrubbing import Scrubbed, scrub
from bailee.seal.vault.keep.throttle import Throttle
from keepers import World, world

ROUNDS = int(os.environ.get("BAILEE_FLIPS", "25"))


@pytest.fixture
def made(tmp_path: Path) -> Iterator[World]:
    found = world(tmp_path)
    yield found
    found.catalogue.close()


def tasks(made: World) -> dict[str, int]:
    with made.catalogue.reading() as connection:
        return count_tasks(connection)


def faults(made: World, blob_id: bytes) -> dict[str, str]:
    with made.catalogue.reading() as connection:
        task = find_task(connection, "repair", blob_id)
    return {} if task is None else dict(task.detail["faults"])


def test_a_healthy_vault_has_nothing_to_mend(made: World) -> None:
    for size in (0, 1, 5000, 2_500_000):
        made.put(size)
    found = scrub(made.keeping)
    layouts = [Layout(blob.code, blob.length) for blob, _, _ in made.blobs.values()]
    assert (found.blobs, found.fragments, found.wrong, found.queued, found.is_finished) == (4, 24, {}, 0, True)
    assert found.bytes == sum(6 * layout.fragment for layout in layouts)
    assert scrub(made.keeping, thorough=False).bytes == sum(6 * 32 * layout.segments for layout in layouts)
    assert repair(made.keeping).blobs == 0
    made.check()


@pytest.mark.parametrize("trouble", ["lost", "flipped", "cut", "leaf", "swapped", "emptied"])
def test_up_to_n_minus_k_wrong_fragments_are_found_and_mended(made: World, trouble: str) -> None:
    blob, other = made.put(1_500_000), made.put(1_500_000)
    for index in (0, 2, 5):
        data = made.fragment(blob, index)
        match trouble:
            case "lost":
                made.lose(blob, index)
            case "flipped":
                data[7] ^= 16
            case "cut":
                del data[-10:]
            case "leaf":
                data[-1] ^= 1
            case "swapped":
                data[:] = made.fragment(other, index)
            case "emptied":
                data.clear()
    found = scrub(made.keeping)
    assert found.wrong == {"missing" if trouble == "lost" else "damaged": 3}
    assert found.queued == 1
    assert sorted(faults(made, blob.id)) == ["0", "2", "5"]
    assert health(made.keeping).least == 0
    done = repair(made.keeping)
    assert (done.blobs, done.fragments, done.left) == (1, 3, {})
    assert tasks(made) == {}
    assert made.now(blob) == blob  # back where they were: the same stores, the same roots
    assert scrub(made.keeping).wrong == {}
    made.check()
    assert health(made.keeping).least == 3
    assert made.events() == ["repair"]


def test_a_bit_flipped_anywhere_is_found_and_mended(made: World) -> None:
    rng = random.Random(7)
    blob = made.put(2_200_000)
    for _ in range(ROUNDS):
        index = rng.randrange(6)
        data = made.fragment(blob, index)
        whole = bytes(data)
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        assert scrub(made.keeping).wrong == {"damaged": 1}
        assert repair(made.keeping).fragments == 1
        assert bytes(made.fragment(blob, index)) == whole
    made.check()


def test_repair_moves_no_more_than_the_code_needs(made: World) -> None:
    blob = made.put(5_000_000)
    layout = Layout(blob.code, blob.length)
    for lost in ([1], [0, 4], [2, 3, 5]):
        for index in lost:
            made.lose(blob, index)
        scrub(made.keeping)
        for store in made.stores.values():
            store.read_bytes = store.written_bytes = 0
        done = repair(made.keeping)
        read = sum(store.read_bytes for store in made.stores.values())
        written = sum(store.written_bytes for store in made.stores.values())
        assert read == done.read
        # k fragments, however many are lost; the leaves of another where a faster store takes over in between.
        assert 0 <= read - 3 * layout.fragment <= 3 * LEAF * layout.segments
        assert written == done.written == len(lost) * layout.fragment
    made.check()


def test_a_put_that_missed_stores_is_completed_when_they_are_back(made: World) -> None:
    for name in ("s0", "s1"):
        made.stores[name].trouble = "full"
    blobs = [made.put() for _ in range(8)]
    missing = sum(one.store == "" for blob in blobs for one in blob.fragments)
    assert missing > 0
    assert scrub(made.keeping).wrong == {"nowhere": missing}
    done = repair(made.keeping)
    assert done.fragments == missing  # others take them: eight stores, six needed
    assert done.left == {}
    made.check()
    assert all(one.store not in ("s0", "s1") for blob in blobs for one in made.now(blob).fragments)


def test_where_no_store_is_left_the_task_waits_and_then_succeeds(tmp_path: Path) -> None:
    made = world(tmp_path, Code(2, 4), stores=4)
    made.stores["s3"].trouble = "full"
    blob = made.put()
    done = repair(made.keeping)
    assert list(done.left) == [blob.id.hex()]
    assert "no space left" in done.left[blob.id.hex()]
    assert tasks(made) == {"repair": 1}
    assert repair(made.keeping).left == {}  # it is not due
    made.stores["s3"].trouble = ""
    made.clock[0] += 3600
    assert repair(made.keeping).fragments == 1
    made.check()


def test_a_store_that_is_down_is_told_and_not_repaired(made: World) -> None:
    for _ in range(20):
        made.put(100)
    made.stores["s2"].trouble, made.stores["s2"].calls = "down", 0
    found = scrub(made.keeping)
    assert set(found.wrong) == {"unreachable"}
    assert found.stores == {"s2": found.wrong}
    assert made.stores["s2"].calls < 40  # given up early
    assert tasks(made) == {}
    assert health(made.keeping).least == 2
    assert {one.name: one.problem for one in health(made.keeping).stores if one.problem} == {
        "s2": "store s2: does not answer"
    }


@pytest.mark.parametrize("trouble", ["lying", "truncating", "short"])
def test_a_store_that_answers_wrongly_loses_its_fragments_to_others(made: World, trouble: str) -> None:
    blobs = [made.put(3000) for _ in range(20)]  # so many that the store holds something of them: all but 4^-20
    made.stores["s4"].trouble = trouble
    held = sum(one.store == "s4" for blob in blobs for one in blob.fragments)
    assert scrub(made.keeping).wrong == {"damaged": held}
    # Its owner has had enough of it.
    made.change_stores([replace(one, enabled=one.name != "s4") for one in made.keeping.entries])
    assert repair(made.keeping).fragments == held
    assert all(one.store != "s4" for blob in blobs for one in made.now(blob).fragments)
    made.check()


@pytest.mark.parametrize("troubles", [("down", "lying", "truncating"), ("flapping", "full", "short"), ("down",) * 3])
def test_repair_while_n_minus_k_stores_are_in_trouble(tmp_path: Path, troubles: tuple[str, ...]) -> None:
    """Fragments at fault are on those stores; others take them while they are."""
    made = world(tmp_path, Code(3, 6), stores=9)
    blobs = [made.put(40_000) for _ in range(10)]
    sick = dict(zip(("s0", "s3", "s7"), troubles, strict=True))
    for name, trouble in sick.items():
        for path in list(made.stores[name].inner.strings):
            del made.stores[name].inner.strings[path]
        made.stores[name].trouble = trouble
    made.change_stores([replace(one, enabled=one.name not in sick) for one in made.keeping.entries])
    for blob in blobs:
        lost = {one.index: "missing" for one in blob.fragments if one.store in sick}
        if lost:
            made.catalogue.change(lambda unit, b=blob, w=lost: queue_repair(unit.connection, b.id, w, 0.0))
    for _ in range(5):
        repair(made.keeping)
        made.clock[0] += 90_000
    assert tasks(made) == {}
    made.check()
    assert all(one.store not in sick for blob in blobs for one in made.now(blob).fragments)


def test_a_source_that_turns_out_to_be_rotten_is_mended_as_well(made: World) -> None:
    blob = made.put(10_000)
    made.lose(blob, 5)
    scrub(made.keeping)
    made.fragment(blob, 0)[3] ^= 1
    made.fragment(blob, 1)[3] ^= 1
    done = repair(made.keeping)
    assert done.fragments == 3
    assert tasks(made) == {}
    assert scrub(made.keeping).wrong == {}


def test_too_few_fragments_is_said_and_what_is_left_is_not_touched(made: World) -> None:
    blob = made.put(10_000)
    kept = {j: made.fragment(blob, j) for j in (4, 5)}
    for index in range(4):
        made.lose(blob, index)
    scrub(made.keeping)
    assert health(made.keeping).least == -1
    done = repair(made.keeping)
    assert "3 fragments are needed" in done.left[blob.id.hex()]
    assert {j: made.fragment(blob, j) for j in (4, 5)} == kept
    assert made.now(blob) == blob
    assert tasks(made) == {"repair": 1}


def test_a_scrub_goes_on_where_it_was_stopped(made: World) -> None:
    blobs = [made.put(50) for _ in range(10)]
    made.lose(blobs[1], 0)
    made.lose(blobs[8], 0)
    seen: list[int] = []

    def stop(done: Scrubbed) -> None:
        seen.append(done.blobs)
        if len(seen) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        scrub(made.keeping, page=3, progress=stop)
    with made.catalogue.reading() as connection:
        left = cursor(connection, "scrub")
    assert left is not None
    assert left["done"]["blobs"] == 6
    for store in made.stores.values():
        store.read_bytes = 0
    part = scrub(made.keeping, page=3, blobs=3)
    assert (part.blobs, part.is_finished) == (9, False)
    found = scrub(made.keeping, page=3)
    assert (found.blobs, found.fragments, found.queued, found.is_finished) == (10, 60, 2, True)
    assert sum(store.read_bytes for store in made.stores.values()) < found.bytes / 2
    with made.catalogue.reading() as connection:
        assert cursor(connection, "scrub") is None
    assert scrub(made.keeping).queued == 0  # known already
    assert tasks(made) == {"repair": 2}


def test_a_blob_that_was_erased_is_no_task(made: World) -> None:
    blob = made.put()
    made.lose(blob, 0)
    scrub(made.keeping)
    made.catalogue.change(lambda unit: unit.connection.execute(table.delete().where(table.c.id == blob.id)))
    done = repair(made.keeping)
    assert (done.fragments, done.left, tasks(made)) == (0, {}, {})


def test_two_repairers_share_the_work(made: World) -> None:
    blobs = [made.put(2000) for _ in range(12)]
    for blob in blobs:
        made.lose(blob, 1)
        made.lose(blob, 4)
    scrub(made.keeping)
    done: list[repairing.Repaired] = []
    threads = [threading.Thread(target=lambda: done.append(repair(made.keeping))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(one.fragments for one in done) == 24
    assert all(one.left == {} for one in done)
    assert tasks(made) == {}
    made.check()


def test_two_repairers_of_one_blob_cannot_both_change_it(made: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lease that ran out: both make the fragment, the second finds the row changed and makes nothing of it."""
    for name in ("s0", "s1"):
        made.stores[name].trouble = "full"
    blob = next(blob for blob in iter(made.put, None) if any(one.store == "" for one in blob.fragments))
    true_rebuild, inner = repairing.rebuild, []

    def rebuild(*given: object, **named: object) -> object:
        found = true_rebuild(*given, **named)  # type: ignore[arg-type]
        if not inner:
            inner.append(None)
            made.clock[0] += 10_000
            inner[0] = repair(made.keeping)
        return found

    monkeypatch.setattr(repairing, "rebuild", rebuild)
    done = repair(made.keeping)
    assert inner[0].fragments + done.fragments == sum(one.store == "" for one in blob.fragments)
    made.check()
    assert made.events().count("repair") == 1
    assert tasks(made) == {}


def test_a_rate_is_kept() -> None:
    now, waited = [0.0], [0.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds
        waited[0] += seconds

    throttle = Throttle(1000, lambda: now[0], sleep)
    for _ in range(10):
        throttle.spend(read=500, written=100)
    assert waited[0] == pytest.approx(6.0)
    now[0] += 100  # a pause is not followed by a flood
    throttle.spend(read=2000)
    assert waited[0] == pytest.approx(8.0)
    assert (throttle.read, throttle.written) == (7000, 1000)
    with pytest.raises(InputError, match="more than 0 bytes"):
        Throttle(0)
