"""Trees of fractions as a prover walks them (docs/protocol.md, section 6). `lookup` asks, `witness` makes them.

A small tree, or one with numerators of its own, keeps all its layers. A large tree of look-ups (every leaf's numerator
is one) keeps neither the leaves nor their parents, its two largest layers: parts of them that fit in a cache are made
when a round needs them. One arena of two words for each leaf serves its layers, and then serves them again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import local

import numpy as np
from numpy.typing import NDArray

from bailee.algebra import kernels
from bailee.algebra.field import e_add, e_inv, e_mul, e_sub
from bailee.algebra.kernels import parallel
from bailee.argument.affine import ONE, ZERO, Ext
from bailee.argument.leaves import Leaves
from bailee.argument.lookup import Placed
from bailee.argument.tape import Tape

Words = NDArray[np.uint64]
Point = list[Ext]
Pair = tuple[Words, Words]
Sums = tuple[Ext, Ext]

PART = 1 << 13
"""Pairs of a round that are made at a time: eight leaves each, which then fit in a cache."""
LARGE = 8 * PART
_INNER_BITS = 10


class Weights:
    """eq(point, .) as a product of two small tables, to which it is cut as variables are bound."""

    def __init__(self, point: Point) -> None:
        split = max(0, len(point) - _INNER_BITS)
        self.outer, self.inner = kernels.eq_table(point[:split]), kernels.eq_table(point[split:])

    def bind(self) -> None:
        """Leave out the first variable."""
        if len(self.outer) > 1:
            self.outer = kernels.halve_eq(self.outer)
        elif len(self.inner) > 1:
            self.inner = kernels.halve_eq(self.inner)

    def part(self, start: int, stop: int) -> Pair:
        """The tables of the weights from `start` to `stop`, both multiples of the inner table's length."""
        width = len(self.inner)
        return self.outer[start // width : stop // width], self.inner


class FractionTree:
    """A tree whose layers are all kept, used up from the root down."""

    def __init__(self, numerators: Words, denominators: Words) -> None:
        self._layers: list[Pair] = [(numerators, denominators)]
        self._state: LayerState | LeafState | None = None
        self._climb(lambda size: (_empty(size), _empty(size)))

    def _climb(self, room: Callable[[int], Pair]) -> None:
        while len(self._layers[-1][0]) > 1:
            p, q = self._layers[-1]
            self._layers.append(kernels.fraction_combine(p, q, room(len(p) // 2)))

    def root(self) -> tuple[Ext, Ext]:
        p, q = self._layers.pop()
        return _ext(p[0]), _ext(q[0])

    def layer(self, point: Point, weight: Ext) -> LayerState | LeafState:
        """The sumcheck from the next layer to the one below it, from the root down; each is used up."""
        self._state = None  # the layer before is let go first
        self._state = self._next(point, weight)
        return self._state

    def _next(self, point: Point, weight: Ext) -> LayerState | LeafState:
        p, q = self._layers.pop()
        half = len(p) // 2
        return LayerState((p[:half], p[half:], q[:half], q[half:]), point, weight)

    def children(self) -> tuple[Ext, Ext, Ext, Ext]:
        if self._state is None:
            raise RuntimeError("children are asked for after a layer")
        return self._state.children()


class LookupTree(FractionTree):
    """A large tree whose numerators are all one."""

    def __init__(self, leaves: Leaves, arena: Words) -> None:
        """`arena` is this tree's own until its last layer is done: an entry for each leaf."""
        self._leaves, self._arena = leaves, arena
        self._state: LayerState | LeafState | None = None
        taken = 0

        def room(size: int) -> Pair:
            nonlocal taken
            taken += 2 * size
            return self._arena[taken - 2 * size : taken - size], self._arena[taken - size : taken]

        quarter = leaves.count // 4
        self._layers = [room(quarter)]
        _in_parts(quarter, self._grandparents)
        self._met_parents = False
        self._climb(room)

    def _next(self, point: Point, weight: Ext) -> LayerState | LeafState:
        if self._layers:
            return super()._next(point, weight)
        if not self._met_parents:
            self._met_parents = True
            return self._parents(point, weight)
        return LeafState(self._leaves, self._arena, point, weight)

    def _fractions(self, below: Words, start: int, out: Pair) -> None:
        """The layer above the leaves, from `start` on."""
        count = len(out[0])
        self._leaves.write(below[:count], start)
        self._leaves.write(below[count : 2 * count], self._leaves.count // 2 + start)
        kernels.fraction_combine_ones(below[: 2 * count], count, out)

    def _grandparents(self, start: int, stop: int) -> None:
        p, q = self._layers[0]
        count = stop - start
        below, top, bottom = _SCRATCH.take(3, 2 * count)
        self._fractions(below, start, (top[:count], bottom[:count]))
        self._fractions(below, len(p) + start, (top[count:], bottom[count:]))
        kernels.fraction_combine(top, bottom, (p[start:stop], q[start:stop]))

    def _parents(self, point: Point, weight: Ext) -> LayerState:
        """The layer above the leaves goes into the arena, and its first round is summed on the way."""
        quarter = self._leaves.count // 4
        p0, p1, q0, q1 = (self._arena[k * quarter : (k + 1) * quarter] for k in range(4))
        weights = Weights(point[1:])
        h = quarter // 2

        def part(start: int, stop: int) -> Sums:
            count = stop - start
            below, *made = _SCRATCH.take(5, 2 * count)
            for side in (0, 1):
                for half in (0, 1):
                    here = slice(half * count, (half + 1) * count)
                    target = made[side][here], made[2 + side][here]
                    self._fractions(below, side * quarter + half * h + start, target)
            sums = kernels.fraction_start(made[0], made[1], made[2], made[3], weight, *weights.part(start, stop))
            for whole, piece in zip((p0, p1, q0, q1), made, strict=True):
                whole[start:stop], whole[h + start : h + stop] = piece[:count], piece[count:]
            return sums

        return LayerState((p0, p1, q0, q1), point, weight, (weights, _total(_in_parts(h, part))))


class Room:
    """Large arrays of a proof: one that was made serves again, as fresh memory costs more than what is done with it."""

    def __init__(self) -> None:
        self._arrays: list[Words] = []

    def new(self, size: int) -> Words:
        """An array of its own, until `clear`."""
        self._arrays.append(_empty(size))
        return self._arrays[-1]

    def again(self, size: int) -> Words:
        """Always the same array, unless it is too small. Whoever had it last must be done."""
        if not self._arrays or len(self._arrays[0]) < size:
            self._arrays = [_empty(size)]
        return self._arrays[0][:size]

    def clear(self) -> None:
        self._arrays.clear()


def tree_of_ones(tape: Tape, blocks: Sequence[Placed], depth: int, alpha: Ext, beta: Ext, room: Room) -> FractionTree:
    """The tree of look-ups: each leaf is one over its denominator."""
    leaves = Leaves(tape, blocks, depth, alpha, beta)
    if leaves.count >= LARGE:
        return LookupTree(leaves, room.new(leaves.count))
    denominators, numerators = _empty(leaves.count), _empty(leaves.count)
    leaves.write(denominators, 0)
    kernels.fill(numerators, 0, leaves.count, ONE)
    return FractionTree(numerators, denominators)


class LayerState:
    """One layer's sumcheck: p0 q1 + p1 q0 + lambda q0 q1 under eq. A fold waits for the round after it.

    From the first round on p0 stands for p0 + lambda q0.
    """

    def __init__(
        self,
        layer: tuple[Words, Words, Words, Words],
        point: Point,
        weight: Ext,
        begun: tuple[Weights, Sums] | None = None,
    ) -> None:
        self._layer, self._weight = layer, weight
        self._weights = begun[0] if begun else Weights(point[1:])
        self._first = begun[1] if begun else None
        self._raised = begun is not None
        self._challenge: Ext | None = None

    def round(self) -> Sums:
        if self._first:
            sums, self._first = self._first, None
            return sums
        weights = self._weights
        if self._challenge is None:
            self._raised = True
            return kernels.fraction_start(*self._layer, self._weight, weights.outer, weights.inner)
        weights.bind()
        sums = kernels.fraction_next(*self._layer, self._challenge, weights.outer, weights.inner)
        p0, p1, q0, q1 = (values[: len(values) // 2] for values in self._layer)
        self._layer = p0, p1, q0, q1
        return sums

    def fold(self, challenge: Ext) -> None:
        self._challenge = challenge

    def children(self) -> tuple[Ext, Ext, Ext, Ext]:
        r = self._challenge
        p0, p1, q0, q1 = (_ext((values if r is None else kernels.fold(values, r))[0]) for values in self._layer)
        return (e_sub(p0, e_mul(self._weight, q0)) if self._raised else p0), p1, q0, q1


class LeafState:
    """The last layer's sumcheck, where p0 = p1 = 1: q0 + q1 + lambda q0 q1 = lambda (q0 + m)(q1 + m) - m, m = 1/lambda.

    So each leaf is made with m added, and a round is one of a product.
    """

    def __init__(self, leaves: Leaves, arena: Words, point: Point, weight: Ext) -> None:
        self._leaves, self._weight, self._shift = leaves, weight, e_inv(weight)
        self._weights = Weights(point[1:])
        self._arena = arena
        self._q: Pair | None = None
        self._challenge: Ext | None = None

    def round(self) -> Sums:
        weights = self._weights
        if self._challenge is None:
            sums = _total(_in_parts(self._leaves.count // 4, self._sum))
        else:
            weights.bind()
            if self._q is None:
                eighth = self._leaves.count // 8
                self._q = self._arena[: 2 * eighth], self._arena[2 * eighth : 4 * eighth]
                sums = _total(_in_parts(eighth, self._fold_and_sum))
            else:
                sums = kernels.product_next(*self._q, self._challenge, weights.outer, weights.inner)
                half = len(self._q[0]) // 2
                self._q = self._q[0][:half], self._q[1][:half]
        # the weights of all pairs add up to one
        return e_sub(e_mul(self._weight, sums[0]), self._shift), e_mul(self._weight, sums[1])

    def fold(self, challenge: Ext) -> None:
        self._challenge = challenge

    def children(self) -> tuple[Ext, Ext, Ext, Ext]:
        if self._q is None or self._challenge is None:
            raise RuntimeError("children are asked for after all rounds")
        q0, q1 = (e_sub(_ext(kernels.fold(q, self._challenge)[0]), self._shift) for q in self._q)
        return ONE, ONE, q0, q1

    def _made(self, start: int, stop: int, step: int, pieces: int) -> Pair:
        """Both halves of the leaves: `pieces` ranges of each, `step` from one to the next, side by side."""
        count, half = stop - start, self._leaves.count // 2
        left, right = _SCRATCH.take(2, pieces * count)
        for side, out in enumerate((left, right)):
            for k in range(pieces):
                here = out[k * count : (k + 1) * count]
                self._leaves.write(here, side * half + k * step + start, self._shift)
        return left, right

    def _sum(self, start: int, stop: int) -> Sums:
        made = self._made(start, stop, self._leaves.count // 4, 2)
        return kernels.product_start(*made, *self._weights.part(start, stop))

    def _fold_and_sum(self, start: int, stop: int) -> Sums:
        count, eighth = stop - start, self._leaves.count // 8
        if self._q is None or self._challenge is None:
            raise RuntimeError("a fold needs its challenge")
        made = self._made(start, stop, eighth, 4)
        sums = kernels.product_next(*made, self._challenge, *self._weights.part(start, stop))
        for whole, piece in zip(self._q, made, strict=True):
            whole[start:stop], whole[eighth + start : eighth + stop] = piece[:count], piece[count : 2 * count]
        return sums


class _Scratch(local):
    """Room for the parts a thread makes, the same every time: fresh memory costs more than what is done with it."""

    def __init__(self) -> None:
        self._room = _empty(0)

    def take(self, count: int, size: int) -> list[Words]:
        """`count` arrays of `size` entries, until the next time."""
        if len(self._room) < count * size:
            self._room = _empty(count * size)
        return [self._room[k * size : (k + 1) * size] for k in range(count)]


def _in_parts(count: int, task: Callable[[int, int], Sums | None]) -> list[Sums]:
    """task(start, stop) over [0, count) in parts of PART, on all cores; what they return."""

    def several(first: int, last: int) -> list[Sums | None]:
        return [task(k * PART, (k + 1) * PART) for k in range(first, last)]

    return [found for many in parallel.over(count // PART, several, 1) for found in many if found]


def _total(parts: Sequence[Sums]) -> Sums:
    zero, leading = ZERO, ZERO
    for a, b in parts:
        zero, leading = e_add(zero, a), e_add(leading, b)
    return zero, leading


def _empty(size: int) -> Words:
    return np.empty((size, 2), dtype=np.uint64)


def _ext(pair: Words) -> Ext:
    return int(pair[0]), int(pair[1])


_SCRATCH = _Scratch()
