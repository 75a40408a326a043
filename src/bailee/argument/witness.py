"""A prover's knowledge during a reduction: trees, contractions and openings on the kernels. Prover only."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bailee.algebra import kernels
from bailee.algebra.field import e_add, e_mul, e_sub, ext_scale
from bailee.argument.affine import ONE, Ext
from bailee.argument.commitment import CommittedVector
from bailee.argument.fractions import FractionTree, Room, tree_of_ones
from bailee.argument.lookup import Placed
from bailee.argument.nodes import Axis, Contract, Linear, Node, Public, Shift, Table
from bailee.argument.reduction import Claim, Row, by_axis, evaluate_public
from bailee.argument.tape import Tape

Words = NDArray[np.uint64]
Point = list[Ext]


class TapeWitness:
    """Answers a reduction from a prover's tape and its committed vectors, one for each source of the tape."""

    def __init__(self, tape: Tape, vectors: Sequence[CommittedVector]) -> None:
        self._tape, self._vectors, self._room, self._trees = tape, vectors, Room(), Room()
        self._known: dict[tuple[int, tuple[Ext, ...]], Ext] = {}

    def evaluate(self, node: Node, point: Point) -> Ext:
        """node(point). That of a linear node is put together from its children's, which are asked for next."""
        key = node.id, tuple(point)
        if key not in self._known:
            self._known[key] = self._linear(node, point) if isinstance(node, Linear) else self._dense(node, point)
        return self._known[key]

    def _linear(self, node: Linear, point: Point) -> Ext:
        at = by_axis(node.axes, point)
        total: Ext = (node.constant, 0)
        for coefficient, child in node.terms:
            there = [r for axis in child.axes for r in at[axis]]
            found = evaluate_public(child, there) if isinstance(child, Public) else self.evaluate(child, there)
            total = e_add(total, e_mul((coefficient, 0), found))
        return total

    def _dense(self, node: Node, point: Point) -> Ext:
        """In two halves, so that no table of eq is as large as the tensor."""
        values = self._tape.values(node)
        low = len(point) // 2
        rows = values.reshape(1 << (len(point) - low), 1 << low)
        head = kernels.combine_rows(rows, kernels.eq_table(point[: len(point) - low]))
        return kernels.dot_ext(head, kernels.eq_table(point[len(point) - low :]))

    def lookups(self, blocks: list[Placed], depth: int, alpha: Ext, beta: Ext) -> FractionTree:
        return tree_of_ones(self._tape, blocks, depth, alpha, beta, self._trees)

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
        return FractionTree(numerators, denominators)

    def contraction(self, node: Contract, point: Point) -> ProductState:
        self._trees.clear()  # they are done
        at = by_axis(node.axes, point)
        free = sum(axis.bits for axis in node.over)
        joint = [r for axis in node.joint for r in at[axis]]
        left = self._bound(node.left, node.joint + node.over, at)
        right = left if node.right is node.left else self._bound(node.right, node.joint + node.over, at)
        return ProductState(left, right, joint, free, self._room)

    def shifting(self, node: Shift, point: Point) -> ProductState:
        at = by_axis(node.axes, point)
        moved = np.ascontiguousarray(np.roll(kernels.eq_table(at[node.axis]), 1, axis=0))
        return ProductState(self._bound(node.child, (node.axis,), at), moved, [], node.axis.bits, self._room)

    def opening(self, source: int, claims: list[Claim], gamma: Ext) -> OpeningProver:
        self._room.clear()  # contractions are done
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
    first = np.array([e_sub(alpha, (block.what.tag, 0))], dtype=np.uint64)
    kernels.denominators(out, start, columns[0], power, first)
    for column in columns[1:]:
        power = e_mul(power, beta)
        kernels.denominators(out, start, column, power)


class ProductState:
    """The sumcheck of left * right over joint axes (weighted by `joint`) and then `free` summed variables."""

    def __init__(self, left: Words, right: Words, joint: Point, free: int, room: Room) -> None:
        self._left, self._right, self._room = left, right, room
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
        if self._left.ndim == 1 or self._right.ndim == 1:
            self._first_fold(challenge)
        else:
            same = self._left is self._right
            self._left = kernels.fold(self._left, challenge)
            self._right = self._left if same else kernels.fold(self._right, challenge)
        if self._joint:
            self._joint -= 1
            if self._joint == 0:
                self._weights = None
            elif self._weights is not None:
                self._weights = kernels.halve_eq(self._weights)

    def _first_fold(self, challenge: Ext) -> None:
        """From F to E, in room that is there already."""
        same, half = self._left is self._right, len(self._left) // 2
        space = self._room.again(half if same else 2 * half)

        def folded(values: Words, out: Words) -> Words:
            return (
                kernels.fold_base(values, half, challenge, out) if values.ndim == 1 else kernels.fold(values, challenge)
            )

        self._left = folded(self._left, space[:half])
        self._right = self._left if same else folded(self._right, space[half:])


class OpeningProver:
    """The batched opening of one commitment (docs/protocol.md, section 8), without ever holding W.

    A claim's weight is a product of a row part and a column part. So the rows of the matrix are summed under each
    claim's column part; the sumcheck's row variables then run over sums of rows alone, and its column variables
    over the one row that the bound row variables leave, which is also what the opening sends in clear.
    """

    def __init__(self, vector: CommittedVector, opening: int, claims: list[Claim], gamma: Ext) -> None:
        self._vector, self._opening, self._claims = vector, opening, claims
        code = vector.code
        self._row_variables = code.variables - code.column_variables
        self._bound: Point = []
        shape = (1 << self._row_variables, len(claims), 2)
        left, right = np.zeros(shape, dtype=np.uint64), np.zeros(shape, dtype=np.uint64)
        wanted: dict[tuple[int, int], dict[tuple[Ext, ...], list[int]]] = {}
        power = ONE
        for k, claim in enumerate(claims):
            first, count = claim.offset // code.width, max(1, (1 << len(claim.point)) // code.width)
            split = max(0, len(claim.point) - code.column_variables)
            part = np.empty((count, 2), dtype=np.uint64)
            kernels.eq_table_add(part, claim.point[:split], power, fresh=True)
            left[first : first + count, k] = part
            block = claim.offset % code.width, min(code.width, 1 << len(claim.point))
            wanted.setdefault(block, {}).setdefault(tuple(claim.point[split:]), []).append(k)
            power = e_mul(power, gamma)
        for (at, width), points in wanted.items():
            # all rows count, also those the claim has no weight on: between 0 and 1 a variable mixes them
            part = vector.matrix if width == code.width else np.ascontiguousarray(vector.matrix[:, at : at + width])
            found = kernels.apply_all(part, [kernels.eq_table(point) for point in points])
            for sums, numbers in zip(found, points.values(), strict=True):
                right[: code.rows, numbers] = sums[:, None]
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
