"""Repair: fragments that are missing or wrong are made anew from any k others, without a key (docs/vault.md, 5).

A task is taken for a while (`leasing`), so that two repairers share the work. What makes them safe is the end: the
blob's row changes only if it still is as it was read, in the transaction that ends the task and writes the log. A
repairer that dies before leaves a whole fragment of the right bytes, which the next one writes over, or a scrub finds.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from bailee.adapters.catalogue import Unit
from bailee.adapters.catalogue.keeping import Task, change_task, due_tasks, end_task, find_task
from bailee.adapters.stores.store import Store
from bailee.errors import BaileeError, ConflictError, DamageError, MissingError, StorageError
from bailee.records import Json
from bailee.seal.vault.blobs.rebuilding import rebuild
from bailee.seal.vault.facts import Blob, Placed
from bailee.seal.vault.journal import entry
from bailee.seal.vault.keep.keeping import REPAIR, Keeping, best_places, find_blob, move_fragments
from bailee.seal.vault.keep.leasing import LEASE, Lease, LostError
from bailee.seal.vault.keep.throttle import Throttle

_STRETCH = 32 << 20
"""Bytes that a repair moves between two looks at its lease, at most: 31 pieces of 1 MiB at 1 of 32."""
_SOON, _LATE = 60.0, 86_400.0
_PAGE = 64
_WORKERS = 8


@dataclass
class Repaired:
    """What a run did. left: tasks that are to be tried again, by blob, and why."""

    blobs: int = 0
    fragments: int = 0
    read: int = 0
    written: int = 0
    left: dict[str, str] = field(default_factory=dict)


Progress = Callable[[Repaired], None]


def repair(
    keeping: Keeping,
    *,
    rate: float | None = None,
    progress: Progress | None = None,
    blobs: int | None = None,
    lease: float = LEASE,
) -> Repaired:
    """Do the repairs that are due, at most so many blobs; returns when none is left. rate: bytes a second at most.

    A repair that fails is put off, each time for longer, and does not stop the others. progress: called after each
    blob; what it raises stops the run. Raises StorageError where the catalogue fails.
    """
    done, throttle = Repaired(), Throttle(rate)
    stores = keeping.throttled(throttle)
    # Several at once: stores far away answer late, and commits that wait together cost one sync of the disk.
    with ThreadPoolExecutor(_WORKERS) as pool:
        while True:
            now = keeping.time.now()
            with keeping.catalogue.reading() as connection:
                tasks = due_tasks(connection, REPAIR, now, _PAGE)
            room = _PAGE if blobs is None else blobs - done.blobs - len(done.left)
            if not tasks or room <= 0:
                return done
            for task, made in pool.map(lambda one: (one, _do(keeping, one, stores, rate, lease)), tasks[:room]):
                if isinstance(made, str):
                    done.left[task.subject.hex()] = made
                elif made is not None:
                    done.blobs, done.fragments = done.blobs + 1, done.fragments + made
                done.read, done.written = throttle.read, throttle.written
                if progress is not None and made is not None:
                    progress(done)


def _do(
    keeping: Keeping, task: Task, stores: Mapping[str, Store], rate: float | None, lease: float
) -> int | str | None:
    """Fragments made, or why not all could be, or None where somebody else has the task, or was faster."""
    taken = Lease(keeping, task, lease + (_WORKERS * _STRETCH / rate if rate else 0.0))
    if not taken.take():
        return None
    try:
        return _mend(keeping, taken, stores)
    except LostError:
        return None
    except BaileeError as error:
        problem, again = str(error), isinstance(error, ConflictError)
        taken.give_back(0.0 if again else min(_SOON * 2**task.attempts, _LATE), problem)
        return None if again else problem


def _mend(keeping: Keeping, lease: Lease, stores: Mapping[str, Store]) -> int:
    """Fragments made. Raises BaileeError where some of the blob's are still missing afterwards."""
    task = lease.task
    with keeping.catalogue.reading() as connection:
        blob = find_blob(connection, task.subject)
    if blob is None:
        keeping.catalogue.change(lambda unit: end_task(unit.connection, task.row))
        return 0
    faults = faults_of(keeping, blob, task)
    readable = replace(
        blob,
        fragments=tuple(replace(one, store="") if one.index in faults else one for one in blob.fragments),
    )
    made: dict[int, Placed] = {}
    problems: list[str] = []
    refused: set[str] = set()
    others: dict[int, str] = {}

    def on_fault(store: Store, index: int, error: StorageError) -> None:
        problems.append(str(error))
        if index in faults:
            refused.add(store.name)
        elif isinstance(error, MissingError | DamageError):
            others[index] = str(error)

    while missing := sorted(faults - made.keys()):
        tried, targets = len(refused), choose_targets(keeping, blob, missing, faults, made, refused)
        if not targets:
            problems.append(f"no store is left for fragments {missing}; add one, or make room")
            break
        there = {index: stores[name] for index, name in targets.items()}
        try:
            some = rebuild(readable, there, stores, keeping.keyring.naming, on_fault=on_fault, on_bytes=lease.keep)
        except LostError:
            raise
        except StorageError as error:
            problems.append(str(error))
            if len(refused) == tried:  # not the targets' fault: there is nothing to make it of
                break
        else:
            made |= {one.index: one for one in some}
    _settle(keeping, blob, faults, tuple(made.values()), others)
    if faults - made.keys():
        raise StorageError("; ".join(dict.fromkeys(problems)))
    if others:
        lease.give_back(0.0, "")
    return len(made)


