"""The logistic loss: d = sigmoid(z) - y by a table of 2^16 probabilities (docs/training.md, 3)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bailee.argument.nodes import Axis, Node
from bailee.errors import PlanError
from bailee.statements.fixed_point import INDEX_BITS, INDEX_HALF, SCORE_DROP_BITS
from bailee.statements.network.numbers import RESIDUAL_BITS, SCORE_BITS, Integers, div, quotient, require_signed
from bailee.statements.network.stage import Stage
from bailee.statements.noise import sigmoid_table


class Logistic:
    """Labels are 0 or 1."""

    residual_bits = RESIDUAL_BITS + 2

    def check_outputs(self, outputs: int) -> None:
        if outputs != 1:
            raise PlanError(f"the logistic loss has one output, not {outputs}: use softmax")

    def residual(self, z: Integers, labels: Integers) -> Integers:
        return self._probability(z) - (labels << RESIDUAL_BITS)

    def value(self, z: Integers, labels: Integers) -> NDArray[np.float64]:
        score = z[..., 0] * 2.0**-SCORE_BITS
        loss: NDArray[np.float64] = np.logaddexp(0.0, score) - labels[..., 0] * score
        return loss

    def scores(self, z: Integers) -> NDArray[np.float64]:
        probability: NDArray[np.float64] = 1.0 / (1.0 + np.exp(-z * 2.0**-SCORE_BITS))
        return probability

    def write(self, stage: Stage, z: Node, labels: Node, outs: Axis, real: NDArray[np.bool_]) -> Node:
        tape, axes = stage.tape, (*stage.rows, outs)
        index = quotient(tape, "score", z, SCORE_DROP_BITS)
        probability = tape.advice("probability", axes, lambda: self._probability(stage.over_rows(z, outs)))
        table = tape.table(
            "sigmoid",
            [np.arange(-INDEX_HALF, INDEX_HALF), sigmoid_table()],
            lambda c: np.clip(_signed(c[0]), -INDEX_HALF - 1, INDEX_HALF) + INDEX_HALF,
        )
        tape.lookup(table, [index, probability])
        return tape.linear(axes, [(1, probability), (-(1 << RESIDUAL_BITS), labels)])

    def _probability(self, z: Integers) -> Integers:
        index: Integers = div(z, SCORE_DROP_BITS)
        require_signed(index, INDEX_BITS, "the last layer: a score in units of 2^-11")
        return sigmoid_table()[index + INDEX_HALF]


def _signed(words: NDArray[np.uint64]) -> Integers:
    from bailee.algebra import field

    return field.to_signed(words)
