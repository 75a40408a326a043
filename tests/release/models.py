"""Models with random weights, and a reading of docs/training.md of its own: Python integers, one row at a time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bailee.records.schema import BIAS, UNIT, Schema
from bailee.release import ReleasedModel
from bailee.seal import read_schema
from bailee.statements.network.architecture import Architecture
from bailee.statements.noise import sigmoid_table

LABELS = {
    "logistic": ('label_kind = "binary"', 'type = "flag"'),
    "softmax": ('label_kind = "classes"', 'type = "category"\ncategories = ["red", "green", "blue"]'),
    "squared": ('label_kind = "number"', 'type = "number"\nmin = -3\nmax = 250'),
}
COLUMNS = """
[[column]]
name = "age"
type = "number"
min = 0.3
max = 99.7
missing = { value = 40.1 }
[[column]]
name = "vessels"
type = "integer"
min = -3
max = 4
[[column]]
name = "pain"
type = "category"
categories = ["none", "mild", "bad"]
missing = { value = "mild" }
[[column]]
name = "smoker"
type = "flag"
missing = { value = true }
[[column]]
name = "numbers"
type = "category"
categories = ["1", "2"]
"""


def schema(loss: str, extra: str = "") -> Schema:
    kind, label = LABELS[loss]
    head = f'[dataset]\nname = "t"\nlabel = "y"\nmissing_values = ["", "?"]\n{kind}\n{extra}\n'
    return read_schema((head + COLUMNS + '[[column]]\nname = "y"\n' + label).encode())


def model(
    loss: str, hidden: tuple[int, ...], seed: int, extra: str = "", left_out: tuple[str, ...] = ()
) -> ReleasedModel:
    found = schema(loss, extra)
    layout = found.layout
    told = tuple(place not in layout.labels and name not in left_out for place, name in enumerate(layout.names))
    architecture = Architecture(len(layout.names), hidden, len(layout.labels), loss, layout.labels, told)
    random = np.random.default_rng(seed)
    weights = {}
    for parameter in architecture.parameters:
        spread = 3.0 / np.sqrt(parameter.shape[0]) if len(parameter.shape) == 2 else 1.0
        drawn = np.rint(random.uniform(-spread, spread, parameter.shape) * (1 << 14)).astype(np.int64)
        weights[parameter.name] = drawn * architecture.real(parameter)[tuple(map(slice, parameter.shape))]
    return ReleasedModel(found, architecture, weights, "ab" * 32, "cd" * 32)


def reference(found: ReleasedModel, matrix: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """(outputs at 2^26, probabilities or encoded values) by the document alone."""
    answers, scores = [], []
    architecture = found.architecture
    for row in matrix.tolist():
        values = [x if told else 0 for x, told in zip(row, architecture.told, strict=True)]
        for layer in range(1, architecture.layers + 1):
            weight = found.weights[f"weight{layer}"].tolist()
            bias = found.weights[f"bias{layer}"].tolist() if layer > 1 else [0] * len(weight[0])
            z = [sum(a * u[k] for a, u in zip(values, weight, strict=True)) + UNIT * bias[k] for k in range(len(bias))]
            quotients = [(v + (1 << 13)) >> 14 for v in z]
            values = [max(q, 0) for q in quotients]
        answers.append(z)
        index = [(v + (1 << 14)) >> 15 for v in z]
        if architecture.loss == "logistic":
            scores.append([int(sigmoid_table()[i + (1 << 15)]) / 65536 for i in index])
        elif architecture.loss == "softmax":
            e = [round(2**14 * float(np.exp((i - max(index)) / 2048))) for i in index]
            scores.append([(65536 * v // sum(e)) / 65536 for v in e])
        else:
            scores.append([v / 2**26 for v in z])
    return np.array(answers), np.array(scores)


__all__ = ["BIAS", "model", "reference", "schema"]
