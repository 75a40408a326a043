"""The Fiat-Shamir transcript (docs/protocol.md, section 2): typed, length-prefixed writes; labelled challenges."""

from __future__ import annotations

import numpy as np
from blake3 import blake3
from numpy.typing import NDArray

from bailee import tags
from bailee.algebra.field import P

Ext = tuple[int, int]

_HALF = 16


class Transcript:
    """One keyed BLAKE3 state. Whatever is absorbed binds every later challenge."""

    def __init__(self) -> None:
        self._state = blake3(key=tags.TRANSCRIPT)

    def absorb(self, label: str, data: bytes) -> None:
        name = label.encode()
        self._state.update(bytes([len(name)]) + name + len(data).to_bytes(8, "little") + data)

    def absorb_ext(self, label: str, value: Ext) -> None:
        self.absorb(label, value[0].to_bytes(8, "little") + value[1].to_bytes(8, "little"))

    def absorb_words(self, label: str, words: NDArray[np.uint64]) -> None:
        self.absorb(label, np.ascontiguousarray(words, dtype="<u8").tobytes())

    def challenge(self, label: str) -> Ext:
        """A uniform element of E, up to a distance of 2^-63."""
        self.absorb("challenge", label.encode())
        stream = self._state.digest(length=2 * _HALF)
        return int.from_bytes(stream[:_HALF], "little") % P, int.from_bytes(stream[_HALF:], "little") % P

    def columns(self, label: str, count: int, of: int) -> NDArray[np.int64]:
        """`count` distinct column indices below `of` (a power of two), ascending."""
        self.absorb("challenge", label.encode())
        kept: dict[int, None] = {}
        position = 0
        while len(kept) < count:
            chunk = self._state.digest(length=8 * 512, seek=position)
            position += len(chunk)
            for word in np.frombuffer(chunk, dtype="<u8"):
                if len(kept) < count:
                    kept.setdefault(int(word) % of)
        return np.array(sorted(kept), dtype=np.int64)
