"""The ReLU layer: a = max(q, 0) for q = div(z, 14), and what it passes back (docs/training.md, 3 and 4)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bailee.argument.nodes import Axis, Node
from bailee.statements.network.numbers import (
    ACTIVATION_BITS,
    BACK_WITHIN,
    WEIGHT_BITS,
    Integers,
    div,
    quotient,
    require_signed,
)
from bailee.statements.network.stage import Stage


@dataclass(frozen=True, eq=False)
class Activated:
    """A hidden layer's values (at 2^12) and gates on the tape."""

    values: Node
    gate: Node


def forward(z: Integers, what: str) -> tuple[Integers, NDArray[np.bool_]]:
    """(a, gate) from z at 2^26. Raises StatementError where |q| reaches 2^16; `what` names the layer."""
    q: Integers = div(z, WEIGHT_BITS)
    require_signed(q, ACTIVATION_BITS + 1, f"{what}: a hidden value")
    gate = q >= 0
    return np.where(gate, q, 0), gate


def back(raw: Integers, gate: NDArray[np.bool_], drop: int, what: str) -> Integers:
    """The residual of a hidden layer, at 2^14, from what the layer above passes back (at 2^(14 + drop))."""
    d: Integers = div(raw, drop)
    require_signed(d, BACK_WITHIN, f"{what}: a residual")
    return np.where(gate, d, 0)


def write_forward(stage: Stage, z: Node, unit: Axis) -> Activated:
    """2a - q + g - 1 in [0, 2^16): with g = 1 it is q, with g = 0 it is -q - 1. So g = [q >= 0], and q is in range."""
    tape, axes = stage.tape, (*stage.rows, unit)
    q = quotient(tape, unit.name, z, WEIGHT_BITS)

    def rounded() -> Integers:
        found: Integers = div(stage.over_rows(z, unit), WEIGHT_BITS)
        return found

    gate = tape.advice(f"{unit.name} gate", axes, lambda: (rounded() >= 0).astype(np.uint64))
    tape.boolean(gate)
    # values are committed, though they follow: a claim on a product is a sumcheck, and there are several on each value
    values = tape.advice(f"{unit.name} values", axes, lambda: np.maximum(rounded(), 0).astype(np.uint64))
    gated = tape.contract(axes, gate, q, compute=lambda: tape.values(values))
    tape.zero(tape.linear(axes, [(1, gated), (-1, values)]))
    tape.within(tape.linear(axes, [(2, values), (-1, q), (1, gate)], -1), ACTIVATION_BITS)
    return Activated(values, gate)


def write_back(stage: Stage, raw: Node, gate: Node, drop: int, unit: Axis) -> Node:
    tape, axes = stage.tape, (*stage.rows, unit)
    d = quotient(tape, f"{unit.name} residual", raw, drop)
    tape.within_signed(d, BACK_WITHIN)
    return tape.contract(
        axes,
        gate,
        d,
        compute=lambda: stage.over_rows(gate, unit) * div(stage.over_rows(raw, unit), drop),
    )
