"""What all estimators share: parameters to a plan, fitting with or without proof, answering in proven integers."""

from __future__ import annotations

import secrets
import sys
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from math import log, sqrt
from numbers import Integral, Real
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from bailee.adapters.files import read_bytes
from bailee.errors import InputError
from bailee.estimators.domain import Domain
from bailee.estimators.proven import Workplace
from bailee.estimators.unproven import train_unproven
from bailee.records import open_signed
from bailee.records.canonical import MAX_BYTES
from bailee.records.fields import decimal_text
from bailee.records.model import ModelCoin
from bailee.records.schema import Schema
from bailee.release import ReleasedModel
from bailee.statements.hidden.schedule import power_above
from bailee.statements.network.plan import FULL, NEIGHBOURS, PRIVATE, UNPROTECTED, ModelPlan, Privacy
from bailee.statements.planned import ALL_FEATURES
from bailee.train.model import ModelHolding, ModelSetting, train_model
from bailee.train.model.events import ModelEvent

AUTO = "auto"
_AUTO_BATCH = 256
_MOST_RATE, _NETWORK_RATE = 2.0, 0.3
_WALK, _DEEP_WALK = 3.0, 1.0
_STEEPEST = {"logistic": 4.0, "softmax": 2.0, "squared": 1.0}
"""One over the curvature of each loss, for rows of one feature of at most 1."""
_MOST_BATCH = 1 << 16


