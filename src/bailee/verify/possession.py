"""Checks that a store showed the pieces it was challenged for: with the holding, the challenge and the answer alone.

What is shown: whoever made the answer had these pieces after the randomness was known. What is not: that it still has
them, that no other place gave them, or anything of pieces that were not asked for beyond the arithmetic of `to_text`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import BinaryIO

from bailee.errors import ProofError
from bailee.records import Json, Signed, open_signed, tree
from bailee.records.possession import Challenge, Holding, loss_found, piece_leaf, places
from bailee.records.possession_file import AnswerReader, Sample

CONFIDENCE = 0.999


@dataclass(frozen=True)
class Possession:
    """What was shown. samples: distinct pieces, of `holding.record.pieces`; bytes: of all of them."""

    holding: Signed[Holding]
    challenge: Signed[Challenge]
    samples: int
    bytes: int

    @property
    def loss(self) -> float:
        """A loss of this part of the pieces, or more, would have been found with probability CONFIDENCE."""
        if self.samples == self.holding.record.pieces:
            return 0.0
        return loss_found(self.samples, CONFIDENCE)

    def to_dict(self) -> Mapping[str, Json]:
        return {
            "owner": self.holding.record.owner,
            "store": self.holding.record.store,
            "holding": self.holding.digest,
            "challenge": self.challenge.digest,
            "source": self.challenge.record.source,
            "samples": self.samples,
            "pieces": self.holding.record.pieces,
            "loss": f"{self.loss:.6f}",
        }

    def to_text(self) -> str:
        """In plain words, one fact a line."""
        held, asked = self.holding.record, self.challenge.record
        bound = "Nothing is missing" if not self.loss else (
            f"Had {100 * self.loss:.3g} % of them been lost, this would have been seen with probability {CONFIDENCE}"
        )  # fmt: skip
        return "\n".join(
            (
                f"The store {held.store!r} holds {held.fragments} fragments of {held.pieces} pieces, says their owner "
                f"({held.owner[:16]}...) on {held.created}",
                f"{self.samples} pieces ({self.bytes} bytes) were asked for at random and shown; randomness: "
                f"{asked.source} ({asked.randomness[:16]}...)",
                bound,
            )
        )


def verify_possession(
    holding: bytes, challenge: bytes, answer: BinaryIO, owner: bytes | None = None, challenger: bytes | None = None
) -> Possession:
    """The possession that a file proves. holding, challenge: their envelopes; owner, challenger: keys that must have
    signed them (raw, 32 bytes).

    Raises RecordError and SignatureError for the records, ProofFormatError and ProofError, naming the sample, for an
    answer that does not convince.
    """
    held = open_signed(holding, Holding, owner)
    asked = open_signed(challenge, Challenge, challenger)
    wanted = places(held, asked)
    size = 0
    for place, sample in AnswerReader(answer, bytes.fromhex(asked.digest), held.record.fragments, wanted):
        _check(held.record, place, sample)
        size += len(sample.piece)
    return Possession(held, asked, len(wanted), size)


def _check(held: Holding, place: int, sample: Sample) -> None:
    entry = sample.entry
    try:
        leaf, root = tree.leaf_hash(entry.to_bytes()), bytes.fromhex(held.tree)
        tree.check_inclusion(leaf, sample.index, held.fragments, sample.in_holding, root)
    except ProofError as error:
        raise ProofError(f"piece {place}: its fragment is not in the holding: {error}") from None
    try:
        leaf, offset = piece_leaf(sample.piece), place - entry.first
        tree.check_inclusion(leaf, offset, entry.pieces, sample.in_fragment, entry.root)
    except ProofError as error:
        raise ProofError(f"piece {place}: what was shown is not that piece: {error}") from None
