"""The estimators by name. `Private...` models protect every row with (epsilon, delta); `Unprotected...` ones nobody.

Parameters of all:
  epochs          passes over the rows; with full batches a pass is one step
  batch_size      "full", a power of two, or "auto": full without hidden layers, else 256
  learning_rate   "auto" or a number; schedule "constant", "linear" or "cosine"; momentum; weight_decay (an L2 penalty)
  bounds          (low, high) of the features, each a number or one a feature: public knowledge
  targets         the classes, or (low, high) of a regression's target: public knowledge
  prove           seal the rows, prove the training, make a passport (`passport_`); without, the same model unproven
  reveal          put the model itself into the passport, not only a commitment to it
  home            folder for keys, sealed rows and passports; a new temporary one, which stays, by default
  memory          MiB that proving may take at a time; a fifth of the machine's by default
  random_state    for the public first weights only, None being 0: noise is the system's and never repeatable
  verbose         progress on stderr
Of the private ones:
  epsilon, delta  the privacy of every row: neighbours differ in one replaced row
  clip            no row moves a gradient by more, in Euclidean norm
"""

from __future__ import annotations

from typing import Any

from bailee.estimators.answers import Classifier, Regressor
from bailee.estimators.estimator import AUTO, Estimator


class _PrivateLinear(Estimator):
    def __init__(
        self, *, epsilon: float = 1.0, delta: float = 1e-5, clip: float = 1.0, epochs: int = 30,
        batch_size: Any = AUTO, learning_rate: Any = AUTO, schedule: str = "constant", momentum: float = 0.5,
        weight_decay: float = 0.0, bounds: Any = None, targets: Any = None, prove: bool = True, reveal: bool = False,
        home: Any = None, memory: int | None = None, random_state: Any = None, verbose: int = 0,
    ) -> None:  # fmt: skip
        self.epsilon, self.delta, self.clip = epsilon, delta, clip
        _common(self, epochs, batch_size, learning_rate, schedule, momentum, weight_decay, bounds, targets)
        self.prove, self.reveal, self.home, self.memory = prove, reveal, home, memory
        self.random_state, self.verbose = random_state, verbose


class _PrivateNetwork(Estimator):
    def __init__(
        self, hidden_layer_sizes: Any = (32,), *, epsilon: float = 1.0, delta: float = 1e-5, clip: float = 1.0,
        epochs: int = 10, batch_size: Any = AUTO, learning_rate: Any = AUTO, schedule: str = "constant",
        momentum: float = 0.5, weight_decay: float = 0.0, bounds: Any = None, targets: Any = None, prove: bool = True,
        reveal: bool = False, home: Any = None, memory: int | None = None, random_state: Any = None, verbose: int = 0,
    ) -> None:  # fmt: skip
        self.hidden_layer_sizes = hidden_layer_sizes
        self.epsilon, self.delta, self.clip = epsilon, delta, clip
        _common(self, epochs, batch_size, learning_rate, schedule, momentum, weight_decay, bounds, targets)
        self.prove, self.reveal, self.home, self.memory = prove, reveal, home, memory
        self.random_state, self.verbose = random_state, verbose


class _UnprotectedLinear(Estimator):
    _private = False

    def __init__(
        self, *, epochs: int = 200, batch_size: Any = AUTO, learning_rate: Any = AUTO, schedule: str = "constant",
        momentum: float = 0.9, weight_decay: float = 0.01, bounds: Any = None, targets: Any = None, prove: bool = True,
        reveal: bool = False, home: Any = None, memory: int | None = None, random_state: Any = None, verbose: int = 0,
    ) -> None:  # fmt: skip
        _common(self, epochs, batch_size, learning_rate, schedule, momentum, weight_decay, bounds, targets)
        self.prove, self.reveal, self.home, self.memory = prove, reveal, home, memory
        self.random_state, self.verbose = random_state, verbose


class _UnprotectedNetwork(Estimator):
    _private = False

    def __init__(
        self, hidden_layer_sizes: Any = (32,), *, epochs: int = 100, batch_size: Any = AUTO, learning_rate: Any = AUTO,
        schedule: str = "constant", momentum: float = 0.9, weight_decay: float = 0.01, bounds: Any = None,
        targets: Any = None, prove: bool = True, reveal: bool = False, home: Any = None, memory: int | None = None,
        random_state: Any = None, verbose: int = 0,
    ) -> None:  # fmt: skip
        self.hidden_layer_sizes = hidden_layer_sizes
        _common(self, epochs, batch_size, learning_rate, schedule, momentum, weight_decay, bounds, targets)
        self.prove, self.reveal, self.home, self.memory = prove, reveal, home, memory
        self.random_state, self.verbose = random_state, verbose


class PrivateLogisticRegression(Classifier, _PrivateLinear):
    """Logistic regression; with more than two classes softmax regression. Parameters: see this module."""


class PrivateLinearRegression(Regressor, _PrivateLinear):
    """Linear least squares. Parameters: see this module."""


class PrivateMLPClassifier(Classifier, _PrivateNetwork):
    """A ReLU network for two classes or more. Parameters: see this module."""


class PrivateMLPRegressor(Regressor, _PrivateNetwork):
    """A ReLU network for a number. Parameters: see this module."""


class UnprotectedLogisticRegression(Classifier, _UnprotectedLinear):
    """As PrivateLogisticRegression, but NO row is protected: no clipping, no noise, no bound."""


class UnprotectedLinearRegression(Regressor, _UnprotectedLinear):
    """As PrivateLinearRegression, but NO row is protected."""


class UnprotectedMLPClassifier(Classifier, _UnprotectedNetwork):
    """As PrivateMLPClassifier, but NO row is protected."""


class UnprotectedMLPRegressor(Regressor, _UnprotectedNetwork):
    """As PrivateMLPRegressor, but NO row is protected."""


def _common(
    found: Any, epochs: Any, batch_size: Any, learning_rate: Any, schedule: Any, momentum: Any, weight_decay: Any,
    bounds: Any, targets: Any,
) -> None:  # fmt: skip
    found.epochs, found.batch_size, found.learning_rate, found.schedule = epochs, batch_size, learning_rate, schedule
    found.momentum, found.weight_decay, found.bounds, found.targets = momentum, weight_decay, bounds, targets
