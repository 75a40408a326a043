"""What those work with who keep a vault in order: audits, scrub, repair, rebalance.

They read the catalogue in pages by the rows of blobs, and change one blob in one transaction, only where it still is
as they read it. So each of them can be killed at any point and started again, and two of them at once do no harm.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from sqlalchemy import Connection, Select, select, update

from bailee.adapters.catalogue import Catalogue, Unit
from bailee.adapters.catalogue.keeping import add_task, change_task, find_task
from bailee.adapters.catalogue.tables import blobs
from bailee.adapters.stores.entry import StoreEntry
from bailee.adapters.stores.store import Store
from bailee.errors import InputError, NotFoundError
from bailee.seal.vault.blobs.placement import place
from bailee.seal.vault.facts import Blob, Code, Placed, Policy
from bailee.seal.vault.keep.throttle import Throttle, Throttled
from bailee.seal.vault.keyring import Keyring
from bailee.seal.vault.rows import BLOB, StoreNumbers
from bailee.seal.vault.timekeeping import Timekeeper

SELECT_BLOB: Select[Any] = select(*BLOB)
"""What `StoreNumbers.to_blob` reads."""
REPAIR = "repair"
"""The kind of task whose subject is a blob, and whose detail says {"faults": {index: what is wrong}}."""


@dataclass(frozen=True)
class Keeping:
    """stores: all that could be opened, by name, also those that are switched off."""

    catalogue: Catalogue
    keyring: Keyring
    time: Timekeeper
    entries: Sequence[StoreEntry]
    stores: Mapping[str, Store]
    policy: Policy

    @cached_property
    def enabled(self) -> tuple[StoreEntry, ...]:
        """Stores that may take fragments now."""
        return tuple(entry for entry in self.entries if entry.enabled and entry.name in self.stores)

    def entry(self, name: str) -> StoreEntry:
        for entry in self.entries:
            if entry.name == name:
                return entry
        raise NotFoundError(f"there is no store {name!r}; stores are {', '.join(one.name for one in self.entries)}")

    def throttled(self, throttle: Throttle) -> dict[str, Store]:
        return {name: Throttled(store, throttle) for name, store in self.stores.items()}


def best_places(keeping: Keeping, blob: Blob, without: Collection[str] = ()) -> tuple[StoreEntry, ...]:
    """Where the blob's fragments should lie, best first: n stores, or as many as the policy leaves."""
    entries = [entry for entry in keeping.enabled if entry.name not in without]
    for count in range(blob.code.n, 0, -1):
        policy = replace(keeping.policy, code=Code(min(blob.code.k, count), count), need=None)
        try:
            return place(blob.id, policy, entries)
        except InputError:
            continue
    return ()


def walk(keeping: Keeping, after: int, page: int) -> Iterator[list[tuple[int, Blob]]]:
    """Pages of blobs with their rows, in order of rows, from the first above `after`."""
    while True:
        with keeping.catalogue.reading() as connection:
            numbers = StoreNumbers(connection)
            query = SELECT_BLOB.where(blobs.c.row > after).order_by(blobs.c.row).limit(page)
            found = [(row.blob_row, numbers.to_blob(row)) for row in connection.execute(query)]
        if not found:
            return
        yield found
        after = found[-1][0]


def find_blob(connection: Connection, blob_id: bytes) -> Blob | None:
    row = connection.execute(SELECT_BLOB.where(blobs.c.id == blob_id)).first()
    return None if row is None else StoreNumbers(connection).to_blob(row)


def move_fragments(unit: Unit, blob: Blob, placed: Sequence[Placed]) -> bool:
    """The blob's fragments are where `placed` says (those it names; the others stay). False, and nothing is changed,
    where the catalogue has the blob otherwise than `blob` says, or no more."""
    numbers = StoreNumbers(unit.connection)
    new = {one.index: one for one in placed}
    after = numbers.pack([new.get(one.index, one) for one in blob.fragments])
    same = (blobs.c.id == blob.id, blobs.c.fragments == numbers.pack(blob.fragments))
    return unit.connection.execute(update(blobs).where(*same).values(fragments=after)).rowcount == 1


def queue_repair(connection: Connection, blob_id: bytes, faults: Mapping[int, str], now: float) -> bool:
    """Remember that these fragments are to be rebuilt. One task a blob; False where it knew all of it already."""
    found = find_task(connection, REPAIR, blob_id)
    new = {str(index): what for index, what in faults.items()}
    if found is None:
        add_task(connection, REPAIR, blob_id, {"faults": new}, now)
        return True
    known = dict(found.detail.get("faults", {}))
    if new.keys() <= known.keys():
        return False
    # The time it is due stays: it may be somebody's lease. What is new is seen when the task is ended.
    change_task(connection, found.row, {**found.detail, "faults": {**known, **new}}, found.due)
    return True
