"""Small fragments on their way: those that wait for one store go there together, with one sync for all.

While a store syncs, the fragments of other blobs gather at its desk; so the more is put at once, the less each costs.
Only for stores that say they take many (`TakesMany`). Larger blobs go by lanes.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

from bailee.adapters.stores.store import Store, TakesMany
from bailee.errors import StoreError
from bailee.seal.vault.blobs import errands

SMALL = 1 << 16
"""Bytes of plaintext up to which a blob is posted."""
MOST = 256
"""Fragments that go to a store at once."""
_guard = threading.Lock()
"""Of all desks and parcels: it is held for a few instructions at a time."""


@dataclass(eq=False, slots=True)
class Fragment:
    """One fragment on its way to one store. error: why it is not there; is_safe: it is there."""

    index: int
    store: Store
    path: str
    data: bytes
    is_safe: bool = False
    error: StoreError | None = None


@dataclass(eq=False, slots=True)
class Parcel:
    """The fragments of one blob. `settled` is set when all have arrived or failed, or too few can still arrive."""

    fragments: Sequence[Fragment]
    need: int
    is_unwanted: bool = False
    settled: threading.Event = field(default_factory=threading.Event)

    @property
    def safe(self) -> int:
        return sum(one.is_safe for one in self.fragments)

    @property
    def open(self) -> int:
        return sum(not one.is_safe and one.error is None for one in self.fragments)

    def mark(self, fragment: Fragment, error: StoreError | None) -> bool:
        """Under the guard. False where nobody wants the fragment that arrived."""
        fragment.is_safe = error is None
        if fragment.error is None:
            fragment.error = error
        if self.open == 0 or self.safe + self.open < self.need:
            self.settled.set()
        return not (self.is_unwanted and fragment.is_safe)


class _Desk:
    """What waits for one store."""

    def __init__(self, store: TakesMany) -> None:
        self._store = store
        self._waiting: list[tuple[Parcel, Fragment]] = []
        self._is_running = False

    def post(self, parcel: Parcel, fragment: Fragment) -> None:
        """Under the guard."""
        self._waiting.append((parcel, fragment))
        if not self._is_running:
            self._is_running = True
            errands.run(self._serve)

    def withdraw(self, fragment: Fragment) -> None:
        """Under the guard. What has not left yet stays here."""
        self._waiting = [entry for entry in self._waiting if entry[1] is not fragment]

    def _serve(self) -> None:
        while True:
            with _guard:
                batch, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
                if not batch:
                    self._is_running = False
                    return
            errors = self._write([fragment for _, fragment in batch])
            with _guard:
                arrived = zip(batch, errors, strict=True)
                unwanted = [one for (parcel, one), error in arrived if not parcel.mark(one, error)]
            _delete(unwanted)

    def _write(self, fragments: Sequence[Fragment]) -> list[StoreError | None]:
        try:
            self._store.write_many([(one.path, one.data) for one in fragments])
        except Exception:  # which of them could not be written is found one by one
            return [_write(one) for one in fragments]
        return [None] * len(fragments)


_desks: WeakKeyDictionary[Store, _Desk] = WeakKeyDictionary()


def can_post(stores: Sequence[Store]) -> bool:
    return all(hasattr(store, "write_many") for store in stores)  # isinstance takes ten times as long


def post(fragments: Sequence[Fragment], need: int, patience: float) -> None:
    """Every fragment to its store; those that arrived are `is_safe` then.

    Waits for all, for `patience` seconds where the others are enough. StoreError when fewer than `need` arrive, and
    what arrived is deleted again.
    """
    (error,) = post_all([Parcel(fragments, need)], patience)
    if error is not None:
        raise error


def post_all(parcels: Sequence[Parcel], patience: float) -> list[StoreError | None]:
    """As `post`, for several blobs at once; what it would raise, of each."""
    with _guard:
        for parcel in parcels:
            for one in parcel.fragments:
                _desk(one.store).post(parcel, one)
    began = time.monotonic()
    return [_settle(parcel, began + patience, began + 6 * patience) for parcel in parcels]


def _settle(parcel: Parcel, until: float, latest: float) -> StoreError | None:
    if not parcel.settled.wait(max(until - time.monotonic(), 0)) and parcel.safe < parcel.need:
        parcel.settled.wait(max(latest - time.monotonic(), 0))
    with _guard:
        failed = [one for one in parcel.fragments if one.error is not None]
        left = [one for one in parcel.fragments if not one.is_safe and one.error is None]
        is_late = not parcel.settled.is_set()
        for one in left:
            why = f"took too long to write {one.path}" if is_late else "the blob was abandoned"
            one.error = StoreError(f"store {one.store.name}: {why}")
            _desk(one.store).withdraw(one)
        parcel.is_unwanted = parcel.safe < parcel.need
    if not parcel.is_unwanted:
        return None
    _delete([one for one in parcel.fragments if one.is_safe])
    failed += left if is_late else []
    return StoreError(
        f"{len(parcel.fragments) - len(failed)} stores take fragments, {parcel.need} are needed, nothing was stored: "
        + "; ".join(str(one.error) for one in failed)
    )


def _desk(store: Store) -> _Desk:
    found = _desks.get(store)
    if found is None:
        if not isinstance(store, TakesMany):
            raise TypeError(f"store {store.name} takes one string at a time")
        found = _desks[store] = _Desk(store)
    return found


def _write(fragment: Fragment) -> StoreError | None:
    try:
        writing = fragment.store.write(fragment.path)
        try:
            writing.write(fragment.data)
            writing.finish()
        except BaseException:
            writing.abandon()
            raise
    except StoreError as error:
        return error
    except Exception as error:
        return StoreError(f"store {fragment.store.name}: {type(error).__name__} while writing {fragment.path}")
    return None


def _delete(fragments: Sequence[Fragment]) -> None:
    for one in fragments:
        try:
            one.store.delete(one.path)
        except StoreError:  # nothing names it: a sweep finds it
            continue


def _after_fork() -> None:
    global _guard
    _guard = threading.Lock()
    _desks.clear()


os.register_at_fork(after_in_child=_after_fork)
