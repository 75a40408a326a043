"""The tape: a statement written once, read by both sides (docs/protocol.md, section 7).

An author calls `source`, `advice`, `public`, `linear`, `select`, `shift`, `contract`, `lookup`, `permutation`, `within`
and `zero`. A prover's tape carries values (and functions that compute them); a verifier's has shapes only, and the
functions are never called. Neighbours: `reduction` turns a finished tape into a dialogue, `structure` digests it;
`bailee.statements` holds the authors.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bailee.algebra import field
from bailee.argument.arrays import computed, embed, itself, mix, searcher, squares, words_of
from bailee.argument.commitment_record import Commitment
from bailee.argument.nodes import (
    Axis,
    Committed,
    Contract,
    Linear,
    Lookup,
    Node,
    Permutation,
    Public,
    Select,
    Shift,
    Source,
    Table,
    Tuples,
    Words,
)
from bailee.argument.structure import digest_of
from bailee.argument.values import CHUNK, Compute, Values
from bailee.errors import StatementError

__all__ = ["CHUNK", "Compute", "Tape"]

RANGE_BITS = 15
"""A range of at most this many bits is one table, and limbs of wider values have at most as many."""
WIDE_RANGE_BITS = 18
"""The same for tensors that have as many values as such a table has rows."""


class Tape(Values):
    """See the module. `values` maps (source number, tensor) to what was committed; None makes a verifier's tape."""

    def __init__(self, values: Mapping[tuple[int, str], Words] | None = None) -> None:
        super().__init__(values or {})
        self.proving = values is not None
        self.sources: list[Source] = []
        self.nodes: list[Node] = []
        self.tables: list[Table] = []
        self.assertions: list[Node] = []
        self.permutations: list[Permutation] = []
        self.multiplicities: dict[int, Node] = {}
        self._trace: list[tuple[str, int]] = []
        self._finished = False

    # ---- what an author says -------------------------------------------------------------------------------------

    def source(self, commitment: Commitment, opening: int) -> int:
        """A commitment made earlier, of which this proof spends opening number `opening`."""
        if not 0 <= opening < commitment.openings:
            raise StatementError(f"opening {opening} of a commitment that bears {commitment.openings}")
        self.sources.append(Source(commitment.shape, commitment, opening))
        return len(self.sources) - 1

    def committed(self, source: int, tensor: str, axes: Sequence[Axis]) -> Node:
        bits = dict(self.sources[source].tensors).get(tensor)
        if bits != sum(axis.bits for axis in axes):
            raise StatementError(
                f"tensor {tensor!r} is committed with {bits} bits, the statement needs "
                f"{sum(axis.bits for axis in axes)}: it is another dataset's commitment"
            )
        node = Committed(len(self.nodes), tuple(axes), source, tensor)
        if self.proving:
            self._values[node.id] = self._given[(source, tensor)]
        return self._add(node)

    def advice(self, name: str, axes: Sequence[Axis], compute: Compute) -> Node:
        """A tensor committed for this proof; `compute` gives its values (signed or field), for a prover only."""
        name = f"{len(self._trace)}:{name}"
        self._trace.append((name, sum(axis.bits for axis in axes)))
        node = Committed(len(self.nodes), tuple(axes), -1, name)
        if self.proving:
            self.trace_values[name] = self._values[node.id] = computed(compute(), node)
            self._trace_nodes[name] = node.id
        return self._add(node)

    def public(self, axes: Sequence[Axis], values: NDArray[Any]) -> Node:
        """Values known to all: an array over the padded axes (signed or field)."""
        node = Public(len(self.nodes), tuple(axes), ())
        words = words_of(values, node)
        return self._add(Public(node.id, node.axes, ((node.axes, words),)))

    def outer(self, left: Node, right: Node) -> Node:
        """The outer product of two public tensors over disjoint axes."""
        if not (isinstance(left, Public) and isinstance(right, Public)) or set(left.axes) & set(right.axes):
            raise StatementError("an outer product takes two public tensors over different axes")
        return self._add(Public(len(self.nodes), left.axes + right.axes, left.factors + right.factors))

    def linear(self, axes: Sequence[Axis], terms: Sequence[tuple[int, Node]], constant: int = 0) -> Node:
        """`constant + sum coefficient * tensor`, tensors broadcast over the axes they lack."""
        for _, child in terms:
            if not set(child.axes) <= set(axes):
                raise StatementError(f"a linear tensor over {axes} cannot take one over {child.axes}")
        reduced = tuple((coefficient % field.P, child) for coefficient, child in terms)
        return self._add(Linear(len(self.nodes), tuple(axes), constant % field.P, reduced))

    def select(self, child: Node, axis: Axis, index: int) -> Node:
        if axis not in child.axes or not 0 <= index < axis.size:
            raise StatementError(f"index {index} of axis {axis} cannot be selected from {child.axes}")
        rest = tuple(a for a in child.axes if a != axis)
        return self._add(Select(len(self.nodes), rest, child, axis, index))

    def shift(self, child: Node, axis: Axis) -> Node:
        """The child with `axis` moved on by one, around: entry i is the child's entry i + 1, the last is its first."""
        if axis not in child.axes:
            raise StatementError(f"axis {axis} cannot be shifted in {child.axes}: it is not there")
        return self._add(Shift(len(self.nodes), child.axes, child, axis))

    def contract(
        self, axes: Sequence[Axis], left: Node, right: Node, over: Sequence[Axis] = (), compute: Compute | None = None
    ) -> Node:
        """The sum over `over` of left * right. `compute` gives its values where another node needs them."""
        every = set(left.axes) | set(right.axes)
        if set(axes) != every - set(over) or not set(over) <= set(left.axes) & set(right.axes):
            raise StatementError(f"a contraction of {left.axes} and {right.axes} over {over} does not give {axes}")
        node = Contract(len(self.nodes), tuple(axes), left, right, tuple(over))
        if compute is not None:
            self._computes[node.id] = compute
        return self._add(node)

    def table(
        self,
        name: str,
        columns: Sequence[NDArray[Any]],
        locate: Callable[[Sequence[Words]], NDArray[np.int64]] | None = None,
    ) -> Table:
        """A look-up table; rows are repeated up to a power of two. The same name twice is the same table."""
        for table in self.tables:
            if table.name == name:
                return table
        axis = Axis.of(f"table:{name}", max(2, len(columns[0])))
        words = tuple(np.resize(embed(c), axis.size) for c in columns)
        self.tables.append(Table(self._next_tag(), name, axis, words, locate or searcher(words)))
        return self.tables[-1]

    def lookup(self, table: Table, columns: Sequence[Node]) -> None:
        """Every tuple of `columns` is a row of `table`."""
        if len(columns) != len(table.columns) or any(c.axes != columns[0].axes for c in columns):
            raise StatementError(f"a look-up in {table.name!r} takes {len(table.columns)} columns over the same axes")
        self.lookups.append(Lookup(table, tuple(columns)))

    def permutation(self, left: Sequence[Sequence[Node]], right: Sequence[Sequence[Node]]) -> None:
        """All tuples of the left blocks are all tuples of the right blocks, in some order and equally often.

        A block is C columns over the same axes; its tuples are one for each index. C is the same everywhere, and left
        and right have equally many tuples in all.
        """
        blocks = [*left, *right]
        if not left or not right or any(not block or len(block) != len(blocks[0]) for block in blocks):
            raise StatementError("a permutation takes blocks of equally many columns, at least one on each side")
        if any(column.axes != block[0].axes for block in blocks for column in block):
            raise StatementError("the columns of a block of a permutation have the same axes")
        counts = [sum(1 << block[0].bits for block in side) for side in (left, right)]
        if counts[0] != counts[1]:
            raise StatementError(f"a permutation has {counts[0]} tuples on the left and {counts[1]} on the right")
        tag = self._next_tag()
        sides = (tuple(Tuples(tag, tuple(block)) for block in side) for side in (left, right))
        self.permutations.append(Permutation(*sides))

    def within(self, node: Node, bits: int) -> None:
        """Every value lies in [0, 2^bits), bits from 1 to 63: by one look-up, or by limbs where its table is too large.

        The table of all values is used up to 15 bits, and up to 18 where the tensor has as many values as the table has
        rows. Nodes of equal `bits` share it.
        """
        if not 1 <= bits <= 63:
            raise StatementError(f"a range has 1 to 63 bits, not {bits}: beyond, limbs would not be unique mod p")
        if bits <= _limb_bits(bits, node.bits):
            self.lookup(self._range(bits), [node])
            return
        limbs = self.digits("limb", node.axes, bits, lambda: self.values(node))
        self.zero(self.linear(node.axes, [(1, node), *((-scale, limb) for scale, limb in limbs)]))

    def within_signed(self, node: Node, bits: int) -> None:
        """Every value lies in [-2^(bits-1), 2^(bits-1))."""
        self.within(self.linear(node.axes, [(1, node)], 1 << (bits - 1)), bits)

    def digits(self, name: str, axes: Sequence[Axis], bits: int, compute: Compute) -> list[tuple[int, Node]]:
        """Advice in [0, 2^bits) committed as limbs, each within its width: pairs (scale, limb); the value is their sum.

        `compute` gives the values, which are not committed themselves. Above 63 bits an author must bound the sum.
        """
        width = _limb_bits(bits, sum(axis.bits for axis in axes))
        found: list[tuple[int, Node]] = []
        whole: list[Words] = []
        for low in range(0, bits, width):
            wide = min(width, bits - low)

            def limb(low: int = low, wide: int = wide) -> Words:
                if not whole:
                    whole.append(embed(np.asarray(compute())).reshape(-1))
                return (whole[0] >> np.uint64(low)) & np.uint64((1 << wide) - 1)

            found.append((1 << low, self.advice(f"{name}{low}", axes, limb)))
            self.lookup(self._range(wide), [found[-1][1]])
        return found

    def bounded(self, name: str, axes: Sequence[Axis], bits: int, compute: Compute) -> Node:
        """Advice in [0, 2^bits), bits from 1 to 63, shown to be: what `advice` and `within` do, less one tensor."""
        if not 1 <= bits <= 63:
            raise StatementError(f"a range has 1 to 63 bits, not {bits}: beyond, limbs would not be unique mod p")
        return self.linear(axes, self.digits(name, axes, bits, compute))

    def boolean(self, node: Node) -> None:
        """Every value is 0 or 1."""
        square = self.contract(node.axes, node, node, compute=lambda: squares(self.values(node)))
        self.zero(self.linear(node.axes, [(1, square), (-1, node)]))

    def zero(self, node: Node) -> None:
        """The tensor is zero everywhere."""
        self.assertions.append(node)

    def finish(self) -> None:
        """Close the tape: count multiplicities and fix the trace commitment's shape."""
        if self._finished:
            return
        self._finished = True
        if self.proving:
            for permutation in self.permutations:
                self._compare(permutation)
        for table in self.tables:
            counted = self.advice(f"count:{table.name}", [table.axis], partial(self._count, table))
            self.multiplicities[table.tag] = counted
        if self._trace:
            self.sources.append(Source(tuple(self._trace), None, 0))

    # ---- what the readers ask ------------------------------------------------------------------------------------

    def source_of(self, node: Committed) -> int:
        return node.source if node.source >= 0 else len(self.sources) - 1

    def describe(self) -> bytes:
        """The canonical digest of everything the two sides must agree on (section 13)."""
        return digest_of(self)

    def _add(self, node: Node) -> Node:
        if self._finished and not isinstance(node, Committed):
            raise StatementError("the tape is finished")
        self.nodes.append(node)
        return node

    def _next_tag(self) -> int:
        return len(self.tables) + len(self.permutations) + 1

    def _range(self, bits: int) -> Table:
        return self.table(f"range{bits}", [np.arange(1 << bits)], itself)

    def _compare(self, permutation: Permutation) -> None:
        """Refuse a permutation that does not hold. Tuples are mixed to a word each: the proof is the last judge."""

        def mixed(side: Sequence[Tuples]) -> Words:
            blocks = ([self.values(column) for column in block.columns] for block in side)
            return np.sort(np.concatenate([mix(columns) for columns in blocks]))

        missing = int((mixed(permutation.left) != mixed(permutation.right)).sum())
        if missing:
            raise StatementError(
                f"the two sides of a permutation differ in up to {missing} tuples: the statement does not hold"
            )


def _limb_bits(bits: int, size: int) -> int:
    """How wide limbs of values of `bits` bits are, for a tensor of 2^size values: as few limbs as fit, evenly wide."""
    widest = max(RANGE_BITS, min(WIDE_RANGE_BITS, size))
    return -(-bits // -(-bits // widest))
