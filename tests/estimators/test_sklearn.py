"""scikit-learn's own checks, on every estimator. They train without proof: the checks are of the interface."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from bailee import estimators
from bailee.estimators import PrivacyWarning

EXCUSED: dict[str, dict[str, str]] = {}
"""By class: checks that cannot hold, and why."""


def made(name: str) -> Any:
    kind = getattr(estimators, name)
    small = {"hidden_layer_sizes": (8,)} if "MLP" in name else {}
    return kind(prove=False, **small)


NAMES = [name for name in estimators.__all__ if name != "PrivacyWarning"]


@parametrize_with_checks(
    [made(name) for name in NAMES], expected_failed_checks=lambda estimator: EXCUSED.get(type(estimator).__name__, {})
)
def test_scikit_learn_finds_an_estimator(estimator: Any, check: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PrivacyWarning)
        check(estimator)