class Estimator(BaseEstimator, ABC):  # type: ignore[misc]
    """Base of all. A subclass says its loss, whether it is private, and how targets become a label."""

    _private = True
    hidden_layer_sizes: Any = ()

    @staticmethod
    def _entropy(size: int) -> bytes:
        """Random bytes for keys, seeds and noise: the system's. Never `random_state`: noise must not be repeatable."""
        return secrets.token_bytes(size)

    def fit(self, X: Any, y: Any = None, *, coins: Sequence[Any] = ()) -> Any:
        """Train on an array of rows and its targets, or on sealed datasets, without `y`.

        Arrays: see `bounds`, `targets`, `prove`, `home`. Sealed datasets: one or several folders made by `bailee lend`
        (paths), or ModelHoldings; always proved, under grants that name the identity of `home` and the plan of
        `make_plan`. A first fit asks lending owners for their coins and stops with a SessionError; fit again with
        `coins`, the files of `bailee coin show`.

        Raises ValueError for arrays that do not fit, PlanError for parameters that could not run, StatementError where
        training diverges, and what `train_model` raises.
        """
        datasets = _datasets(X)
        if datasets:
            if y is not None:
                raise ValueError("y: sealed datasets hold their label; leave it out")
            return self._fit_sealed(datasets, coins)
        domain, target, rows = self._read(X, y)
        plan = self.make_plan(domain.schema, len(rows))
        table = domain.table(rows, target)
        if self.prove:
            place = Workplace.open(self.home)
            setting = self._setting(place)
            holding = place.hold(table, domain.schema, plan, setting.memory)
            return self._prove([holding], plan, domain, setting)
        matrix = _encode(table, domain.schema)
        trained = train_unproven(plan, domain.schema.layout.names, matrix, self._entropy, self._say)
        model = ReleasedModel(domain.schema, trained.architecture, trained.weights, None, None)
        spent = None if trained.loss is None else trained.loss.epsilon
        return self._keep(domain, model, trained.losses, spent, plan)

    def make_plan(self, schema: Schema, *rows: int) -> ModelPlan:
        """The plan that these parameters are, for owners to grant. rows: of each dataset, as its card says."""
        loss = self._loss_for(schema)
        privacy = Privacy(UNPROTECTED)
        if self._private:
            privacy = Privacy(PRIVATE, _decimal("clip", self.clip), _decimal("delta", self.delta),
                              _decimal("epsilon", self.epsilon))  # fmt: skip
        privacy.require()
        return ModelPlan(
            name=type(self).__name__,
            purpose="training",
            label=schema.label,
            features=(ALL_FEATURES,),
            loss=loss,
            hidden=_widths(self.hidden_layer_sizes),
            batch=self._batch(rows),
            epochs=_whole("epochs", self.epochs),
            learning_rate=self._rate(schema, rows),
            schedule=self.schedule,
            decay_every=None,
            decay_factor=None,
            momentum=_decimal("momentum", self.momentum),
            weight_decay=_decimal("weight_decay", self.weight_decay),
            start=0 if self.random_state is None else int(check_random_state(self.random_state).randint(1 << 31)),
            neighbours=NEIGHBOURS,
            privacy=privacy,
        )

    def _rate(self, schema: Schema, rows: Sequence[int]) -> str:
        """With "auto" a rate that suits the loss and, if private, the noise: from public numbers only."""
        if not (isinstance(self.learning_rate, str) and self.learning_rate == AUTO):
            return _decimal("learning_rate", self.learning_rate)
        widths = (len(schema.layout.names) - len(schema.layout.labels), *_widths(self.hidden_layer_sizes))
        if self._private:
            # Noise moves every weight at random; over a run it should move no unit's input by more than so much.
            batch = self._batch(rows)
            size = sum(rows) if batch == FULL else int(batch)
            steps = self.epochs * (1 if batch == FULL else sum(-(-count // size) for count in rows))
            multiplier = sqrt(2 * self.epochs * log(1.25 / self.delta)) / self.epsilon
            walk = _DEEP_WALK if len(widths) > 1 else _WALK
            noise = 2 * self.clip * multiplier / size
            rate = min(_MOST_RATE / self.clip, walk / (noise * sqrt(steps * max(widths))))
        else:
            rate = (
                min(_NETWORK_RATE, 8 / widths[0]) if len(widths) > 1 else _STEEPEST[self._loss_for(schema)] / widths[0]
            )
        still = 1 - float(_decimal("momentum", self.momentum))
        return _decimal("learning_rate", float(f"{rate * still:.3g}"))

    def _batch(self, rows: Sequence[int]) -> str:
        wanted = self.batch_size
        if isinstance(wanted, str) and wanted == AUTO:
            wanted = _AUTO_BATCH if _widths(self.hidden_layer_sizes) else FULL
        if isinstance(wanted, str) and wanted == FULL:
            return FULL
        size = _whole("batch_size", wanted)
        if size & (size - 1) or size > _MOST_BATCH:
            raise ValueError(f'batch_size: expected "auto", "full" or a power of two up to {_MOST_BATCH}, got {size}')
        return str(min(size, *map(power_above, rows)))

    def _fit_sealed(self, datasets: Sequence[ModelHolding | Path], coins: Sequence[Any]) -> Any:
        if self.home is None:
            raise ValueError("home: sealed datasets are lent to a key; name the folder that holds it")
        place = Workplace.open(self.home)
        borrowed = [place.borrow(one) for one in datasets if isinstance(one, Path)]
        holdings = [one for one in datasets if isinstance(one, ModelHolding)] + [held for held, _ in borrowed]
        setting = replace(
            self._setting(place),
            promised=[promise for _, promise in borrowed],
            answers=[open_signed(read_bytes(Path(coin), MAX_BYTES, "coin"), ModelCoin) for coin in coins],
            resume=bool(coins),
        )
        schema = Schema.from_json(holdings[0].card.record.schema)
        self.n_features_in_ = len(schema.features)
        self._take_schema(schema)
        plan = self.make_plan(schema, *(holding.card.record.rows for holding in holdings))
        return self._prove(holdings, plan, Domain(schema), setting)

    def _setting(self, place: Workplace) -> ModelSetting:
        return ModelSetting(
            place.identity,
            place.runs,
            reveal=self.reveal,
            memory=None if self.memory is None else _whole("memory", self.memory) << 20,
            watch=self._watch,
            entropy=self._entropy,
        )

    def _prove(self, holdings: Sequence[ModelHolding], plan: ModelPlan, domain: Domain, setting: ModelSetting) -> Any:
        run = train_model(holdings, plan, setting)
        commitment = run.passport.record.model.get("root")
        model = ReleasedModel(domain.schema, run.architecture, run.weights, run.passport.digest, str(commitment))
        self.passport_ = run.path
        return self._keep(domain, model, run.losses, run.epsilon, plan)

    def _keep(
        self, domain: Domain, model: ReleasedModel, losses: Sequence[float], epsilon: str | None, plan: ModelPlan
    ) -> Any:
        self.domain_, self.model_, self.plan_ = domain, model, plan
        self.loss_curve_ = list(losses)
        self.n_iter_ = len(self.loss_curve_)
        self.epsilon_ = float("inf") if epsilon is None else float(epsilon)
        self.delta_ = float(plan.delta)
        return self

    def _rows(self, X: Any) -> Any:
        """Rows to answer: an array of the fitted width, or a table by names."""
        check_is_fitted(self, "model_")
        if isinstance(X, pa.Table) or any(column.type != "number" for column in self.domain_.schema.features):
            return X
        return validate_data(self, X, dtype=np.float64, reset=False)

    def _outputs(self, X: Any) -> NDArray[np.float64]:
        """The last layer's proven integers, exact in float64, (rows, outputs)."""
        rows = self._rows(X)
        found: NDArray[np.float64] = self.model_.outputs(self.domain_.encode(rows)) / float(1 << 26)
        return found

    def _linear(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(coefficients (outputs, features), intercepts (outputs,)) in the units of the rows."""
        layer = self.model_.layers[0]
        ends = [(float(column.min or 0), float(column.max or 0)) for column in self.domain_.schema.features]
        low, high = np.array(ends).T
        slope = 2 / (high - low)
        weight = layer.weight.T * slope
        return weight, layer.bias - weight @ ((low + high) / 2)

    @property
    def _is_linear(self) -> bool:
        """Whether coefficients in the units of the rows make sense: no hidden layer, features all numbers."""
        plain = all(column.type == "number" for column in self.domain_.schema.features)
        return plain and not _widths(self.hidden_layer_sizes)

    def _must_be_linear(self, name: str) -> None:
        if not hasattr(self, "model_") or not self._is_linear:
            raise AttributeError(f"{type(self).__name__} has no {name}: it is for fitted models without hidden layers")

    def _watch(self, event: ModelEvent) -> None:
        if self.verbose and event.stage in ("trained", "verified"):
            loss = "" if event.loss is None else f", loss {event.loss:.4f}"
            spent = f", epsilon {event.epsilon}" if event.epsilon else ""
            print(
                f"{type(self).__name__}: chunks {event.trained} trained, {event.proved} proved, {event.verified} "
                f"verified of {event.chunks}; step {event.steps} of {event.total}{loss}{spent}",
                file=sys.stderr,
            )

    def _say(self, steps: int, total: int, loss: float) -> None:
        if self.verbose:
            print(f"{type(self).__name__}: step {steps} of {total}, loss {loss:.4f}", file=sys.stderr)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.non_deterministic = self._private
        return tags

    @abstractmethod
    def _read(self, X: Any, y: Any) -> tuple[Domain, Any, NDArray[np.float64]]:
        """(what is public of rows and targets, targets for `Domain.table`, rows); learns what `fit` does from `y`."""

    @abstractmethod
    def _loss_for(self, schema: Schema) -> str:
        """The loss that learns a schema's label. Raises InputError for a label of another kind."""

    def _take_schema(self, schema: Schema) -> None:
        """Learn from a sealed dataset's schema what `fit` on arrays learns from targets."""


def _encode(table: pa.Table, schema: Schema) -> NDArray[np.int64]:
    from bailee.seal.encode import encode

    return encode(table, schema, ceiling=1 << 62)  # nothing is proven, so proving needs no memory


def _datasets(X: Any) -> list[ModelHolding | Path]:
    """Sealed datasets, where X is one or several; nothing for rows."""
    several = list(X) if isinstance(X, (list, tuple)) else [X]
    if not several or not all(isinstance(one, (ModelHolding, Path)) for one in several):
        return []
    return several


def _widths(sizes: Any) -> tuple[int, ...]:
    try:
        found = (sizes,) if isinstance(sizes, Integral) else tuple(sizes)
    except TypeError:
        raise ValueError(f"hidden_layer_sizes: expected whole numbers, got {sizes!r}") from None
    return tuple(_whole("hidden_layer_sizes", one) for one in found)


def _whole(name: str, value: Any) -> int:
    if not isinstance(value, Integral) or value is True or value < 1:
        raise ValueError(f"{name}: expected a whole number of at least 1, got {value!r}")
    return int(value)


def _decimal(name: str, value: Any) -> str:
    if not isinstance(value, Real) or value is True or value is False:
        raise ValueError(f"{name}: expected a number, got {value!r}")
    try:
        return decimal_text(float(value))
    except InputError as error:
        raise ValueError(f"{name}: {error}") from None
