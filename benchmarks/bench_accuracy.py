"""The recipes of examples/accuracy in float32: what they reach, over noise seeds, against the same run without noise.

Each recipe is run at the noise its epsilon needs by the tightest accounting, at 12 % more (what Renyi accounting and
noise drawn on a lattice cost on top), and without noise. The first run fetches the data and makes the features.

    python benchmarks/bench_accuracy.py [name ...] [--data FOLDER] [--seeds N]
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from measure import machine, timed

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "examples" / "accuracy"))

from float_model import noise_multiplier, score, train
from recipes import RECIPES, Recipe
from scores import accuracy, auprc, auroc
from sources import DEFAULT_CACHE
from table import Table, table_of

MORE_NOISE = 1.12


def measure(recipe: Recipe, table: Table, multiplier: float, seeds: range) -> str:
    """One line: what each seed reaches."""
    spent, weights = timed(lambda: train(recipe, table.train, table.train_labels, multiplier, seeds))
    logits = score(table.test, weights)
    if recipe.classes == 1:
        columns = [logits[:, index, 0] for index in range(len(seeds))]
        reached = [auroc(column, table.test_labels) for column in columns]
        extra = f"  AUPRC {np.mean([auprc(column, table.test_labels) for column in columns]):.4f}"
    else:
        reached = [accuracy(logits[:, index], table.test_labels) for index in range(len(seeds))]
        extra = ""
    each = " ".join(f"{value:.4f}" for value in reached)
    return f"{multiplier:10.3f}  {np.mean(reached):.4f}  ({each}){extra}, {spent:.0f} s"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=list(RECIPES))
    parser.add_argument("--data", type=Path, default=DEFAULT_CACHE)
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    machine()
    for name in arguments.names:
        recipe = RECIPES[name]
        table = table_of(recipe, arguments.data)
        multiplier = noise_multiplier(recipe.epochs, float(recipe.epsilon), float(recipe.delta))
        print(f"{recipe}\n{'multiplier':>10}  {'mean':6}  (each seed), goal {recipe.goal} at epsilon {recipe.epsilon}")
        for value, count in ((multiplier, arguments.seeds), (MORE_NOISE * multiplier, arguments.seeds), (0.0, 1)):
            print(measure(recipe, table, value, range(count)), flush=True)


if __name__ == "__main__":
    main()
