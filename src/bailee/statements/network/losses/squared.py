"""The squared loss: d = o - y (docs/training.md, 3)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bailee.argument.nodes import Axis, Node
from bailee.statements.network.numbers import (
    FEATURE_BITS,
    RESIDUAL_BITS,
    SCORE_BITS,
    Integers,
    div,
    quotient,
    require_signed,
)
from bailee.statements.network.stage import Stage

_DROP = SCORE_BITS - RESIDUAL_BITS
_LABEL = RESIDUAL_BITS - FEATURE_BITS


class Squared:
    """Half the squared distance; labels are at 2^12."""

    residual_bits = RESIDUAL_BITS + 4

    def check_outputs(self, outputs: int) -> None:
        return None

    def residual(self, z: Integers, labels: Integers) -> Integers:
        d: Integers = div(z, _DROP) - (labels << _LABEL)
        require_signed(d, self.residual_bits, "the last layer: a residual")
        return d

    def value(self, z: Integers, labels: Integers) -> NDArray[np.float64]:
        away = z * 2.0**-SCORE_BITS - labels * 2.0**-FEATURE_BITS
        loss: NDArray[np.float64] = 0.5 * (away * away).sum(axis=-1)
        return loss

    def scores(self, z: Integers) -> NDArray[np.float64]:
        return np.asarray(z * 2.0**-SCORE_BITS, dtype=np.float64)

    def write(self, stage: Stage, z: Node, labels: Node, outs: Axis, real: NDArray[np.bool_]) -> Node:
        tape, axes = stage.tape, (*stage.rows, outs)
        output = quotient(tape, "output", z, _DROP)
        d = tape.linear(axes, [(1, output), (-(1 << _LABEL), labels)])
        tape.within_signed(d, self.residual_bits)
        return d
