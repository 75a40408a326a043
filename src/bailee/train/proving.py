"""The statements a session leans on, as callables: the session knows their claims, not how they are argued."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from bailee.argument.commitment_record import Commitment
from bailee.statements.gradient import GradientClaim

CommitNoise: TypeAlias = Callable[[NDArray[np.uint64], bytes], Commitment]
"""(uniforms (T, d), seed of 32 bytes) -> commitment."""


@dataclass(frozen=True)
class ProofRequest:
    """All an owner's proof needs, witness included. Never leaves the owner's process."""

    claim: GradientClaim
    matrix: NDArray[np.int64]
    seed: bytes
    openings: int
    opening: int
    uniforms: NDArray[np.uint64]
    noise_seed: bytes
    context: bytes

    def __repr__(self) -> str:
        return "ProofRequest(<secret>)"


@dataclass(frozen=True)
class Proving:
    """An owner's side."""

    commit_noise: CommitNoise
    prove: Callable[[ProofRequest], bytes]


@dataclass(frozen=True)
class ProofCheck:
    """One owner's proof and the public statement it must convince of."""

    claim: GradientClaim
    dataset: Commitment
    opening: int
    noise: Commitment
    context: bytes
    proof: bytes


Checking: TypeAlias = Callable[[ProofCheck], None]
"""The builder's side: raises ProofError."""


def proving() -> Proving:
    """The real argument system's prover. Imports its kernels."""
    from bailee.statements.gradient import commit_noise, prove_gradients

    def prove(request: ProofRequest) -> bytes:
        return prove_gradients(
            request.claim,
            request.matrix,
            request.seed,
            request.openings,
            request.opening,
            request.uniforms,
            request.noise_seed,
            request.context,
        )

    return Proving(commit_noise, prove)


def check(item: ProofCheck) -> None:
    """The real argument system's fast verifier."""
    from bailee.statements.gradient import verify_gradients

    verify_gradients(item.claim, item.dataset, item.opening, item.noise, item.context, item.proof)
