"""The statements a session leans on, as callables: the session knows its task's claims, not how they are argued."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from bailee.argument.commitment_record import Commitment
from bailee.statements.task import Noise, Task, Witness


@dataclass(frozen=True)
class ProofRequest:
    """All an owner's proof needs, witness included. Never leaves the owner's process."""

    task: Task
    claim: Any
    witness: Witness
    context: bytes

    def __repr__(self) -> str:
        return "ProofRequest(<secret>)"


@dataclass(frozen=True)
class Proving:
    """An owner's side."""

    commit_noise: Callable[[Noise], Commitment]
    prove: Callable[[ProofRequest], bytes]


@dataclass(frozen=True)
class ProofCheck:
    """One owner's proof and the public statement it must convince of."""

    task: Task
    claim: Any
    dataset: Commitment
    opening: int
    noise: Commitment
    context: bytes
    proof: bytes


Checking: TypeAlias = Callable[[ProofCheck], None]
"""The builder's side: raises ProofError."""


def proving() -> Proving:
    """The real argument system's prover; its kernels are imported when it is used."""
    return Proving(
        lambda noise: noise.commit(),
        lambda request: request.task.prove(request.claim, request.witness, request.context),
    )


def check(item: ProofCheck) -> None:
    """The real argument system's fast verifier."""
    item.task.verify(item.claim, item.dataset, item.opening, item.noise, item.context, item.proof)
