"""Training steps of several models, proved in chunks, against the same training in plain float32 NumPy, in one run.

    bench_network.py [mlp] [step] [private] [softmax] [logistic] [epoch] [growth] [--part FRACTION]

Each line is one chunk: what it commits, how long committing data, proving and both verifications take, and the same
steps in NumPy. `epoch` and `growth` run only when they are named: every chunk of whole runs, added up; and the cost
against rows, steps and width. `--part` takes that part of the rows (a power of two) where a whole run is too long.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise

import numpy as np
from measure import WORD, machine, peak_memory, resident, timed
from numpy.typing import NDArray

from bailee.algebra import kernels
from bailee.argument.commitment import CommittedVector
from bailee.statements.dataset import TENSOR, padded
from bailee.statements.network.architecture import Architecture
from bailee.statements.network.chunk import (
    ChunkClaim,
    ChunkWitness,
    Part,
    commit_boundary,
    commit_noise,
    draw_noise,
    prove_chunk,
    verify_chunk,
)
from bailee.statements.network.run import initial_state, rule_for, run_steps


@dataclass(frozen=True)
class Work:
    """A model and the rows of one chunk. `steps` may go round the batches more than once (several epochs)."""

    name: str
    features: int
    hidden: tuple[int, ...]
    outputs: int
    loss: str
    rows: int
    batch: int
    steps: int
    rate: Fraction
    clip: Fraction | None = None
    noise: Fraction | None = None
    datasets: int = 1
    """Equal parts that the rows are sealed in; full batches only."""


def data(work: Work, seed: int = 5) -> tuple[Architecture, NDArray[np.int16]]:
    """Random rows with a label that depends on them: features, bias, labels."""
    draw = np.random.default_rng(seed)
    columns = work.features + 1 + work.outputs
    matrix = np.zeros((work.rows, columns), dtype=np.int16)
    matrix[:, : work.features] = draw.integers(-4096, 4097, (work.rows, work.features), dtype=np.int16)
    matrix[:, work.features] = 4096
    scores = matrix[:, : work.features] @ draw.normal(size=(work.features, work.outputs))
    scores += draw.normal(size=scores.shape) * scores.std()  # labels that no model can know for certain
    if work.loss == "softmax":
        matrix[np.arange(work.rows), work.features + 1 + scores.argmax(axis=1)] = 4096
    else:
        matrix[:, -1] = scores[:, 0] > 0
    labels = tuple(range(work.features + 1, columns))
    told = tuple(c <= work.features for c in range(columns))
    return Architecture(columns, work.hidden, work.outputs, work.loss, labels, told), matrix


def plain(work: Work, architecture: Architecture, matrix: NDArray[np.int16]) -> float:
    """Seconds of the same steps in float32 NumPy, without clipping or noise."""
    x = matrix[:, : work.features + 1].astype(np.float32) / 4096
    y = (matrix[:, list(architecture.labels)] != 0).astype(np.float32)
    draw = np.random.default_rng(1)
    widths = (work.features + 1, *work.hidden, work.outputs)
    weights = [(draw.normal(size=(a, b)) * (2 / a) ** 0.5).astype(np.float32) for a, b in pairwise(widths)]
    biases = [np.zeros(b, np.float32) for b in widths[1:]]
    rate, batches = np.float32(float(work.rate)), max(1, work.rows // work.batch)
    start = time.perf_counter()
    for step in range(work.steps):
        at = slice((step % batches) * work.batch, (step % batches + 1) * work.batch)
        values = [x[at]]
        for w, b in zip(weights[:-1], biases[:-1], strict=True):
            values.append(np.maximum(values[-1] @ w + b, 0))
        z = values[-1] @ weights[-1] + biases[-1]
        if work.loss == "softmax":
            e = np.exp(z - z.max(axis=1, keepdims=True))
            d = e / e.sum(axis=1, keepdims=True) - y[at]
        else:
            d = 1 / (1 + np.exp(-z)) - y[at]
        for layer in reversed(range(len(weights))):
            back = (d @ weights[layer].T) * (values[layer] > 0) if layer else d
            weights[layer] -= rate * (values[layer].T @ d) / len(d)
            biases[layer] -= rate * d.mean(axis=0)
            d = back
    return time.perf_counter() - start


@dataclass(frozen=True)
class Cost:
    """Seconds of one chunk, and the values committed for it."""

    plain: float
    commit: float
    prove: float
    verify: float
    values: int


@dataclass(frozen=True, eq=False)
class Prepared:
    """A chunk that is ready to be proved, and the seconds it took to commit its data and to train."""

    claim: ChunkClaim
    witness: ChunkWitness
    losses: list[float]
    commit: float
    training: float


def prepare(work: Work) -> Prepared:
    architecture, matrix = data(work)
    rates = [work.rate] * work.steps
    batch = work.rows if work.batch == work.rows else work.batch
    rule = rule_for(architecture, batch, rates, clip=work.clip, noise_multiplier=work.noise, tolerance=Fraction(1, 50))
    batches = 1 if work.batch == work.rows else work.rows // work.batch
    rows = work.rows // work.datasets
    part = Part(rows, batches, rows if batches == 1 else work.batch)
    coins = bytes([7]) * 32 if rule.noise else b""
    claim = ChunkClaim(architecture, rule, (part,) * work.datasets, coins)
    state = initial_state(architecture, bytes(32))
    pieces = np.split(matrix, work.datasets)
    commit, datasets = timed(lambda: [CommittedVector({TENSOR: padded(p)}, 8, bytes([1]) * 32) for p in pieces])
    noise = commit_noise(architecture, rule, bytes([9]) * 32) if rule.noise else None
    drawn = draw_noise(architecture, rule, noise, coins) if noise else None
    features = [piece.reshape(batches, part.batch, -1) for piece in pieces]
    there = [np.ones((batches, part.batch), dtype=np.bool_)] * work.datasets
    start = time.perf_counter()
    after, losses = run_steps(architecture, state, features, there, rule, drawn)
    training = time.perf_counter() - start
    before = commit_boundary(architecture, state, 2, bytes([2]) * 32)
    witness = ChunkWitness(tuple(datasets), before, commit_boundary(architecture, after, 2, bytes([3]) * 32), noise)
    return Prepared(claim, witness, list(losses), commit, training)


def measure(work: Work) -> Cost:
    architecture, matrix = data(work)
    baseline = min(plain(work, architecture, matrix) for _ in range(3))
    prepared = prepare(work)
    claim, witness, losses = prepared.claim, prepared.witness, prepared.losses
    commit, training = prepared.commit, prepared.training
    held = resident()
    sizes: list[int] = []
    with peak_memory() as peak:
        seconds, proof = timed(lambda: prove_counting(claim, witness, sizes))
    fast, _ = timed(lambda: verify_chunk(claim, witness.records, b"bench", proof))
    slow, _ = timed(lambda: verify_chunk(claim, witness.records, b"bench", proof, plain=True))
    values, looked = sizes
    print(f"{work.name}: {work.rows:,} rows, batches of {work.batch:,}, {work.steps} steps")
    print(
        f"  NumPy {baseline:.3f} s, exact integers {training:.2f} s, commit data {commit:.2f} s, "
        f"prove {seconds:.2f} s = {seconds / baseline:.0f} x NumPy, {seconds / work.steps:.4f} s a step"
    )
    print(
        f"  {values / 1e6:.2f} M values committed, {looked / 1e6:.2f} M look-ups, {values / seconds / 1e6:.2f} M "
        f"values/s; peak {(peak[0] - held) / WORD / max(1, values):.1f} words a value ({peak[0] / 1e9:.2f} GB in all); "
        f"proof {len(proof) / 1e6:.2f} MB; verify {fast:.2f} s, plain {slow:.1f} s; loss {losses[0]:.3f} to "
        f"{losses[-1]:.3f}",
        flush=True,
    )
    return Cost(baseline, commit, seconds, fast, values)


def epoch() -> None:
    """Whole runs, chunk after chunk. The last chunk of the first holds 89 steps, and costs what 128 cost."""
    rate = Fraction(1, 40)
    mlp = Work("MLP 30-64-32-1", 30, (64, 32), 1, "logistic", 0, 256, 0, rate)
    softmax = Work("softmax 4,085-10, private", 4085, (), 10, "softmax", 0, 512, 0, rate, Fraction(1), Fraction(1))
    for name, work, rows in (
        ("an epoch of 284,807 rows", mlp, [1 << 16] * 4 + [1 << 15]),
        ("50,000 rows", softmax, [1 << 14] * 3 + [2 * 512]),
    ):
        costs = [measure(replace(work, rows=count, steps=count // work.batch)) for count in rows]
        plain_, commit, prove = (sum(part) for part in zip(*((c.plain, c.commit, c.prove) for c in costs), strict=True))
        print(f"{work.name}, {name}: {sum(rows) // work.batch} steps in {len(rows)} chunks; commit data {commit:.1f} "
              f"s, prove {prove:.1f} s = {prove / plain_:.0f} x NumPy ({plain_:.3f} s)", flush=True)  # fmt: skip


def growth() -> None:
    """One line of a table a chunk: rows at one width, steps over the same rows, and widths."""
    base = Work("", 30, (64, 32), 1, "logistic", 1 << 13, 256, 32, Fraction(1, 40))
    by_rows = [replace(base, name=f"rows {1 << b:,}", rows=1 << b, steps=(1 << b) // 256) for b in range(12, 17)]
    by_steps = [replace(base, name=f"steps {n}", steps=n) for n in (32, 64, 128, 256)]
    by_width = [replace(base, name=f"width {w}", hidden=(w, w)) for w in (16, 32, 64, 128, 256)]
    lines = [(work.name, measure(work)) for work in by_rows + by_steps + by_width]
    print("| chunk | values | prove | microseconds a value | verify |\n| --- | ---: | ---: | ---: | ---: |")
    for name, cost in lines:
        each = cost.prove / cost.values * 1e6
        print(f"| {name} | {cost.values:,} | {cost.prove:.2f} s | {each:.2f} | {cost.verify:.2f} s |")


def prove_counting(claim: ChunkClaim, witness: ChunkWitness, sizes: list[int]) -> bytes:
    """The proof; `sizes` receives the number of values committed for it and of look-ups."""
    from bailee.argument.tape import Tape
    from bailee.statements.network.chunk import chunk_tape

    proof = prove_chunk(claim, witness, b"bench")
    tape = Tape()
    chunk_tape(tape, claim, witness.records)
    tape.finish()
    sizes += [sum(1 << bits for _, bits in tape.sources[-1].tensors), sum(1 << look.bits for look in tape.lookups)]
    return proof


def works(part: float) -> dict[str, list[Work]]:
    rate = Fraction(1, 40)

    def rows(whole: int) -> int:
        return max(1, int(whole * part))

    return {
        "mlp": [Work("MLP 30-64-32-1", 30, (64, 32), 1, "logistic", rows(1 << 16), 256, rows(1 << 16) // 256, rate)],
        "step": [
            Work("MLP 30-32-16-1, alone", 30, (32, 16), 1, "logistic", 64, 64, 1, rate),
            Work("MLP 30-32-16-1, a chunk", 30, (32, 16), 1, "logistic", rows(1 << 16), 64, rows(1 << 16) // 64, rate),
        ],
        "private": [
            Work("MLP 784-128-10, private", 784, (128,), 10, "softmax", rows(512), 32, rows(512) // 32, rate,
                 Fraction(1), Fraction(3, 5)),
        ],
        # a third of 50,000 rows: 32 of 98 steps, each row in one of them
        "softmax": [
            Work("softmax 4,085-10, private", 4085, (), 10, "softmax", rows(1 << 14), 512, rows(1 << 14) // 512, rate,
                 Fraction(1), Fraction(1)),
        ],
        "logistic": [
            Work("logistic 1,024", 1022, (), 1, "logistic", rows(1 << 18), rows(1 << 18), 1, rate, datasets=2),
        ],
    }  # fmt: skip


def main() -> None:
    asked = [word for word in sys.argv[1:] if not word.startswith("--")]
    part = float(sys.argv[sys.argv.index("--part") + 1]) if "--part" in sys.argv else 1.0
    chosen = [word for word in asked if not word.replace(".", "").isdigit()] or list(works(part))
    machine()
    kernels.warm()
    whole = {"epoch": epoch, "growth": growth}
    for name in chosen:
        if name in whole:
            whole[name]()
            continue
        for work in works(part)[name]:
            measure(work)


if __name__ == "__main__":
    main()
