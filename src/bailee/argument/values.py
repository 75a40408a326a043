"""What a prover knows of the nodes of a tape: values held, computed, made part by part, counted in tables. Prover only.

`tape.Tape` is what authors write on; this is what it carries when it is a prover's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bailee.argument.arrays import computed, flattened, outer, shared, spread, tally
from bailee.argument.nodes import Contract, Linear, Lookup, Node, Public, Select, Shift, Table, Words
from bailee.errors import StatementError

Compute = Callable[[], NDArray[Any]]

CHUNK = 1 << 16
"""Values handled at a time, where temporaries for a whole tensor would cost memory. A few of these fit in a cache."""


class Values:
    """Values by node. `given` maps (source number, tensor) to what was committed."""

    def __init__(self, given: Mapping[tuple[int, str], Words]) -> None:
        self.lookups: list[Lookup] = []
        self.trace_values: dict[str, Words] = {}
        self._trace_nodes: dict[str, int] = {}
        self._given = dict(given)
        self._values: dict[int, Words] = {}
        self._computes: dict[int, Compute] = {}
        self._room: int | None = None

    def values(self, node: Node) -> Words:
        """All values of a node, flat, in the order of its axes (a prover's tape only)."""
        if node.id not in self._values and isinstance(node, Contract) and node.id in self._computes:
            words = computed(self._computes[node.id](), node)
            if self._room is not None:
                if words.size > self._room:
                    return words
                self._room -= words.size
            self._values[node.id] = words
        return self.part(node, 0, 1 << node.bits)

    def holds(self, node: Node) -> bool:
        """Whether all values of a node are kept."""
        return node.id in self._values

    def divisible(self, node: Node) -> bool:
        """Whether parts of a node's values come at the cost of the part; else ask for `values` once."""
        if isinstance(node, Linear):
            return all(
                self._broadcasts(child, node) or (child.axes == node.axes and self.divisible(child))
                for _, child in node.terms
            )
        return isinstance(node, Public) or self.holds(node)

    def _broadcasts(self, child: Node, to: Node) -> bool:
        """Whether a child over other axes is there as it is."""
        return child.axes != to.axes and (self.holds(child) or (isinstance(child, Public) and len(child.factors) == 1))

    @contextmanager
    def at_hand(self, nodes: Sequence[Node]) -> Iterator[None]:
        """Meanwhile threads may ask for parts of these nodes: what comes as a whole is made once, now, and held."""
        made: list[int] = []
        try:
            for node in nodes:
                if not self.divisible(node):
                    whole = self.values(node)
                    if not self.holds(node):
                        self._values[node.id] = whole
                        made.append(node.id)
            yield
        finally:
            for number in made:
                del self._values[number]

    def keep(self, node: Node) -> None:
        """Compute now, and keep, what `part` of this node would else compute as a whole every time."""
        if isinstance(node, Contract) and node.id in self._computes and node.id not in self._values:
            self._values[node.id] = self.values(node)
        elif isinstance(node, Linear):
            for _, child in node.terms:
                self.keep(child)

    def part(self, node: Node, start: int, stop: int) -> Words:
        """The values of a node from flat index `start` to `stop`, without making the others where that can be had."""
        if node.id in self._values:
            return self._values[node.id][start:stop]
        if isinstance(node, Public):
            return outer([words for _, words in node.factors], start, stop)
        if isinstance(node, Linear):
            return self._linear(node, start, stop)
        if isinstance(node, Select):
            place = node.child.axes.index(node.axis)
            if not any(axis.bits for axis in node.child.axes[:place]):
                first = node.index << node.bits
                return self.part(node.child, first + start, first + stop)
            cube = self.values(node.child).reshape([a.size for a in node.child.axes])
            return np.ascontiguousarray(np.take(cube, node.index, axis=place)).reshape(-1)[start:stop]
        if isinstance(node, Contract) and node.id in self._computes:
            return self.values(node)[start:stop]
        if isinstance(node, Shift):
            place = node.axes.index(node.axis)
            cube = self.values(node.child).reshape([a.size for a in node.axes])
            return np.roll(cube, -1, axis=place).reshape(-1)[start:stop]
        raise StatementError(f"node {node.id} is used by its values, but its author gave no way to compute them")

    def _linear(self, node: Linear, start: int, stop: int) -> Words:
        from bailee.algebra import kernels

        constant, terms = flattened(node, self.holds)
        total: Words | None = None
        for coefficient, child in terms:
            if child.axes == node.axes:
                values = self.part(child, start, stop)
            else:
                values = spread(self.values(child), child.axes, node.axes, start, stop)
            if total is None:
                total = kernels.scale(values, coefficient, constant)
            else:
                kernels.add_scaled(total, values, coefficient)
        return np.full(stop - start, constant, dtype=np.uint64) if total is None else total

    def hand_over(self) -> None:
        """Before the trace is committed: what contractions came to is let go, and from now on is computed again.

        Some of it is kept: what `keep` is asked for, and whatever comes first that fits in an eighth of the trace.
        """
        for number in self._computes:
            self._values.pop(number, None)
        self._room = sum(values.size for values in self.trace_values.values()) // 8

    def moved(self, tensor: str, values: Words) -> None:
        """A tensor of the trace is at `values` now, in what commits it: so it is held once."""
        self._values[self._trace_nodes[tensor]] = values
        del self.trace_values[tensor]

    def forget(self) -> None:
        """Let go of all values: authors' functions hold the tape in a circle, which would keep them for a while."""
        self._values.clear()
        self._computes.clear()
        self._given.clear()
        self.trace_values.clear()

    def _count(self, table: Table) -> Words:
        counts = np.zeros(table.axis.size, dtype=np.int64)
        for look in self.lookups:
            if look.table is table:
                with self.at_hand(look.columns):
                    for found in shared(1 << look.bits, CHUNK, partial(self._locate, look)):
                        counts += found
        return counts.view(np.uint64)

    def _locate(self, look: Lookup, start: int, stop: int) -> NDArray[np.int64]:
        """How often each row of the table is looked up by a part of a block."""
        counts = np.zeros(look.table.axis.size, dtype=np.int64)
        for low in range(start, stop, CHUNK):
            tally(look.table, [self.part(c, low, min(low + CHUNK, stop)) for c in look.columns], counts)
        return counts
