"""Clipping each row's gradient without ever forming it (docs/training.md, 5).

Per layer a row's gradient is the outer product of its values a and its residual d: its squared norm is |a|^2 |d|^2.
The factor c (at 2^bits) shrinks d, so that no row adds more than the clip in Euclidean norm over all layers together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Generic, TypeVar

import numpy as np

from bailee.argument.nodes import Node
from bailee.errors import StatementError
from bailee.statements.network.numbers import FEATURE_BITS, Integers, quotient
from bailee.statements.network.stage import Stage

Each = TypeVar("Each", Integers, Node)

NORM_BITS = 17
"""A row's norm and the clip are at 2^17."""
_VALUE_DROP, _VALUE_WITHIN = 14, 26
_RESIDUAL_DROP, _RESIDUAL_WITHIN = 8, 32
_WITHIN = 32
_ONE = 1 << (2 * FEATURE_BITS)
FACTOR_BITS = (14, 12, 10)
"""The scales a factor may have, finest first."""


@dataclass(frozen=True)
class Clip:
    """bound: C' = floor(2^17 C); bits: the scale of the factor."""

    bound: int
    bits: int

    @staticmethod
    def of(clip: Fraction, bits: int) -> Clip:
        return Clip(int(clip * (1 << NORM_BITS)), bits)

    def row_norm(self) -> int:
        """What a row adds to the gradient sums, at 2^(28 + bits), in Euclidean norm at most."""
        return self.bound << (28 - NORM_BITS + self.bits)


@dataclass(frozen=True, eq=False)
class Norms(Generic[Each]):
    """Squared norms of a layer's values (at 2^24) and residuals for each row. The residuals are at 2^(16 - lift)."""

    values: Each
    residuals: Each
    bias: bool
    lift: int


def factors(layers: Sequence[Norms[Integers]], clip: Clip) -> Integers:
    """c of each row (..., rows)."""
    squared = sum(_value_part(one.values, one.bias) * _residual_part(one.residuals, one.lift) for one in layers)
    n = ceil_root(np.asarray(squared))
    if n.size and int(n.max()) >> _WITHIN:
        raise StatementError(f"a row's gradient norm reaches {int(n.max())}, beyond its bound of 2^{_WITHIN}")
    found: Integers = (clip.bound << clip.bits) // np.maximum(n, clip.bound)
    return found


def ceil_root(squared: Integers) -> Integers:
    """The least n with n^2 >= squared, exactly, for 1 <= squared < 2^63."""
    n = np.ceil(np.sqrt(squared.astype(np.float64))).astype(np.int64)
    n -= (n - 1) * (n - 1) >= squared
    n += n * n < squared
    return n


def _value_part(a: Integers, bias: bool) -> Integers:
    part = ((a + _ONE * bias) >> _VALUE_DROP) + 1
    if part.size and int(part.max()) >> _VALUE_WITHIN:
        raise StatementError(f"a row's squared norm leaves {_VALUE_WITHIN} bits at 2^10: scale its values down")
    return part


def _residual_part(d: Integers, lift: int) -> Integers:
    part = (d >> (_RESIDUAL_DROP - 2 * lift)) + 1
    if part.size and int(part.max()) >> _RESIDUAL_WITHIN:
        raise StatementError(f"a row's squared residual leaves {_RESIDUAL_WITHIN} bits at 2^24: training diverged")
    return part


def write_factors(stage: Stage, layers: Sequence[Norms[Node]], clip: Clip) -> Node:
    """c over the rows, from squared norms on the tape (values' norms may lack the epoch)."""
    tape, rows = stage.tape, stage.rows
    parts: list[Node] = []
    for number, one in enumerate(layers, start=1):
        shifted = tape.linear(one.values.axes, [(1, one.values)], _ONE * one.bias)
        left = _floor(stage, f"norm{number}", shifted, _VALUE_DROP, _VALUE_WITHIN)
        right = _floor(stage, f"residual norm{number}", one.residuals, _RESIDUAL_DROP - 2 * one.lift, _RESIDUAL_WITHIN)
        parts.append(stage.product(rows, left, right))
    squared = tape.linear(rows, [(1, part) for part in parts])
    n = tape.bounded("norm", rows, _WITHIN, lambda: ceil_root(stage.over_rows(squared)))
    # (n - 1)^2 < squared <= n^2; n^2 is below p, so nothing wraps
    above = tape.linear(rows, [(1, stage.product(rows, n, n)), (-1, squared)])
    tape.within(above, _WITHIN + 1)
    tape.within(tape.linear(rows, [(2, n), (-1, above)], -2), _WITHIN + 1)
    # M = max(n, C'): with over = 1 it is n, and n > C'
    excess = tape.linear(rows, [(1, n)], -clip.bound)
    over = tape.advice("over the clip", rows, lambda: (stage.over_rows(excess) > 0).astype(np.int64))
    tape.boolean(over)
    beyond = stage.product(rows, over, excess)
    tape.within(tape.linear(rows, [(2, beyond), (-1, excess), (-1, over)]), _WITHIN)
    largest = tape.linear(rows, [(1, beyond)], clip.bound)
    # c = floor(2^bits C' / M)
    factor = tape.bounded(
        "clip factor", rows, clip.bits + 1, lambda: (clip.bound << clip.bits) // stage.over_rows(largest)
    )
    rest = tape.linear(rows, [(-1, stage.product(rows, factor, largest))], clip.bound << clip.bits)
    tape.within(rest, _WITHIN)
    tape.within(tape.linear(rows, [(1, largest), (-1, rest)], -1), _WITHIN)
    return factor


def _floor(stage: Stage, name: str, node: Node, drop: int, within: int) -> Node:
    """floor(node / 2^drop) + 1, shown to be below 2^within (as is what it is one more than)."""
    down = quotient(stage.tape, name, node, drop, nearest=False)
    stage.tape.within(down, within)
    return stage.tape.linear(node.axes, [(1, down)], 1)
