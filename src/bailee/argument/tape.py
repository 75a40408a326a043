"""The tape: a statement written once, read by both sides (docs/protocol.md, section 7).

An author calls `source`, `advice`, `public`, `linear`, `select`, `contract`, `lookup`, `within` and `zero`. A prover's
tape carries values (and functions that compute them); a verifier's has shapes only, and the functions are never called.
Neighbours: `reduction` turns a finished tape into a dialogue; `bailee.statements` holds the authors.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy as np
from blake3 import blake3
from numpy.typing import NDArray

from bailee import tags
from bailee.algebra import field
from bailee.argument.commitment_record import Commitment
from bailee.argument.nodes import Axis, Committed, Contract, Linear, Lookup, Node, Public, Select, Source, Table, Words
from bailee.errors import StatementError

Compute = Callable[[], NDArray[Any]]

RANGE_BITS = 15
CHUNK = 1 << 18
"""Values handled at a time where a whole tensor's worth of temporaries would cost memory."""


class Tape:
    """See the module. `values` maps (source number, tensor) to what was committed; None makes a verifier's tape."""

    def __init__(self, values: Mapping[tuple[int, str], Words] | None = None) -> None:
        self.proving = values is not None
        self.sources: list[Source] = []
        self.nodes: list[Node] = []
        self.tables: list[Table] = []
        self.lookups: list[Lookup] = []
        self.assertions: list[Node] = []
        self.multiplicities: list[Node] = []
        self.trace_values: dict[str, Words] = {}
        self._trace: list[tuple[str, int]] = []
        self._given = dict(values or {})
        self._values: dict[int, Words] = {}
        self._computes: dict[int, Compute] = {}
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
            self.trace_values[name] = self._values[node.id] = _words(compute(), node)
        return self._add(node)

    def public(self, axes: Sequence[Axis], values: NDArray[Any]) -> Node:
        """Values known to all: an array over the padded axes (signed or field)."""
        node = Public(len(self.nodes), tuple(axes), ())
        words = _words(values, node)
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
        words = tuple(np.resize(_embed(c), axis.size) for c in columns)
        self.tables.append(Table(len(self.tables) + 1, name, axis, words, locate or _searcher(words)))
        return self.tables[-1]

    def lookup(self, table: Table, columns: Sequence[Node]) -> None:
        """Every tuple of `columns` is a row of `table`."""
        if len(columns) != len(table.columns) or any(c.axes != columns[0].axes for c in columns):
            raise StatementError(f"a look-up in {table.name!r} takes {len(table.columns)} columns over the same axes")
        self.lookups.append(Lookup(table, tuple(columns)))

    def within(self, node: Node, bits: int) -> None:
        """Every value lies in [0, 2^bits)."""
        if bits <= RANGE_BITS:
            table = self.table("range", [np.arange(1 << RANGE_BITS)], lambda c: c[0].astype(np.int64))
            self.lookup(table, [node])
            if bits < RANGE_BITS:
                # v and v + 2^15 - 2^bits both below 2^15 put v below 2^bits
                gap = (1 << RANGE_BITS) - (1 << bits)
                self.lookup(table, [self.linear(node.axes, [(1, node)], gap)])
            return
        limbs: list[Node] = []
        for low in range(0, bits, RANGE_BITS):
            width = min(RANGE_BITS, bits - low)

            def limb(low: int = low, width: int = width) -> Words:
                return (self.values(node) >> np.uint64(low)) & np.uint64((1 << width) - 1)

            limbs.append(self.advice(f"limb{low}", node.axes, limb))
            self.within(limbs[-1], width)
        self.zero(
            self.linear(node.axes, [(1, node)] + [(-(1 << (RANGE_BITS * k)), piece) for k, piece in enumerate(limbs)])
        )

    def zero(self, node: Node) -> None:
        """The tensor is zero everywhere."""
        self.assertions.append(node)

    def finish(self) -> None:
        """Close the tape: count multiplicities and fix the trace commitment's shape."""
        if self._finished:
            return
        self._finished = True
        for table in self.tables:
            self.multiplicities.append(self.advice(f"count:{table.name}", [table.axis], partial(self._count, table)))
        if self._trace:
            self.sources.append(Source(tuple(self._trace), None, 0))

    # ---- what the readers ask ------------------------------------------------------------------------------------

    def source_of(self, node: Committed) -> int:
        return node.source if node.source >= 0 else len(self.sources) - 1

    def values(self, node: Node) -> Words:
        """All values of a node, flat, in the order of its axes (a prover's tape only)."""
        if node.id not in self._values and isinstance(node, Contract) and node.id in self._computes:
            self._values[node.id] = _words(self._computes[node.id](), node)
        return self.part(node, 0, 1 << node.bits)

    def part(self, node: Node, start: int, stop: int) -> Words:
        """The values of a node from flat index `start` to `stop`, without making the others where that can be had."""
        if node.id in self._values:
            return self._values[node.id][start:stop]
        if isinstance(node, Public):
            return _outer([words for _, words in node.factors], start, stop)
        if isinstance(node, Linear):
            return self._linear(node, start, stop)
        if isinstance(node, Select):
            place = node.child.axes.index(node.axis)
            cube = self.values(node.child).reshape([a.size for a in node.child.axes])
            return np.ascontiguousarray(np.take(cube, node.index, axis=place)).reshape(-1)[start:stop]
        if isinstance(node, Contract) and node.id in self._computes:
            return self.values(node)[start:stop]
        raise StatementError(f"node {node.id} is used by its values, but its author gave no way to compute them")

    def _linear(self, node: Linear, start: int, stop: int) -> Words:
        from bailee.algebra import kernels

        total = np.full(stop - start, node.constant, dtype=np.uint64)
        for coefficient, child in node.terms:
            if child.axes == node.axes:
                values = self.part(child, start, stop)
            else:
                values = _spread(self.values(child), child.axes, node.axes)[start:stop]
            if coefficient == field.P - 1:
                total = kernels.sub(total, values)
            else:
                total = kernels.add(total, values if coefficient == 1 else kernels.scale(values, coefficient))
        return total

    def forget(self) -> None:
        """Let go of all values: authors' functions hold the tape in a circle, which would keep them for a while."""
        self._values.clear()
        self._computes.clear()
        self._given.clear()
        self.trace_values.clear()

    def describe(self) -> bytes:
        """The canonical digest of everything the two sides must agree on."""

        def digest(words: Words) -> str:
            return blake3(np.ascontiguousarray(words, dtype="<u8").tobytes()).hexdigest()

        def axes(of: Sequence[Axis]) -> list[list[Any]]:
            return [[axis.name, axis.bits] for axis in of]

        nodes: list[dict[str, Any]] = []
        for node in self.nodes:
            entry: dict[str, Any] = {"kind": type(node).__name__.lower(), "axes": axes(node.axes)}
            if isinstance(node, Committed):
                entry |= {"source": self.source_of(node), "tensor": node.tensor}
            elif isinstance(node, Public):
                entry |= {"factors": [[axes(part), digest(words)] for part, words in node.factors]}
            elif isinstance(node, Linear):
                entry |= {"constant": str(node.constant), "terms": [[str(c), child.id] for c, child in node.terms]}
            elif isinstance(node, Select):
                entry |= {"child": node.child.id, "axis": node.axis.name, "index": node.index}
            elif isinstance(node, Contract):
                entry |= {"left": node.left.id, "right": node.right.id, "over": axes(node.over)}
            nodes.append(entry)
        whole = {
            "sources": [
                {
                    "tensors": [list(t) for t in s.tensors],
                    "opening": s.opening,
                    "openings": s.commitment.openings if s.commitment else 1,
                }
                for s in self.sources
            ],
            "nodes": nodes,
            "tables": [{"axis": axes([t.axis]), "columns": [digest(c) for c in t.columns]} for t in self.tables],
            "lookups": [[look.table.tag, [c.id for c in look.columns]] for look in self.lookups],
            "assertions": [node.id for node in self.assertions],
        }
        text = json.dumps(whole, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
        return blake3(text.encode(), key=tags.STRUCTURE).digest()

    def _add(self, node: Node) -> Node:
        if self._finished and not isinstance(node, Committed):
            raise StatementError("the tape is finished")
        self.nodes.append(node)
        return node

    def _count(self, table: Table) -> Words:
        counts = np.zeros(table.axis.size, dtype=np.int64)
        for look in self.lookups:
            if look.table is table:
                for column in look.columns:
                    self.part(column, 0, 1)  # what is computed once is computed before the threads ask for it
                for found in by_parts(1 << look.bits, CHUNK, partial(self._locate, look)):
                    counts += found
        return counts.astype(np.uint64)

    def _locate(self, look: Lookup, start: int, stop: int) -> NDArray[np.int64]:
        """How often each row of the table is looked up by a part of a block."""
        table = look.table
        values = [self.part(column, start, stop) for column in look.columns]
        rows = table.locate(values)
        found = (rows >= 0) & (rows < table.axis.size)
        if found.all():
            for given, listed in zip(values, table.columns, strict=True):
                found &= listed[rows] == given
        if not found.all():
            missing = int((~found).sum())
            raise StatementError(f"{missing} values are not in table {table.name!r}: the statement does not hold")
        return np.bincount(rows, minlength=table.axis.size)


def by_parts(length: int, step: int, work: Callable[[int, int], NDArray[Any]]) -> list[NDArray[Any]]:
    """work(start, stop) over [0, length) in steps, on all cores, results in order."""
    starts = range(0, length, step)
    if len(starts) < 2:
        return [work(0, length)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(lambda start: work(start, min(start + step, length)), starts))


def _embed(values: NDArray[Any]) -> Words:
    if values.dtype == np.uint64:
        return values
    return field.from_signed(np.asarray(values, dtype=np.int64))


def _words(values: NDArray[Any], node: Node) -> Words:
    words = np.ascontiguousarray(_embed(np.asarray(values))).reshape(-1)
    if words.size != 1 << node.bits:
        raise StatementError(f"a tensor over {node.axes} has {1 << node.bits} values, not {words.size}")
    return words


def _outer(factors: Sequence[Words], start: int, stop: int) -> Words:
    """Part of an outer product. The leading factor is cut to what the range needs."""
    rest = factors[0]
    if len(factors) == 1:
        return rest[start:stop]
    inner = _outer(factors[1:], 0, int(np.prod([len(f) for f in factors[1:]])))
    first, last = start // len(inner), -(-stop // len(inner))
    lead = rest[first:last]
    if int(lead.max()) * int(inner.max()) < field.P:
        whole = np.multiply.outer(lead, inner).reshape(-1)
    else:
        whole = field.mul(np.repeat(lead, len(inner)), np.tile(inner, len(lead)))
    return whole[start - first * len(inner) : stop - first * len(inner)]


def _spread(values: Words, axes: Sequence[Axis], to: Sequence[Axis]) -> Words:
    """Broadcast values over `axes` to the order and extent of `to`."""
    if tuple(axes) == tuple(to):
        return values
    cube = values.reshape([a.size for a in axes])
    cube = np.transpose(cube, [axes.index(a) for a in to if a in axes])
    cube = cube.reshape([a.size if a in axes else 1 for a in to])
    return np.ascontiguousarray(np.broadcast_to(cube, [a.size for a in to])).reshape(-1)


def _searcher(columns: tuple[Words, ...]) -> Callable[[Sequence[Words]], NDArray[np.int64]]:
    """Find rows by a mixed key; a row that is not there gets a neighbour's number, which the caller compares."""
    factors = [
        np.uint64(0x9E3779B97F4A7C15 + 2 * 0xD1B54A32D192ED03 * k & 0xFFFFFFFFFFFFFFFF | 1) for k in range(len(columns))
    ]

    def key(of: Sequence[Words]) -> Words:
        with np.errstate(over="ignore"):
            total: Words = of[0] * factors[0]
            for values, factor in zip(of[1:], factors[1:], strict=True):
                total = total + values * factor
            return total

    def locate(of: Sequence[Words]) -> NDArray[np.int64]:
        keys = key(columns)
        order = np.argsort(keys, kind="stable")
        place = np.minimum(np.searchsorted(keys[order], key(of)), len(keys) - 1)
        return order[place].astype(np.int64)

    return locate
