"""Proof of possession, the public part: what a store is said to hold, a challenge, and what came of it.

A `Holding` names all fragments of a store by one hash: the RFC 9162 tree over `Entry` bytes, one a fragment, in an
order that the owner chose. Pieces are numbered through: piece `first + i` is piece `i` of the entry that begins at
`first`. A `Challenge` expands to distinct places among them, the same for everybody. The file that answers it is in
`bailee.records.possession_file`, who makes one in `bailee.seal.vault.keep.challenge`, who checks one in
`bailee.verify.possession`.

The owner's word is taken for the holding, and for nothing else. Who does not trust the owner either asks that the
holding be older than the randomness: samples follow from both, and a holding signed later could be tried until it
suits a store.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

from blake3 import blake3

from bailee import tags
from bailee.errors import InputError, RecordError
from bailee.records import tree
from bailee.records.canonical import digest
from bailee.records.envelope import Record, Signed
from bailee.records.fields import Count, Hex32, Name, Time

MAX_SAMPLES = 1 << 20
ENTRY_SIZE = 48
OWN_RANDOMNESS = "the challenger's own"
"""What `Challenge.source` says where no public source was used: then only the challenger knows that it was random."""


@dataclass(frozen=True)
class Holding(Record):
    """What the owner says that a store holds."""

    KIND: ClassVar[str] = "holding"
    SIGNER: ClassVar[str] = "owner"

    owner: Hex32
    store: Name
    fragments: Count
    pieces: Count
    """Of all fragments together."""
    tree: Hex32
    """Root over the entries."""
    created: Time

    def require(self) -> None:
        if not 1 <= self.fragments <= self.pieces:
            raise RecordError("holding: expected at least one fragment, and at least one piece a fragment")

    def subjects(self) -> tuple[tuple[str, str], ...]:
        return (("fragments", digest(bytes.fromhex(self.tree))),)


@dataclass(frozen=True)
class Challenge(Record):
    """Which pieces of a holding are asked for, by randomness that nobody could know before."""

    KIND: ClassVar[str] = "challenge"
    SIGNER: ClassVar[str] = "challenger"

    challenger: Hex32
    holding: Hex32
    """Digest of the holding's envelope."""
    randomness: Hex32
    source: Name
    """Where it is from, so that others can look it up: a beacon and its round, a chain and its block."""
    samples: Count
    created: Time

    def require(self) -> None:
        if not 1 <= self.samples <= MAX_SAMPLES:
            raise RecordError(f"challenge: expected 1 to {MAX_SAMPLES} samples, got {self.samples}")

    def subjects(self) -> tuple[tuple[str, str], ...]:
        return (("holding", self.holding),)


@dataclass(frozen=True)
class Audit(Record):
    """What came of a challenge: a line of the ledger."""

    KIND: ClassVar[str] = "audit"
    SIGNER: ClassVar[str] = "auditor"

    auditor: Hex32
    store: Name
    holding: Hex32
    challenge: Hex32
    samples: Count
    missing: Count
    """Samples that the store did not show, or showed wrongly."""
    answer: Hex32 | None
    """Digest of the file that answers; null where something was missing."""
    created: Time

    def require(self) -> None:
        if self.missing > self.samples or (self.answer is None) != (self.missing > 0):
            raise RecordError("audit: expected an answer exactly where nothing of the samples is missing")

    def subjects(self) -> tuple[tuple[str, str], ...]:
        return (("challenge", self.challenge),)


@dataclass(frozen=True)
class Entry:
    """A fragment in a holding. first: the number of its first piece; root: over its pieces, 32 bytes."""

    first: int
    pieces: int
    root: bytes

    def __post_init__(self) -> None:
        if not (0 <= self.first < 2**63 and 1 <= self.pieces < 2**63 and len(self.root) == tree.HASH_SIZE):
            raise RecordError("entry of a holding: expected a place, at least one piece and a root of 32 bytes")

    def to_bytes(self) -> bytes:
        return self.first.to_bytes(8, "big") + self.pieces.to_bytes(8, "big") + self.root

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        if len(data) != ENTRY_SIZE:
            raise RecordError(f"entry of a holding: expected {ENTRY_SIZE} bytes, got {len(data)}")
        return cls(int.from_bytes(data[:8], "big"), int.from_bytes(data[8:16], "big"), data[16:])


def entries(fragments: Iterable[tuple[bytes, int]]) -> Iterator[Entry]:
    """The entries of fragments given by (root, number of pieces), in order."""
    first = 0
    for root, pieces in fragments:
        yield Entry(first, pieces, root)
        first += pieces


