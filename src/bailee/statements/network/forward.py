"""The forward half: what a model answers, as integers and on the tape (docs/training.md, 3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bailee.argument.nodes import Node
from bailee.errors import InputError, StatementError
from bailee.statements.network import dense, relu
from bailee.statements.network.architecture import Architecture
from bailee.statements.network.losses import LOSSES
from bailee.statements.network.numbers import FEATURE_BITS, Integers
from bailee.statements.network.stage import Stage

_BLOCK = 1 << 23


@dataclass(frozen=True, eq=False)
class Passed:
    """A forward pass on the tape: the inputs of each layer, the gates of hidden ones, the last layer's z."""

    values: list[Node]
    gates: list[Node]
    z: Node


def layers_of(
    architecture: Architecture, used: Mapping[str, Integers], x: Integers
) -> tuple[list[tuple[Integers, NDArray[np.bool_]]], Integers]:
    """(values and gates of each hidden layer, z of the last) for rows x. Raises StatementError on divergence."""
    passed: list[tuple[Integers, NDArray[np.bool_]]] = []
    values = x
    for layer in range(1, architecture.layers + 1):
        z = dense.forward(values, used[f"weight{layer}"], used.get(f"bias{layer}"))
        if layer == architecture.layers:
            return passed, z
        passed.append(relu.forward(z, f"layer {layer}"))
        values = passed[-1][0]
    raise StatementError("a model has at least one layer")


def write_forward(stage: Stage, architecture: Architecture, x: Node, used: Mapping[str, Node]) -> Passed:
    """The same on the tape, from rows over (step, batch, column) and used weights over (epoch, step, ...)."""
    values, gates = [x], list[Node]()
    for layer in range(1, architecture.layers + 1):
        ins, outs = architecture.inputs(layer), architecture.unit(layer)
        z = dense.write_forward(stage, values[-1], used[f"weight{layer}"], used.get(f"bias{layer}"), ins, outs)
        if layer == architecture.layers:
            return Passed(values, gates, z)
        found = relu.write_forward(stage, z, outs)
        values.append(found.values)
        gates.append(found.gate)
    raise StatementError("a model has at least one layer")


def predict(
    architecture: Architecture, weights: Mapping[str, NDArray[np.int64]], features: NDArray[Any]
) -> NDArray[np.int64]:
    """The outputs of the last layer, int64 (rows, outputs) at 2^26, from used weights (2^14) and encoded rows.

    features: integers (rows, columns); label columns may hold anything. Raises StatementError where an activation
    leaves its range, InputError where a shape or a value does not fit.
    """
    for parameter in architecture.parameters:
        if parameter.name not in weights or weights[parameter.name].shape != parameter.shape:
            raise InputError(f"expected weights {parameter.name} of shape {parameter.shape}")
    if features.ndim != 2 or features.shape[1] != architecture.columns:
        raise InputError(f"expected rows of {architecture.columns} columns; got {features.shape}")
    told = np.array(architecture.told)
    found = np.zeros((len(features), architecture.outputs), dtype=np.int64)
    step = max(1, _BLOCK // max(architecture.columns, *architecture.hidden, architecture.outputs))
    for start in range(0, len(features), step):
        x = np.where(told, features[start : start + step].astype(np.int64), 0)
        if max(-int(x.min()), int(x.max())) > 1 << FEATURE_BITS:
            raise InputError(f"encoded values lie within {1 << FEATURE_BITS} of zero")
        found[start : start + step] = layers_of(architecture, weights, x)[1]
    return found


def scores(
    architecture: Architecture, weights: Mapping[str, NDArray[np.int64]], features: NDArray[Any]
) -> NDArray[np.float64]:
    """What a person reads: probabilities for logistic and softmax, values for squared; (rows, outputs)."""
    return LOSSES[architecture.loss].scores(predict(architecture, weights, features))
