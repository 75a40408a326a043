"""Cleaning up after crashes and stores that were away: nothing here is needed for reading or writing rightly.

Deletions that are due; writes whose lease ran out; uploaded parts that belong to no upload; and, by listing the stores,
fragments that no row names. Safe beside writers: a fragment is only taken for an orphan when it is older than any write
without a lease can be.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import delete, insert, select

from bailee.adapters.catalogue import Unit
from bailee.adapters.catalogue.tables import blobs, loose, tasks, writing
from bailee.adapters.stores.store import Store
from bailee.errors import StorageError
from bailee.seal.vault.deleting import delete_fragments, run_due
from bailee.seal.vault.erasing import delete_task
from bailee.seal.vault.facts import MAX_FRAGMENTS, Placed
from bailee.seal.vault.ground import Ground
from bailee.seal.vault.uploads import drop_loose

DAY = 86400.0
_PAGE = 1000


@dataclass(frozen=True)
class Tidied:
    """deleted, waiting: deletions that are done, and those that a store still owes; writes, parts: given up; orphans:
    fragments that no row named; unlisted: stores that could not be listed."""

    deleted: int
    waiting: int
    writes: int
    parts: int
    orphans: int
    unlisted: tuple[str, ...] = ()


def tidy(ground: Ground, older_than: float = DAY, stores: bool = True) -> Tidied:
    """older_than: seconds after which a part or a fragment that nobody names is given up. stores: list them, too."""
    writes = _end_leases(ground)
    parts_dropped = _drop_parts(ground, older_than)
    done, waiting = run_due(ground)
    orphans, unlisted = _sweep(ground, older_than) if stores else (0, ())
    ground.catalogue.forget_deleted()
    return Tidied(done, waiting, writes, parts_dropped, orphans, unlisted)


def _end_leases(ground: Ground) -> int:
    def work(unit: Unit) -> list[bytes]:
        now = ground.time.surely()
        rows = unit.connection.execute(select(writing).where(writing.c.until <= now)).all()
        for row in rows:
            placed = [Placed(index, store, b"") for index, store in json.loads(row.places)]
            unit.connection.execute(delete(writing).where(writing.c.blob == row.blob))
            unit.connection.execute(insert(tasks), delete_task(bytes(row.blob), placed, now))
        return [bytes(row.blob) for row in rows]

    ended = ground.catalogue.change(work)
    delete_fragments(ground, ended)
    return len(ended)


def _drop_parts(ground: Ground, older_than: float) -> int:
    def work(unit: Unit) -> int:
        old = loose.c.upload.is_(None), loose.c.created <= ground.time.surely() - older_than
        rows = unit.connection.execute(select(loose.c.blob).where(*old)).scalars().all()
        drop_loose(unit, ground, rows)
        return len(rows)

    return ground.catalogue.change(work)


def _sweep(ground: Ground, older_than: float) -> tuple[int, tuple[str, ...]]:
    """Delete old fragments that no row names. The names of all that are there are held in memory, 16 bytes each."""
    # The order matters: what is listed first and looked up afterwards was committed in between, or is an orphan.
    before = ground.time.surely() - older_than
    old: dict[str, list[str]] = {}
    unlisted = []
    for name, store in ground.stores.items():
        try:
            old[name] = [one.path for one in store.paths() if one.modified <= before]
        except StorageError:
            unlisted.append(name)
    known = set(_named(ground)) if any(old.values()) else set()
    orphans = 0
    for name, paths in old.items():
        orphans += _delete(ground.stores[name], [path for path in paths if path not in known])
    return orphans, tuple(unlisted)


def _named(ground: Ground) -> Iterator[str]:
    """Paths of every fragment that a row names, on whatever store."""
    naming, after = ground.keyring.naming, -1
    with ground.catalogue.reading() as connection:
        for blob_id in connection.execute(select(writing.c.blob)).scalars():
            yield from (naming.path(bytes(blob_id), index) for index in range(MAX_FRAGMENTS))
        while True:
            query = select(blobs.c.row, blobs.c.id, blobs.c.n).where(blobs.c.row > after).order_by(blobs.c.row)
            rows = connection.execute(query.limit(_PAGE)).all()
            for row in rows:
                yield from (naming.path(bytes(row.id), index) for index in range(row.n))
            if not rows:
                return
            after = rows[-1].row


def _delete(store: Store, paths: list[str]) -> int:
    done = 0
    for path in paths:
        try:
            store.delete(path)
        except StorageError:
            return done
        done += 1
    return done
