"""One SGD step of an MLP 30-32-16-1, batch 64, proved here and by EZKL 23 in one run: time, memory, error.

    bench_ezkl.py [--ezkl PYTHON] [--folder FOLDER]

PYTHON is the interpreter of an environment with `ezkl==23.0.5 onnx numpy` (it is no dependency of Bailee); without it
only our own side runs. EZKL needs some 10 GB and minutes, its data are not committed to and its setup is trusted; ours
commits rows and weights. FOLDER keeps EZKL's structured reference string for the next run.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
from fractions import Fraction
from pathlib import Path

import numpy as np
from bench_network import Work, data, prove_counting
from measure import machine, timed
from numpy.typing import NDArray

from bailee.algebra import kernels
from bailee.argument.commitment import CommittedVector
from bailee.statements.dataset import TENSOR, padded
from bailee.statements.network.chunk import ChunkClaim, ChunkWitness, Part, commit_boundary
from bailee.statements.network.run import initial_state, rule_for, run_steps

RATE = Fraction(1, 10)
Weights = dict[str, NDArray[np.float64]]


def reals(weights: dict[str, NDArray[np.int64]]) -> Weights:
    """The state's numbers: the first weight's last row is the bias of the card's column of ones."""
    found = {name: values / 2.0**28 for name, values in weights.items()}
    found["weight1"] = found["weight1"][:31]
    return found


def float_step(x: NDArray[np.float64], y: NDArray[np.float64], w: Weights) -> Weights:
    """The same step in float64: what both provers should have done."""
    a1 = np.maximum(x @ w["weight1"], 0)
    a2 = np.maximum(a1 @ w["weight2"] + w["bias2"], 0)
    d3 = 1 / (1 + np.exp(-(a2 @ w["weight3"] + w["bias3"]))) - y
    d2 = (d3 @ w["weight3"].T) * (a2 > 0)
    d1 = (d2 @ w["weight2"].T) * (a1 > 0)
    rate = float(RATE) / len(x)
    return {
        "weight1": -rate * x.T @ d1,
        "weight2": -rate * a1.T @ d2,
        "bias2": -rate * d2.sum(axis=0),
        "weight3": -rate * a2.T @ d3,
        "bias3": -rate * d3.sum(axis=0),
    }


def errors(work: Work) -> list[float]:
    """The error of one step, at the rate as executed, on 64 other batches: a gate at the edge makes a few larger."""
    found: list[float] = []
    for seed in range(64):
        architecture, matrix = data(work, seed)
        rule = rule_for(architecture, work.batch, [work.rate])
        state = initial_state(architecture, seed.to_bytes(32))
        there = [np.ones((1, work.batch), dtype=np.bool_)]
        after, _ = run_steps(architecture, state, [matrix.reshape(1, work.batch, -1)], there, rule)
        before, last = reals(state.weights), reals(after.weights)
        wanted = float_step(matrix[:, :31] / 4096.0, matrix[:, -1:].astype(np.float64), before)
        executed = float(rule.rates(work.batch)[0] / RATE)
        update = {name: last[name] - before[name] for name in before}
        found.append(error(update, {name: executed * value for name, value in wanted.items()}))
    return sorted(found)


def error(found: Weights, wanted: Weights) -> float:
    """Euclidean distance of two updates over the length of the one that is wanted."""
    apart = sum(float(((found[n].reshape(wanted[n].shape) - wanted[n]) ** 2).sum()) for n in wanted)
    return float((apart / sum(float((v**2).sum()) for v in wanted.values())) ** 0.5)


def ours(work: Work) -> tuple[float, Weights, Weights, NDArray[np.float64], NDArray[np.float64]]:
    """Seconds to prove, the weights before, the update, and the first batch."""
    architecture, matrix = data(work)
    rule = rule_for(architecture, work.batch, [work.rate] * work.steps)
    batches = work.rows // work.batch
    claim = ChunkClaim(architecture, rule, (Part(work.rows, batches, work.batch),))
    state = initial_state(architecture, bytes(32))
    features = [matrix.reshape(batches, work.batch, -1)]
    after, _ = run_steps(architecture, state, features, [np.ones((batches, work.batch), dtype=np.bool_)], rule)
    dataset = CommittedVector({TENSOR: padded(matrix)}, 8, bytes([1]) * 32)
    boundaries = [commit_boundary(architecture, s, 2, bytes([n]) * 32) for n, s in ((2, state), (3, after))]
    witness = ChunkWitness((dataset,), boundaries[0], boundaries[1])
    seconds, _ = timed(lambda: prove_counting(claim, witness, []), 3 if work.steps == 1 else 1)
    before, last = reals(state.weights), reals(after.weights)
    update = {name: last[name] - before[name] for name in before}
    first = matrix[: work.batch]
    return seconds, before, update, first[:, :31] / 4096.0, first[:, -1:].astype(np.float64)


def main() -> None:
    machine()
    kernels.warm()
    alone = Work("alone", 30, (32, 16), 1, "logistic", 64, 64, 1, RATE)
    seconds, before, update, x, y = ours(alone)
    wanted = float_step(x, y, before)
    whole, *_ = ours(Work("chunk", 30, (32, 16), 1, "logistic", 1 << 16, 64, 1 << 10, RATE))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"Bailee: one step {seconds:.3f} s; a chunk of 1,024 steps {whole:.1f} s, {whole / 1024:.5f} s a step")
    every = errors(alone)
    print(
        f"  error of the update {error(update, wanted):.3%} here; over 64 batches median {every[32]:.3%}, "
        f"largest {every[-1]:.2%}; peak of the whole process {peak:.2f} GB"
    )
    if "--ezkl" not in sys.argv:
        return
    python = sys.argv[sys.argv.index("--ezkl") + 1]
    given = sys.argv[sys.argv.index("--folder") + 1] if "--folder" in sys.argv else None
    with tempfile.TemporaryDirectory() as made:
        folder = Path(given or made)
        folder.mkdir(parents=True, exist_ok=True)
        w = before
        np.savez(folder / "step.npz", x=x, y=y, w1=w["weight1"], w2=w["weight2"], b2=w["bias2"][None],
                 w3=w["weight3"], b3=w["bias3"][None])  # fmt: skip
        script = Path(__file__).with_name("ezkl_step.py")
        done = subprocess.run([python, str(script), str(folder)], check=True, stdout=subprocess.PIPE, text=True)
    told = json.loads(done.stdout.splitlines()[-1])
    names = ("weight1", "weight2", "bias2", "weight3", "bias3")
    theirs = {
        name: np.array([float(v) for v in values]).reshape(before[name].shape) - before[name]
        for name, values in zip(names, told["outputs"], strict=True)
    }
    prove = told["seconds"]["prove"]
    print(f"EZKL 23, scale 12: prove {prove:.1f} s, set-up {told['seconds']['setup']:.1f} s, "
          f"2^{told['log_rows']} rows, peak {told['peak_gb']:.1f} GB, error {error(theirs, wanted):.2%}")  # fmt: skip
    print(f"  ratio of proving: alone {prove / seconds:.0f}, a step in a chunk {prove / (whole / 1024):.0f}")


if __name__ == "__main__":
    main()
