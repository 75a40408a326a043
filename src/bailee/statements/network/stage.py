"""Where a relation is being written: the tape, and the axes of steps and rows (docs/training.md, 2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bailee.argument.nodes import Axis, Node
from bailee.argument.tape import Tape
from bailee.statements.network.numbers import WHOLE, Integers, ints

_BLOCK = 1 << 23


@dataclass(frozen=True)
class Stage:
    """Steps run over `epoch` and `step`; rows of one step's batch over `batch`. present: (steps, batch), padded.

    Data has the axes (step, batch) only: every epoch reads the same. Weights have (epoch, step).
    """

    tape: Tape
    epoch: Axis
    step: Axis
    batch: Axis
    present: NDArray[np.bool_]

    @property
    def time(self) -> tuple[Axis, ...]:
        return (self.epoch, self.step)

    @property
    def data(self) -> tuple[Axis, ...]:
        return (self.step, self.batch)

    @property
    def rows(self) -> tuple[Axis, ...]:
        return (self.epoch, self.step, self.batch)

    def over_rows(self, node: Node, *more: Axis, part: slice = WHOLE) -> Integers:
        """Values as (epoch, step, batch, ...), for a prover; or of some of the rows of every batch."""
        return ints(self.tape, node, (*self.rows, *more), self.batch, part)

    def parts(self, width: int) -> list[slice]:
        """The rows of a batch, cut so that a tensor of `width` over all axes takes little room at a time."""
        rows = max(1, _BLOCK // (width << (self.epoch.bits + self.step.bits)))
        return [slice(start, start + rows) for start in range(0, self.batch.size, rows)]

    def over_time(self, node: Node, *more: Axis) -> Integers:
        """Values as (epoch, step, ...), for a prover."""
        return ints(self.tape, node, (*self.time, *more))

    def product(self, axes: Sequence[Axis], left: Node, right: Node) -> Node:
        """left * right, entry by entry, over `axes`; both are small enough that the product is below 2^63."""
        return self.tape.contract(
            axes, left, right, compute=lambda: ints(self.tape, left, axes) * ints(self.tape, right, axes)
        )

    def squares(self, axes: Sequence[Axis], left: Node, right: Node, over: Axis) -> Node:
        """The sum over one axis of left * right, entry by entry; `axes` end in the batch."""

        def some(part: slice) -> Integers:
            every = (*axes, over)
            first = ints(self.tape, left, every, self.batch, part)
            second = first if left is right else ints(self.tape, right, every, self.batch, part)
            found: Integers = np.einsum("...i,...i->...", first, second)
            return found

        def sums() -> Integers:
            return np.concatenate([some(part) for part in self.parts(over.size)], axis=-1)

        return self.tape.contract(axes, left, right, over=(over,), compute=sums)
