"""The dense layer: z = a u + bias, its gradient and what it passes back (docs/training.md, 3 and 4).

Integers have any leading axes, which broadcast; the last two are (row, unit) for values, (input, output) for weights.
"""

from __future__ import annotations

import numpy as np

from bailee.argument.nodes import Axis, Node
from bailee.statements.network.numbers import (
    ACTIVATION_BITS,
    FEATURE_BITS,
    USED_BITS,
    Integers,
    matmul,
    turned,
)
from bailee.statements.network.stage import Stage


def forward(values: Integers, weight: Integers, bias: Integers | None) -> Integers:
    """z at 2^26: (..., rows, in) by (..., in, out)."""
    z = matmul(values, ACTIVATION_BITS, weight, USED_BITS)
    return z if bias is None else z + (bias[..., None, :] << FEATURE_BITS)


def back(residual: Integers, weight: Integers, residual_bits: int) -> Integers:
    """sum_k d_k u_k for every input of the layer: (..., rows, in) at 2^30."""
    return matmul(residual, residual_bits, turned(weight), USED_BITS)


def gradient(values: Integers, residual: Integers, residual_bits: int) -> Integers:
    """G = sum over rows of a d: (..., in, out)."""
    return matmul(turned(values), ACTIVATION_BITS, residual, residual_bits)


def bias_gradient(residual: Integers) -> Integers:
    """The same for the bias, whose input is 2^12 in every row: (..., out)."""
    summed: Integers = residual.sum(axis=-2)
    return summed << FEATURE_BITS


def write_forward(stage: Stage, values: Node, weight: Node, bias: Node | None, ins: Axis, outs: Axis) -> Node:
    axes = (*stage.rows, outs)

    def compute() -> Integers:
        u = stage.over_time(weight, ins, outs)
        parts = stage.parts(ins.size)
        return np.concatenate([forward(stage.over_rows(values, ins, part=part), u, None) for part in parts], axis=-2)

    z = stage.tape.contract(axes, values, weight, over=(ins,), compute=compute)
    if bias is None:
        return z
    return stage.tape.linear(axes, [(1, z), (1 << FEATURE_BITS, bias)])


def write_back(stage: Stage, residual: Node, weight: Node, residual_bits: int, ins: Axis, outs: Axis) -> Node:
    return stage.tape.contract(
        (*stage.rows, ins),
        residual,
        weight,
        over=(outs,),
        compute=lambda: back(stage.over_rows(residual, outs), stage.over_time(weight, ins, outs), residual_bits),
    )


def write_gradient(stage: Stage, values: Node, residual: Node, residual_bits: int, ins: Axis, outs: Axis) -> Node:
    def compute() -> Integers:
        total: Integers = np.zeros((), dtype=np.int64)
        for part in stage.parts(ins.size):
            a, d = stage.over_rows(values, ins, part=part), stage.over_rows(residual, outs, part=part)
            total = total + gradient(a, d, residual_bits)
        return total

    return stage.tape.contract((*stage.time, ins, outs), values, residual, over=(stage.batch,), compute=compute)


def write_bias_gradient(stage: Stage, residual: Node, outs: Axis) -> Node:
    """Padding rows have residual zero."""
    ones = stage.tape.public((stage.batch,), np.full(stage.batch.size, 1 << FEATURE_BITS, dtype=np.int64))
    return stage.tape.contract(
        (*stage.time, outs),
        ones,
        residual,
        over=(stage.batch,),
        compute=lambda: bias_gradient(stage.over_rows(residual, outs)),
    )
