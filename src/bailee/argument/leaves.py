"""The leaves of a tree of look-ups: denominators, made again whenever they are asked for (docs/protocol.md, section 6).

A column that is a sum is not made: its parts go into the leaf one by one. What repeats a short pattern joins the
constant that leaves start from. `fractions` asks.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bailee.algebra import field, kernels
from bailee.algebra.field import e_add, e_mul, e_sub
from bailee.argument.affine import ONE, ZERO, Ext
from bailee.argument.arrays import flattened, runs
from bailee.argument.lookup import Placed
from bailee.argument.nodes import Axis, Linear, Node, Public
from bailee.argument.tape import Tape

Words = NDArray[np.uint64]


@dataclass(frozen=True, eq=False)
class Made:
    """How the leaves of one block are made: constant - sum of patterns - sum of columns - sum of nodes."""

    constant: Ext
    patterns: list[tuple[Ext, Public]]
    columns: list[kernels.Columns]
    nodes: list[tuple[Ext, Node]]
    """What is neither a pattern nor there as words: asked for part by part."""


class Leaves:
    """The denominators of tree A, in one array after the other."""

    def __init__(self, tape: Tape, blocks: Sequence[Placed], depth: int, alpha: Ext, beta: Ext) -> None:
        self._tape = tape
        self.count = 1 << depth
        self._ends = [block.offset + (1 << block.bits) for block in blocks]
        self._offsets = [block.offset for block in blocks]
        for block in blocks:
            for column in block.columns:
                tape.keep(column)  # what is computed as a whole is computed once, and before threads ask for it
        self._made = [_plan(tape, block, alpha, beta) for block in blocks]
        self._bases: dict[tuple[int, Ext, tuple[int, ...]], Words] = {}

    def write(self, out: Words, start: int, shift: Ext = ZERO) -> None:
        """out becomes the leaves from `start` on, each plus `shift`."""
        stop, used = start + len(out), self._ends[-1]
        if stop > used:
            kernels.fill(out, max(0, used - start), len(out), e_add(ONE, shift))
        low, last = start, min(stop, used)
        while low < last:
            number = bisect_right(self._offsets, low) - 1
            high, offset = min(last, self._ends[number]), self._offsets[number]
            self._write(out[low - start : high - start], number, low - offset, high - offset, shift)
            low = high

    def _write(self, out: Words, number: int, low: int, high: int, shift: Ext) -> None:
        """Leaves of one block."""
        made = self._made[number]
        leads: list[int] = []
        nodes = made.nodes
        for factor, pattern in made.patterns:
            lead = _lead(pattern, low, high)
            if lead is None:
                nodes = [*nodes, (factor, pattern)]
            leads.append(lead or 0)
        first: Words | None = self._base(number, shift, tuple(leads))
        for group in made.columns:
            kernels.leaves(out, group, low, first)
            first = None
        for factor, node in nodes:
            kernels.denominators(out, 0, self._tape.part(node, low, high), factor, first)
            first = None
        if first is not None:
            out[:] = np.resize(first, out.shape)

    def _base(self, number: int, shift: Ext, leads: tuple[int, ...]) -> Words:
        """What the leaves of a range start from, in which the leading factors of patterns are `leads`."""
        key = number, shift, leads
        found = self._bases.get(key)
        if found is None:
            made = self._made[number]
            found = np.array([e_add(shift, made.constant)], dtype=np.uint64)
            for (factor, node), lead in zip(made.patterns, leads, strict=True):
                if lead:
                    pattern = node.factors[1][1]
                    found = field.ext_sub(found, field.ext_scale(kernels.lift(pattern), e_mul(factor, (lead, 0))))
            self._bases[key] = found
        return found


def _plan(tape: Tape, block: Placed, alpha: Ext, beta: Ext) -> Made:
    constant = e_sub(alpha, (block.what.tag, 0))
    patterns: list[tuple[Ext, Public]] = []
    nodes: list[tuple[Ext, Node]] = []
    sums: dict[int, tuple[Ext, Node]] = {}
    axes = block.columns[0].axes
    power = ONE
    for column in block.columns:
        power = e_mul(power, beta)
        parts: list[tuple[int, Node]] = [(1, column)]
        if isinstance(column, Linear) and not tape.holds(column):
            more, parts = flattened(column, tape.holds)
            constant = e_sub(constant, e_mul(power, (more, 0)))
        for coefficient, node in parts:
            factor = e_mul(power, (coefficient, 0))
            if isinstance(node, Public) and len(node.factors) == 2 and node.axes == axes:
                patterns.append((factor, node))
            elif isinstance(node, Public) and len(node.factors) > 1 and node.axes == axes:
                nodes.append((factor, node))
            else:
                sums[node.id] = e_add(sums[node.id][0] if node.id in sums else ZERO, factor), node
    columns = [(factor, *_words(tape, node, axes)) for factor, node in sums.values()]
    return Made(constant, patterns, kernels.columns(columns), nodes)


def _words(tape: Tape, node: Node, axes: tuple[Axis, ...]) -> tuple[Words, int, int]:
    """A node's words, and the shift and mask by which an index over `axes` finds its own."""
    values, found = tape.values(node), runs(node.axes, axes)
    if not found:
        return values, 63, 0
    if len(found) == 1:
        low, _, bits = found[0]
        return values, low, (1 << bits) - 1
    count = 1 << sum(axis.bits for axis in axes)
    return kernels.spread(values, found, 0, count), 0, count - 1


def _lead(node: Public, low: int, high: int) -> int | None:
    """a, where the values of an outer product from low to high are a times its inner factor, over and over."""
    (_, lead), (_, inner) = node.factors
    period = len(inner)
    if low % period or high % period:
        return None
    rows = lead[low // period : high // period]
    return int(rows[0]) if (rows == rows[0]).all() else None
