"""Cleaning up after crashes and stores that were away: nothing here is needed for reading or writing rightly.

Deletions that are due; writes whose lease ran out; uploaded parts that belong to no upload; and, by listing the stores,
fragments that no row names. Safe beside writers: a fragment is only taken for an orphan when it is older than any write
without a lease can be.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from sqlalchemy import delete, insert, select

from bailee.adapters.catalogue import Unit
from bailee.adapters.catalogue.tables import loose, tasks, writing
from bailee.seal.vault.deleting import delete_fragments, run_due
from bailee.seal.vault.erasing import delete_task
from bailee.seal.vault.facts import Placed
from bailee.seal.vault.ground import Ground
from bailee.seal.vault.keep.sweeping import DAY, Swept, sweep
from bailee.seal.vault.uploads import drop_loose


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
    swept = sweep(ground, older_than=older_than) if stores else Swept()
    ground.catalogue.forget_deleted()
    return Tidied(done, waiting, writes, parts_dropped, sum(swept.orphans.values()), tuple(swept.kept))


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
