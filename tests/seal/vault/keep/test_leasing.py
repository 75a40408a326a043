"""A repair that takes long keeps its task; one that was stuck loses it, is told, and writes nothing more."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bailee.adapters.catalogue.keeping import Task, due_tasks, find_task
from bailee.seal.vault.facts import Blob
from bailee.seal.vault.keep.keeping import REPAIR, queue_repair
from bailee.seal.vault.keep.leasing import LEASE, Lease, LostError
from bailee.seal.vault.keep.repairing import Repaired, repair
from keepers import Troubled, World, world

MANY = 12_000_000
"""Bytes of a blob that is rebuilt in three stretches of four segments."""


@pytest.fixture
def made(tmp_path: Path) -> Iterator[World]:
    found = world(tmp_path)
    yield found
    found.catalogue.close()


def on_each_read(made: World, work: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> None:
    true_read = Troubled.read

    def read(self: Troubled, path: str, offset: int = 0, length: int | None = None) -> bytes:
        work()
        return true_read(self, path, offset, length)

    monkeypatch.setattr(Troubled, "read", read)


def task_of(made: World, blob: Blob) -> Task:
    with made.catalogue.reading() as connection:
        found = find_task(connection, REPAIR, blob.id)
    assert found is not None
    return found


def queued(made: World, size: int) -> Blob:
    blob = made.put(size)
    made.lose(blob, 0)
    made.catalogue.change(lambda unit: queue_repair(unit.connection, blob.id, {0: "missing"}, made.clock[0]))
    return blob


def test_a_long_repair_keeps_its_task(made: World, monkeypatch: pytest.MonkeyPatch) -> None:
    blob = queued(made, MANY)
    began, free = made.clock[0], []

    def work() -> None:
        made.clock[0] += LEASE / 8
        with made.catalogue.reading() as connection:
            free.extend(due_tasks(connection, REPAIR, made.clock[0], 10))

    on_each_read(made, work, monkeypatch)
    done = repair(made.keeping)
    assert made.clock[0] - began > LEASE
    assert free == []
    assert (done.blobs, done.fragments, done.left) == (1, 1, {})
    monkeypatch.undo()
    made.check()
    with made.catalogue.reading() as connection:
        assert find_task(connection, REPAIR, blob.id) is None


def test_a_repair_that_was_stuck_stops_where_somebody_else_has_its_task(
    made: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    blob = queued(made, MANY)
    store, path = made.stores[blob.fragments[0].store], made.path(blob, 0)
    other: list[Repaired] = []
    written = []

    def work() -> None:
        if not other:
            other.append(Repaired())
            made.clock[0] += 2 * LEASE
            monkeypatch.undo()
            other[0] = repair(made.keeping)
            written.append(store.written_bytes)

    on_each_read(made, work, monkeypatch)
    done = repair(made.keeping)
    assert (other[0].blobs, other[0].fragments) == (1, 1)
    assert (done.blobs, done.fragments, done.left) == (0, 0, {})
    assert store.written_bytes == written[0]
    assert store.inner.strings[path]
    made.check()
    assert made.events().count("repair") == 1


def test_a_lease_that_somebody_else_took_is_left_alone(made: World) -> None:
    blob = queued(made, 5000)
    before = task_of(made, blob)
    mine = Lease(made.keeping, before, 600)
    assert mine.take()
    assert not Lease(made.keeping, before, 600).take()
    mine.keep()
    made.clock[0] += 10_000
    theirs = Lease(made.keeping, task_of(made, blob), 600)
    assert theirs.take()
    with pytest.raises(LostError, match="the task took longer than its lease, and somebody else has it"):
        mine.keep()
    mine.give_back(0, "nothing of it is kept")
    found = task_of(made, blob)
    assert (found.due, found.problem) == (made.clock[0] + 600, "")
    made.clock[0] += 10_000
    theirs.keep()
    assert task_of(made, blob).due == made.clock[0] + 600
    theirs.give_back(5, "no store is left")
    found = task_of(made, blob)
    assert (found.due, found.problem, found.attempts) == (made.clock[0] + 5, "no store is left", 2)
