"""A prover's knowledge during a reduction: trees, contractions and openings on the kernels. Prover only."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from bailee.algebra import kernels
from bailee.algebra.field import e_add, e_mul, e_sub, ext_scale
from bailee.argument.affine import ONE, Ext
from bailee.argument.commitment import CommittedVector
from bailee.argument.lookup import Placed
from bailee.argument.nodes import Axis, Contract, Node, Shift, Table
from bailee.argument.reduction import Claim, Row
from bailee.argument.tape import CHUNK, Tape

Words = NDArray[np.uint64]
Point = list[Ext]


class TapeWitness:
    """Answers a reduction from a prover's tape and its committed vectors, one for each source of the tape."""

    def __init__(self, tape: Tape, vectors: Sequence[CommittedVector]) -> None:
        self._tape, self._vectors = tape, vectors

    def evaluate(self, node: Node, point: Point) -> Ext:
        """node(point), in two halves so that no table of eq is as large as the tensor."""
        values = self._tape.values(node)
        low = len(point) // 2
        rows = values.reshape(1 << (len(point) - low), 1 << low)
        head = kernels.combine_rows(rows, kernels.eq_table(point[: len(point) - low]))
        return kernels.dot_ext(head, kernels.eq_table(point[len(point) - low :]))

    def lookups(self, blocks: list[Placed], depth: int, alpha: Ext, beta: Ext) -> FractionTree:
        return FractionTree(None, _Leaves(self._tape, blocks, depth, alpha, beta), depth)

    def tables(self, blocks: list[Placed], depth: int, alpha: Ext, beta: Ext) -> FractionTree:
        denominators = np.zeros((1 << depth, 2), dtype=np.uint64)
        denominators[:, 0] = 1
        numerators = np.zeros((1 << depth, 2), dtype=np.uint64)
        for block in blocks:
            table = block.what if isinstance(block.what, Table) else None
            columns = table.columns if table else [self._tape.values(node) for node in block.columns]
            _fill(denominators, block.offset, block, columns, alpha, beta)
            # a tuple of a permutation's right side counts once
            counts = self._tape.values(self._tape.multiplicities[table.tag]) if table else np.uint64(1)
            numerators[block.offset : block.offset + (1 << block.bits), 0] = counts
        return FractionTree(numerators, denominators, depth)

    def contraction(self, node: Contract, point: Point) -> ProductState:
        at: dict[Axis, Point] = {}
        for axis in node.axes:
            at[axis], point = point[: axis.bits], point[axis.bits :]
        free = sum(axis.bits for axis in node.over)
        joint = [r for axis in node.joint for r in at[axis]]
        left = self._bound(node.left, node.joint + node.over, at)
        right = left if node.right is node.left else self._bound(node.right, node.joint + node.over, at)
        return ProductState(left, right, joint, free)

    def shifting(self, node: Shift, point: Point) -> ProductState:
        at: dict[Axis, Point] = {}
        for axis in node.axes:
            at[axis], point = point[: axis.bits], point[axis.bits :]
        moved = np.ascontiguousarray(np.roll(kernels.eq_table(at[node.axis]), 1, axis=0))
        return ProductState(self._bound(node.child, (node.axis,), at), moved, [], node.axis.bits)

    def opening(self, source: int, claims: list[Claim], gamma: Ext) -> OpeningProver:
        vector = self._vectors[source]
        opening = self._tape.sources[source].opening
        return OpeningProver(vector, opening, claims, gamma)

    def _bound(self, node: Node, keep: Sequence[Axis], at: dict[Axis, Point]) -> Words:
        """The values over `keep` (in that order) with every other axis at its point: F if none is bound, else E."""
        cube = self._tape.values(node).reshape([axis.size for axis in node.axes])
        bound = [axis for axis in node.axes if axis not in keep]
        order = [node.axes.index(axis) for axis in (*bound, *keep)]
        weights = kernels.eq_table([r for axis in bound for r in at[axis]])
        size = len(weights)
        if not bound:
            return np.ascontiguousarray(np.transpose(cube, order)).reshape(-1)
        if [node.axes.index(axis) for axis in (*keep, *bound)] == list(range(len(node.axes))):
            return kernels.apply_columns(cube.reshape(-1, size), weights)
        return kernels.combine_rows(np.ascontiguousarray(np.transpose(cube, order)).reshape(size, -1), weights)


