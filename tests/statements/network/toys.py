"""Small models, rows and chunks for the tests of networks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from bailee.algebra import field
from bailee.statements.dataset import commit_rows
from bailee.statements.network.architecture import Architecture
from bailee.statements.network.boundary import commit_boundary
from bailee.statements.network.chunk import (
    ChunkClaim,
    ChunkWitness,
    Part,
    commit_noise,
    draw_noise,
    prove_chunk,
    verify_chunk,
)
from bailee.statements.network.run import initial_state, rule_for, run_steps

UNIT = 4096
CONTEXT = b"a chunk of a test"


def model(inputs: int, hidden: tuple[int, ...], outputs: int, loss: str) -> Architecture:
    """`inputs` features, the bias, then the labels. The last feature is left out where there are more than two."""
    columns = inputs + 1 + outputs
    told = tuple(k <= inputs and not (inputs > 2 and k == inputs - 1) for k in range(columns))
    return Architecture(columns, hidden, outputs, loss, tuple(range(inputs + 1, columns)), told)


def rows_for(architecture: Architecture, rows: int, seed: int = 0) -> NDArray[np.int64]:
    random = np.random.default_rng(seed)
    inputs, outputs = architecture.columns - architecture.outputs - 1, architecture.outputs
    features = random.integers(-UNIT, UNIT + 1, (rows, inputs))
    whole = np.concatenate([features, np.full((rows, 1), UNIT), np.zeros((rows, outputs), dtype=np.int64)], axis=1)
    score = features @ random.normal(size=(inputs, outputs)) / UNIT
    if architecture.loss == "logistic":
        whole[:, -1] = score[:, 0] > 0
    elif architecture.loss == "softmax":
        whole[np.arange(rows), inputs + 1 + score.argmax(axis=1)] = UNIT
    else:
        whole[:, inputs + 1 :] = np.clip(np.rint(score * UNIT / 4), -UNIT, UNIT)
    return whole


@dataclass(frozen=True)
class Toy:
    """A chunk to be proved."""

    inputs: int
    hidden: tuple[int, ...]
    outputs: int
    loss: str
    rows: int = 32
    batch: int = 8
    steps: int = 4
    epochs: int = 1
    first: int = 0
    live: int | None = None
    full: bool = False
    datasets: int = 1
    rate: Fraction = Fraction(1, 10)
    momentum: Fraction = Fraction(0)
    decay: Fraction = Fraction(0)
    clip: Fraction | None = None
    noise: Fraction | None = None

    def make(self) -> tuple[ChunkClaim, ChunkWitness]:
        architecture = model(self.inputs, self.hidden, self.outputs, self.loss)
        length, live = self.steps * self.epochs, self.live or self.steps * self.epochs
        batch = self.rows if self.full else self.batch
        rates = [self.rate * (length - k) / length for k in range(live)]
        rule = rule_for(
            architecture, batch * self.datasets, rates, self.momentum, self.decay, self.clip, self.noise, Fraction(1, 9)
        ).part(0, live, length)
        part = Part(self.rows, 1 if self.full else self.steps, batch, self.first)
        claim = ChunkClaim(architecture, rule, (part,) * self.datasets, bytes(range(32)) if self.noise else b"")
        data = tuple(
            commit_rows(rows_for(architecture, self.rows, seed), 1, bytes([seed]) * 32) for seed in range(self.datasets)
        )
        noise = commit_noise(architecture, rule, b"n" * 32) if self.noise else None
        drawn = draw_noise(architecture, rule, noise, claim.coins) if noise else None
        state = initial_state(architecture, b"a public seed", self.momentum > 0)
        features = [batches(claim, number, vector.tensor("rows")) for number, vector in enumerate(data)]
        after, _ = run_steps(architecture, state, features, [part.present()] * self.datasets, rule, drawn)
        before = commit_boundary(architecture, state, 2, b"b" * 32)
        return claim, ChunkWitness(data, before, commit_boundary(architecture, after, 2, b"a" * 32), noise)


def batches(claim: ChunkClaim, number: int, words: NDArray[np.uint64]) -> NDArray[np.int64]:
    part, columns = claim.parts[number], claim.architecture.columns
    whole = field.to_signed(words).reshape(-1, claim.architecture.column.size)[:, :columns]
    size = part.batch_axis(0).size
    return whole[part.first : part.first + part.steps * size].reshape(part.steps, size, columns)


def prove_and_verify(claim: ChunkClaim, witness: ChunkWitness, plain: bool) -> bytes:
    proof = prove_chunk(claim, witness, CONTEXT)
    for reader in (False, True) if plain else (False,):
        assert verify_chunk(claim, witness.records, CONTEXT, proof, plain=reader)["total"] >= 100
    return proof


__all__ = ["CONTEXT", "UNIT", "Toy", "batches", "model", "prove_and_verify", "replace", "rows_for"]
