"""A prover that puts other values on its tape, and counts them as if they were right, convinces nobody."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from bailee.algebra import field
from bailee.argument.nodes import Axis, Node
from bailee.argument.tape import Compute, Tape
from bailee.errors import ProofError
from bailee.statements.network.chunk import ChunkClaim, ChunkWitness, prove_chunk, verify_chunk
from cheating import look_away
from statements.network.test_chunk import other_boundary
from statements.network.toys import CONTEXT, Toy

OPEN = Toy(4, (4,), 1, "logistic", rows=8, batch=4, steps=2)
PRIVATE = Toy(4, (), 3, "softmax", rows=8, batch=4, steps=2, clip=Fraction(1, 2), noise=Fraction(1))

FORGED = [
    (OPEN, "unit1 gate"),
    (OPEN, "unit1 remainder0"),
    (OPEN, "unit1 residual remainder0"),
    (OPEN, "score remainder0"),
    (OPEN, "probability"),
    (OPEN, "weight1 remainder0"),
    (OPEN, "weight2 used"),
    (OPEN, "bias2 low"),
    (PRIVATE, "logit remainder0"),
    (PRIVATE, "largest logit"),
    (PRIVATE, "power"),
    (PRIVATE, "share"),
    (PRIVATE, "norm1 remainder0"),
    (PRIVATE, "norm0"),
    (PRIVATE, "over the clip"),
    (PRIVATE, "clip factor0"),
    (PRIVATE, "carry"),
    (PRIVATE, "noise"),
    (PRIVATE, "noise above0"),
    (PRIVATE, "noise below45"),
]
FLAGS = ("unit1 gate", "over the clip", "carry")
_MADE: dict[Toy, tuple[ChunkClaim, ChunkWitness]] = {}


def made(toy: Toy) -> tuple[ChunkClaim, ChunkWitness]:
    if toy not in _MADE:
        _MADE[toy] = toy.make()
    return _MADE[toy]


def refused(claim: ChunkClaim, witness: ChunkWitness) -> None:
    proof = prove_chunk(claim, witness, CONTEXT)
    with pytest.raises(ProofError):
        verify_chunk(claim, witness.records, CONTEXT, proof)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize(("toy", "name"), FORGED, ids=[name for _, name in FORGED])
def test_a_forged_value_is_refused(toy: Toy, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    claim, witness = made(toy)
    look_away(monkeypatch)
    forged: list[str] = []
    honest = Tape.advice

    def advice(self: Tape, called: str, axes: Sequence[Axis], compute: Compute) -> Node:
        def other() -> NDArray[Any]:
            values = np.array(compute()).reshape(-1)
            if called in FLAGS:
                values[0] = 1 - int(values[0])
            else:
                values[0] = field.add(values[:1], np.uint64(1))[0] if values.dtype == np.uint64 else values[0] + 1
            return values

        hit = called == name and not forged
        forged.extend([called] * hit)
        return honest(self, called, axes, other if hit else compute)

    monkeypatch.setattr(Tape, "advice", advice)
    proof = prove_chunk(claim, witness, CONTEXT)
    monkeypatch.setattr(Tape, "advice", honest)
    assert forged == [name]
    with pytest.raises(ProofError):
        verify_chunk(claim, witness.records, CONTEXT, proof)


@pytest.mark.parametrize("after", [True, False])
def test_a_forged_boundary_is_refused(after: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    claim, witness = made(OPEN)
    look_away(monkeypatch)
    refused(claim, other_boundary(claim, witness, "weight1", "weights", after))


def test_another_seed_of_noise_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Noise drawn by coins the prover likes better: the proof says so, and the verifier's coins are others."""
    claim, witness = made(PRIVATE)
    liked = replace(claim, coins=b"c" * 32)
    look_away(monkeypatch)
    proof = prove_chunk(liked, witness, CONTEXT)
    with pytest.raises(ProofError):
        verify_chunk(claim, witness.records, CONTEXT, proof)


def test_the_honest_toys_are_accepted() -> None:
    for toy in (OPEN, PRIVATE):
        claim, witness = made(toy)
        verify_chunk(claim, witness.records, CONTEXT, prove_chunk(claim, witness, CONTEXT))
