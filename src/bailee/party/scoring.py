"""How well weights do on public test rows, while they are trained."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bailee.adapters.tables import Source
from bailee.errors import InputError, StatementError
from bailee.records.schema import Schema
from bailee.seal.encode import encode
from bailee.statements.hidden.terms import architecture_of
from bailee.statements.network.forward import predict
from bailee.statements.network.numbers import WEIGHT_BITS
from bailee.statements.network.plan import ModelPlan
from bailee.statements.open.task import cut
from bailee.statements.tasks import AnyPlan
from bailee.train.table import Score


def score_on(plan: AnyPlan, test: Source, schema: Schema) -> Score:
    """Accuracy on rows that fit the schema, of weights as the session has them. InputError where there is none."""
    matrix = encode(test, schema)
    if isinstance(plan, ModelPlan):
        return _network_score(plan, matrix, schema.layout.names)
    return _logistic_score(matrix)


def _network_score(plan: ModelPlan, matrix: NDArray[np.int64], columns: Sequence[str]) -> Score:
    if plan.loss == "squared":
        raise InputError("test rows show accuracy, and the plan learns a number: leave them out (--test, --schema)")
    architecture = architecture_of(plan, columns)
    labels = matrix[:, list(architecture.labels)]
    right = labels[:, 0] == 1 if plan.loss == "logistic" else labels.argmax(axis=1)

    def score(weights: NDArray[np.float64]) -> float:
        if len(weights) != sum(math.prod(parameter.shape) for parameter in architecture.parameters):
            raise InputError("the test rows are of another schema than the session's")
        try:
            found = predict(architecture, cut(architecture, np.rint(weights * 2.0**WEIGHT_BITS)), matrix)
        except StatementError:
            return 0.0  # a test row for which the model has no answer: owners' rows were found to have one
        guess = found[:, 0] > 0 if plan.loss == "logistic" else found.argmax(axis=1)
        return float(np.mean(guess == right))

    return score


def _logistic_score(matrix: NDArray[np.int64]) -> Score:
    """Of weights one a column (the label's is 0)."""
    label = matrix[:, -1] == 1

    def score(weights: NDArray[np.float64]) -> float:
        if len(weights) != matrix.shape[1]:
            raise InputError(
                f"the test rows have {matrix.shape[1]} columns, the session {len(weights)}: another schema"
            )
        return float(np.mean((matrix @ weights > 0) == label))

    return score
