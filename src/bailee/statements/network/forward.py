"""The forward half alone: what a model answers, in the integers that training used (docs/training.md, 3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bailee.statements.network.architecture import Architecture


def predict(
    architecture: Architecture, weights: Mapping[str, NDArray[np.int64]], features: NDArray[Any]
) -> NDArray[np.int64]:
    """The outputs of the last layer, int64 (rows, outputs) at 2^26, from used weights (2^14) and encoded rows.

    features: integers (rows, columns); label columns may hold anything. Raises StatementError where an activation
    leaves its range.
    """
    raise NotImplementedError


def scores(
    architecture: Architecture, weights: Mapping[str, NDArray[np.int64]], features: NDArray[Any]
) -> NDArray[np.float64]:
    """What a person reads: probabilities for logistic and softmax, values for squared; (rows, outputs)."""
    raise NotImplementedError
