"""Rebalance: fragments move to where the policy wants them, when stores join, leave or are switched off for good.

A fragment moves by being read from its store and checked against its root; where that fails it is made anew from k
others. Only what lies wrong moves: a store that joins takes its part of each blob, a store that is switched off gives
up all it has. Old copies are deleted once the catalogue has forgotten them. A walk goes on where it was stopped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field

from bailee.adapters.catalogue import Unit
from bailee.adapters.catalogue.keeping import cursor, set_cursor
from bailee.adapters.stores.store import Store
from bailee.errors import ConflictError, DamageError, StorageError, StoreError
from bailee.records import Json
from bailee.seal.vault.blobs.fragments import NamingKey, leaf, read_leaves
from bailee.seal.vault.blobs.layout import LEAF, Layout
from bailee.seal.vault.blobs.placement import assign
from bailee.seal.vault.blobs.rebuilding import rebuild
from bailee.seal.vault.facts import Blob, Placed
from bailee.seal.vault.journal import entry
from bailee.seal.vault.keep.keeping import Keeping, best_places, move_fragments, walk
from bailee.seal.vault.keep.throttle import Throttle

CURSOR = "rebalance"
_PAGE = 64
_WINDOW = 4
_WORKERS = 8


@dataclass
class Rebalanced:
    """What a walk has done so far, over all its stretches. stuck: fragments that should move and could not."""

    blobs: int = 0
    moved: int = 0
    rebuilt: int = 0
    stuck: int = 0
    read: int = 0
    written: int = 0
    problems: dict[str, str] = field(default_factory=dict)
    """The last problem of each store that did not take a fragment, give or delete one."""
    is_finished: bool = False


Progress = Callable[[Rebalanced], None]


def rebalance(
    keeping: Keeping,
    *,
    rate: float | None = None,
    progress: Progress | None = None,
    blobs: int | None = None,
    page: int = _PAGE,
) -> Rebalanced:
    """Go on with the walk that was stopped, or begin one. rate, progress, blobs as for `scrub`.

    A stretch that was stopped and a change of stores: begin anew with another call when it ends; moves are idempotent.
    Raises StorageError where the catalogue fails, never for a store.
    """
    with keeping.catalogue.reading() as connection:
        left = cursor(connection, CURSOR)
    after = int(left["after"]) if left else 0
    done = Rebalanced(**left["done"]) if left else Rebalanced()
    throttle, seen = Throttle(rate), 0
    stores = keeping.throttled(throttle)
    read, written = done.read, done.written
    with ThreadPoolExecutor(_WORKERS) as pool:
        for found in walk(keeping, after, page):
            for one in pool.map(lambda blob: _settle_blob(keeping, blob, stores), [blob for _, blob in found]):
                done.blobs += 1
                done.moved, done.rebuilt = done.moved + one.moved, done.rebuilt + one.rebuilt
                done.stuck += one.stuck
                done.problems |= one.problems
            done.read, done.written = read + throttle.read, written + throttle.written
            _keep(keeping, found[-1][0], done)
            seen += len(found)
            if progress is not None:
                progress(done)
            if blobs is not None and seen >= blobs:
                return done
    keeping.catalogue.change(lambda unit: set_cursor(unit.connection, CURSOR, None))
    done.is_finished = True
    return done


def moves(keeping: Keeping, blob: Blob) -> dict[int, str]:
    """Where fragments should go that lie where the policy does not want them, by index. Those that were never stored
    are not among them: that is repair."""
    wanted = best_places(keeping, blob)
    known = {one.name for one in keeping.entries}
    lying = [one for one in blob.fragments if one.store in known]
    free = len(wanted) - sum(one.store in {entry.name for entry in wanted} for one in lying)
    names = {entry.name for entry in wanted}
    wrong = [one for one in lying if one.store not in names]
    # With fewer stores than fragments, those on stores that are switched off go first; the others stay where they are.
    off = {one.name for one in keeping.entries if not one.enabled}
    wrong = sorted(wrong, key=lambda one: one.store not in off)[:free]
    staying = [one for one in lying if one not in wrong and one.store in names]
    targets = assign(wanted, [*staying, *wrong])[len(staying) :] if wrong else ()
    return {one.index: target for one, target in zip(wrong, targets, strict=True)}


def _settle_blob(keeping: Keeping, blob: Blob, stores: Mapping[str, Store]) -> Rebalanced:
    """Move what lies wrong of one blob."""
    wanted, done = moves(keeping, blob), Rebalanced()
    placed: list[Placed] = []
    rebuilt: dict[int, Store] = {}
    for index, name in wanted.items():
        source, target = blob.fragments[index].store, stores[name]
        try:
            if source not in stores:
                raise StorageError(f"store {source} cannot be opened")
            _copy(blob, index, stores[source], target, keeping.keyring.naming)
            placed.append(Placed(index, name, blob.fragments[index].root))
        except _RefusedError as error:
            done.problems[name] = str(error)
        except StorageError as error:
            done.problems[source] = str(error)
            rebuilt[index] = target
    copied = len(placed)
    if rebuilt:
        try:
            placed += rebuild(blob, rebuilt, stores, keeping.keyring.naming)
        except StorageError as error:
            done.problems[", ".join(store.name for store in rebuilt.values())] = str(error)
    done.stuck += len(wanted) - len(placed)
    if not placed:
        return done
    try:
        _commit(keeping, blob, placed)
    except ConflictError as error:  # repaired or erased meanwhile; another walk sees what is left
        done.stuck += len(placed)
        done.problems[""] = str(error)
        return done
    done.moved, done.rebuilt = len(placed), len(placed) - copied
    for one in placed:
        old = blob.fragments[one.index].store
        try:
            if old in stores:
                stores[old].delete(keeping.keyring.naming.path(blob.id, one.index))
        except StorageError as error:  # nothing names it any more: a sweep finds it
            done.problems[old] = str(error)
    return done


def _copy(blob: Blob, index: int, source: Store, target: Store, naming: NamingKey) -> None:
    """The fragment from one store to another, each piece checked. DamageError and StoreErrors leave nothing behind."""
    layout, path = Layout(blob.code, blob.length), naming.path(blob.id, index)
    leaves = read_leaves(blob, index, source, naming)
    with _refusals():
        writing = target.write(path)
    try:
        for first in range(0, layout.segments, _WINDOW):
            stop = min(first + _WINDOW, layout.segments)
            data = memoryview(source.read(path, *layout.pieces(first, stop)))
            for segment in range(first, stop):
                at = (segment - first) * layout.piece
                piece = data[at : at + layout.piece_of(segment)]
                if leaf(piece) != leaves[LEAF * segment : LEAF * segment + LEAF]:
                    raise DamageError(f"store {source.name}: piece {segment} of {path} is not what was stored")
            with _refusals():
                writing.write(data)
        with _refusals():
            writing.write(leaves)
            writing.finish()
    except BaseException:
        writing.abandon()
        raise


class _RefusedError(StoreError):
    """The target did not take a fragment: making it anew would not help."""


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except StoreError as error:
        raise _RefusedError(str(error)) from None


def _commit(keeping: Keeping, blob: Blob, placed: list[Placed]) -> None:
    now = keeping.time.now()

    def commit(unit: Unit) -> None:
        if not move_fragments(unit, blob, placed):
            raise ConflictError(f"blob {blob.id.hex()} was changed while its fragments moved")
        moved: list[Json] = [{"fragment": one.index, "store": one.store} for one in placed]
        unit.log(entry("move", now, blob=blob.id.hex(), fragments=moved))

    keeping.catalogue.change(commit)


def _keep(keeping: Keeping, after: int, done: Rebalanced) -> None:
    value = {"after": after, "done": asdict(done)}
    keeping.catalogue.change(lambda unit: set_cursor(unit.connection, CURSOR, value))
