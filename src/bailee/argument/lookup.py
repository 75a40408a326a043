"""Look-ups and permutations as two sums of fractions, each a GKR tree (docs/protocol.md, section 6)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from bailee.algebra import kernels
from bailee.algebra.field import e_add, e_mul, e_neg, e_sub
from bailee.argument.affine import ONE, ZERO, Ext, Form, Hidden, public
from bailee.argument.dialogue import Dialogue
from bailee.argument.nodes import Lookup, Node, Table, Tuples
from bailee.argument.sumcheck import RoundState, sumcheck
from bailee.argument.tape import Tape

Block = Lookup | Table | Tuples
Evaluate = Callable[[Node, list[Ext]], Form]


class TreeState(Protocol):
    """A prover's side of one tree. `layer` starts the next layer's sumcheck."""

    def root(self) -> tuple[Ext, Ext]: ...
    def layer(self, point: list[Ext], weight: Ext) -> RoundState: ...
    def children(self) -> tuple[Ext, Ext, Ext, Ext]: ...


class LookupWitness(Protocol):
    def lookups(self, blocks: list[Placed], depth: int, alpha: Ext, beta: Ext) -> TreeState: ...
    def tables(self, blocks: list[Placed], depth: int, alpha: Ext, beta: Ext) -> TreeState: ...


@dataclass(frozen=True)
class Placed:
    """A block of leaves: a look-up, a table or a side of a permutation, at `offset`, of `2^bits` leaves."""

    what: Block
    offset: int
    bits: int

    @property
    def columns(self) -> tuple[Node, ...]:
        """The nodes looked up or permuted; a table has none."""
        return () if isinstance(self.what, Table) else self.what.columns

    def weight(self, point: list[Ext]) -> Ext:
        """eq of the block's place with the first coordinates."""
        head = len(point) - self.bits
        weight = ONE
        for k in range(head):
            bit = (self.offset >> (len(point) - 1 - k)) & 1
            weight = e_mul(weight, point[k] if bit else e_sub(ONE, point[k]))
        return weight

    def tail(self, point: list[Ext]) -> list[Ext]:
        return point[len(point) - self.bits :]


def asked(tape: Tape) -> list[Block]:
    """The blocks of tree A, in order: look-ups, then the left sides of permutations."""
    return [*tape.lookups, *(block for permutation in tape.permutations for block in permutation.left)]


def listed(tape: Tape) -> list[Block]:
    """The blocks of tree B, in order: tables, then the right sides of permutations."""
    return [*tape.tables, *(block for permutation in tape.permutations for block in permutation.right)]


def place(items: list[Block]) -> tuple[list[Placed], int, int]:
    """Lay blocks out by decreasing size; returns them, the depth of the tree and the number of padding leaves."""
    blocks: list[Placed] = []
    position = 0
    for what in sorted(items, key=lambda item: -item.bits):
        blocks.append(Placed(what, position, what.bits))
        position += 1 << what.bits
    depth = max(1, (position - 1).bit_length())
    return blocks, depth, (1 << depth) - position


@dataclass(frozen=True)
class Root:
    """Numerator and denominator of a whole tree: as sent, and (to a prover) as they are."""

    form: tuple[Hidden, Hidden]
    value: tuple[Ext, Ext]


SPLIT_FROM = 1 << 20
"""Leaves from which on a tree that padding would nearly double is cut in two."""


def groups(blocks: list[Block]) -> list[list[Block]]:
    """The blocks of each tree A: one tree, or two where the largest blocks fill one and leave at most half as much."""
    items = sorted(blocks, key=lambda item: -item.bits)
    total = sum(1 << item.bits for item in items)
    filled = 0
    for k, item in enumerate(items[:-1], start=1):
        filled += 1 << item.bits
        if filled & (filled - 1) == 0 and filled >= SPLIT_FROM and 2 * (total - filled) <= filled:
            return [items[:k], items[k:]]
    return [items]


