"""The fixed-point run beside a float64 one: same rows, batches, rates as executed, and the very same noise.

    python examples/accuracy/beside_float.py mnist|fashion|census [--data FOLDER] [--seeds N]

What is left between the two is the arithmetic alone: rounding, the softmax table, integer clipping. No proof is made;
the integers are those that `prove.py` proves.
"""

import argparse
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from recipes import RECIPES, Recipe
from scores import accuracy, auroc
from sources import DEFAULT_CACHE
from table import shuffled, table_of

from bailee.records.schema import BIAS
from bailee.statements.fixed_point import NOISE_BITS
from bailee.statements.hidden.accounting import settle
from bailee.statements.hidden.session import start_state
from bailee.statements.hidden.terms import BOUNDARY_OPENINGS, ModelTerms, Setup
from bailee.statements.network.draws import NoiseScale, draw
from bailee.statements.network.numbers import STATE_BITS
from bailee.statements.network.plan import ALL_FEATURES, FULL, NEIGHBOURS, PRIVATE, ModelPlan, Privacy
from bailee.statements.network.run import run_steps, used_weights

ONE = 4096
Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


def setup_of(recipe: Recipe, columns: int, rows: int) -> Setup:
    """The run as `prove.py` fixes it."""
    names = tuple(f"x{n}" for n in range(columns))
    labels = ("label",) if recipe.classes == 1 else tuple(f"label={n}" for n in range(recipe.classes))
    plan = ModelPlan(
        name=recipe.name, purpose="training", label="label", features=(ALL_FEATURES,),
        loss="logistic" if recipe.classes == 1 else "softmax", hidden=(), batch=str(recipe.batch or FULL),
        epochs=recipe.epochs, learning_rate=str(recipe.rate), schedule="linear", decay_every=None, decay_factor=None,
        momentum=str(recipe.momentum), weight_decay="0", start=0, neighbours=NEIGHBOURS,
        privacy=Privacy(PRIVATE, str(recipe.clip), recipe.delta, recipe.epsilon),
    )  # fmt: skip
    return settle(
        plan, lambda noise: Setup(plan, ModelTerms((*names, BIAS, *labels), (rows,), 1, 1, noise, BOUNDARY_OPENINGS))
    )


def noise_of(setup: Setup, scale: NoiseScale, source: np.random.Generator) -> Integers:
    """(steps, columns, outputs) lattice units: the draws of a proven run, from a seeded source."""
    (parameter,) = setup.architecture.parameters
    shape = (setup.steps, *parameter.shape)
    words = [source.integers(0, 1 << NOISE_BITS, int(np.prod(shape)), np.uint64) for _ in scale.draws]
    return draw(scale, words, [np.zeros_like(w) for w in words]).reshape(shape)


def batches(rows: NDArray[np.int16], size: int) -> Iterator[NDArray[np.int16]]:
    for start in range(0, len(rows), size):
        yield rows[start : start + size]


def fixed(setup: Setup, matrix: NDArray[np.int16], noise: Integers) -> Floats:
    (parameter,) = setup.architecture.parameters
    state, count = start_state(setup), -(-len(matrix) // setup.batch)
    for first in range(0, setup.steps, count):
        for at, part in enumerate(batches(matrix, setup.batch)):
            step = first + at
            there = np.ones((1, len(part)), dtype=np.bool_)
            drawn = {parameter.name: noise[step : step + 1]}
            state, _ = run_steps(setup.architecture, state, [part[None]], [there], setup.rule.part(step, 1, 1), drawn)
    return used_weights(state)[parameter.name] / 2.0**14


def real(setup: Setup, matrix: NDArray[np.int16], noise: Integers, recipe: Recipe) -> Floats:
    """The same steps in float64, in the rule's units: v' = momentum v + G scale + noise; w' = w - multiplier v'."""
    rule, labels = setup.rule, list(setup.architecture.labels)
    (parameter,) = setup.architecture.parameters
    weights = np.zeros(parameter.shape)
    velocity = np.zeros_like(weights)
    scale = 2.0 ** (rule.gradient_bits + rule.lift - rule.shift)
    inside = setup.architecture.real(parameter)[tuple(slice(n) for n in parameter.shape)]
    count = -(-len(matrix) // setup.batch)
    for step in range(setup.steps):
        part = matrix[(step % count) * setup.batch : (step % count + 1) * setup.batch]
        x = part[:, : len(weights)].astype(np.float64) / ONE
        x[:, labels[0] :] = 0
        y = part[:, labels] != 0
        z = x @ weights[:, : len(labels)]
        if recipe.classes == 1:
            error = 0.5 + 0.5 * np.tanh(z / 2) - y
        else:
            powers = np.exp(z - z.max(axis=1, keepdims=True))
            error = powers / powers.sum(axis=1, keepdims=True) - y
        length = np.linalg.norm(x, axis=1) * np.linalg.norm(error, axis=1)
        error *= np.minimum(1, recipe.clip / np.maximum(length, 1e-12))[:, None]
        total = np.zeros_like(weights)
        total[:, : len(labels)] = x.T @ error
        velocity = rule.momentum / 2.0**rule.shift * velocity + total * scale + noise[step]
        velocity = np.where(inside, velocity, 0)
        weights = weights - rule.multipliers[step] * velocity / 2.0**STATE_BITS
    return weights


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=list(RECIPES))
    parser.add_argument("--data", type=Path, default=DEFAULT_CACHE)
    parser.add_argument("--seeds", type=int, default=3)
    asked = parser.parse_args()
    recipe = RECIPES[asked.name]
    table = table_of(recipe, asked.data)
    train, truth = shuffled(table)
    setup = setup_of(recipe, train.shape[1], len(train))
    if (scale := setup.rule.noise) is None:
        raise SystemExit(f"{recipe.name}: a recipe without noise has nothing to compare")
    outputs = len(setup.architecture.labels)
    matrix = np.zeros((len(train), train.shape[1] + 1 + outputs), dtype=np.int16)
    matrix[:, : train.shape[1]] = train
    matrix[:, train.shape[1]] = ONE
    if recipe.classes == 1:
        matrix[:, -1] = truth
    else:
        matrix[np.arange(len(train)), train.shape[1] + 1 + truth.astype(np.int64)] = ONE
    test = np.concatenate([table.test / ONE, np.ones((len(table.test), 1))], axis=1)
    print(f"{recipe.name}: {setup.steps} steps, noise multiplier {float(Fraction(setup.terms.noise_multiplier)):.3f}")
    for seed in range(asked.seeds):
        noise = noise_of(setup, scale, np.random.default_rng(seed))
        found = []
        for weights in (fixed(setup, matrix, noise), real(setup, matrix, noise, recipe)):
            scores = test @ weights[: test.shape[1], :outputs]
            one = recipe.classes == 1
            found.append(auroc(scores[:, 0], table.test_labels) if one else accuracy(scores, table.test_labels))
        print(f"  seed {seed}: fixed {found[0]:.4%}, float {found[1]:.4%}, apart {abs(found[0] - found[1]) * 100:.3f} "
              "points", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
