"""Scrub: every fragment is read and checked against the catalogue, page by page; what is wrong is queued for repair.

A walk can be stopped at any point and goes on from its last page. A store that does not answer is told, not repaired:
it may be back tomorrow, and then nothing is lost; switch it off to have its fragments made anew (`rebalancing`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from bailee.adapters.catalogue import Unit
from bailee.adapters.catalogue.keeping import cursor, set_cursor
from bailee.adapters.stores.store import Store
from bailee.errors import DamageError, MissingError, StorageError
from bailee.seal.vault.blobs.fragments import NamingKey, read_leaves, verify_fragment
from bailee.seal.vault.blobs.layout import Layout
from bailee.seal.vault.facts import Blob, Placed
from bailee.seal.vault.keep.keeping import Keeping, find_blob, queue_repair, walk
from bailee.seal.vault.keep.throttle import Throttle

CURSOR = "scrub"
_PAGE = 64
_WORKERS = 8
_GIVEN_UP = 4
"""After so many fragments in a row a store is not asked again before the next page."""


class Wrong(StrEnum):
    """What can be wrong with a fragment."""

    MISSING = "missing"
    DAMAGED = "damaged"
    NOWHERE = "nowhere"
    """It was never stored, or its store is not the vault's any more."""
    UNREACHABLE = "unreachable"
    """Its store does not answer: nothing is known of it."""


@dataclass
class Scrubbed:
    """What a walk has seen so far, over all its stretches."""

    blobs: int = 0
    fragments: int = 0
    bytes: int = 0
    wrong: dict[str, int] = field(default_factory=dict)
    """How many fragments, by what is wrong."""
    stores: dict[str, dict[str, int]] = field(default_factory=dict)
    """The same for each store."""
    queued: int = 0
    """Blobs that were queued for repair, and were not before."""
    is_finished: bool = False


Progress = Callable[[Scrubbed], None]


def scrub(
    keeping: Keeping,
    *,
    thorough: bool = True,
    rate: float | None = None,
    progress: Progress | None = None,
    blobs: int | None = None,
    page: int = _PAGE,
) -> Scrubbed:
    """Go on with the walk that was stopped, or begin one. thorough: read every byte, not only the leaves of fragments.

    rate: bytes a second at most. progress: called after each page; what it raises stops the walk there. blobs: stop
    after about so many. Raises StorageError where the catalogue fails, never for a store.
    """
    with keeping.catalogue.reading() as connection:
        left = cursor(connection, CURSOR)
    after = int(left["after"]) if left else 0
    done = Scrubbed(**left["done"]) if left else Scrubbed()
    throttle, seen = Throttle(rate), 0
    stores = keeping.throttled(throttle)
    with ThreadPoolExecutor(_WORKERS) as pool:
        for found in walk(keeping, after, page):
            silent: dict[str, int] = {}

            def look(one: tuple[Blob, Placed], silent: dict[str, int] = silent) -> Wrong | None:
                return _look(keeping, stores, *one, thorough, silent)

            each = [(blob, placed) for _, blob in found for placed in blob.fragments]
            faults: dict[bytes, dict[int, str]] = {}
            before = throttle.read
            for (blob, placed), wrong in zip(each, pool.map(look, each), strict=True):
                if wrong is not None:
                    _count(done, placed.store, wrong)
                    if wrong is not Wrong.UNREACHABLE:
                        faults.setdefault(blob.id, {})[placed.index] = str(wrong)
            done.blobs, done.fragments = done.blobs + len(found), done.fragments + len(each)
            done.bytes += throttle.read - before
            _keep(keeping, found[-1][0], faults, done)
            seen += len(found)
            if progress is not None:
                progress(done)
            if blobs is not None and seen >= blobs:
                return done
    keeping.catalogue.change(lambda unit: set_cursor(unit.connection, CURSOR, None))
    done.is_finished = True
    return done


def inspect(blob: Blob, index: int, store: Store, naming: NamingKey, thorough: bool = True) -> Wrong | None:
    """What is wrong with a fragment on its store. None: all of it is there and right (not thorough: its leaves are)."""
    for attempt in (1, 2):
        try:
            if thorough:
                verify_fragment(blob, index, store, naming)
            else:
                read_leaves(blob, index, store, naming)
            return None
        except MissingError:
            return Wrong.MISSING
        except DamageError:
            return Wrong.DAMAGED
        except StorageError:
            wrong = _size(blob, index, store, naming)
            if wrong is not None or attempt == 2:
                # Listed at its full length and twice not readable: a bad sector, not a store that is away.
                return wrong or Wrong.DAMAGED
    return None


def _size(blob: Blob, index: int, store: Store, naming: NamingKey) -> Wrong | None:
    """A store that failed to read a fragment: does it list it, and with how many bytes? None where all looks well."""
    path = naming.path(blob.id, index)
    try:
        listed = [one.size for one in store.paths(path) if one.path == path]
    except StorageError:
        return Wrong.UNREACHABLE
    if not listed:
        return Wrong.MISSING
    return None if listed[0] == Layout(blob.code, blob.length).fragment else Wrong.DAMAGED


def _look(
    keeping: Keeping, stores: Mapping[str, Store], blob: Blob, placed: Placed, thorough: bool, silent: dict[str, int]
) -> Wrong | None:
    if not placed.store or all(placed.store != entry.name for entry in keeping.entries):
        return Wrong.NOWHERE
    store = stores.get(placed.store)
    if store is None or silent.get(placed.store, 0) >= _GIVEN_UP:
        return Wrong.UNREACHABLE
    wrong = inspect(blob, placed.index, store, keeping.keyring.naming, thorough)
    silent[placed.store] = silent.get(placed.store, 0) + 1 if wrong is Wrong.UNREACHABLE else 0
    return wrong


def _count(done: Scrubbed, store: str, wrong: Wrong) -> None:
    done.wrong[str(wrong)] = done.wrong.get(str(wrong), 0) + 1
    of_store = done.stores.setdefault(store, {})
    of_store[str(wrong)] = of_store.get(str(wrong), 0) + 1


def _keep(keeping: Keeping, after: int, faults: Mapping[bytes, Mapping[int, str]], done: Scrubbed) -> None:
    """The page's repairs are queued and the cursor moves, in one transaction."""
    now = keeping.time.now()

    def keep(unit: Unit) -> int:
        queued = 0
        for blob_id, of_blob in faults.items():
            blob = find_blob(unit.connection, blob_id)
            if blob is not None:  # erased meanwhile otherwise
                queued += queue_repair(unit.connection, blob_id, of_blob, now)
        value: dict[str, Any] = asdict(done) | {"queued": done.queued + queued}
        set_cursor(unit.connection, CURSOR, {"after": after, "done": value})
        return queued

    done.queued += keeping.catalogue.change(keep)
