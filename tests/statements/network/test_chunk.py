"""Chunks: what the trainer computes is what the tape proves, to both verifiers; and nothing else is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np
import pytest

from bailee.argument.tape import Tape
from bailee.errors import ProofError, StatementError
from bailee.statements.network.boundary import commit_boundary, state_of
from bailee.statements.network.chunk import ChunkClaim, ChunkWitness, Part, chunk_tape, prove_chunk, verify_chunk
from bailee.statements.network.chunk import _states as states_of
from bailee.statements.network.clipping import Clip
from bailee.statements.network.draws import NoiseScale
from bailee.statements.network.optimizer import State
from statements.network.toys import CONTEXT, Toy, prove_and_verify

HALF = Fraction(1, 2)
TOYS = {
    "logistic regression": Toy(5, (), 1, "logistic", rows=30, live=3),
    "two datasets": Toy(4, (), 3, "softmax", rows=13, full=True, datasets=2, epochs=4, steps=1),
    "linear regression": Toy(4, (), 2, "squared", momentum=HALF, live=3),
    "later slice": Toy(5, (6,), 1, "logistic", rows=61, first=32, momentum=HALF, decay=Fraction(1, 100)),
    "two hidden layers": Toy(5, (6, 3), 3, "softmax", decay=Fraction(1, 1000)),
    "two epochs": Toy(5, (4,), 2, "squared", rows=16, steps=2, epochs=4, live=7, momentum=HALF),
    "private": Toy(5, (6, 3), 3, "softmax", rows=30, clip=Fraction(1), noise=Fraction(1), live=3, momentum=HALF),
    "clipped": Toy(5, (4,), 1, "logistic", clip=Fraction(1, 4)),
    "one step": Toy(3, (4,), 1, "logistic", rows=8, steps=1),
    "two draws": Toy(5, (), 1, "logistic", clip=Fraction(1), noise=Fraction(40), rate=Fraction(1, 50)),
}
PLAIN = ("two epochs", "private", "two datasets", "one step", "two draws")


@lru_cache(maxsize=4)
def made(name: str) -> tuple[ChunkClaim, ChunkWitness]:
    return TOYS[name].make()


@lru_cache(maxsize=4)
def proved(name: str) -> bytes:
    return prove_and_verify(*made(name), plain=name in PLAIN)


@pytest.mark.parametrize("name", list(TOYS))
def test_a_chunk_is_proved(name: str) -> None:
    proved(name)


def test_noise_in_two_parts_has_two() -> None:
    claim, _ = made("two draws")
    assert claim.rule.noise is not None
    assert claim.rule.noise.factor > 0


@pytest.mark.parametrize("name", list(TOYS))
def test_the_tape_computes_every_assertion(name: str) -> None:
    """All of them are zero, so run_steps and the tape agree in every integer."""
    claim, witness = made(name)
    vectors = [*witness.datasets, witness.before, witness.after, *([witness.noise] if witness.noise else [])]
    tape = Tape({(n, name): vector.tensor(name) for n, vector in enumerate(vectors) for name, _ in vector.shape})
    chunk_tape(tape, claim, witness.records, states_of(claim, witness))
    tape.finish()
    for node in tape.assertions:
        assert not tape.values(node).any()


def change_rule(**change: Any) -> Callable[[ChunkClaim], ChunkClaim]:
    return lambda claim: replace(claim, rule=replace(claim.rule, **change))


CLAIMS: dict[str, Callable[[ChunkClaim], ChunkClaim]] = {
    "inputs": lambda c: replace(c, architecture=replace(c.architecture, told=(False, *c.architecture.told[1:]))),
    "rate": lambda c: change_rule(multipliers=(c.rule.multipliers[0] + 2, *c.rule.multipliers[1:]))(c),
    "idle": lambda c: change_rule(multipliers=(*c.rule.multipliers[:2], 0, 0))(c),
    "shift": lambda c: change_rule(shift=c.rule.shift - 1, momentum=c.rule.momentum // 2)(c),
    "momentum": lambda c: change_rule(momentum=c.rule.momentum + 1)(c),
    "decay": lambda c: change_rule(decay=c.rule.decay + 1)(c),
    "clip": lambda c: change_rule(clip=Clip(1 << 16, c.rule.clip.bits if c.rule.clip else 0))(c),
    "noise": change_rule(noise=NoiseScale(0, "", "999")),
    "rows": lambda c: replace(c, parts=(replace(c.parts[0], rows=c.parts[0].rows - 1),)),
    "coins": lambda c: replace(c, coins=bytes(32)),
}


@pytest.mark.parametrize("plain", [False, True])
@pytest.mark.parametrize("name", list(CLAIMS))
def test_a_proof_of_another_claim_is_refused(name: str, plain: bool) -> None:
    claim, witness = made("private")
    other = CLAIMS[name](claim)
    with pytest.raises(ProofError):
        verify_chunk(other, witness.records, CONTEXT, proved("private"), plain)


@pytest.mark.parametrize("name", ["before", "after", "noise"])
def test_a_proof_of_other_commitments_is_refused(name: str) -> None:
    claim, witness = made("private")
    records = witness.records
    other = replace(getattr(records, name), root=bytes(32))
    for changed in (replace(records, **{name: other}), replace(records, datasets=(other,))):
        with pytest.raises(ProofError):
            verify_chunk(claim, changed, CONTEXT, proved("private"))
    with pytest.raises(ProofError):
        verify_chunk(claim, records, b"another context", proved("private"))


def other_boundary(claim: ChunkClaim, witness: ChunkWitness, name: str, kind: str, after: bool) -> ChunkWitness:
    """One weight moved by its smallest unit; before, by enough to be seen after."""
    vector = witness.after if after else witness.before
    state = state_of(claim.architecture, vector, claim.rule.momentum > 0)
    moved = {key: values.copy() for key, values in getattr(state, kind).items()}
    moved[name].reshape(-1)[0] += 1 if after else 1000
    wrong = commit_boundary(claim.architecture, replace_state(state, kind, moved), 2, b"w" * 32)
    return replace(witness, after=wrong) if after else replace(witness, before=wrong)


def replace_state(state: State, kind: str, values: dict[str, Any]) -> State:
    return State(values if kind == "weights" else state.weights, values if kind == "velocity" else state.velocity)


@pytest.mark.parametrize("after", [True, False])
@pytest.mark.parametrize("kind", ["weights", "velocity"])
def test_a_boundary_that_does_not_follow_is_refused(kind: str, after: bool) -> None:
    claim, witness = made("two epochs")
    with pytest.raises(StatementError, match="does not hold"):
        prove_chunk(claim, other_boundary(claim, witness, "weight1", kind, after), CONTEXT)


@pytest.mark.parametrize(
    "change",
    [
        {"steps": 3},
        {"batch": 6},
        {"first": 8},
        {"rows": 0},
        {"first": 64},
        {"steps": 64},
    ],
)
def test_a_part_that_is_none(change: dict[str, int]) -> None:
    with pytest.raises(StatementError):
        replace(Part(32, 4, 8), **change)


def test_a_claim_that_is_none() -> None:
    claim, _ = made("private")
    for change in (
        {"coins": b""},
        {"parts": ()},
        {"rule": replace(claim.rule, multipliers=claim.rule.multipliers[:3])},
        {"rule": replace(claim.rule, multipliers=(2, 1, 1, 1))},
        {"rule": replace(claim.rule, multipliers=(0, 1, 1, 1))},
        {"rule": replace(claim.rule, shift=32)},
        {"rule": replace(claim.rule, clip=None)},
        {"parts": (replace(claim.parts[0], steps=2), claim.parts[0])},
    ):
        with pytest.raises(StatementError):
            replace(claim, **change)


def test_padding_stays_zero() -> None:
    claim, witness = made("two epochs")
    for parameter in claim.architecture.parameters:
        used = witness.after.tensor(f"{parameter.name} used").reshape(parameter.padded)
        assert not used[~claim.architecture.real(parameter)].any()
        assert np.any(used)
