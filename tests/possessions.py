"""A toy store's holding, challenges and answers, for the tests of possession."""

from __future__ import annotations

import io
import random
from collections.abc import Sequence
from dataclasses import dataclass

from blake3 import blake3

from bailee.keys import Identity
from bailee.records import Signed, sign, tree
from bailee.records.possession import Challenge, Entry, Holding, Levels, entries, piece_leaf, places
from bailee.records.possession_file import AnswerWriter, Sample

OWNER = Identity.generate("Ann")
T = "2026-01-31T12:00:00Z"


@dataclass
class Held:
    """Fragments as lists of pieces, and what their owner signs of them."""

    fragments: list[list[bytes]]

    def __post_init__(self) -> None:
        self.levels = [Levels([piece_leaf(piece) for piece in pieces]) for pieces in self.fragments]
        sizes = [(levels.root(), levels.size) for levels in self.levels]
        self.entries: list[Entry] = list(entries(sizes))
        self.tree = Levels([tree.leaf_hash(entry.to_bytes()) for entry in self.entries])
        self.holding = sign(
            Holding(
                owner=OWNER.public_key.hex(), store="north", fragments=len(sizes),
                pieces=sum(size for _, size in sizes), tree=self.tree.root().hex(), created=T,
            ), OWNER,
        )  # fmt: skip

    def challenge(self, number: int = 0, samples: int = 6) -> Signed[Challenge]:
        return sign(
            Challenge(
                challenger=OWNER.public_key.hex(), holding=self.holding.digest,
                randomness=blake3(b"%d" % number).hexdigest(), source="a test", samples=samples, created=T,
            ), OWNER,
        )  # fmt: skip

    def sample(self, place: int) -> Sample:
        index = next(i for i, entry in enumerate(self.entries) if entry.first <= place < entry.first + entry.pieces)
        entry, offset = self.entries[index], place - self.entries[index].first
        piece = self.fragments[index][offset]
        return Sample(index, entry, self.tree.inclusion(index), self.levels[index].inclusion(offset), piece)

    def samples(self, challenge: Signed[Challenge]) -> list[Sample]:
        return [self.sample(place) for place in places(self.holding, challenge)]


def toy(sizes: Sequence[int] = (1, 5, 2, 7, 1), seed: int = 1) -> Held:
    rng = random.Random(seed)
    return Held([[rng.randbytes(rng.randrange(1, 60)) for _ in range(size)] for size in sizes])


def written(challenge: Signed[Challenge], samples: Sequence[Sample]) -> bytes:
    file = io.BytesIO()
    writer = AnswerWriter(file, bytes.fromhex(challenge.digest), len(samples))
    for sample in samples:
        writer.add(sample)
    return file.getvalue()
