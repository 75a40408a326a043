"""Fitting with proof: the passport verifies, and what is answered is what was proven."""

from __future__ import annotations

import pickle
import warnings
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from sklearn.base import clone

from bailee.errors import InputError, SessionError
from bailee.estimators import (
    PrivateLogisticRegression,
    PrivateMLPClassifier,
    UnprotectedLinearRegression,
    plan_toml,
)
from bailee.grant import give_grant
from bailee.keys import Identity
from bailee.records import open_signed, sign, time_text
from bailee.records.model import CoinPromise, ModelCoin, ModelOpening, ModelPassport
from bailee.release import open_model
from bailee.seal import Dataset, Ledger, read_schema, seal
from bailee.seal.lend import Papers, lend
from bailee.statements.hidden.session import promise_coin
from bailee.train.model import read_model_plan
from bailee.verify.model import verify_model_passport


def rows(count: int = 60) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(5)
    x = random.uniform(-1, 3, (count, 3))
    return x, x @ [1.0, -2.0, 0.5] + random.normal(0, 0.1, count)


def outputs(estimator: Any, x: np.ndarray) -> np.ndarray:
    return estimator.model_.outputs(estimator.domain_.encode(x))


def test_a_private_fit_makes_a_passport_that_holds(tmp_path: Path) -> None:
    x, y = rows()
    labels = np.where(y > 0, "yes", "no")
    model = PrivateLogisticRegression(
        epsilon=4, epochs=4, bounds=(-1, 3), targets=["no", "yes"], home=tmp_path / "home", reveal=True
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # all that is public was said
        model.fit(x, labels)
    assert model.predict(x[:5]).tolist() == model.classes_[(outputs(model, x[:5])[:, 0] > 0).astype(int)].tolist()
    verify_model_passport(model.passport_)
    assert 0 < model.epsilon_ <= 4
    assert model.delta_ == 1e-5
    assert len(model.loss_curve_) == 4
    again = open_model(model.passport_)
    assert (again.outputs(model.domain_.encode(x)) == outputs(model, x)).all()
    assert (again.commitment, again.passport) == (model.model_.commitment, model.model_.passport)


def test_networks_and_mini_batches(tmp_path: Path) -> None:
    x, y = rows(100)
    places = np.digitize(y, [-2, 1])
    model = PrivateMLPClassifier(
        (4,), epsilon=8, epochs=2, batch_size=16, bounds=(-1, 3), targets=[0, 1, 2], home=tmp_path, verbose=1
    ).fit(x, places)
    verify_model_passport(model.passport_)
    assert model.predict_proba(x).shape == (100, 3)
    with pytest.raises(InputError, match="stayed secret"):
        open_model(model.passport_)
    with pytest.raises(AttributeError, match="hidden layers"):
        model.coef_  # noqa: B018


def test_unprotected_has_its_own_name_and_a_waiver(tmp_path: Path) -> None:
    x, y = rows()
    model = UnprotectedLinearRegression(epochs=100, home=tmp_path).fit(x, y)
    verify_model_passport(model.passport_)
    assert model.epsilon_ == float("inf")
    assert model.score(x, y) > 0.95
    assert np.abs(x @ model.coef_ + model.intercept_ - model.predict(x)).max() < 0.01
    unproven = clone(model).set_params(prove=False).fit(x, y)
    assert (outputs(unproven, x) == outputs(model, x)).all()
    assert not hasattr(unproven, "passport_")
    assert "epsilon" not in model.get_params()
    copy = pickle.loads(pickle.dumps(model))
    assert (copy.predict(x) == model.predict(x)).all()


def test_a_run_of_many_chunks_has_the_openings_that_it_spends(tmp_path: Path) -> None:
    """With little memory each full-batch step is a chunk of its own."""
    x, y = rows(4096)
    model = UnprotectedLinearRegression(epochs=9, memory=1, home=tmp_path).fit(x, y)
    passport = open_signed(Path(model.passport_).read_bytes(), ModelPassport).record
    assert len(passport.chunks) == 9
    (ledger,) = tmp_path.glob("datasets/*/openings.jsonl")
    assert Ledger(ledger).budget().remaining == 0


SCHEMA = b"""
[dataset]
name = "plots"
label = "kind"
label_kind = "classes"
[[column]]
name = "size"
type = "number"
min = 0
max = 10
[[column]]
name = "soil"
type = "category"
categories = ["clay", "sand"]
[[column]]
name = "kind"
type = "category"
categories = ["a", "b", "c"]
"""


def sealed(name: str, home: Path, count: int) -> tuple[Identity, Dataset]:
    random = np.random.default_rng(count)
    size = random.uniform(0, 10, count)
    table = pa.table(
        {
            "size": size,
            "soil": random.choice(["clay", "sand"], count),
            "kind": np.array(["a", "b", "c"])[np.digitize(size, [3, 7])],
        }
    )
    owner = Identity.create(home, name)
    return owner, seal(owner, read_schema(SCHEMA), table, home / "d", datetime.now(UTC), 16)


def test_sealed_datasets_of_two_owners_that_lend_them(tmp_path: Path) -> None:
    """One plan, granted by its file; every owner's coin is asked for, then the run goes on."""
    schema, trainer = read_schema(SCHEMA), Identity.create(tmp_path / "trainer", "trainer")
    model = PrivateLogisticRegression(epsilon=8, epochs=3, home=tmp_path / "trainer")
    plan = model.make_plan(schema, 40, 50)
    (tmp_path / "plan.toml").write_text(plan_toml(plan))
    assert read_model_plan(tmp_path / "plan.toml").digest == plan.digest
    now, owners, coins = datetime.now(UTC), [], {}
    for name, count in (("one", 40), ("two", 50)):
        owner, dataset = sealed(name, tmp_path / name, count)
        key = owner.public_key.hex()
        coins[key] = (owner, bytes([count]) * 32)
        promise = CoinPromise(key, plan.digest, promise_coin(key, coins[key][1]), time_text(now))
        until = now + timedelta(days=1)
        grant = give_grant(
            owner, dataset.card, trainer.public_key.hex(), plan.purpose, plan.digest, now, until, 8, 1e-5, bytes(16)
        )
        target = tmp_path / f"lent-{name}"
        lend(owner, dataset, Papers(grant, None, sign(promise, owner)), trainer.public, target, 4, now)
        owners.append(target)
    with pytest.raises(SessionError, match="waiting for the coins"):
        model.fit(owners)
    (opening,) = (tmp_path / "trainer" / "runs").glob("*/opening.json")
    asked = open_signed(opening.read_bytes(), ModelOpening)
    shown = []
    for key, (owner, coin) in coins.items():
        said = sign(ModelCoin(asked.record.session, key, asked.digest, coin.hex()), owner)
        shown.append(tmp_path / f"{key}.coin")
        shown[-1].write_bytes(said.envelope)
    model.fit(owners, coins=shown)
    verify_model_passport(model.passport_)
    assert model.classes_.tolist() == ["a", "b", "c"]
    asked_of = pa.table({"size": [1.0, 9.5], "soil": ["clay", "sand"]})
    assert model.predict_proba(asked_of).shape == (2, 3)
    with pytest.raises(AttributeError):
        model.coef_  # noqa: B018
    with pytest.raises(ValueError, match="leave it out"):
        model.fit(owners, [1, 2])
    with pytest.raises(InputError, match="not lent"):
        model.fit(tmp_path / "one" / "d")
    with pytest.raises(InputError, match="use a classifier"):
        UnprotectedLinearRegression().make_plan(schema, 40)