def reduce_lookups(d: Dialogue, tape: Tape, evaluate: Evaluate, witness: LookupWitness | None) -> None:
    if not asked(tape):
        return
    beta = d.challenge("lookup-beta")
    alpha = d.challenge("lookup-alpha")
    placed = [place(group) for group in groups(asked(tape))]
    blocks_b, depth_b, _ = place(listed(tape))
    every = [block for blocks, _, _ in placed for block in blocks] + blocks_b
    d.tally.lookup_degree = sum(len(block.what.columns) << block.bits for block in every)
    trees = [witness.lookups(blocks, depth, alpha, beta) if witness else None for blocks, depth, _ in placed]
    tree_b = witness.tables(blocks_b, depth_b, alpha, beta) if witness else None

    roots = [_root(d, tree) for tree in trees]
    root_b = _root(d, tree_b)
    whole = roots[0]
    for root in roots[1:]:
        whole = _sum(d, whole, root)
    root_a = whole.form
    pads = sum(padding for _, _, padding in placed)
    balance = d.product(root_a[0], root_b.form[1]).plus(d.product(root_a[1], root_b.form[1]), e_neg((pads, 0)))
    d.zero(balance.minus(d.product(root_b.form[0], root_a[1])))

    for (blocks_a, depth, _), root, tree in zip(placed, roots, trees, strict=True):
        point, _, q = _descend(d, root.form, depth, tree, ones=True)
        total = public(ONE)
        for block in blocks_a:
            weight, tail = block.weight(point), block.tail(point)
            columns = [evaluate(node, tail) for node in block.columns]
            total = total.plus(_denominator(block, columns, alpha, beta).plus_constant(e_neg(ONE)), weight)
        d.zero(q.minus(total))

    point, p, q = _descend(d, root_b.form, depth_b, tree_b, ones=False)
    counts, total = public(ZERO), public(ONE)
    for block in blocks_b:
        weight, tail = block.weight(point), block.tail(point)
        if isinstance(block.what, Table):
            counts = counts.plus(evaluate(tape.multiplicities[block.what.tag], tail), weight)
            numbers = range(0 if d.blind else len(block.what.columns))
            columns = [evaluate_column(block.what, k, tail) for k in numbers]
        else:
            # each tuple of a right side is listed once
            counts = counts.plus_constant(weight)
            columns = [evaluate(node, tail) for node in block.columns]
        total = total.plus(_denominator(block, columns, alpha, beta).plus_constant(e_neg(ONE)), weight)
    d.zero(p.minus(counts))
    d.zero(q.minus(total))


def evaluate_column(table: Table, column: int, point: list[Ext]) -> Form:
    return public(kernels.dot_base(table.columns[column], kernels.eq_table(point)))


def _denominator(block: Placed, columns: list[Form], alpha: Ext, beta: Ext) -> Form:
    total = public(e_sub(alpha, (block.what.tag, 0)))
    power = ONE
    for column in columns:
        power = e_mul(power, beta)
        total = total.plus(column, e_neg(power))
    return total


def _root(d: Dialogue, tree: TreeState | None) -> Root:
    p, q = tree.root() if tree else (ZERO, ZERO)
    return Root((d.send(p), d.send(q)), (p, q))


def _sum(d: Dialogue, a: Root, b: Root) -> Root:
    """The sum of two fractions, sent hidden and shown to be it."""
    p = e_add(e_mul(a.value[0], b.value[1]), e_mul(b.value[0], a.value[1]))
    q = e_mul(a.value[1], b.value[1])
    hidden = d.send(p), d.send(q)
    d.zero(hidden[0].minus(d.product(a.form[0], b.form[1])).minus(d.product(b.form[0], a.form[1])))
    d.zero(hidden[1].minus(d.product(a.form[1], b.form[1])))
    return Root(hidden, (p, q))


def _descend(
    d: Dialogue, root: tuple[Form, Form], depth: int, tree: TreeState | None, ones: bool
) -> tuple[list[Ext], Form, Form]:
    """From the root's claims to the leaves': a point of `depth` coordinates, numerator and denominator there."""
    p, q = root
    point: list[Ext] = []
    for level in range(depth):
        known = ones and level == depth - 1
        weight = d.challenge("layer")
        state = tree.layer(point, weight) if tree else None
        inner, claim = sumcheck(d, p.plus(q, weight), list(point), state)
        state = None  # so that a layer is gone before the next one is made
        values = tree.children() if tree else (ZERO, ZERO, ZERO, ZERO)
        sent = [d.send(value) for value in (values[2:] if known else values)]
        q0, q1 = sent[-2], sent[-1]
        if known:
            claim = claim.minus(q0).minus(q1)
        else:
            claim = claim.minus(d.product(sent[0], q1)).minus(d.product(sent[1], q0))
        d.zero(claim.plus(d.product(q0, q1), e_neg(weight)))
        c = d.challenge("child")
        keep = e_sub(ONE, c)
        p = public(ONE) if known else sent[0].scaled(keep).plus(sent[1], c)
        q = q0.scaled(keep).plus(q1, c)
        point = [c, *inner]
        d.tally.layers += 1
    return point, p, q
