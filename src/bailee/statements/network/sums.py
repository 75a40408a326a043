"""The statement *these gradient sums are right*, open iterates: one owner, public weights (docs/training.md, 8)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bailee.argument.commitment_record import Commitment
from bailee.statements.network.architecture import Architecture
from bailee.statements.network.chunk import Part, Progress
from bailee.statements.network.optimizer import Rule, Weights

if TYPE_CHECKING:
    from bailee.argument.commitment import CommittedVector


@dataclass(frozen=True, eq=False)
class SumsClaim:
    """What one owner released over the rounds of a session, and from what.

    rule: only shift, lift (0), clip and noise matter, and multipliers as 1 (a round) or 0 (idle). weights: used
    weights, int64 (rounds, *shape) at 2^14; sums: int64 (rounds, *shape), lattice units; coins as in a ChunkClaim.
    """

    architecture: Architecture
    rule: Rule
    part: Part
    weights: Weights
    sums: Weights
    coins: bytes = b""


def lattice_sums(
    architecture: Architecture,
    rule: Rule,
    weights: Weights,
    features: NDArray[Any],
    present: NDArray[np.bool_],
    noise: Mapping[str, NDArray[np.int64]] | None = None,
) -> Weights:
    """One round's released sums on (rows, columns): div(G, shift) + noise, each of its parameter's shape."""
    raise NotImplementedError


def prove_sums(
    claim: SumsClaim,
    dataset: CommittedVector,
    noise: CommittedVector | None,
    context: bytes,
    progress: Progress | None = None,
) -> bytes:
    raise NotImplementedError


def verify_sums(
    claim: SumsClaim, dataset: Commitment, noise: Commitment | None, context: bytes, proof: bytes, plain: bool = False
) -> dict[str, float]:
    raise NotImplementedError
