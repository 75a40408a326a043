"""The scales of training, exact integer arithmetic on them, and the same on the tape (docs/training.md, 1).

`div` rounds to nearest. Everything an author of a layer or a loss needs of numbers is here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bailee.algebra import field
from bailee.argument.nodes import Axis, Node
from bailee.argument.tape import Tape
from bailee.errors import StatementError

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]

FEATURE_BITS = 12
WEIGHT_BITS = 14
STATE_BITS = 28
LOW_BITS = STATE_BITS - WEIGHT_BITS
USED_BITS = 18
"""A used weight is signed with so many bits: below 8."""
SCORE_BITS = FEATURE_BITS + WEIGHT_BITS
ACTIVATION_BITS = 16
"""A hidden value lies within 2^16 of zero: below 16."""
RESIDUAL_BITS = 16
BACK_BITS = 14
"""The scale of a hidden layer's residual; the last layer's is at 2^16."""
BACK_WITHIN = 18
"""And it is signed with so many bits: below 8."""
GRADIENT_BITS = RESIDUAL_BITS + FEATURE_BITS
_EXACT = 53
_BLOCK = 1 << 18


def div(values: Any, bits: int) -> Any:
    """values / 2^bits, rounded to nearest, halves up: on arrays and on Python's integers."""
    return (values + (1 << (bits - 1))) >> bits


def remainder(values: Integers, bits: int) -> Integers:
    """What `div` leaves, plus half: in [0, 2^bits)."""
    found: Integers = (values + (1 << (bits - 1))) & ((1 << bits) - 1)
    return found


def require_signed(values: Integers, bits: int, what: str) -> None:
    """Raises StatementError where a value is not a signed integer of `bits` bits: training has diverged."""
    if values.size:
        largest = max(-int(values.min()) - 1, int(values.max()))
        if largest >> (bits - 1):
            raise StatementError(f"{what} reaches {largest}, beyond its bound of 2^{bits - 1}: training diverged")


def matmul(left: Integers, left_bits: int, right: Integers, right_bits: int) -> Integers:
    """The exact product of stacks of matrices, entries below 2^left_bits and 2^right_bits in size.

    Products of floats are exact while every sum stays below 2^53; where they would not, `right` is cut in pieces.
    """
    width = _EXACT - left_bits - max(0, left.shape[-1] - 1).bit_length()
    if width < 1:
        raise StatementError(f"a sum of {left.shape[-1]} values of {left_bits} bits is too long for exact arithmetic")
    first = left.astype(np.float64)
    total: Integers | None = None
    for low in range(0, right_bits, width):
        piece = right >> low if low else right
        if low + width < right_bits:
            piece = piece & ((1 << width) - 1)
        part = _product(first, piece.astype(np.float64)).astype(np.int64)
        total = part if total is None else total + (part << low)
    return right if total is None else total


def _product(left: Floats, right: Floats) -> Floats:
    """Stacks of matrices in blocks of at most 2^18 products: larger ones make BLAS start threads of its own, which
    cost more than they bring for matrices of this size, and far more on a busy machine."""
    rows, inner, columns = left.shape[-2], left.shape[-1], right.shape[-1]
    wide = max(8, min(columns, _BLOCK // (8 * inner)))
    high = max(8, _BLOCK // (wide * inner))
    lead = np.broadcast_shapes(left.shape[:-2], right.shape[:-2])
    out = np.empty((*lead, rows, columns))
    for row in range(0, rows, high):
        for column in range(0, columns, wide):
            at, by = slice(row, row + high), slice(column, column + wide)
            np.matmul(left[..., at, :], right[..., by], out=out[..., at, by])
    return out


def turned(matrices: Integers) -> Integers:
    """Stacks of matrices, transposed."""
    return np.swapaxes(matrices, -1, -2)


WHOLE = slice(None)


def ints(tape: Tape, node: Node, axes: Sequence[Axis], along: Axis | None = None, part: slice = WHOLE) -> Integers:
    """A prover's values as signed integers, one dimension for each of `axes`, of length 1 where the node lacks it.

    part: which entries of the axis `along` to take, where not all.
    """
    from bailee.algebra import kernels

    cube = tape.values(node).reshape([axis.size for axis in node.axes])
    cube = cube[tuple(part if axis == along else WHOLE for axis in node.axes)]
    cube = np.transpose(cube, [node.axes.index(axis) for axis in axes if axis in node.axes])
    missing = tuple(place for place, axis in enumerate(axes) if axis not in node.axes)
    return np.expand_dims(kernels.to_signed(cube), missing)


def quotient(
    tape: Tape, name: str, node: Node, bits: int, values: Callable[[], Integers] | None = None, nearest: bool = True
) -> Node:
    """node / 2^bits, rounded to nearest (or down): the remainder is committed and in range.

    It is this integer only if the caller bounds it: below 2^63 / 2^bits in size, together with the node's own bound.
    """
    half = 1 << (bits - 1) if nearest else 0

    def left() -> Integers:
        given = values() if values else field.to_signed(tape.values(node))
        found: Integers = (given + half) & ((1 << bits) - 1)
        return found

    rest = tape.bounded(f"{name} remainder", node.axes, bits, left)
    share = field.f_inv(1 << bits)
    return tape.linear(node.axes, [(share, node), (-share, rest)], half * share)
