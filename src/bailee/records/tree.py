"""The Merkle tree of RFC 9162 (and RFC 6962): SHA-256 over a list that only grows, and its two proofs.

A tree of `n` leaves has one root; an *inclusion* proof shows that a leaf is in it, a *consistency* proof that an
older tree is its beginning. Both are at most 64 hashes. Checks read nothing but their arguments and raise ProofError
for everything that does not hold. Functions take *leaf hashes*: `leaf_hash(entry)` of each entry.

`Accumulator` appends in O(log n) memory and names the inner nodes that each leaf completes; whoever keeps those under
(level, index) makes proofs with O(log^2 n) look-ups (`inclusion_ranges`, `consistency_ranges`, `range_hash`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import TypeAlias

from bailee.errors import InputError, ProofError

HASH_SIZE = 32
EMPTY = hashlib.sha256().digest()
"""The root of a tree without leaves."""
MAX_SIZE = 2**63 - 1

Node: TypeAlias = tuple[int, int, bytes]
"""A complete subtree: level (0 is a leaf), index (it spans leaves index << level to (index + 1) << level), hash."""
Range: TypeAlias = tuple[int, int]
"""Leaves start to stop, stop not counted."""


def leaf_hash(entry: bytes) -> bytes:
    """SHA-256 of 0x00 and the entry."""
    return hashlib.sha256(b"\0" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256 of 0x01 and both children."""
    return hashlib.sha256(b"\1" + left + right).digest()


class Accumulator:
    """A tree that only grows: its size and the roots of its complete subtrees ("peaks"), the largest first."""

    def __init__(self, size: int = 0, peaks: Sequence[bytes] = ()) -> None:
        if not 0 <= size <= MAX_SIZE or len(peaks) != size.bit_count() or any(len(peak) != 32 for peak in peaks):
            raise InputError(f"expected {size.bit_count()} peaks of 32 bytes for a tree of {size}, got {len(peaks)}")
        self._size, self._peaks = size, list(peaks)

    @property
    def size(self) -> int:
        return self._size

    @property
    def peaks(self) -> tuple[bytes, ...]:
        return tuple(self._peaks)

    def append(self, leaf: bytes) -> list[Node]:
        """One leaf hash more. Returns the leaf and every inner node it completes, from below."""
        if len(leaf) != HASH_SIZE:
            raise InputError(f"expected a leaf hash of {HASH_SIZE} bytes, got {len(leaf)}")
        level, index, found = 0, self._size, leaf
        nodes = [(0, index, leaf)]
        while index & 1:
            found = node_hash(self._peaks.pop(), found)
            level, index = level + 1, index >> 1
            nodes.append((level, index, found))
        self._peaks.append(found)
        self._size += 1
        return nodes

    def root(self) -> bytes:
        return _fold(self._peaks)


def root(leaves: Sequence[bytes]) -> bytes:
    """The root over leaf hashes, 32 bytes."""
    row = list(leaves)
    if any(len(leaf) != HASH_SIZE for leaf in row):
        raise InputError(f"expected leaf hashes of {HASH_SIZE} bytes; hash each entry with leaf_hash first")
    # An odd one out at the end of a row goes up unchanged: that is the RFC's split at the largest power of two.
    while len(row) > 1:
        pairs = [node_hash(row[at], row[at + 1]) for at in range(0, len(row) - 1, 2)]
        row = pairs + row[len(row) & ~1 :]
    return row[0] if row else EMPTY


def inclusion_ranges(index: int, size: int) -> list[Range]:
    """The subtrees whose hashes are the inclusion proof of leaf `index` in a tree of `size`, in the proof's order."""
    if not 0 <= index < size <= MAX_SIZE:
        raise InputError(f"expected a leaf from 0 to {size - 1}, got {index}")
    start, stop, ranges = 0, size, []
    while stop - start > 1:
        middle = start + _split(stop - start)
        ranges.append((middle, stop) if index < middle else (start, middle))
        start, stop = (start, middle) if index < middle else (middle, stop)
    return ranges[::-1]


