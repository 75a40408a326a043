"""What the private model is measured against. Only the demo can compute it: it alone has all tables at once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bailee.records.schema import UNIT, Schema
from bailee.seal.encode import encode

STEPS = 2000
L2 = 1e-3


def accuracies(owners: dict[str, Path], test: Path, schema: Schema) -> tuple[float, dict[str, float]]:
    """Accuracy on the test rows without any privacy: trained on all rows pooled, and on each owner's alone."""
    tables = {name: encode(path, schema) for name, path in owners.items()}
    rows = encode(test, schema)

    def accuracy(matrix: NDArray[np.int64]) -> float:
        return float(np.mean((rows[:, :-1] @ _fit(matrix) > 0) == (rows[:, -1] == 1)))

    return accuracy(np.vstack(list(tables.values()))), {name: accuracy(matrix) for name, matrix in tables.items()}


def _fit(matrix: NDArray[np.int64]) -> NDArray[np.float64]:
    """Logistic regression by plain gradient descent, to convergence."""
    features, label = matrix[:, :-1] / UNIT, matrix[:, -1]
    weights = np.zeros(features.shape[1])
    for _ in range(STEPS):
        errors = 1 / (1 + np.exp(-features @ weights)) - label
        weights -= features.T @ errors / len(label) + L2 * weights
    return weights