def _fill(out: Words, start: int, block: Placed, columns: Sequence[Words], alpha: Ext, beta: Ext) -> None:
    """The denominators of some rows of a block, given those rows of its columns, into out from `start`."""
    power = beta
    kernels.denominators(out, start, columns[0], power, e_sub(alpha, (block.what.tag, 0)))
    for column in columns[1:]:
        power = e_mul(power, beta)
        kernels.denominators(out, start, column, power)


class _Leaves:
    """The denominators of tree A, made again whenever they are asked for: they are two words for each look-up."""

    def __init__(self, tape: Tape, blocks: list[Placed], depth: int, alpha: Ext, beta: Ext) -> None:
        self._tape, self._blocks, self._alpha, self._beta = tape, blocks, alpha, beta
        self._used = sum(1 << block.bits for block in blocks)
        self._half = 1 << (depth - 1)

    def halves(self) -> tuple[Words, Words]:
        """All leaves whose first bit is 0, and the others up to where the padding begins."""
        low = np.empty((min(self._half, self._used), 2), dtype=np.uint64)
        high = np.empty((max(0, self._used - self._half), 2), dtype=np.uint64)
        self._write(low, 0)
        self._write(high, self._half)
        return low, high

    def parents(self, start: int, out: tuple[Words, Words]) -> None:
        """Fractions of the layer above the leaves from `start`, as many as `out` takes."""
        count = len(out[0])
        last = min(self._half + start + count, self._used)
        both = np.empty((count + max(0, last - self._half - start), 2), dtype=np.uint64)
        self._write(both[:count], start)
        self._write(both[count:], self._half + start)
        kernels.fraction_combine_ones(both, count, out)

    def _write(self, out: Words, start: int) -> None:
        stop = start + len(out)
        if stop > self._used:
            kernels.fill(out, max(0, self._used - start), len(out), ONE)
        for block in self._blocks:
            first, last = max(start, block.offset), min(stop, block.offset + (1 << block.bits))
            for low in range(first, last, CHUNK):
                high = min(low + CHUNK, last)
                columns = [self._tape.part(c, low - block.offset, high - block.offset) for c in block.columns]
                _fill(out, low - start, block, columns, self._alpha, self._beta)


