"""One full-batch logistic step with noise, proved, against the same step in plain float64 NumPy; and how both grow.

The dataset's commitment is made once, when it is sealed, and is timed apart: a step opens it. Baseline: sigmoid,
residuals and gradient of the same rows in NumPy, which is what training costs without a proof.
"""

from __future__ import annotations

import sys

import numpy as np
from measure import machine, rows_of, timed

from bailee.algebra import kernels
from bailee.argument.commitment import CommittedVector
from bailee.argument.prover import prove
from bailee.argument.tape import Tape
from bailee.statements.dataset import TENSOR, padded
from bailee.statements.gradient import UNIFORMS, GradientClaim, gradient_tape, padded_rounds, verify_gradients
from bailee.statements.logistic import compute_round
from bailee.statements.noise import combine, noise_table

COLUMNS = 64


def measure(rows: int) -> str:
    """One line of the table."""
    draw = np.random.default_rng(3)
    _, matrix = rows_of(rows, COLUMNS)
    weights = draw.integers(-2000, 2000, (1, COLUMNS))
    weights[:, -1] = 0
    uniforms = draw.integers(0, 1 << 60, (1, COLUMNS), dtype=np.uint64)
    coins = draw.integers(0, 1 << 60, (1, COLUMNS), dtype=np.uint64)
    noise = noise_table("900").sample(combine(uniforms, coins))
    sums = compute_round(matrix.astype(np.int64), COLUMNS - 1, weights[0], 20)[None] + noise
    sums[:, -1] = 0
    released = tuple([True] * (COLUMNS - 1) + [False])
    step = GradientClaim(rows, COLUMNS, COLUMNS - 1, released, weights, sums, coins, 20, "900")

    features, label = matrix / 4096.0, matrix[:, -1].astype(np.float64)
    real = weights[0] / 2.0**14
    baseline, _ = timed(lambda: features.T @ (1.0 / (1.0 + np.exp(-(features @ real))) - label), 5)
    commit, vector = timed(lambda: CommittedVector({TENSOR: padded(matrix)}, 8, bytes(32)), 2)
    noisy = CommittedVector({UNIFORMS: padded_rounds(uniforms)}, 1, bytes(32))

    def proved() -> bytes:
        tape = Tape({(0, TENSOR): vector.tensor(TENSOR), (1, UNIFORMS): noisy.tensor(UNIFORMS)})
        gradient_tape(tape, step, vector.record, 1, noisy.record)
        return prove(tape, [vector, noisy], b"benchmark")

    seconds, proof = timed(proved, 3)
    check, _ = timed(lambda: verify_gradients(step, vector.record, 1, noisy.record, b"benchmark", proof), 3)
    return (
        f"{rows:8,} {rows * COLUMNS:11,} {commit:9.2f} {seconds:8.2f} {baseline:9.4f} {seconds / baseline:7.0f} "
        f"{check:9.2f} {len(proof) / 1e6:6.2f}"
    )


def main() -> None:
    largest = int(sys.argv[1]) if len(sys.argv) > 1 else 1 << 18
    machine()
    kernels.warm()
    head = ["rows", "values", "commit s", "prove s", "NumPy s", "ratio", "verify s", "MB"]
    print("{:>8} {:>11} {:>9} {:>8} {:>9} {:>7} {:>9} {:>6}".format(*head))
    for rows in (largest >> k for k in (3, 2, 1, 0)):
        print(measure(rows))


if __name__ == "__main__":
    main()
