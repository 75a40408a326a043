"""The trainer in integers: what the tape of `chunk` proves, computed step by step (docs/training.md)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bailee.statements.network.architecture import Architecture
from bailee.statements.network.optimizer import NoiseScale, Rule, State, initial_state, rule_for, used_weights

__all__ = ["NoiseScale", "Rule", "State", "initial_state", "rule_for", "run_steps", "used_weights"]


def run_steps(
    architecture: Architecture,
    state: State,
    features: Sequence[NDArray[Any]],
    present: Sequence[NDArray[np.bool_]],
    rule: Rule,
    noise: Mapping[str, NDArray[np.int64]] | None = None,
) -> tuple[State, list[float]]:
    """The state after the rule's steps, and the mean loss of each step that is not idle (floats, for progress only).

    features: for each dataset that takes part an integer array (S, rows of a batch, columns) of encoded rows (labels
    among the columns); step t reads entry t mod S of each, so that S = 1 is full batches and S below the number of
    steps is several epochs. present: (S, rows of a batch) for each, False for padding. noise: for each parameter int64
    (steps, *shape), lattice units, iff the rule has noise. Raises StatementError on divergence, naming step, layer
    and bound, and InputError on shapes that do not fit.
    """
    raise NotImplementedError