def piece_leaf(piece: bytes | memoryview) -> bytes:
    """The leaf hash of a piece in its fragment's tree: the tree's entries are BLAKE3 of the pieces."""
    return tree.leaf_hash(blake3(piece).digest())


class Levels:
    """A tree with all its complete nodes in memory, 64 bytes a leaf: many inclusion proofs at O(log^2 n) each."""

    def __init__(self, leaves: Sequence[bytes]) -> None:
        """From leaf hashes of 32 bytes."""
        level = b"".join(leaves)
        if len(level) != tree.HASH_SIZE * len(leaves):
            raise InputError(f"expected leaf hashes of {tree.HASH_SIZE} bytes")
        self.size = len(leaves)
        self._levels = [level]
        pair = 2 * tree.HASH_SIZE
        while len(level) >= pair:
            starts = range(0, len(level) // pair * pair, pair)
            level = b"".join([tree.node_hash(level[at : at + 32], level[at + 32 : at + pair]) for at in starts])
            self._levels.append(level)

    def root(self) -> bytes:
        return tree.range_hash(0, self.size, self._node) if self.size else tree.EMPTY

    def inclusion(self, index: int) -> tuple[bytes, ...]:
        ranges = tree.inclusion_ranges(index, self.size)
        return tuple(tree.range_hash(start, stop, self._node) for start, stop in ranges)

    def _node(self, level: int, index: int) -> bytes:
        return self._levels[level][32 * index : 32 * index + 32]


def samples_for(loss: float, confidence: float, pieces: int | None = None) -> int:
    """How many samples show with probability `confidence` that at least a part `loss` of the pieces is gone.

    688 for 0.01 and 0.999: 1 - 0.99^688 = 0.9990. With the number of pieces it is exact for samples that never repeat,
    and never more than all of them. Raises InputError.
    """
    if not (0 < loss <= 1 and 0 < confidence < 1):
        raise InputError(f"expected 0 < loss <= 1 and 0 < confidence < 1, got {loss} and {confidence}")
    if pieces is None:
        return 1 if loss == 1 else math.ceil(math.log1p(-confidence) / math.log1p(-loss))
    if pieces < 1:
        raise InputError(f"expected at least one piece, got {pieces}")
    lost = max(1, math.ceil(loss * pieces))
    unseen, samples = 1.0, 0
    while unseen > 1 - confidence and samples < pieces - lost + 1:
        unseen *= (pieces - lost - samples) / (pieces - samples)
        samples += 1
    return samples


def loss_found(samples: int, confidence: float) -> float:
    """The smallest part of the pieces whose loss that many samples show with probability `confidence`."""
    if samples < 1 or not 0 < confidence < 1:
        raise InputError(f"expected at least one sample and 0 < confidence < 1, got {samples} and {confidence}")
    return -math.expm1(math.log1p(-confidence) / samples)


def places(holding: Signed[Holding], challenge: Signed[Challenge]) -> tuple[int, ...]:
    """The pieces that are asked for, distinct, ascending, each set of them as likely as any other.

    Raises RecordError where the challenge is for another holding.
    """
    asked, held = challenge.record, holding.record
    if asked.holding != holding.digest:
        raise RecordError(f"the challenge is for the holding {asked.holding[:16]}..., not {holding.digest[:16]}...")
    return spread(bytes.fromhex(asked.randomness), bytes.fromhex(asked.holding), held.pieces, asked.samples)


def spread(randomness: bytes, holding: bytes, pieces: int, samples: int) -> tuple[int, ...]:
    """min(samples, pieces) distinct places below `pieces`, ascending. holding: digest of its envelope, 32 bytes."""
    # Bound to the holding: one beacon value asks every store, and every state of it, for other pieces.
    words = _words(blake3(randomness + holding, key=tags.POSSESSION))
    chosen: set[int] = set()
    for top in range(max(0, pieces - samples), pieces):  # Floyd's sampling: uniform over subsets, no list of all
        place = _below(top + 1, words)
        chosen.add(top if place in chosen else place)
    return tuple(sorted(chosen))


def _words(seed: blake3) -> Iterator[int]:
    """64-bit words of the seed's output stream."""
    position = 0
    while True:
        block = seed.digest(length=4096, seek=position)
        position += len(block)
        yield from (int.from_bytes(block[at : at + 8], "big") for at in range(0, len(block), 8))


def _below(bound: int, words: Iterator[int]) -> int:
    """Uniform in [0, bound), exactly: words in the last, partial stretch are thrown away."""
    limit = 2**64 - 2**64 % bound
    return next(word for word in words if word < limit) % bound