def consistency_ranges(old_size: int, size: int) -> list[Range]:
    """The subtrees whose hashes show that the first `old_size` leaves of a tree of `size` are a tree of their own."""
    if not 0 <= old_size <= size <= MAX_SIZE:
        raise InputError(f"expected an older size from 0 to {size}, got {old_size}")
    if old_size in (0, size):
        return []
    start, stop, ranges = 0, size, []
    while old_size != stop:
        middle = start + _split(stop - start)
        if old_size <= middle:
            ranges.append((middle, stop))
            stop = middle
        else:
            ranges.append((start, middle))
            start = middle
    # What is left is the last complete subtree of the old tree; from leaf 0 on it is the old root, which is known.
    return ([(start, stop)] if start else []) + ranges[::-1]


def range_hash(start: int, stop: int, node: Callable[[int, int], bytes]) -> bytes:
    """The hash of one of the ranges above, from complete nodes: `node(level, index)` gives each."""
    peaks = []
    while start < stop:
        level = (stop - start).bit_length() - 1
        peaks.append(node(level, start >> level))
        start += 1 << level
    return _fold(peaks)


def inclusion(leaves: Sequence[bytes], index: int) -> tuple[bytes, ...]:
    """The inclusion proof of leaf `index`, from all leaf hashes."""
    return tuple(root(leaves[start:stop]) for start, stop in inclusion_ranges(index, len(leaves)))


def consistency(leaves: Sequence[bytes], old_size: int) -> tuple[bytes, ...]:
    """The proof that the tree over the first `old_size` leaves is the beginning of the tree over all."""
    return tuple(root(leaves[start:stop]) for start, stop in consistency_ranges(old_size, len(leaves)))


def check_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], expected_root: bytes) -> None:
    """That the leaf hash is leaf `index` of the tree of `size` leaves with this root (RFC 9162, 2.1.3.2).

    Raises ProofError.
    """
    if not 0 <= index < size <= MAX_SIZE:
        raise ProofError(f"inclusion: leaf {index} is not in a tree of {size}")
    _check_hashes("inclusion", (leaf, expected_root, *proof), len(proof), len(inclusion_ranges(index, size)))
    place, last, found = index, size - 1, leaf
    for step in proof:
        if place & 1 or place == last:
            found = node_hash(step, found)
            while place and not place & 1:
                place, last = place >> 1, last >> 1
        else:
            found = node_hash(found, step)
        place, last = place >> 1, last >> 1
    if last or found != expected_root:
        raise ProofError(f"inclusion: the proof of leaf {index} does not lead to the root of the tree of {size}")


def check_consistency(old_size: int, old_root: bytes, size: int, new_root: bytes, proof: Sequence[bytes]) -> None:
    """That the tree of `size` begins with the leaves of the tree of `old_size` (RFC 9162, 2.1.4.2).

    Raises ProofError.
    """
    if not 0 <= old_size <= size <= MAX_SIZE:
        raise ProofError(f"consistency: a tree of {old_size} cannot be the beginning of one of {size}")
    steps = len(consistency_ranges(old_size, size))
    _check_hashes("consistency", (old_root, new_root, *proof), len(proof), steps)
    if old_size == size or old_size == 0:
        if (old_root if old_size else EMPTY) != old_root or (old_size == size and old_root != new_root):
            raise ProofError(f"consistency: two roots are said of one tree of {old_size}")
        return
    path = list(proof) if old_size & (old_size - 1) else [old_root, *proof]
    place, last = old_size - 1, size - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    old_found = new_found = path[0]
    for step in path[1:]:
        if place & 1 or place == last:
            old_found, new_found = node_hash(step, old_found), node_hash(step, new_found)
            while place and not place & 1:
                place, last = place >> 1, last >> 1
        else:
            new_found = node_hash(new_found, step)
        place, last = place >> 1, last >> 1
    if last or old_found != old_root or new_found != new_root:
        raise ProofError(f"consistency: the tree of {size} does not begin with the tree of {old_size} that was signed")


def _split(size: int) -> int:
    """The largest power of two below `size`."""
    return 1 << ((size - 1).bit_length() - 1)


def _fold(peaks: Sequence[bytes]) -> bytes:
    if not peaks:
        return EMPTY
    found = peaks[-1]
    for peak in reversed(peaks[:-1]):
        found = node_hash(peak, found)
    return found


def _check_hashes(what: str, hashes: Sequence[bytes], steps: int, expected: int) -> None:
    if steps != expected:
        raise ProofError(f"{what}: expected a proof of {expected} hashes, got {steps}")
    if any(not isinstance(value, bytes) or len(value) != HASH_SIZE for value in hashes):
        raise ProofError(f"{what}: expected hashes of {HASH_SIZE} bytes")
