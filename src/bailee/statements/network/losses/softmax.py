"""Softmax cross-entropy: d = p - y, p by a table of exponentials and exact division (docs/training.md, 3)."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from bailee.algebra import field
from bailee.argument.nodes import Axis, Node
from bailee.errors import PlanError, StatementError
from bailee.statements.fixed_point import INDEX_SCALE_BITS, SCORE_DROP_BITS
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

_EXP_BITS = 14
_TABLE = 1 << 18
"""Logits of a row may be 128 apart: the first steps of few, large ones go far."""
_INDEX_BITS = 20
_LABEL = RESIDUAL_BITS - FEATURE_BITS
_SCALE = 256


class Softmax:
    """Labels are one column for each class, 0 or 2^12."""

    residual_bits = RESIDUAL_BITS + 2

    def check_outputs(self, outputs: int) -> None:
        if outputs < 2:
            raise PlanError(f"softmax has at least two outputs, not {outputs}: use logistic")

    def residual(self, z: Integers, labels: Integers) -> Integers:
        _, _, powers, total = _powers(z, None)
        return (powers << RESIDUAL_BITS) // total[..., None] - (labels << _LABEL)

    def value(self, z: Integers, labels: Integers) -> NDArray[np.float64]:
        logits = z * 2.0**-SCORE_BITS
        top = logits.max(axis=-1)
        whole = top + np.log(np.exp(logits - top[..., None]).sum(axis=-1))
        loss: NDArray[np.float64] = whole - (logits * labels).sum(axis=-1) * 2.0**-FEATURE_BITS
        return loss

    def scores(self, z: Integers) -> NDArray[np.float64]:
        logits = z * 2.0**-SCORE_BITS
        powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
        shares: NDArray[np.float64] = powers / powers.sum(axis=-1, keepdims=True)
        return shares

    def write(self, stage: Stage, z: Node, labels: Node, outs: Axis, real: NDArray[np.bool_]) -> Node:
        tape, rows, axes = stage.tape, stage.rows, (*stage.rows, outs)
        found: list[tuple[Integers, Integers, Integers, Integers]] = []

        def all_of(place: int) -> Integers:
            if not found:
                found.append(_powers(stage.over_rows(z, outs), real))
            return found[0][place]

        index = quotient(tape, "logit", z, SCORE_DROP_BITS)
        top = tape.advice("largest logit", rows, lambda: all_of(1))
        tape.within_signed(top, _INDEX_BITS)
        away = tape.linear(axes, [(1, index), (-1, top)])
        if not real.all():
            away = stage.product(axes, tape.public((outs,), real.astype(np.int64)), away)
        power = tape.advice("power", axes, lambda: all_of(2))
        table = tape.table(
            "exponential",
            [np.arange(1 - _TABLE, 1), exponential_table()],
            lambda c: np.clip(field.to_signed(c[0]), -_TABLE, 1) + (_TABLE - 1),
        )
        tape.lookup(table, [away, power])
        counted = tape.public((outs,), real.astype(np.int64))
        total = tape.contract(rows, power, counted, over=(outs,), compute=lambda: all_of(3))
        # S >= 2^14, so that no power is divided by a total that lost its precision
        share_bits = (int(real.sum()) << _EXP_BITS).bit_length()
        tape.within(tape.linear(rows, [(1, total)], -(1 << _EXP_BITS)), share_bits)
        share = tape.advice("share", axes, lambda: (all_of(2) << RESIDUAL_BITS) // all_of(3)[..., None])
        tape.within(share, RESIDUAL_BITS + 1)
        whole = stage.product(axes, share, total)
        rest = tape.linear(axes, [(1 << RESIDUAL_BITS, power), (-1, whole)])
        tape.within(rest, share_bits)
        tape.within(tape.linear(axes, [(1, total), (-1, rest)], -1), share_bits)
        return tape.linear(axes, [(1, share), (-(1 << _LABEL), labels)])


def _powers(z: Integers, real: NDArray[np.bool_] | None) -> tuple[Integers, Integers, Integers, Integers]:
    """(t, m, e, S): logits below the largest, that largest, their powers and the powers' sum."""
    index: Integers = div(z, SCORE_DROP_BITS)
    mask = np.ones(z.shape[-1], dtype=np.bool_) if real is None else real
    top: Integers = index[..., mask].max(axis=-1)
    require_signed(top, _INDEX_BITS, "the last layer: a logit in units of 2^-11")
    away: Integers = np.where(mask, index - top[..., None], 0)
    if away.size and int(away.min()) <= -_TABLE:
        raise StatementError(
            f"the last layer: logits of one row are {-int(away.min())} units of 2^-11 apart, "
            f"the bound is {_TABLE - 1}: training diverged"
        )
    powers = exponential_table()[away + (_TABLE - 1)]
    total: Integers = powers[..., mask].sum(axis=-1)
    return away, top, powers, total


@lru_cache(maxsize=1)
def exponential_table() -> Integers:
    """round(2^14 exp(t / 2^11)) for t = 1 - 2^18 .. 0. Powers of e^(-1/2048) carry an error below 2^-200."""
    from fractions import Fraction

    from bailee.statements.noise import exp_minus

    base = exp_minus(Fraction(1, 1 << INDEX_SCALE_BITS))
    table = np.zeros(_TABLE, dtype=np.int64)
    power = 1 << _SCALE
    for away in range(_TABLE):
        table[_TABLE - 1 - away] = ((power >> (_SCALE - _EXP_BITS - 1)) + 1) >> 1
        if not table[_TABLE - 1 - away]:
            break  # and all further ones are zero
        power = (power * base) >> _SCALE
    table.setflags(write=False)
    return table
