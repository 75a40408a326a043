"""The statement a run leans on, as callables: the run knows its claims, not how they are argued."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from bailee.argument.commitment_record import Commitment
from bailee.keys import Secret
from bailee.statements.network.architecture import Architecture
from bailee.statements.network.chunk import ChunkClaim, ChunkCommitments
from bailee.statements.network.optimizer import Rule, State

Noise: TypeAlias = Mapping[str, NDArray[np.int64]]


@dataclass(frozen=True)
class Rows:
    """One dataset's secret side: its encoded rows and the seed and number of openings of its commitment."""

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
    openings: int

    def __repr__(self) -> str:
        return "Boundary(<secret>)"


@dataclass(frozen=True)
class ChunkSecrets:
    """All a chunk's proof needs. Never leaves the trainer's process."""

    rows: tuple[Rows, ...]
    before: Boundary
    after: Boundary
    noise: Secret | None


@dataclass(frozen=True)
class Engine:
    """The argument system, or a stand-in of its shape for tests.

    boundary(architecture, state, openings, seed) and noise(architecture, rule, seed) commit; draw makes the noise that
    committed uniforms and public coins give; prove and verify are a chunk's.
    """

    boundary: Callable[[Architecture, State, int, bytes], Commitment]
    noise: Callable[[Architecture, Rule, bytes], Commitment]
    draw: Callable[[Architecture, Rule, bytes, bytes], Noise]
    """(architecture, rule, seed of the uniforms, coins)"""
    prove: Callable[[ChunkClaim, ChunkSecrets, bytes], bytes]
    verify: Callable[[ChunkClaim, ChunkCommitments, bytes, bytes], object]


def _boundary(architecture: Architecture, state: State, openings: int, seed: bytes) -> Commitment:
    from bailee.statements.network.chunk import commit_boundary

    return commit_boundary(architecture, state, openings, seed).record


def _noise(architecture: Architecture, rule: Rule, seed: bytes) -> Commitment:
    from bailee.statements.network.chunk import commit_noise

    return commit_noise(architecture, rule, seed).record


def _draw(architecture: Architecture, rule: Rule, seed: bytes, coins: bytes) -> Noise:
    from bailee.statements.network.chunk import commit_noise, draw_noise

    return draw_noise(architecture, rule, commit_noise(architecture, rule, seed), coins)


def _prove(claim: ChunkClaim, secrets: ChunkSecrets, context: bytes) -> bytes:
    from bailee.statements.dataset import commit_rows
    from bailee.statements.network.chunk import ChunkWitness, commit_boundary, commit_noise, prove_chunk

    architecture = claim.architecture
    rows = [commit_rows(one.matrix, one.commitment.openings, one.seed.reveal()) for one in secrets.rows]
    before, after = (
        commit_boundary(architecture, end.state, end.openings, end.seed.reveal())
        for end in (secrets.before, secrets.after)
    )
    noise = None if secrets.noise is None else commit_noise(architecture, claim.rule, secrets.noise.reveal())
    return prove_chunk(claim, ChunkWitness(tuple(rows), before, after, noise), context)


def _verify(claim: ChunkClaim, commitments: ChunkCommitments, context: bytes, proof: bytes) -> object:
    from bailee.statements.network.chunk import verify_chunk

    return verify_chunk(claim, commitments, context, proof)


ENGINE = Engine(_boundary, _noise, _draw, _prove, _verify)
"""The real argument system. Its kernels are loaded when first used."""
