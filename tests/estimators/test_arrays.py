"""Arrays: public bounds, warnings where there are none, parameters that are refused, answers in the proven integers."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from blake3 import blake3

from bailee.errors import PlanError, StatementError
from bailee.estimators import (
    PrivacyWarning,
    PrivateLinearRegression,
    PrivateLogisticRegression,
    PrivateMLPClassifier,
    UnprotectedLogisticRegression,
    UnprotectedMLPClassifier,
    UnprotectedMLPRegressor,
)
from bailee.records.schema import UNIT

X = np.random.default_rng(3).uniform(-2, 2, (80, 4))
Y = (X[:, 0] - X[:, 1] > 0).astype(int)


def test_what_is_taken_from_the_rows_is_warned_of() -> None:
    with pytest.warns(PrivacyWarning) as warned:
        PrivateLogisticRegression(prove=False, epochs=1).fit(X, Y)
    assert sorted(str(one.message).split()[0] for one in warned) == ["bounds", "targets"]
    with pytest.warns(PrivacyWarning, match="targets"):
        PrivateLinearRegression(prove=False, epochs=1, bounds=(-2, 2)).fit(X, X[:, 0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        UnprotectedLogisticRegression(prove=False, epochs=1).fit(X, Y)  # it promises nothing


def test_rows_are_moved_to_their_bounds_one_by_one() -> None:
    model = UnprotectedLogisticRegression(prove=False, bounds=([-1, -2, -1, -1], [1, 2, 1, 1])).fit(X, Y)
    far = np.array([[50.0, 0, 0, 0], [1.0, 0, 0, 0]])
    encoded = model.domain_.encode(far)
    assert encoded[0].tolist() == encoded[1].tolist() == [UNIT, 0, 0, 0, UNIT, 0]
    assert model.predict_proba(far)[0].tolist() == model.predict_proba(far)[1].tolist()


@pytest.mark.parametrize(
    ("parameters", "says"),
    [
        ({"bounds": (1, 1)}, "every low below its high"),
        ({"bounds": (0, np.inf)}, "finite"),
        ({"bounds": ([0, 0], [1, 1])}, "4 features"),
        ({"bounds": 3}, "expected"),
        ({"targets": [0, 2]}, "not among"),
        ({"batch_size": 48}, "power of two"),
        ({"batch_size": "some"}, "whole number"),
        ({"epochs": 0}, "at least 1"),
        ({"epochs": 1.5}, "whole number"),
        ({"learning_rate": "fast"}, "expected a number"),
        ({"epsilon": None}, "expected a number"),
        ({"momentum": float("nan")}, "finite"),
    ],
)
def test_parameters_that_make_no_sense_are_refused(parameters: dict[str, Any], says: str) -> None:
    wanted = {"prove": False, "bounds": (-2, 2), "targets": [0, 1], **parameters}
    with pytest.raises(ValueError, match=says):
        PrivateLogisticRegression(**wanted).fit(X, Y)


@pytest.mark.parametrize(
    ("parameters", "says"),
    [
        ({"epsilon": 0}, "epsilon"),
        ({"delta": 0.5}, "delta"),
        ({"clip": -1.0}, "clip"),
        ({"schedule": "up"}, "schedule"),
    ],
)
def test_plans_that_cannot_be_run_are_refused(parameters: dict[str, Any], says: str) -> None:
    wanted = {"prove": False, "bounds": (-2, 2), "targets": [0, 1], **parameters}
    with pytest.raises(PlanError, match=says):
        PrivateLogisticRegression(**wanted).fit(X, Y)


def test_divergence_is_said() -> None:
    model = UnprotectedMLPClassifier((8,), prove=False, learning_rate=100, batch_size=16)
    with pytest.raises(StatementError, match="diverged"):
        model.fit(X, Y)


def test_noise_is_fresh_and_first_weights_follow_from_random_state(monkeypatch: pytest.MonkeyPatch) -> None:
    model = PrivateMLPClassifier((4,), prove=False, epochs=2, bounds=(-2, 2), targets=[0, 1], random_state=1)
    one, two = (model.fit(X, Y).decision_function(X) for _ in range(2))
    assert (one != two).any()
    assert model.plan_ == model.fit(X, Y).plan_
    fixed = staticmethod(lambda size: blake3(b"noise").digest(length=size))
    monkeypatch.setattr(PrivateMLPClassifier, "_entropy", fixed)
    one, two = (model.fit(X, Y).decision_function(X) for _ in range(2))
    assert (one == two).all()
    assert (model.set_params(random_state=2).fit(X, Y).decision_function(X) != one).any()


def test_it_learns() -> None:
    assert UnprotectedLogisticRegression(prove=False).fit(X, Y).score(X, Y) > 0.95
    assert UnprotectedMLPClassifier(prove=False).fit(X, np.digitize(X[:, 2], [-1, 1])).score(X, Y) >= 0
    regressor = UnprotectedMLPRegressor(prove=False, batch_size=16).fit(X, X[:, 0] + 5)
    assert regressor.score(X, X[:, 0] + 5) > 0.9
    private = PrivateLogisticRegression(prove=False, epsilon=8, bounds=(-2, 2), targets=[0, 1]).fit(X, Y)
    assert private.score(X, Y) > 0.7
    assert private.epsilon_ <= 8
    many = PrivateLinearRegression(prove=False, epsilon=8, bounds=(-2, 2), targets=(-2, 2)).fit(X, X[:, 0])
    assert np.abs(many.predict(X) - X @ many.coef_ - many.intercept_).max() < 1e-3


def test_progress_is_told_when_asked(capsys: pytest.CaptureFixture[str]) -> None:
    UnprotectedLogisticRegression(prove=False, epochs=70, verbose=1).fit(X, Y)
    assert capsys.readouterr().err.splitlines()[-1].startswith("UnprotectedLogisticRegression: step 70 of 70, loss 0.")
