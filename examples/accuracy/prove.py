"""The recipes, proved: seal, train privately, prove every chunk, check the passport, score the test set.

    python examples/accuracy/prove.py mnist|fashion|census [--data FOLDER] [--home FOLDER] [--unproven]

The first run of a data set fetches it and makes its features (minutes). Needs `bailee[sklearn]`, 10 GB and minutes.
"""

import argparse
import tempfile
import time
from pathlib import Path

from recipes import RECIPES, Recipe
from scores import accuracy, auprc, auroc
from sources import DEFAULT_CACHE
from table import shuffled, table_of

from bailee.estimators import PrivateLogisticRegression
from bailee.verify.model import verify_model_passport


def estimator(recipe: Recipe, home: Path, proven: bool) -> PrivateLogisticRegression:
    return PrivateLogisticRegression(
        epsilon=float(recipe.epsilon),
        delta=float(recipe.delta),
        clip=recipe.clip,
        epochs=recipe.epochs,
        batch_size=recipe.batch or "full",
        learning_rate=recipe.rate,
        schedule="linear",
        momentum=recipe.momentum,
        bounds=(-1, 1),
        targets=list(range(max(2, recipe.classes))),
        home=str(home),
        prove=proven,
        verbose=1,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=list(RECIPES))
    parser.add_argument("--data", type=Path, default=DEFAULT_CACHE)
    parser.add_argument("--home", type=Path)
    parser.add_argument(
        "--unproven", action="store_true", help="the same integers and noise, without proof or passport"
    )
    asked = parser.parse_args()
    recipe = RECIPES[asked.name]
    table = table_of(recipe, asked.data)
    rows, labels = shuffled(table)
    model = estimator(recipe, asked.home or Path(tempfile.mkdtemp(prefix="bailee-")), not asked.unproven)
    start = time.perf_counter()
    model.fit(rows / 4096.0, labels)
    print(f"trained{'' if asked.unproven else ' and proved'} in {time.perf_counter() - start:.0f} s")
    scores = model.decision_function(table.test / 4096.0)
    if recipe.classes == 1:
        reached = auroc(scores, table.test_labels)
        print(f"AUPRC {auprc(scores, table.test_labels):.4f}")
    else:
        reached = accuracy(scores, table.test_labels)
    print(f"{recipe.name}: {reached:.4f} (goal {recipe.goal}) at epsilon {model.epsilon_}, delta {recipe.delta}")
    if not asked.unproven:
        start = time.perf_counter()
        verify_model_passport(Path(model.passport_))
        print(f"the passport {model.passport_} holds: checked in {time.perf_counter() - start:.1f} s")


if __name__ == "__main__":
    main()
