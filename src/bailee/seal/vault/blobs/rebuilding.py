"""Making lost fragments anew from any k others, byte for byte, without a key (docs/vault.md, 4).

Each piece that is read is checked against its fragment's leaves, and those against the root in the catalogue; so is the
fragment that was made, before it is finished. What is read is k fragments, whatever number is made.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress

import numpy as np

from bailee.adapters.stores.store import Store, Writing
from bailee.errors import DamageError, InputError, StorageError, StoreError
from bailee.seal.vault.blobs import pieces
from bailee.seal.vault.blobs.fragments import NamingKey, fragment_root, leaf
from bailee.seal.vault.blobs.gathering import OnFault
from bailee.seal.vault.blobs.kernel import Bytes
from bailee.seal.vault.blobs.layout import Layout
from bailee.seal.vault.blobs.pace import Pace
from bailee.seal.vault.blobs.reading import Fragments
from bailee.seal.vault.facts import Blob, Placed

_WINDOW = 4
"""Segments made at once."""
_LATE = 3.0
"""Seconds until another store is asked beside a slow one: nobody waits, and every byte moved is paid for."""


def rebuild(
    blob: Blob,
    targets: Mapping[int, Store],
    stores: Mapping[str, Store],
    naming: NamingKey,
    *,
    on_fault: OnFault | None = None,
    on_bytes: Callable[[int], None] | None = None,
    pace: Pace | None = None,
) -> tuple[Placed, ...]:
    """Fragment `index` on `targets[index]`, for each of them; returns those that are safe there now.

    The fragments to make are not read. DamageError where fewer than k others are right; StoreError where no target took
    its fragment; a target that fails beside others is told to `on_fault`. on_bytes hears of bytes as they are moved, in
    this thread: it may wait, to keep a rate, or raise, to stop.
    """
    if not targets or not set(targets) <= set(range(blob.code.n)):
        raise InputError(f"expected fragments of 0 to {blob.code.n - 1} to rebuild, got {sorted(targets)}")
    fragments = Fragments(blob, stores, naming, on_fault, pace or Pace())
    makings = [_Making(blob, index, store, naming) for index, store in sorted(targets.items())]
    moved = on_bytes or (lambda count: None)
    try:
        layout = fragments.layout
        for first in range(0, layout.segments, _WINDOW):
            stop = min(first + _WINDOW, layout.segments)
            gathering = fragments.gather_checked(first, stop, blob.code.k, set(targets), _LATE)
            given = {j: memoryview(data) for j, data in fragments.result(gathering, first).items()}
            moved(sum(len(data) for data in given.values()))
            if all(making.error is not None for making in makings):
                break
            for segment in range(first, stop):
                at, size = (segment - first) * layout.piece, layout.piece_of(segment)
                sources = {j: np.frombuffer(data[at : at + size], np.uint8) for j, data in given.items()}
                _make(blob, sources, size, makings)
                moved(size * sum(making.error is None for making in makings))
        for making in makings:
            making.finish(layout)
    except BaseException:
        for making in makings:
            making.abandon()
        raise
    for making in makings:
        if making.error is not None:
            fragments.on_fault(making.store, making.index, making.error)
    made = [making.placed for making in makings if making.error is None]
    if not made:
        raise StoreError("; ".join(str(making.error) for making in makings))
    return tuple(made)


def _make(blob: Blob, sources: Mapping[int, Bytes], size: int, makings: list[_Making]) -> None:
    live = [making for making in makings if making.error is None]
    made = np.empty((len(live), size), np.uint8)
    pieces.remake(blob.code, sources, [making.index for making in live], list(made))
    for making, piece in zip(live, made, strict=True):
        making.add(piece.data)


class _Making:
    """One fragment on its way to its new store; `error` once that has failed."""

    def __init__(self, blob: Blob, index: int, store: Store, naming: NamingKey) -> None:
        self.blob, self.index, self.store = blob, index, store
        self.error: StorageError | None = None
        self._leaves = bytearray()
        self._path = naming.path(blob.id, index)
        self._writing: Writing | None = None

    @property
    def placed(self) -> Placed:
        return Placed(self.index, self.store.name, self.blob.fragments[self.index].root)

    def add(self, piece: memoryview) -> None:
        self._leaves += leaf(piece)
        try:
            if self._writing is None:
                self._writing = self.store.write(self._path)
            self._writing.write(piece)
        except StoreError as error:
            self._fail(error)

    def finish(self, layout: Layout) -> None:
        """DamageError where what was made is not what the catalogue says."""
        if self.error is not None or self._writing is None:
            return
        if fragment_root(self._leaves) != self.blob.fragments[self.index].root:
            raise DamageError(
                f"fragment {self.index} of blob {self.blob.id.hex()} was made of right pieces, but its root is not the "
                "catalogue's; the catalogue's entry is wrong"
            )
        try:
            self._writing.write(bytes(self._leaves))
            self._writing.finish()
            self._writing = None
        except StoreError as error:
            self._fail(error)

    def abandon(self) -> None:
        if self._writing is not None:
            with suppress(StorageError):
                self._writing.abandon()
            self._writing = None

    def _fail(self, error: StoreError) -> None:
        self.error = error
        self.abandon()
