"""How far a model's float32 outputs may be from the proven integers, whatever the row: derived, not measured.

Both compute z = sum a u + b from the same encoded row and the same weights, which float32 holds exactly. They differ by

- rounding in float32: a sum of n products is off by at most g(n) sum |a u|, g(n) = n 2^-24 / (1 - n 2^-24), in any
  order and with or without fused multiplication (Higham, Accuracy and Stability, 2002, section 3.1);
- rounding in integers: q = div(z, 14) keeps 12 fractional bits, off by at most 2^-13, once a hidden layer;
- what came from the layer before, e: sum |u| e.  A ReLU enlarges nothing.

Assumed: IEEE 754 binary32 to nearest in the products and sums (no TF32, bfloat16 or reduced modes), and a sigmoid,
exponential and quotient within ELEMENTARY. Rows whose activations leave the proven range have no proven answer at all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bailee.release.model import ReleasedModel
from bailee.statements.fixed_point import UNIT_BITS

ROUND = 2.0**-24
ELEMENTARY = 2.0**-20
"""Absolute error of a runtime's sigmoid or softmax in float32. ONNX Runtime's are below 2^-21."""
_HIDDEN_ROUND = 2.0 ** -(UNIT_BITS + 1)
_HIDDEN_LIMIT = 16.0
_INDEX_ROUND = 2.0**-12
"""Sigmoid and softmax read z at 11 fractional bits."""
_SLACK = 1 + 2.0**-30
"""The bound itself is computed in float64."""


@dataclass(frozen=True)
class Bound:
    """Largest absolute differences: of the last layer's outputs (real units), and of what the loss makes of them."""

    outputs: float
    scores: float


def float_bound(model: ReleasedModel) -> Bound:
    """The bound of a model's exports, over all rows of its schema's domain."""
    layers = model.layers
    off: NDArray[np.float64] = np.zeros(layers[0].weight.shape[0])
    reach, terms = np.ones(len(off)), 0
    for number, layer in enumerate(layers):
        size = np.abs(layer.weight)
        if number == 0:
            total, terms = _first_layer(model, size)
        else:
            total, terms = (reach + off) @ size, len(off)
        total = total + np.abs(layer.bias)
        reach = np.minimum(total, _HIDDEN_LIMIT)
        off = off @ size + _gamma(terms + 2) * total
        if number + 1 < len(layers):
            off = off + _HIDDEN_ROUND
    outputs = float(off.max()) * _SLACK
    return Bound(outputs, _scores(model, outputs) * _SLACK)


def _first_layer(model: ReleasedModel, size: NDArray[np.float64]) -> tuple[NDArray[np.float64], int]:
    """(largest sum of |x u| for each unit, terms that are not 0): of a category one column counts, in every row."""
    rows = {name: row for row, name in enumerate(model.inputs)}
    total, terms = np.zeros(size.shape[1]), 0
    for column in model.schema.features:
        inside = [rows[name] for name in column.encoded if name in rows]
        if inside:
            total, terms = total + size[inside].max(axis=0), terms + 1
    return total, terms


def _scores(model: ReleasedModel, outputs: float) -> float:
    loss = model.architecture.loss
    if loss == "squared":  # o = div(z, 10) at 2^-16 is no part of an answer; float32 of the table's units is
        slope, offset = model.target
        return slope * outputs + 4 * ROUND * (abs(slope) * _range(model) + abs(offset))
    if loss == "logistic":  # the sigmoid's slope is at most 1/4, its table is rounded at 2^-16
        return (outputs + _INDEX_ROUND) / 4 + 2.0**-17 + ELEMENTARY
    # A softmax moves by at most half of what its inputs move; exponentials are rounded at 2^-14, the quotient at 2^-16.
    classes = model.architecture.outputs
    return (outputs + _INDEX_ROUND) / 2 + (classes + 1) / (1 << 15) + 2.0**-16 + ELEMENTARY


def _range(model: ReleasedModel) -> float:
    """Largest |output| that the integers allow, from the last layer's weights."""
    layers = model.layers
    last = layers[-1]
    size = np.abs(last.weight)
    total = _first_layer(model, size)[0] if len(layers) == 1 else _HIDDEN_LIMIT * size.sum(axis=0)
    return float((total + np.abs(last.bias)).max())


def _gamma(terms: int) -> float:
    return terms * ROUND / (1 - terms * ROUND)
