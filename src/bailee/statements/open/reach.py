"""How far any row that a card allows can drive a network at public weights: may it leave a range of the relation?

An owner that found a row diverging could not answer, and that it does not would be an answer without noise, to a
question that the builder chose. So it asks this first, of the weights and its card alone, never of its rows. The bound
is from above: norms and signs, layer by layer; weights that are refused here might do no harm to the rows at hand.

Floats, with room for their rounding (a relative 10^-9): every range is left by a margin that is far larger.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bailee.errors import StatementError
from bailee.statements.fixed_point import INDEX_BITS, INDEX_SCALE_BITS
from bailee.statements.network.architecture import Architecture
from bailee.statements.network.numbers import (
    ACTIVATION_BITS,
    BACK_BITS,
    BACK_WITHIN,
    FEATURE_BITS,
    USED_BITS,
    WEIGHT_BITS,
    Integers,
)

Reals = NDArray[np.float64]
_ROOM = 1e-3
"""In real units: more than all that is rounded on the way to a range."""
_WIDEST_PAIRS = 256
_ACTIVATION = 2.0 ** (ACTIVATION_BITS - FEATURE_BITS)
_BACK = 2.0 ** (BACK_WITHIN - 1 - BACK_BITS)
_SCORE = 2.0 ** (INDEX_BITS - 1 - INDEX_SCALE_BITS)
_APART = 2.0 ** (18 - INDEX_SCALE_BITS)
_LOGIT = 2.0 ** (19 - INDEX_SCALE_BITS)
_RESIDUAL = 8.0
_VALUE_NORM = 255.0
_RESIDUAL_NORM = 15.5
"""Of a row's values and residuals in one layer: beyond 256 and 16 a squared norm leaves its bits (`clipping`)."""


@dataclass(frozen=True)
class _Values:
    """What a layer takes in: each entry lies in [low, high], all of them within `norm` of zero (Euclid)."""

    low: Reals
    high: Reals
    norm: float


def require_reach(architecture: Architecture, used: Mapping[str, Integers], row_norm: float) -> None:
    """Raises StatementError, naming layer and bound, where a row within `row_norm` (real units) might leave a range.

    used: weights at 2^14, each of its parameter's shape.
    """
    real = {name: values / 2.0**WEIGHT_BITS for name, values in used.items()}
    for name, one in real.items():
        _require(float(np.abs(one).max(initial=0.0)), 2.0 ** (USED_BITS - 1 - WEIGHT_BITS) - _ROOM, f"{name}: a weight")
    ones = np.ones(architecture.columns)
    norms: list[float] = []
    values = _Values(-ones, ones, row_norm)
    for layer in range(1, architecture.layers):
        norms.append(values.norm)
        weight, bias = real[f"weight{layer}"], real.get(f"bias{layer}")
        low, high = _scores(values, weight, bias)
        _require(float(max(-low.min(), high.max())), _ACTIVATION - _ROOM, f"layer {layer}: a hidden value")
        top = np.maximum(high, 0) + _ROOM
        stretched = _stretch(weight) * values.norm + (0.0 if bias is None else _norm(bias)) + _ROOM * len(top)
        values = _Values(np.zeros_like(top), top, min(_norm(top), stretched))
    norms.append(values.norm)
    residual, size = _residual(architecture, values, real)
    for layer in range(architecture.layers, 0, -1):
        _require(norms[layer - 1], _VALUE_NORM, f"layer {layer}: the norm of a row's values")
        _require(size, _RESIDUAL_NORM, f"layer {layer}: the norm of a row's residuals")
        if layer > 1:
            weight = real[f"weight{layer}"]
            back = np.minimum(np.abs(weight) @ residual, np.linalg.norm(weight, axis=1) * size) + _ROOM
            _require(float(back.max()), _BACK - _ROOM, f"layer {layer - 1}: a residual")
            residual, size = back, min(_norm(back), _stretch(weight) * size + _ROOM * len(back))


def _scores(values: _Values, weight: Reals, bias: Reals | None) -> tuple[Reals, Reals]:
    """Bounds of a u + bias for each output."""
    up, down = np.maximum(weight, 0), np.minimum(weight, 0)
    far = np.linalg.norm(weight, axis=0) * values.norm
    high = np.minimum(values.high @ up + values.low @ down, far)
    low = np.maximum(values.low @ up + values.high @ down, -far)
    return (low, high) if bias is None else (low + bias, high + bias)


def _residual(architecture: Architecture, values: _Values, real: Mapping[str, Reals]) -> tuple[Reals, float]:
    """What each output's residual is at most, and all of a row's together (Euclid); checks the last layer's ranges."""
    last = architecture.layers
    weight, bias = real[f"weight{last}"], real.get(f"bias{last}")
    low, high = _scores(values, weight, bias)
    largest = float(max(-low.min(), high.max()))
    if architecture.loss == "squared":
        away = np.maximum(high, -low) + 1 + _ROOM
        _require(float(away.max()), _RESIDUAL - _ROOM, "the last layer: a residual")
        return away, _norm(away)
    if architecture.loss == "logistic":
        _require(largest, _SCORE - _ROOM, "the last layer: a score")
        return np.ones(1) + _ROOM, 1 + _ROOM
    _require(largest, _LOGIT - _ROOM, "the last layer: a logit")
    _require(_apart(values, weight, bias, low, high), _APART - _ROOM, "the last layer: two logits of a row, apart,")
    # p - y: two entries of size at most 1 at worst, and all of them add up to zero
    return np.ones(architecture.outputs) + _ROOM, 2.0**0.5 + _ROOM * architecture.outputs


def _apart(values: _Values, weight: Reals, bias: Reals | None, low: Reals, high: Reals) -> float:
    """How far apart two logits of one row can be."""
    outputs = weight.shape[1]
    if outputs > _WIDEST_PAIRS:
        return float(high.max() - low.min())
    worst = 0.0
    for first in range(outputs):
        shift = None if bias is None else bias[[first]] - bias
        _, found = _scores(values, weight[:, [first]] - weight, shift)
        worst = max(worst, float(found.max()))
    return worst


def _stretch(weight: Reals) -> float:
    """The largest factor by which a layer lengthens a vector."""
    return float(np.linalg.norm(weight, 2)) if weight.size else 0.0


def _norm(values: Reals) -> float:
    return float(np.linalg.norm(values))


def _require(value: float, bound: float, what: str) -> None:
    if not value * (1 + 1e-9) < bound:
        raise StatementError(
            f"{what} could reach {value:.4g} for some row that the card allows; the bound is {bound:.4g}"
        )
