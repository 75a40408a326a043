"""The statement *these steps were trained right*, hidden model: claim, tape, proof (docs/training.md, 7).

A chunk reads datasets, the boundary before, the boundary after and, if private, its noise; it says that the second
boundary follows from the first. Boundaries bear an opening for the chunk that writes (0) and one for the chunk that
reads (1); further ones are a final model's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bailee.argument.commitment_record import Commitment
from bailee.statements.network.architecture import Architecture
from bailee.statements.network.optimizer import Rule, State

if TYPE_CHECKING:
    from bailee.argument.commitment import CommittedVector

Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class Part:
    """The rows of one dataset that a chunk reads.

    rows: of the whole dataset (its card's, proven); steps, batch: the slice is cut in `steps` batches of `batch` rows,
    powers of two, or (1, rows) for full batches; first: the row where the slice starts, a multiple of steps * batch;
    opening: which opening of the dataset's commitment is spent.
    """

    rows: int
    steps: int
    batch: int
    first: int = 0
    opening: int = 0


@dataclass(frozen=True)
class ChunkClaim:
    """Everything public about a chunk. rule: its steps, a power of two (idle ones at the end); coins: the 32-byte
    public seed of the coins, drawn after the noise was committed, empty without noise. Steps go round the parts'
    batches: step t reads batch t mod steps of each."""

    architecture: Architecture
    rule: Rule
    parts: tuple[Part, ...]
    coins: bytes = b""


@dataclass(frozen=True)
class ChunkCommitments:
    """The records of what a chunk reads: datasets in the order of the parts."""

    datasets: tuple[Commitment, ...]
    before: Commitment
    after: Commitment
    noise: Commitment | None = None


@dataclass(frozen=True, eq=False)
class ChunkWitness:
    """Their secret sides."""

    datasets: tuple[CommittedVector, ...]
    before: CommittedVector
    after: CommittedVector
    noise: CommittedVector | None = None

    @property
    def records(self) -> ChunkCommitments:
        noise = self.noise.record if self.noise else None
        return ChunkCommitments(tuple(d.record for d in self.datasets), self.before.record, self.after.record, noise)


def commit_boundary(architecture: Architecture, state: State, openings: int, seed: bytes) -> CommittedVector:
    """The commitment to a state between two chunks, at least two openings. Its record is `.record`.

    Raises StatementError where a weight is out of range.
    """
    raise NotImplementedError


def commit_noise(architecture: Architecture, rule: Rule, seed: bytes) -> CommittedVector:
    """The uniform values behind the noise of the rule's steps, expanded from a secret seed; one opening."""
    raise NotImplementedError


def draw_noise(
    architecture: Architecture, rule: Rule, noise: CommittedVector, coins: bytes
) -> dict[str, NDArray[np.int64]]:
    """The noise that committed uniforms and public coins make: what `run_steps` takes."""
    raise NotImplementedError


def prove_chunk(claim: ChunkClaim, witness: ChunkWitness, context: bytes, progress: Progress | None = None) -> bytes:
    """Prove a chunk, spending one opening of everything it reads.

    Raises StatementError, before anything is revealed, where the boundary after is not what the steps give.
    """
    raise NotImplementedError


def verify_chunk(
    claim: ChunkClaim, commitments: ChunkCommitments, context: bytes, proof: bytes, plain: bool = False
) -> dict[str, float]:
    """Check such a proof, by the fast verifier or the plain one; returns its soundness table in bits.

    Raises ProofError.
    """
    raise NotImplementedError
