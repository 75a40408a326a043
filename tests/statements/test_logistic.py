"""Logistic regression in integers: exact, bounded, and within 1e-3 of the same run in floats."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.datasets import load_breast_cancer

from bailee.errors import InputError, PlanError, StatementError
from bailee.statements.fixed_point import SCORE_LIMIT, ceil_sqrt, sensitivity, weight_radius
from bailee.statements.logistic import (
    Rule,
    State,
    compute_round,
    final_model,
    float_training,
    project,
    round_state,
    start,
    update,
)
from bailee.statements.noise import noise_table, sigmoid_table

Matrix = NDArray[np.int64]


def encode(features: NDArray[np.float64], label: NDArray[np.int64]) -> tuple[Matrix, NDArray[np.float64]]:
    """(integers, reals): features in [-1, 1], a bias and the label; the label's real column is 0."""
    bias = np.ones((len(features), 1))
    real = np.column_stack([features, bias, np.zeros(len(features))])
    whole = np.rint(real * 4096).astype(np.int64)
    whole[:, -1] = label
    return whole, real


def synthetic(rows: int, columns: int, seed: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    random = np.random.default_rng(seed)
    features = random.uniform(-1, 1, (rows, columns))
    score = features @ random.normal(0, 2, columns) + random.normal(0, 0.5, rows)
    return features, (score > 0).astype(np.int64)


def breast_cancer() -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    data = load_breast_cancer()
    low, high = data.data.min(axis=0), data.data.max(axis=0)
    return 2 * (data.data - low) / (high - low) - 1, data.target.astype(np.int64)


@pytest.mark.parametrize("name", ["synthetic", "breast cancer"])
@pytest.mark.parametrize("momentum", ["0", "0.9"])
def test_fixed_point_trains_what_floats_train(name: str, momentum: str) -> None:
    features, label = synthetic(800, 6, 3) if name == "synthetic" else breast_cancer()
    whole, real = encode(features, label)
    halves = [slice(0, len(whole) // 2), slice(len(whole) // 2, len(whole))]
    columns, rounds, sigma = whole.shape[1], 60, "1000"
    bound = int((whole**2).sum(axis=1).max())
    rule = Rule(columns, len(whole), 20, bound, Fraction("0.3"), Fraction("0.001"), Fraction(momentum))
    uniform = np.random.default_rng(5).integers(0, 1 << 60, (2, rounds, columns), dtype=np.uint64)
    noise = noise_table(sigma).sample(uniform)
    noise[:, :, -1] = 0
    state = start(columns)
    iterates = []
    for step in range(rounds):
        sums = [
            compute_round(whole[half], columns - 1, state.used(), rule.shift) + noise[owner, step]
            for owner, half in enumerate(halves)
        ]
        state = update(state, [int(value) for value in sum(sums)], rule)
        iterates.append(np.array(state.weights) / 2**30)
    reals = float_training(
        [real[half] for half in halves],
        [label[half].astype(np.float64) for half in halves],
        noise.sum(axis=0),
        rule,
    )
    assert np.abs(np.array(iterates) - reals).max() < 1e-3
    assert np.abs(round_state(state.weights) / 2**14 - reals[-1]).max() < 1e-3
    assert np.abs(iterates[-1]).max() > 0.3  # it did learn


def reference_round(matrix: Matrix, label: int, weights: Matrix, shift: int) -> list[int]:
    """The definition in Python integers."""
    table = sigmoid_table()
    total = [0] * matrix.shape[1]
    for row in matrix.tolist():
        z = sum(x * int(w) for x, w in zip(row, weights, strict=True))
        a = int(table[((z + 2**14) >> 15) + 2**15]) - 2**16 * row[label]
        total = [old + a * x for old, x in zip(total, row, strict=True)]
    return [0 if j == label else (value + 2 ** (shift - 1)) >> shift for j, value in enumerate(total)]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 40), st.integers(3, 7), st.integers(1, 30))
def test_a_round_is_exact(seed: int, rows: int, columns: int, shift: int) -> None:
    random = np.random.default_rng(seed)
    matrix = random.integers(-4096, 4097, (rows, columns))
    matrix[:, -1] = random.integers(0, 2, rows)
    weights = random.integers(-(2**14), 2**14, columns)
    weights[-1] = 0
    assert compute_round(matrix, columns - 1, weights, shift).tolist() == reference_round(
        matrix, columns - 1, weights, shift
    )


def test_unreleased_columns_are_silent() -> None:
    matrix, _ = encode(*synthetic(50, 3, 1))
    sums = compute_round(matrix, 4, np.zeros(5, dtype=np.int64), 10, (True, False, True, True, False))
    assert sums[1] == 0
    assert sums[4] == 0
    assert sums[0] != 0


def test_the_largest_weights_stay_inside_the_table() -> None:
    """A row on the norm bound, weights on the projection's edge and along the row: the worst case fits."""
    for columns in (3, 8, 64):
        row = np.full((1, columns), 4096, dtype=np.int64)
        row[0, -1] = 0
        bound = int((row**2).sum())
        rule = Rule(columns, 1, 10, bound, Fraction(1))
        huge = [10**15 * (1 if place < columns - 1 else 0) for place in range(columns)]
        for sign in (1, -1):
            weights = round_state(project([sign * value for value in huge], rule.radius()))
            assert sum(int(w) ** 2 for w in weights) * bound <= SCORE_LIMIT**2
            compute_round(row, columns - 1, weights, 10)


@given(st.lists(st.integers(-(2**50), 2**50), min_size=1, max_size=20), st.integers(1, 2**45))
def test_projection_never_leaves_the_ball(weights: list[int], radius: int) -> None:
    inside = project(weights, radius)
    assert sum(value * value for value in inside) <= radius * radius
    if sum(value * value for value in weights) <= radius * radius:
        assert inside == tuple(weights)


@given(st.integers(1, 2**60))
def test_the_weight_radius_bounds_every_score(bound: int) -> None:
    assert weight_radius(bound) ** 2 * bound <= SCORE_LIMIT**2
    assert ceil_sqrt(bound) ** 2 >= bound > (ceil_sqrt(bound) - 1) ** 2


def test_a_replaced_row_moves_a_release_by_less_than_the_sensitivity() -> None:
    random = np.random.default_rng(2)
    shift, columns = 18, 5
    bound = 5 * 4096**2
    limit = float(sensitivity(bound, columns - 1, shift))
    largest = 0.0
    for _ in range(200):
        base = random.integers(-4096, 4097, (4, columns))
        base[:, -1] = random.integers(0, 2, 4)
        base[:, :-1] = np.sign(base[:, :-1]) * 4096  # rows on the bound
        other = base.copy()
        other[0, :-1] = -base[0, :-1]
        weights = random.integers(-5000, 5000, columns)
        weights[-1] = 0
        moved = compute_round(base, 4, weights, shift) - compute_round(other, 4, weights, shift)
        largest = max(largest, float(np.linalg.norm(moved)))
    assert 0.4 * limit < largest <= limit


def test_bad_input_is_refused() -> None:
    matrix, _ = encode(*synthetic(10, 3, 1))
    zero = np.zeros(5, dtype=np.int64)
    with pytest.raises(InputError, match="5 weights"):
        compute_round(matrix, 4, zero[:4], 10)
    with pytest.raises(InputError, match="shift"):
        compute_round(matrix, 4, zero, 0)
    with pytest.raises(InputError, match="label column must have weight 0"):
        compute_round(matrix, 4, zero + 1, 10)
    with pytest.raises(InputError, match="at least one row"):
        compute_round(matrix[:0], 4, zero, 10)
    with pytest.raises(StatementError, match="encoded values"):
        compute_round(matrix * 2, 4, zero, 10)
    steep = zero.copy()
    steep[3] = 2**20
    with pytest.raises(StatementError, match="sigmoid table"):
        compute_round(matrix, 4, steep, 10)
    with pytest.raises(PlanError, match="no room"):
        Rule(5, 10, 10, 2**60, Fraction(1)).radius()
    with pytest.raises(InputError, match="5 sums"):
        update(start(5), [0] * 4, Rule(5, 10, 10, 2**30, Fraction(1)))


def test_the_model_is_the_last_state_or_the_mean_of_the_last_half() -> None:
    states = [State((value,), (0,)) for value in (10, 20, 30, 41)]
    assert final_model(states, average=False) == (41,)
    assert final_model(states, average=True) == (36,)
    assert final_model(states[:1], average=True) == (10,)
