"""What proving about a hidden model needs: the model, the rows, and where finished proofs are kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bailee.argument.commitment_record import Commitment
from bailee.errors import StorageError
from bailee.keys import Identity, Secret
from bailee.records import Card, Signed
from bailee.records.schema import Schema
from bailee.statements.network.architecture import Architecture
from bailee.statements.network.boundary import commit_boundary
from bailee.statements.network.optimizer import State, Weights, used_weights

if TYPE_CHECKING:
    from bailee.argument.commitment import CommittedVector

Spend = Callable[[str], int]
"""Writes an opening off for a statement (hex digest) and returns its index: the same again for the same statement."""


@dataclass(frozen=True, eq=False)
class TrainedModel:
    """A model with the secret that its commitment was made with. passport: digest of its passport, or None."""

    passport: str | None
    architecture: Architecture
    columns: tuple[str, ...]
    state: State = field(repr=False)
    seed: Secret
    commitment: Commitment
    spend: Spend

    @property
    def weights(self) -> Weights:
        return used_weights(self.state)

    def commit(self) -> CommittedVector:
        """The commitment's secret side. Raises StorageError where it is not what was committed to."""
        vector = commit_boundary(self.architecture, self.state, self.commitment.openings, self.seed.reveal())
        if vector.record != self.commitment:
            raise StorageError("the model's state is not the one that its passport commits to; restore the run's files")
        return vector


@dataclass(frozen=True, eq=False)
class SealedRows:
    """A sealed dataset, opened by its owner: encoded rows (rows, columns), and the seed of their commitment."""

    card: Signed[Card]
    card_proof: bytes
    matrix: NDArray[np.int64] = field(repr=False)
    seed: Secret
    spend: Spend

    def commit(self) -> CommittedVector:
        """The secret side of the card's commitment."""
        from bailee.statements.dataset import commit_rows

        return commit_rows(self.matrix, Commitment.from_json(self.card.record.commitment).openings, self.seed.reveal())


@dataclass(frozen=True, eq=False)
class PublicRows:
    """Encoded rows that are told with the answer."""

    matrix: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class FreshRows:
    """Encoded rows committed to for one answer, and the schema that they are shown to fit."""

    matrix: NDArray[np.int64] = field(repr=False)
    schema: Schema
    seed: Secret


@dataclass(frozen=True)
class ProvingSetting:
    """identity: the trainer's, who signs. kept: a folder of proofs made, so that one claim never has two proofs."""

    identity: Identity
    kept: Path
    clock: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))