def faults_of(keeping: Keeping, blob: Blob, task: Task) -> set[int]:
    """Fragments to make: those the task names, and those that are on no store of this vault."""
    known = {entry.name for entry in keeping.entries}
    told = {int(index) for index in task.detail.get("faults", {})}
    nowhere = {one.index for one in blob.fragments if one.store not in known}
    return {index for index in told | nowhere if index < blob.code.n}


def choose_targets(
    keeping: Keeping,
    blob: Blob,
    missing: Sequence[int],
    faults: Collection[int],
    made: Mapping[int, Placed],
    refused: Collection[str],
) -> dict[int, str]:
    """A store for each missing fragment, as the policy would place it: the one it was on where that may be, else one
    that holds nothing of this blob. Fewer where no more are left."""
    taken = {one.store for one in blob.fragments if one.index not in faults} | {one.store for one in made.values()}
    wanted = [one.name for one in best_places(keeping, blob, refused) if one.name not in taken]
    chosen = {index: blob.fragments[index].store for index in missing if blob.fragments[index].store in wanted}
    free = [name for name in wanted if name not in chosen.values()]
    rest = [index for index in missing if index not in chosen]
    return chosen | dict(zip(rest, free, strict=False))


def _settle(keeping: Keeping, blob: Blob, faults: set[int], made: Sequence[Placed], others: Mapping[int, str]) -> None:
    """The blob's row, the task and the log, at once. Raises ConflictError where somebody else changed the blob."""
    now, safe = keeping.time.now(), {one.index for one in made}

    def settle(unit: Unit) -> None:
        if made:
            if not move_fragments(unit, blob, made):
                raise ConflictError(f"blob {blob.id.hex()} was changed while it was repaired")
            moved: list[Json] = [{"fragment": one.index, "store": one.store} for one in made]
            unit.log(entry("repair", now, blob=blob.id.hex(), fragments=moved))
        left = find_task(unit.connection, REPAIR, blob.id)
        if left is None:
            return
        told = left.detail.get("faults", {})  # somebody may have found more meanwhile
        still = {index: what for index, what in told.items() if int(index) not in safe}
        still |= {str(index): what for index, what in others.items()}
        if still or faults - safe:
            change_task(unit.connection, left.row, {**left.detail, "faults": still}, left.due)
        else:
            end_task(unit.connection, left.row)

    keeping.catalogue.change(settle)
