"""Lengths and places: how a blob of L bytes is padded, cut into segments and laid out in fragments (docs/vault.md, 4).

Everything follows from the code and the length, so nothing of it is stored and nothing of it is believed from a store.
"""

from __future__ import annotations

from dataclasses import dataclass

from bailee.errors import InputError
from bailee.seal.vault.facts import Code

SEGMENT = 1 << 20
"""Bytes of a whole segment's ciphertext: small enough that sealing and coding it stay in the cache."""
TAG = 16
PLAIN = SEGMENT - TAG
LEAF = 32
ALIGNMENT = 16
SMALLEST = 256
"""A blob is padded to at least this: Padme alone says the exact size of the smallest."""
LONGEST = 64 << 30
"""Of one blob's plaintext. Leaves are kept in memory while writing: 24 MiB for 12 fragments of the longest."""


def padded_length(length: int) -> int:
    """Padme (Nikitin et al., PoPETs 2019, algorithm 1), at least SMALLEST: at most 12 % more, few distinct sizes."""
    if length <= SMALLEST:
        return SMALLEST
    exponent = length.bit_length() - 1
    zeros = exponent - exponent.bit_length()
    return -(-length >> zeros) << zeros


def piece_length(code: Code, ciphertext: int) -> int:
    """Bytes of each of the n pieces of a segment: a k-th, rounded up to ALIGNMENT."""
    return -(-ciphertext // (code.k * ALIGNMENT)) * ALIGNMENT


@dataclass(frozen=True)
class Layout:
    """Of a blob with `length` bytes of plaintext. A fragment is its pieces in order, then their leaves."""

    code: Code
    length: int

    def __post_init__(self) -> None:
        if not 0 <= self.length <= LONGEST:
            raise InputError(f"expected a blob of 0 to {LONGEST} bytes, got {self.length}; cut it into several")

    @property
    def padded(self) -> int:
        return padded_length(self.length)

    @property
    def segments(self) -> int:
        return -(-self.padded // PLAIN)

    @property
    def piece(self) -> int:
        """Length of a piece of any segment but the last."""
        return piece_length(self.code, SEGMENT)

    def ciphertext(self, segment: int) -> int:
        return min(PLAIN, self.padded - segment * PLAIN) + TAG

    def pieces(self, first: int, stop: int) -> tuple[int, int]:
        """Offset and length of pieces `first` to `stop`, stop not counted, in any fragment of this blob."""
        return first * self.piece, self._end(stop) - first * self.piece

    def piece_of(self, segment: int) -> int:
        """Length of a piece of this segment."""
        return piece_length(self.code, self.ciphertext(segment))

    @property
    def body(self) -> int:
        """Bytes of all pieces of a fragment: where its leaves begin."""
        return self._end(self.segments)

    @property
    def fragment(self) -> int:
        """Bytes of a whole fragment."""
        return self.body + LEAF * self.segments

    def _end(self, stop: int) -> int:
        return stop * self.piece if stop < self.segments else (stop - 1) * self.piece + self.piece_of(stop - 1)
