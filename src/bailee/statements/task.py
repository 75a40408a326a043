"""What a session trains: all that owner, builder and verifier need to know of a model, and nothing else of it.

A session is messages, coins, resumes, grants and budgets; a `Task` is the rest: terms, weights, sums, steps, proofs.
There are two: `logistic_task.py` and `open/task.py` (networks). `tasks.py` finds the one of a plan.
Weights and sums are flat lists of integers here; only a task knows their shape.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from bailee.argument.commitment_record import Commitment
from bailee.records import Card
from bailee.records.canonical import Json
from bailee.statements.privacy import Loss


class TaskPlan(Protocol):
    """What every plan says."""

    @property
    def name(self) -> str: ...
    @property
    def purpose(self) -> str: ...
    @property
    def label(self) -> str: ...
    @property
    def neighbours(self) -> str: ...
    @property
    def delta(self) -> str: ...
    @property
    def ledger(self) -> str | None: ...
    @property
    def digest(self) -> str: ...
    def to_mapping(self) -> dict[str, Json]: ...


class TaskTerms(Protocol):
    def to_mapping(self) -> dict[str, Json]: ...


class Noise(Protocol):
    """The secret half of an owner's noise, fixed before any coin is known."""

    def commit(self) -> Commitment:
        """The commitment to it; it bears one opening. Imports kernels."""


class Iterates(Protocol):
    """The public course of a session: every iterate follows from the sums before it, for builder and verifier alike."""

    @property
    def weights(self) -> tuple[int, ...]:
        """At 14 fractional bits: at these the next round is asked."""

    def step(self, sums: Sequence[int]) -> None:
        """Take a round's sums, all owners' added up (lattice units). Raises StatementError on divergence."""

    def model(self) -> tuple[int, ...]:
        """The model after all rounds, as `weights`."""


@dataclass(frozen=True, eq=False)
class Witness:
    """The secret side of an owner's claim: encoded rows (rows, columns) with the seed and the openings of their
    commitment, which of them is spent, and the noise."""

    matrix: NDArray[np.int64]
    seed: bytes
    openings: int
    opening: int
    noise: Any

    def __repr__(self) -> str:
        return "Witness(<secret>)"


@dataclass(frozen=True)
class Facts:
    """What a reader of a passport is told of the model and its noise."""

    model: str
    features: int
    shapes: tuple[tuple[str, tuple[int, ...]], ...]
    """Names and shapes of the tensors that the flat weights are cut into, in order."""
    sigma: str
    shift: int


class Task(Protocol):
    """A plan on the terms of one session. Claims, coins and noise of one task mean nothing to another."""

    @property
    def plan(self) -> TaskPlan: ...
    @property
    def terms(self) -> TaskTerms: ...
    @property
    def statement(self) -> str:
        """Names what is proven, in the bytes a proof is bound to."""

    @property
    def rounds(self) -> int: ...
    @property
    def rows(self) -> int:
        """Of all owners together."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Of every card."""

    @property
    def fields(self) -> tuple[str, ...]:
        """Encoded columns that enter the model, the bias among them."""

    @property
    def epsilon(self) -> str | None:
        """The plan's target for each owner, if it has one."""

    # Terms

    def check(self) -> None:
        """That nothing can overflow and the noise is what the plan names. Raises PlanError, naming the bound."""

    def check_card(self, card: Card) -> None:
        """That an owner of this card may be in on these terms. Raises PlanError."""

    def misfit(self, cards: Sequence[Card]) -> str:
        """What of the terms does not follow from plan and all cards; empty where everything does. Raises PlanError."""

    def loss(self, card: Card) -> Loss:
        """What the whole session costs the owner of a card. Raises PlanError."""

    def curve(self, card: Card) -> tuple[str, ...]:
        """epsilon after each round."""

    def accounting(self, cards: Sequence[Card]) -> dict[str, Any]:
        """How the losses were reached, for the passport."""

    # Rounds

    def iterates(self) -> Iterates:
        """The beginning, before any sum."""

    def fits(self, values: Sequence[int]) -> bool:
        """Whether weights or sums are as many as they must be, and zero where nothing is used."""

    def facts(self) -> Facts: ...

    # The owner's side

    def require_safe(self, card: Card, weights: Sequence[int]) -> None:
        """That no row which the card allows can fail at these weights. Raises SessionError.

        Otherwise whether an owner answers at all would say something of a row, without noise.
        """

    def noise(self, secret: bytes) -> Noise:
        """All rounds' noise from 64 secret bytes."""

    def coins(self, seed: bytes) -> Any:
        """The public half of it, from the bytes that the parties' coins make."""

    def draw(self, noise: Any, coins: Any) -> NDArray[np.int64]:
        """Both halves together: (rounds, values of a round)."""

    def answer(self, matrix: NDArray[np.int64], weights: Sequence[int], noise: NDArray[np.int64]) -> tuple[int, ...]:
        """One round's sums on an owner's rows, with its noise."""

    # Proofs

    def claim(
        self, rows: int, opening: int, weights: Sequence[Sequence[int]], sums: Sequence[Sequence[int]], coins: Any
    ) -> Any:
        """What one owner proves: these sums, at these weights, over its committed rows. Raises StatementError."""

    def prove(self, claim: Any, witness: Witness, context: bytes) -> bytes:
        """Raises StatementError, before anything is revealed, where a sum is not what rows, weights and noise give."""

    def verify(
        self,
        claim: Any,
        dataset: Commitment,
        opening: int,
        noise: Commitment,
        context: bytes,
        proof: bytes,
        plain: bool = False,
    ) -> Mapping[str, float]:
        """Soundness in bits, with "total". Raises ProofError."""
