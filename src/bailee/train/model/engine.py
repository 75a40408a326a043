"""The statement a run leans on, as callables: the run knows its claims, not how they are argued."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from bailee.argument.commitment_record import Commitment
from bailee.keys import Secret
from bailee.statements.hidden.order import SHUFFLED_OPENING
from bailee.statements.network.architecture import Architecture
from bailee.statements.network.chunk import ChunkClaim, ChunkCommitments
from bailee.statements.network.optimizer import Rule, State
from bailee.statements.shuffle import ShuffleClaim

if TYPE_CHECKING:
    from bailee.argument.commitment import CommittedVector

Noise: TypeAlias = Mapping[str, NDArray[np.int64]]
Trained: TypeAlias = tuple[State, list[float]]
Batches: TypeAlias = Sequence[NDArray[Any]]
Present: TypeAlias = Sequence[NDArray[np.bool_]]


@dataclass(frozen=True)
class Rows:
    """One dataset's secret side: its encoded rows and the seed of its commitment."""

    matrix: NDArray[np.int64]
    seed: Secret
    commitment: Commitment

    def __repr__(self) -> str:
        return "Rows(<secret>)"


@dataclass(frozen=True)
class Boundary:
    """A state with the seed of its commitment."""

    state: State
    seed: Secret
    commitment: Commitment

    def __repr__(self) -> str:
        return "Boundary(<secret>)"


@dataclass(frozen=True)
class ChunkSecrets:
    """All a chunk's proof needs. Never leaves the trainer's process."""

    rows: tuple[Rows, ...]
    before: Boundary
    after: Boundary
    noise: Secret | None
    proof: Secret
    """A seed for the proof's own randomness: a chunk proved again after a crash gets the same proof."""


@dataclass(frozen=True)
class ShuffleSecrets:
    """All a shuffle's proof needs. spent: the opening of the dataset's commitment."""

    rows: Rows
    spent: int
    order: Secret
    """The seed of the uniforms and their commitment."""
    shuffled: Rows
    proof: Secret


@dataclass(frozen=True)
class ShuffleCommitments:
    """What a shuffle's proof is about."""

    rows: Commitment
    spent: int
    order: Commitment
    shuffled: Commitment


@dataclass(frozen=True)
class Engine:
    """The argument system, or a stand-in of its shape for tests.

    data, boundary and noise commit under a seed of 32 bytes; draw makes the noise of committed uniforms and public
    coins; train runs a chunk's steps (`run_steps`); prove and verify are a chunk's. order commits to the uniforms of so
    many rows; shuffle and verify_shuffle prove and check a secret order.
    """

    data: Callable[[NDArray[np.int64], int, bytes], Commitment]
    boundary: Callable[[Architecture, State, int, bytes], Commitment]
    noise: Callable[[Architecture, Rule, bytes], Commitment]
    draw: Callable[[Architecture, Rule, bytes, bytes], Noise]
    """(architecture, rule, seed of the uniforms, coins)"""
    train: Callable[[Architecture, State, Batches, Present, Rule, Noise | None], Trained]
    prove: Callable[[ChunkClaim, ChunkSecrets, bytes], bytes]
    verify: Callable[[ChunkClaim, ChunkCommitments, bytes, bytes], object]
    order: Callable[[int, bytes], Commitment]
    shuffle: Callable[[ShuffleClaim, ShuffleSecrets, bytes], bytes]
    verify_shuffle: Callable[[ShuffleClaim, ShuffleCommitments, bytes, bytes], object]


class _Kept:
    """The last few commitments made, secret sides included: most are asked for twice or thrice in a row."""

    def __init__(self, most: int) -> None:
        self._most, self._lock = most, Lock()
        self._found: OrderedDict[bytes, CommittedVector] = OrderedDict()

    def get(self, seed: bytes, make: Callable[[], CommittedVector]) -> CommittedVector:
        """By seed: a run uses every seed for one thing."""
        with self._lock:
            found = self._found.get(seed)
        if found is None:
            found = make()
            with self._lock:
                self._found[seed] = found
                while len(self._found) > self._most:
                    self._found.popitem(last=False)
        return found