class FractionTree:
    """The layers of one tree of fractions, used up from the root down.

    Tree B keeps all of them. Tree A (every leaf's numerator is one) does not keep the leaves and their parents, its two
    largest layers: each is made again when its turn comes, so that at most two words for each look-up are held.
    """

    def __init__(self, numerators: Words | None, denominators: Words | _Leaves, depth: int) -> None:
        half = 1 << (depth - 1)
        self._layers: list[tuple[Words, Words]] = []
        self._unmade: list[Callable[[Point, Ext], LayerState]] = []
        if isinstance(denominators, _Leaves):
            leaves = denominators
            self._unmade.append(lambda point, weight: LayerState(None, None, *leaves.halves(), half, point, weight))
            if half > CHUNK:
                self._layers.append(_grandparents(leaves, half // 2))
                self._unmade.append(lambda point, weight: self._pairs(_all_parents(leaves, half), point, weight))
            else:
                self._layers.append(_all_parents(leaves, half))
        elif numerators is not None:
            self._layers.append((numerators, denominators))
        while len(self._layers[-1][0]) > 1:
            self._layers.append(kernels.fraction_combine(*self._layers[-1]))
        self._state: LayerState | None = None

    @staticmethod
    def _pairs(layer: tuple[Words, Words], point: Point, weight: Ext) -> LayerState:
        p, q = layer
        half = len(p) // 2
        return LayerState(p[:half], p[half:], q[:half], q[half:], half, point, weight)

    def root(self) -> tuple[Ext, Ext]:
        p, q = self._layers.pop()
        return _ext(p[0]), _ext(q[0])

    def layer(self, point: Point, weight: Ext) -> LayerState:
        """The sumcheck from the next layer to the one below it, from the root down; each is used up."""
        self._state = None  # the layer before is let go first
        if self._layers:
            self._state = self._pairs(self._layers.pop(), point, weight)
        elif self._unmade:
            self._state = self._unmade.pop()(point, weight)
        else:
            raise RuntimeError("all layers of this tree have been used")
        return self._state

    def children(self) -> tuple[Ext, Ext, Ext, Ext]:
        if self._state is None:
            raise RuntimeError("children are asked for after a layer")
        return self._state.children()


def _pair(size: int) -> tuple[Words, Words]:
    return np.empty((size, 2), dtype=np.uint64), np.empty((size, 2), dtype=np.uint64)


def _all_parents(leaves: _Leaves, half: int) -> tuple[Words, Words]:
    p, q = _pair(half)
    for start in range(0, half, CHUNK):
        leaves.parents(start, (p[start : start + CHUNK], q[start : start + CHUNK]))
    return p, q


def _grandparents(leaves: _Leaves, quarter: int) -> tuple[Words, Words]:
    """The layer two above the leaves, without ever holding the one between."""
    p, q = _pair(quarter)
    step = min(CHUNK, quarter)
    below = _pair(2 * step)
    for start in range(0, quarter, step):
        leaves.parents(start, (below[0][:step], below[1][:step]))
        leaves.parents(quarter + start, (below[0][step:], below[1][step:]))
        kernels.fraction_combine(*below, (p[start : start + step], q[start : start + step]))
    return p, q


class LayerState:
    """One layer's sumcheck: p0 q1 + p1 q0 + lambda q0 q1 under eq, folded in place. Missing leaves are one over one."""

    def __init__(self, p0: Words | None, p1: Words | None, q0: Words, q1: Words, size: int, point: Point, weight: Ext):
        self._p0, self._p1, self._q0, self._q1 = p0, p1, q0, q1
        self._size, self._weight = size, weight
        self._eq = kernels.eq_table(point[1:]) if point else kernels.eq_table([])

    def round(self) -> tuple[Ext, Ext]:
        if self._p0 is None or self._p1 is None:
            return kernels.fraction_round_ones(self._q0, self._q1, self._size // 2, self._eq, self._weight)
        return kernels.fraction_round(self._p0, self._p1, self._q0, self._q1, self._eq, self._weight)

    def fold(self, challenge: Ext) -> None:
        half = self._size // 2
        if self._p0 is None or self._p1 is None:
            self._q0 = kernels.fold_padded(self._q0, half, challenge, 1)
            self._q1 = kernels.fold_padded(self._q1, half, challenge, 1)
        else:
            self._p0, self._p1 = kernels.fold(self._p0, challenge), kernels.fold(self._p1, challenge)
            self._q0, self._q1 = kernels.fold(self._q0, challenge), kernels.fold(self._q1, challenge)
        self._size = half
        if len(self._eq) > 1:
            self._eq = kernels.halve_eq(self._eq)

    def children(self) -> tuple[Ext, Ext, Ext, Ext]:
        q0 = _ext(self._q0[0]) if len(self._q0) else ONE
        q1 = _ext(self._q1[0]) if len(self._q1) else ONE
        if self._p0 is None or self._p1 is None:
            return ONE, ONE, q0, q1
        return _ext(self._p0[0]), _ext(self._p1[0]), q0, q1


class ProductState:
    """The sumcheck of left * right over joint axes (weighted by `joint`) and then `free` summed variables."""

    def __init__(self, left: Words, right: Words, joint: Point, free: int) -> None:
        self._left, self._right = left, right
        self._weights: Words | None = kernels.eq_table(joint[1:]) if joint else None
        self._joint, self._free = len(joint), free

    def round(self) -> tuple[Ext, Ext]:
        left, right = self._left, self._right
        if left.ndim == 1 and right.ndim == 1:
            return kernels.product_round_base(left, right, self._weights)
        if left.ndim == 1:
            return kernels.product_round_mixed(left, right, self._weights)
        if right.ndim == 1:
            return kernels.product_round_mixed(right, left, self._weights)
        return kernels.product_round(left, right, self._weights)

    def fold(self, challenge: Ext) -> None:
        same = self._left is self._right
        self._left = _fold(self._left, challenge)
        self._right = self._left if same else _fold(self._right, challenge)
        if self._joint:
            self._joint -= 1
            if self._joint == 0:
                self._weights = None
            elif self._weights is not None:
                self._weights = kernels.halve_eq(self._weights)


def _fold(values: Words, challenge: Ext) -> Words:
    if values.ndim == 1:
        return kernels.fold_base(values, len(values) // 2, challenge)
    return kernels.fold(values, challenge)


class OpeningProver:
    """The batched opening of one commitment (docs/protocol.md, section 8), without ever holding W.

    A claim's weight is a product of a row part and a column part. So the matrix is read once for each claim, to sum its
    rows under the column part; the sumcheck's row variables then run over sums of rows alone, and its column variables
    over the one row that the bound row variables leave, which is also what the opening sends in clear.
    """

    def __init__(self, vector: CommittedVector, opening: int, claims: list[Claim], gamma: Ext) -> None:
        self._vector, self._opening, self._claims = vector, opening, claims
        code = vector.code
        self._row_variables = code.variables - code.column_variables
        self._bound: Point = []
        shape = (1 << self._row_variables, len(claims), 2)
        left, right = np.zeros(shape, dtype=np.uint64), np.zeros(shape, dtype=np.uint64)
        sums: dict[tuple[int, tuple[Ext, ...]], Words] = {}
        power = ONE
        for k, claim in enumerate(claims):
            first, count = claim.offset // code.width, max(1, (1 << len(claim.point)) // code.width)
            split = max(0, len(claim.point) - code.column_variables)
            left[first : first + count, k] = ext_scale(kernels.eq_table(claim.point[:split]), power)
            # all rows count, also those the claim has no weight on: between 0 and 1 a variable mixes them
            at, width = claim.offset % code.width, min(code.width, 1 << len(claim.point))
            key = (at, tuple(claim.point[split:]))
            if key not in sums:
                part = vector.matrix if width == code.width else np.ascontiguousarray(vector.matrix[:, at : at + width])
                sums[key] = kernels.apply_columns(part, kernels.eq_table(claim.point[split:]))
            right[: code.rows, k] = sums[key]
            power = e_mul(power, gamma)
        self._left, self._right = left.reshape(-1, 2), right.reshape(-1, 2)
        self._row = np.zeros((0, 2), dtype=np.uint64)
        if not self._row_variables:
            self._columns()

    def round(self) -> tuple[Ext, Ext]:
        return kernels.product_round(self._left, self._right, None)

    def fold(self, challenge: Ext) -> None:
        self._left, self._right = kernels.fold(self._left, challenge), kernels.fold(self._right, challenge)
        self._bound.append(challenge)
        if len(self._bound) == self._row_variables:
            self._columns()

    def _columns(self) -> None:
        """From the row variables to the column variables: what is left of the matrix, and of the weights."""
        code = self._vector.code
        self._row = kernels.combine_rows(self._vector.matrix, kernels.eq_table(self._bound)[: code.rows])
        weights = np.zeros((code.width, 2), dtype=np.uint64)
        for claim, factor in zip(self._claims, self._left, strict=True):
            point = claim.point[max(0, len(claim.point) - code.column_variables) :]
            at = claim.offset % code.width
            kernels.eq_table_add(weights[at : at + (1 << len(point))], point, _ext(factor))
        self._left, self._right = self._row.copy(), weights

    def value(self) -> Ext:
        return _ext(self._left[0])

    def mask_value(self, columns: Words) -> Ext:
        low, high = self._vector.masks[2 * self._opening], self._vector.masks[2 * self._opening + 1]
        return _complex(kernels.dot_base(low, columns), kernels.dot_base(high, columns))

    def row(self, weights: Words, mask: Ext) -> Row:
        vector, code, o = self._vector, self._vector.code, 2 * self._opening
        values = np.stack([vector.masks[o], vector.masks[o + 1]], axis=-1)
        tail = np.stack([vector.tails[code.rows + o], vector.tails[code.rows + o + 1]], axis=-1)
        scaled = ext_scale(weights, mask)
        return Row(
            _add(values, ext_scale(self._row, mask)),
            _add(tail, kernels.combine_rows(np.ascontiguousarray(vector.tails[: code.rows]), scaled)),
        )


def _complex(low: Ext, high: Ext) -> Ext:
    """low + u * high."""
    return e_add(low, e_mul(high, (0, 1)))


def _add(a: Words, b: Words) -> Words:
    return kernels.add(a.reshape(-1), b.reshape(-1)).reshape(-1, 2)


def _ext(pair: Words) -> Ext:
    return int(pair[0]), int(pair[1])
