"""Small models and rows for tests of what is proven about a model that stays hidden."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bailee.algebra.field import from_signed
from bailee.argument.commitment import CommittedVector
from bailee.statements.applied import used_tensor
from bailee.statements.dataset import commit_rows
from bailee.statements.network.architecture import Architecture
from bailee.statements.network.forward import predict

UNIT, ROWS = 4096, 21
LABELS = {"logistic": ("ill",), "softmax": ("kind=a", "kind=b", "kind=c"), "squared": ("cost",)}


def columns_of(loss: str) -> tuple[str, ...]:
    return ("size", "age", "sex=f", "sex=m", "(bias)", *LABELS[loss])


def make_architecture(loss: str, hidden: tuple[int, ...] = (5,)) -> Architecture:
    labels = LABELS[loss]
    columns = len(columns_of(loss))
    places = tuple(range(columns - len(labels), columns))
    told = tuple(place not in places and place != 1 for place in range(columns))  # age is not read
    return Architecture(columns, hidden, len(labels), loss, places, told)


def make_rows(loss: str, rows: int = ROWS, seed: int = 1) -> NDArray[np.int64]:
    random = np.random.default_rng(seed)
    whole = np.zeros((rows, len(columns_of(loss))), dtype=np.int64)
    whole[:, :2] = random.integers(-UNIT, UNIT + 1, (rows, 2))
    whole[np.arange(rows), 2 + random.integers(0, 2, rows)] = UNIT
    whole[:, 4] = UNIT
    if loss == "softmax":
        whole[np.arange(rows), 5 + random.integers(0, 3, rows)] = UNIT
    else:
        whole[:, 5] = random.integers(0, 2, rows) if loss == "logistic" else random.integers(-UNIT, UNIT + 1, rows)
    return whole


@dataclass
class Trained:
    """A model with random weights, committed to."""

    architecture: Architecture
    weights: dict[str, NDArray[np.int64]]
    vector: CommittedVector

    def logits(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        return predict(self.architecture, self.weights, rows)


def make_model(
    loss: str, hidden: tuple[int, ...] = (5,), seed: int = 2, change: dict[str, NDArray[np.int64]] | None = None
) -> Trained:
    architecture, random = make_architecture(loss, hidden), np.random.default_rng(seed)
    tensors, weights = {}, {}
    for parameter in architecture.parameters:
        whole = random.integers(-(1 << 14), 1 << 14, parameter.padded)
        whole[~architecture.real(parameter)] = 0
        if change and parameter.name in change:
            whole = whole + change[parameter.name]
        weights[parameter.name] = whole[tuple(slice(length) for length in parameter.shape)]
        tensors[used_tensor(parameter)] = from_signed(whole).reshape(-1)
    return Trained(architecture, weights, CommittedVector(tensors, 4, bytes([seed]) * 32))


def sealed(rows: NDArray[np.int64]) -> CommittedVector:
    return commit_rows(rows, 4, bytes(32))
