"""What a tape is made of: axes, nodes, tables, look-ups and sources (docs/protocol.md, sections 6 and 7).

`tape` makes them, `reduction` and the plain verifier read them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bailee.argument.commitment_record import Commitment

Words = NDArray[np.uint64]


@dataclass(frozen=True)
class Axis:
    """A named axis of `2^bits` entries."""

    name: str
    bits: int

    @staticmethod
    def of(name: str, length: int) -> Axis:
        """The axis that holds `length` entries, padded to a power of two."""
        return Axis(name, max(0, (length - 1).bit_length()))

    @property
    def size(self) -> int:
        return 1 << self.bits


@dataclass(frozen=True, eq=False)
class Node:
    id: int
    axes: tuple[Axis, ...]

    @property
    def bits(self) -> int:
        return sum(axis.bits for axis in self.axes)


@dataclass(frozen=True, eq=False)
class Committed(Node):
    source: int
    tensor: str


@dataclass(frozen=True, eq=False)
class Public(Node):
    """Dense public values, one array, or several over consecutive disjoint axes whose outer product is meant."""

    factors: tuple[tuple[tuple[Axis, ...], Words], ...]


@dataclass(frozen=True, eq=False)
class Linear(Node):
    constant: int
    terms: tuple[tuple[int, Node], ...]


@dataclass(frozen=True, eq=False)
class Select(Node):
    child: Node
    axis: Axis
    index: int


@dataclass(frozen=True, eq=False)
class Contract(Node):
    left: Node
    right: Node
    over: tuple[Axis, ...]

    @property
    def joint(self) -> tuple[Axis, ...]:
        return tuple(a for a in self.left.axes if a in self.right.axes and a not in self.over)


@dataclass(frozen=True, eq=False)
class Shift(Node):
    """The child with one axis moved on by one, around: entry i is the child's entry i + 1, the last is its first."""

    child: Node
    axis: Axis


@dataclass(frozen=True, eq=False)
class Table:
    """Public rows; `multiplicity` counts how often each is looked up. `locate` finds row numbers (prover only)."""

    tag: int
    name: str
    axis: Axis
    columns: tuple[Words, ...]
    locate: Callable[[Sequence[Words]], NDArray[np.int64]]

    @property
    def bits(self) -> int:
        return self.axis.bits


@dataclass(frozen=True, eq=False)
class Lookup:
    table: Table
    columns: tuple[Node, ...]

    @property
    def tag(self) -> int:
        return self.table.tag

    @property
    def bits(self) -> int:
        return self.columns[0].bits


@dataclass(frozen=True, eq=False)
class Tuples:
    """One block of a permutation: a tuple for each index of the axes its columns share."""

    tag: int
    columns: tuple[Node, ...]

    @property
    def bits(self) -> int:
        return self.columns[0].bits


@dataclass(frozen=True, eq=False)
class Permutation:
    """All tuples of the left blocks are, in some order, all tuples of the right blocks."""

    left: tuple[Tuples, ...]
    right: tuple[Tuples, ...]

    @property
    def tag(self) -> int:
        return self.left[0].tag


@dataclass(frozen=True)
class Source:
    """A commitment that the tape reads: made before (with the opening to spend), or the trace made for this proof."""

    tensors: tuple[tuple[str, int], ...]
    commitment: Commitment | None
    opening: int
