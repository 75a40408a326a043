"""The two kinds of answers: classes with their probabilities, and numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import column_or_1d, validate_data

from bailee.errors import InputError
from bailee.estimators.domain import Domain, class_label, make_domain, number_label, warn_of
from bailee.estimators.estimator import Estimator
from bailee.records.schema import BINARY, CLASSES, NUMBER, Schema


class Classifier(ClassifierMixin, Estimator):  # type: ignore[misc]
    """Two classes by a sigmoid, more by a softmax."""

    classes_: NDArray[Any]

    def predict(self, X: Any) -> NDArray[Any]:
        """The most likely class of each row."""
        found = self._outputs(X)
        places = (found[:, 0] > 0).astype(int) if found.shape[1] == 1 else found.argmax(axis=1)
        classes: NDArray[Any] = self.classes_[places]
        return classes

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """(rows, classes), computed from the proven model's integers."""
        rows = self._rows(X)
        return self.model_.scores(self.domain_.encode(rows))

    def decision_function(self, X: Any) -> NDArray[np.float64]:
        """The last layer's outputs: (rows,) for two classes, positive for the second; else (rows, classes)."""
        found = self._outputs(X)
        return found[:, 0] if found.shape[1] == 1 else found

    @property
    def coef_(self) -> NDArray[np.float64]:
        """(1 or classes, features), in the units of the rows; only without hidden layers."""
        self._must_be_linear("coef_")
        return self._linear()[0]

    @property
    def intercept_(self) -> NDArray[np.float64]:
        self._must_be_linear("intercept_")
        return self._linear()[1]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.poor_score = self._private  # on the few rows of a check, noise drowns everything
        return tags

    def _read(self, X: Any, y: Any) -> tuple[Domain, Any, NDArray[np.float64]]:
        X, y = validate_data(self, X, y, dtype=np.float64)
        check_classification_targets(y)
        y = column_or_1d(y, warn=True)
        found, places = np.unique(y, return_inverse=True)
        if self.targets is not None:
            known = np.unique(np.asarray(self.targets))
            places = np.searchsorted(known, y)
            if not np.isin(found, known).all():
                raise ValueError(f"targets: y holds classes that are not among the {len(known)} named")
            found = known
        elif self._private:
            warn_of("targets", "all classes, as targets=[...]")
        if len(found) < 2:
            raise ValueError("expected at least two classes; the targets hold only one class")
        self.classes_ = found
        label = class_label(found)
        return make_domain(X, self.bounds, _seen(self), label, self._private), places, X

    def _loss_for(self, schema: Schema) -> str:
        if schema.label_kind == NUMBER:
            raise InputError(f"the label {schema.label!r} is a number; use a regressor")
        return "softmax" if schema.label_kind == CLASSES else "logistic"

    def _take_schema(self, schema: Schema) -> None:
        binary = schema.label_kind == BINARY
        self.classes_ = np.array([0, 1]) if binary else np.array(schema.label_column.categories)


class Regressor(RegressorMixin, Estimator):  # type: ignore[misc]
    """A number, by squared loss."""

    def predict(self, X: Any) -> NDArray[np.float64]:
        """(rows,) in the units of the targets."""
        slope, offset = self.model_target()
        return self._outputs(X)[:, 0] * slope + offset

    def model_target(self) -> tuple[float, float]:
        """(slope, offset) from the model's output to the units of the targets."""
        from sklearn.utils.validation import check_is_fitted

        check_is_fitted(self, "model_")
        return self.model_.target

    @property
    def coef_(self) -> NDArray[np.float64]:
        """(features,), in the units of rows and targets; only without hidden layers."""
        self._must_be_linear("coef_")
        slopes: NDArray[np.float64] = self._linear()[0][0] * self.model_.target[0]
        return slopes

    @property
    def intercept_(self) -> float:
        self._must_be_linear("intercept_")
        slope, offset = self.model_.target
        return float(self._linear()[1][0] * slope + offset)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.regressor_tags.poor_score = self._private
        return tags

    def _read(self, X: Any, y: Any) -> tuple[Domain, Any, NDArray[np.float64]]:
        X, y = validate_data(self, X, y, dtype=np.float64, y_numeric=True)
        y = column_or_1d(y, warn=True).astype(np.float64)
        label = number_label(y, self.targets, self._private)
        return make_domain(X, self.bounds, _seen(self), label, self._private), y, X

    def _loss_for(self, schema: Schema) -> str:
        if schema.label_kind != NUMBER:
            raise InputError(f"the label {schema.label!r} is no number; use a classifier")
        return "squared"


def _seen(estimator: Estimator) -> Any:
    names = getattr(estimator, "feature_names_in_", None)
    return None if names is None else [str(name) for name in names]
