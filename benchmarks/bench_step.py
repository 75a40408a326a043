"""One full-batch logistic step with noise, proved, against the same step in plain float64 NumPy; and how both grow.

The dataset's commitment is made once, when it is sealed, and is timed apart: a step opens it. Baseline: sigmoid, residuals
and gradient of the same rows in NumPy, which is what training costs without a proof.
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


def main() -> None:
    columns = 64
    largest = int(sys.argv[1]) if len(sys.argv) > 1 else 1 << 18
    machine()
    kernels.warm()
    draw = np.random.default_rng(3)
    print(
        f"{'rows':>8} {'values':>11} {'commit s':>9} {'prove s':>8} {'NumPy s':>9} {'ratio':>7} {'verify s':>9} {'MB':>6}"
    )
    for rows in (largest >> k for k in (3, 2, 1, 0)):
        claim, matrix = rows_of(rows, columns)
        wide = matrix.astype(np.int64)
        weights = draw.integers(-2000, 2000, (1, columns))
        weights[:, -1] = 0
        uniforms = draw.integers(0, 1 << 60, (1, columns), dtype=np.uint64)
        coins = draw.integers(0, 1 << 60, (1, columns), dtype=np.uint64)
        noise = noise_table("900").sample(combine(uniforms, coins))
        sums = compute_round(wide, columns - 1, weights[0], 20)[None] + noise
        sums[:, -1] = 0
        released = tuple([True] * (columns - 1) + [False])
        step = GradientClaim(rows, columns, columns - 1, released, weights, sums, coins, 20, "900")

        features, label = matrix / 4096.0, matrix[:, -1].astype(np.float64)
        real = weights[0] / 2.0**14

        def train(features=features, label=label, real=real) -> np.ndarray:
            return features.T @ (1.0 / (1.0 + np.exp(-(features @ real))) - label)

        baseline, _ = timed(train, 5)
        commit, vector = timed(lambda matrix=matrix: CommittedVector({TENSOR: padded(matrix)}, 8, bytes(32)))
        noisy = CommittedVector({UNIFORMS: padded_rounds(uniforms)}, 1, bytes(32))

        def proved(step=step, vector=vector, noisy=noisy) -> bytes:
            tape = Tape({(0, TENSOR): vector.tensor(TENSOR), (1, UNIFORMS): noisy.tensor(UNIFORMS)})
            gradient_tape(tape, step, vector.record, 1, noisy.record)
            return prove(tape, [vector, noisy], b"benchmark")

        seconds, proof = timed(proved, 2)
        check, _ = timed(lambda: verify_gradients(step, vector.record, 1, noisy.record, b"benchmark", proof), 2)
        print(
            f"{rows:8,} {rows * columns:11,} {commit:9.2f} {seconds:8.2f} {baseline:9.4f} {seconds / baseline:7.0f} "
            f"{check:9.2f} {len(proof) / 1e6:6.2f}"
        )


if __name__ == "__main__":
    main()
