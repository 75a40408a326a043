"""Segments whose data pieces are all in the system's memory: read without a thread, joined where they are read to.

Only the first k fragments, which need no decoding. Whoever finds nothing here gathers fragments as ever: what is slow,
missing or wrong is found out there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from bailee.adapters.stores.store import Store
from bailee.seal.vault.blobs.fragments import Naming
from bailee.seal.vault.blobs.layout import Layout
from bailee.seal.vault.facts import Blob


class AtHand:
    """Of one blob, for one reader."""

    def __init__(self, blob: Blob, layout: Layout, stores: Mapping[str, Store], naming: Naming) -> None:
        self._layout = layout
        self._ways: list[tuple[Callable[[str, int, memoryview], bool], str]] = []
        """`read_at_hand` of each store, and what to read there."""
        self._room = bytearray()
        for placed in blob.fragments[: blob.code.k]:
            read = getattr(stores.get(placed.store), "read_at_hand", None)  # `Near`; isinstance takes ten times as long
            if read is None:
                self._ways = []
                return
            self._ways.append((read, naming.path(blob.id, placed.index)))

    def segment(self, segment: int) -> memoryview | None:
        """The ciphertext of a segment, unchecked, until the next call; None where some of it is not at hand."""
        if not self._ways:
            return None
        offset, size = self._layout.pieces(segment, segment + 1)
        if len(self._room) != size * len(self._ways):
            self._room = bytearray(size * len(self._ways))
        view = memoryview(self._room)
        for turn, (read, path) in enumerate(self._ways):
            if not read(path, offset, view[turn * size : (turn + 1) * size]):
                self._ways = []  # the rest of it will hardly be there
                return None
        return view[: self._layout.ciphertext(segment)]
