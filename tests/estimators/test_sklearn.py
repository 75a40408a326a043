"""scikit-learn's own checks, on every estimator. They train without proof: the checks are of the interface."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
from blake3 import blake3
from sklearn.utils.estimator_checks import parametrize_with_checks

from bailee import estimators
from bailee.estimators import PrivacyWarning

NAMES = [name for name in estimators.__all__ if name.startswith(("Private", "Unprotected"))]
TWICE = "fits twice on the same rows and wants the same answers; private noise is fresh in every fit"
EXCUSED = {
    "check_fit_idempotent": TWICE,
    "check_supervised_y_2d": TWICE,
    "check_regressors_int": TWICE,
    "check_regressor_data_not_an_array": TWICE,
    "check_classifier_data_not_an_array": TWICE,
}
"""Checks that private estimators cannot pass, and why. With noise that repeats they pass: the second test."""


def made(name: str) -> Any:
    kind = getattr(estimators, name)
    return kind(prove=False, epochs=2) if name.startswith("Private") else kind(prove=False)


def fixed(size: int) -> bytes:
    """Randomness for a test that must repeat itself."""
    return blake3(b"a test").digest(length=size)


def run(check: Any, estimator: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PrivacyWarning)
        check(estimator)


@parametrize_with_checks([made(name) for name in NAMES])
def test_scikit_learn_finds_an_estimator(estimator: Any, check: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    private = type(estimator).__name__.startswith("Private")
    if private and check.func.__name__ in EXCUSED:
        monkeypatch.setattr(type(estimator), "_entropy", staticmethod(fixed))
    run(check, estimator)


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("Private")])
def test_only_noise_keeps_a_private_estimator_from_passing(name: str) -> None:
    from sklearn.utils.estimator_checks import check_fit_idempotent

    with pytest.raises(AssertionError, match="Idempotency"):
        run(lambda estimator: check_fit_idempotent(name, estimator), made(name))
