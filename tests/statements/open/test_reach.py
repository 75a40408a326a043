"""Weights that pass `require_reach` fail on no row at all; those that could are refused, whatever the rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bailee.errors import StatementError
from bailee.statements.network.architecture import Architecture
from bailee.statements.network.clipping import Clip
from bailee.statements.network.gradients import gradient_sums
from bailee.statements.open.reach import require_reach

UNIT = 4096
INPUTS = 4
SHAPES: tuple[tuple[tuple[int, ...], int, str], ...] = (
    ((), 1, "logistic"), ((), 3, "softmax"), ((), 2, "squared"), ((3,), 1, "logistic"), ((3, 2), 3, "softmax"),
    ((4,), 1, "squared"),
)  # fmt: skip
ROW_NORM = float(np.sqrt(INPUTS + 1))


def model(hidden: tuple[int, ...], outputs: int, loss: str) -> Architecture:
    columns = INPUTS + 1 + outputs
    told = (True,) * (INPUTS + 1) + (False,) * outputs
    return Architecture(columns, hidden, outputs, loss, tuple(range(INPUTS + 1, columns)), told)


def weights(architecture: Architecture, seed: int, size: float) -> dict[str, Any]:
    random = np.random.default_rng(seed)
    found = {}
    for p in architecture.parameters:
        inside = architecture.real(p)[tuple(slice(n) for n in p.shape)]
        drawn = random.uniform(-size, size, p.shape) if seed % 2 else random.choice([-size, size], p.shape)
        found[p.name] = np.where(inside, np.clip(np.rint(drawn * 2**14), -(2**17), 2**17 - 1), 0).astype(np.int64)
    return found


def corners(architecture: Architecture, used: dict[str, Any], seed: int) -> Any:
    """Rows that drive the model far: every sign of every feature, and labels that fit worst or best."""
    signs = np.array(np.meshgrid(*[[-1, 1]] * INPUTS)).reshape(INPUTS, -1).T
    signs = np.concatenate([signs, np.random.default_rng(seed).uniform(-1, 1, (16, INPUTS))])
    rows = np.concatenate([np.rint(signs * UNIT), np.full((len(signs), 1), UNIT)], axis=1).astype(np.int64)
    outputs = architecture.outputs
    if architecture.loss == "logistic":
        labels = [np.array([0]), np.array([1])]
    elif architecture.loss == "softmax":
        labels = list(np.eye(outputs, dtype=np.int64) * UNIT)
    else:
        labels = [np.full(outputs, UNIT), np.full(outputs, -UNIT)]
    return np.concatenate([np.concatenate([rows, np.tile(label, (len(rows), 1))], axis=1) for label in labels])


@pytest.mark.parametrize("shape", SHAPES)
@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), size=st.floats(0.05, 7.9))
def test_what_is_within_reach_fails_on_no_row(shape: tuple[Any, int, str], seed: int, size: float) -> None:
    architecture = model(*shape)
    used = weights(architecture, seed, size)
    try:
        require_reach(architecture, used, ROW_NORM)
    except StatementError:
        return
    rows = corners(architecture, used, seed)
    gradient_sums(architecture, used, rows, np.ones(len(rows), dtype=np.bool_), Clip(1 << 17, 14))


@pytest.mark.parametrize("shape", SHAPES)
def test_ordinary_weights_are_within_reach(shape: tuple[Any, int, str]) -> None:
    architecture = model(*shape)
    for seed in range(20):
        require_reach(architecture, weights(architecture, seed, 0.5), ROW_NORM)


@pytest.mark.parametrize(
    ("shape", "named"),
    [
        (((), 1, "logistic"), "the last layer: a score"),
        (((), 2, "squared"), "the last layer: a residual"),
        (((3,), 1, "logistic"), "layer 1: a hidden value"),
    ],
)
def test_weights_that_could_drive_a_row_out_are_refused_and_named(shape: tuple[Any, int, str], named: str) -> None:
    architecture = model(*shape)
    used = weights(architecture, 2, 7.9)
    with pytest.raises(StatementError, match=named):
        require_reach(architecture, used, ROW_NORM)
    rows = corners(architecture, used, 0)
    with pytest.raises(StatementError):  # and some row does leave its range there
        gradient_sums(architecture, used, rows, np.ones(len(rows), dtype=np.bool_), Clip(1 << 17, 14))


def test_logits_too_far_apart_are_refused() -> None:
    """Two classes that want the opposite, of rows that are long enough."""
    columns = 12
    architecture = Architecture(columns + 3, (), 3, "softmax", (12, 13, 14), (True,) * columns + (False,) * 3)
    used = {"weight1": np.zeros((columns + 3, 3), dtype=np.int64)}
    used["weight1"][:columns, 0] = 7 << 14
    used["weight1"][:columns, 1] = -(7 << 14)
    with pytest.raises(StatementError, match="apart"):
        require_reach(architecture, used, columns**0.5)


def test_a_smaller_row_norm_reaches_less_far() -> None:
    architecture = model((), 1, "logistic")
    used = weights(architecture, 2, 7.0)
    with pytest.raises(StatementError):
        require_reach(architecture, used, ROW_NORM)
    require_reach(architecture, used, 0.9)