def real_engine() -> Engine:
    """The real argument system. Its kernels are loaded when first used; datasets stay committed until it is dropped."""
    datasets, boundaries, noises = _Kept(64), _Kept(4), _Kept(3)

    def data(matrix: NDArray[np.int64], openings: int, seed: bytes) -> CommittedVector:
        from bailee.statements.dataset import commit_rows

        return datasets.get(seed, lambda: commit_rows(matrix, openings, seed))

    def boundary(architecture: Architecture, state: State, openings: int, seed: bytes) -> CommittedVector:
        from bailee.statements.network.chunk import commit_boundary

        return boundaries.get(seed, lambda: commit_boundary(architecture, state, openings, seed))

    def noise(architecture: Architecture, rule: Rule, seed: bytes) -> CommittedVector:
        from bailee.statements.network.chunk import commit_noise

        return noises.get(seed, lambda: commit_noise(architecture, rule, seed))

    def draw(architecture: Architecture, rule: Rule, seed: bytes, coins: bytes) -> Noise:
        from bailee.statements.network.chunk import draw_noise

        return draw_noise(architecture, rule, noise(architecture, rule, seed), coins)

    def train(
        architecture: Architecture,
        state: State,
        features: Batches,
        present: Present,
        rule: Rule,
        drawn: Noise | None,
    ) -> Trained:
        from bailee.statements.network.run import run_steps

        return run_steps(architecture, state, features, present, rule, drawn)

    def prove(claim: ChunkClaim, secrets: ChunkSecrets, context: bytes) -> bytes:
        from bailee.statements.network.chunk import ChunkWitness, prove_chunk

        architecture = claim.architecture
        rows = tuple(data(one.matrix, one.commitment.openings, one.seed.reveal()) for one in secrets.rows)
        before, after = (
            boundary(architecture, end.state, end.commitment.openings, end.seed.reveal())
            for end in (secrets.before, secrets.after)
        )
        drawn = None if secrets.noise is None else noise(architecture, claim.rule, secrets.noise.reveal())
        return prove_chunk(claim, ChunkWitness(rows, before, after, drawn), context, seed=secrets.proof.reveal())

    def verify(claim: ChunkClaim, commitments: ChunkCommitments, context: bytes, proof: bytes) -> object:
        from bailee.statements.network.chunk import verify_chunk

        return verify_chunk(claim, commitments, context, proof)

    def order(rows: int, seed: bytes) -> CommittedVector:
        from bailee.statements.shuffle import commit_order, draw_uniforms, order_seed

        return commit_order(draw_uniforms(rows, seed), order_seed(seed))

    def shuffle(claim: ShuffleClaim, secrets: ShuffleSecrets, context: bytes) -> bytes:
        from bailee.statements.shuffle import prove_shuffle

        before, after = (
            data(one.matrix, one.commitment.openings, one.seed.reveal()) for one in (secrets.rows, secrets.shuffled)
        )
        drawn = order(claim.rows, secrets.order.reveal())
        return prove_shuffle(
            claim, before, secrets.spent, drawn, after, SHUFFLED_OPENING, context, secrets.proof.reveal()
        )

    def verify_order(claim: ShuffleClaim, of: ShuffleCommitments, context: bytes, proof: bytes) -> object:
        from bailee.statements.shuffle import verify_shuffle

        return verify_shuffle(claim, of.rows, of.spent, of.order, of.shuffled, SHUFFLED_OPENING, context, proof)

    return Engine(
        data=lambda matrix, openings, seed: data(matrix, openings, seed).record,
        boundary=lambda architecture, state, openings, seed: boundary(architecture, state, openings, seed).record,
        noise=lambda architecture, rule, seed: noise(architecture, rule, seed).record,
        draw=draw,
        train=train,
        prove=prove,
        verify=verify,
        order=lambda rows, seed: order(rows, seed).record,
        shuffle=shuffle,
        verify_shuffle=verify_order,
    )
