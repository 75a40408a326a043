"""Logistic regression in exact integers: one owner's gradient sum, the public step, and the same run in floats.

An owner computes `compute_round` on its rows; builder and verifier compute `update` from the released sums alone, so
that anyone who holds the sums recomputes every iterate. `float_training` is the yardstick, used by tests and reports.
The scales are in `fixed_point.py`; `gradient.py` proves `compute_round`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import isqrt

import numpy as np
from numpy.typing import NDArray

from bailee.errors import InputError, PlanError, StatementError
from bailee.statements.fixed_point import (
    GRADIENT_BITS,
    GRADIENT_LIMIT,
    INDEX_HALF,
    MAX_SHIFT,
    PROBABILITY_BITS,
    SCORE_DROP_BITS,
    STATE_BITS,
    UNIT_BITS,
    WEIGHT_BITS,
    ceil_sqrt,
    weight_radius,
)
from bailee.statements.noise import sigmoid_table

_CHUNK = 1 << 16
_STATE_DROP = STATE_BITS - WEIGHT_BITS


@dataclass(frozen=True)
class Rule:
    """The public step: everything that turns released sums into the next weights.

    columns: columns of the encoded dataset; rows: rows of all owners together; shift: lattice shift k; norm_bound:
    the largest squared row norm of any owner; l2 pulls on every released weight, the bias included.
    """

    columns: int
    rows: int
    shift: int
    norm_bound: int
    learning_rate: Fraction
    l2: Fraction = Fraction(0)
    momentum: Fraction = Fraction(0)

    def radius(self) -> int:
        """The largest norm of a state (scale 2^30) whose rounded weights keep every score inside the table.

        Rounding to 2^14 moves each weight by at most half a unit: the vector by at most sqrt(columns) / 2.
        """
        radius = weight_radius(self.norm_bound) - (isqrt(self.columns) + 2) // 2
        if radius < 1:
            raise PlanError(f"row norm bound {self.norm_bound} leaves no room for weights: seal with a smaller norm")
        return radius << _STATE_DROP


@dataclass(frozen=True)
class State:
    """The exact state between rounds, integers at scale 2^30; one entry per column."""

    weights: tuple[int, ...]
    velocity: tuple[int, ...]

    def used(self) -> NDArray[np.int64]:
        """The weights as rounds use them: scale 2^14, shape (columns,)."""
        return round_state(self.weights)


def start(columns: int) -> State:
    return State((0,) * columns, (0,) * columns)


def round_state(weights: Sequence[int]) -> NDArray[np.int64]:
    """State weights (scale 2^30) to the nearest weights at scale 2^14, halves up; int64, same length."""
    half = 1 << (_STATE_DROP - 1)
    return np.array([(value + half) >> _STATE_DROP for value in weights], dtype=np.int64)


def compute_round(
    matrix: NDArray[np.int64],
    label: int,
    weights_row: NDArray[np.int64],
    shift: int,
    released: Sequence[bool] | None = None,
) -> NDArray[np.int64]:
    """One owner's exact gradient sum g, in lattice units; int64 (d,). The label's entry and unreleased ones are 0.

    matrix: int64 (rows, d), encoded; weights_row: int64 (d,) at scale 2^14, zero at the label. Raises StatementError
    where a score leaves the table and InputError where shapes or bounds do not fit.
    """
    rows, columns = matrix.shape
    if weights_row.shape != (columns,) or not 0 <= label < columns:
        raise InputError(f"expected {columns} weights and a label column among them; got {weights_row.shape}, {label}")
    if not 1 <= shift <= MAX_SHIFT:
        raise InputError(f"shift must lie in 1..{MAX_SHIFT}; got {shift}")
    if int(weights_row[label]) != 0:
        raise InputError("the label column must have weight 0")
    if rows << GRADIENT_BITS >= GRADIENT_LIMIT:
        raise InputError(f"{rows} rows could overflow a gradient sum: at most {(GRADIENT_LIMIT >> GRADIENT_BITS) - 1}")
    _check_scores(matrix, weights_row)
    table = sigmoid_table()
    # All partial sums of a chunk are integers below 2^53, so float64 products are exact in any order, and much faster.
    weights = weights_row.astype(np.float64)
    total = np.zeros(columns, dtype=np.int64)
    for first in range(0, rows, _CHUNK):
        part = matrix[first : first + _CHUNK].astype(np.float64)
        score = (part @ weights).astype(np.int64)
        index = (score + (1 << (SCORE_DROP_BITS - 1))) >> SCORE_DROP_BITS
        if int(index.min()) < -INDEX_HALF or int(index.max()) >= INDEX_HALF:
            raise StatementError("a score leaves the sigmoid table: the row norm bound or the weights are wrong")
        residual = table[index + INDEX_HALF] - (matrix[first : first + _CHUNK, label] << PROBABILITY_BITS)
        total += (residual.astype(np.float64) @ part).astype(np.int64)
    sums: NDArray[np.int64] = (total + (1 << (shift - 1))) >> shift
    sums[label] = 0
    if released is not None:
        sums[~np.asarray(released, dtype=np.bool_)] = 0
    return sums


def update(state: State, total_sums: Sequence[int], rule: Rule) -> State:
    """The next state from the sums of all owners, added up (lattice units). Exact, rounded to nearest, projected.

    v' = momentum * v + sums * 2^(k-28) / rows + l2 * w;   w' = project(w - learning_rate * v').
    """
    if len(total_sums) != rule.columns or len(state.weights) != rule.columns:
        raise InputError(f"expected {rule.columns} sums and weights; got {len(total_sums)} and {len(state.weights)}")
    scale = Fraction(1 << (rule.shift + STATE_BITS), rule.rows << GRADIENT_BITS)
    velocity: list[int] = []
    moved: list[int] = []
    for weight, speed, total in zip(state.weights, state.velocity, total_sums, strict=True):
        next_speed = _nearest(rule.momentum * speed + scale * int(total) + rule.l2 * weight)
        velocity.append(next_speed)
        moved.append(_nearest(weight - rule.learning_rate * next_speed))
    return State(project(moved, rule.radius()), tuple(velocity))


def project(weights: Sequence[int], radius: int) -> tuple[int, ...]:
    """The weights scaled into the ball of `radius`; entries round towards zero, so the norm never exceeds it."""
    norm = sum(value * value for value in weights)
    if norm <= radius * radius:
        return tuple(weights)
    length = ceil_sqrt(norm)
    return tuple((abs(value) * radius // length) * (1 if value >= 0 else -1) for value in weights)


def final_model(states: Sequence[State], average: bool) -> tuple[int, ...]:
    """The model of a run: the last state's weights (scale 2^30), or the rounded mean over the last half of the states.

    `states` are the states after each round, in order; never empty.
    """
    if not average:
        return states[-1].weights
    tail = states[len(states) // 2 :]
    return tuple(_nearest(Fraction(sum(column), len(tail))) for column in zip(*(s.weights for s in tail), strict=True))


def float_training(
    features: Sequence[NDArray[np.float64]],
    labels: Sequence[NDArray[np.float64]],
    noise: NDArray[np.int64],
    rule: Rule,
) -> NDArray[np.float64]:
    """The same run in float64 on unquantised values with the same noise: every iterate, shape (T, d).

    features: per owner (rows, d) in real units, the label column zero; labels: per owner (rows,), 0 or 1; noise: the
    sum over owners of nu, int64 (T, d), lattice units.
    """
    weights = np.zeros(rule.columns)
    velocity = np.zeros(rule.columns)
    radius = rule.radius() / 2.0**STATE_BITS
    rate, decay, momentum = float(rule.learning_rate), float(rule.l2), float(rule.momentum)
    iterates = np.zeros((len(noise), rule.columns))
    for step, drawn in enumerate(noise):
        gradient = drawn * 2.0 ** (rule.shift - GRADIENT_BITS)
        for matrix, target in zip(features, labels, strict=True):
            gradient = gradient + (1 / (1 + np.exp(-(matrix @ weights))) - target) @ matrix
        velocity = momentum * velocity + gradient / rule.rows + decay * weights
        weights = weights - rate * velocity
        norm = float(np.linalg.norm(weights))
        if norm > radius:
            weights = weights * (radius / norm)
        iterates[step] = weights
    return iterates


def _nearest(value: Fraction) -> int:
    """The nearest integer, halves up."""
    return (2 * value.numerator + value.denominator) // (2 * value.denominator)


def _check_scores(matrix: NDArray[np.int64], weights: NDArray[np.int64]) -> None:
    """Refuses values so large that a float64 product would not be exact. Valid datasets are far inside."""
    if matrix.size == 0:
        raise InputError("a gradient needs at least one row")
    largest = max(int(matrix.max()), -int(matrix.min()))
    if largest > 1 << UNIT_BITS:
        raise StatementError(f"encoded values lie in [-{1 << UNIT_BITS}, {1 << UNIT_BITS}]; got {largest}")
    if largest * int(np.abs(weights).sum()) >= 1 << 53:
        raise StatementError("weights are too large for this dataset: a score could not be computed exactly")
