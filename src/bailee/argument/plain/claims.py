"""From a statement to claims on commitments: sections 4, 5, 6 and 7 of docs/protocol.md.

`Form` is an affine form in pads and their products, `Dialogue` receives hidden values and records what must be zero,
`reduce_tape` runs look-ups, assertions and nodes. What is left are claims on committed tensors, for `settlement`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as declare

import numpy as np

from bailee.algebra import field
from bailee.algebra.field import ONE, ZERO, Ext, Words
from bailee.argument.nodes import Axis, Committed, Contract, Linear, Lookup, Node, Public, Select, Shift, Table, Tuples
from bailee.argument.plain.words import Transcript, combine, eq
from bailee.argument.tape import Tape
from bailee.errors import ProofError, ProofFormatError

Point = tuple[Ext, ...]


# 4. Hidden values


@dataclass(frozen=True)
class Form:
    """`constant + sum coefficient * value`; key i >= 0 stands for the pad P_i, key ~k for the product Z_k."""

    constant: Ext
    terms: Mapping[int, Ext] = declare(default_factory=dict)

    def __add__(self, other: Form) -> Form:
        terms = dict(self.terms)
        for key, coefficient in other.terms.items():
            terms[key] = field.e_add(terms[key], coefficient) if key in terms else coefficient
        return Form(field.e_add(self.constant, other.constant), terms)

    def times(self, scalar: Ext) -> Form:
        terms = {key: field.e_mul(coefficient, scalar) for key, coefficient in self.terms.items()}
        return Form(field.e_mul(self.constant, scalar), terms)

    def __sub__(self, other: Form) -> Form:
        return self + other.times(field.e_neg(ONE))


class Dialogue:
    """What the prover sent, in order, and what it must satisfy; the counters are for the soundness table."""

    def __init__(self, transcript: Transcript, sent: Sequence[Ext], raw: Sequence[bytes]) -> None:
        self.transcript = transcript
        self.zeros: list[Form] = []
        self.pairs: dict[tuple[int, int], int] = {}
        self.used = self.rounds = self.layers = 0
        self._sent, self._raw = sent, raw

    def receive(self) -> Form:
        """The next hidden value: what was sent, plus its own pad."""
        if self.used == len(self._sent):
            raise ProofFormatError(f"the proof sends {len(self._sent)} values, fewer than the statement needs")
        number = self.used
        self.used += 1
        self.transcript.absorb("hidden", self._raw[number])
        return Form(self._sent[number], {number: ONE})

    def zero(self, form: Form) -> None:
        self.zeros.append(form)

    def product(self, x: Form, y: Form) -> Form:
        """x y for values just as received or public: a b + a P_j + b P_i + Z_k."""
        if not x.terms:
            return y.times(x.constant)
        if not y.terms:
            return x.times(y.constant)
        (i,), (j,) = x.terms, y.terms
        number = self.pairs.setdefault((min(i, j), max(i, j)), len(self.pairs))
        a, b = x.constant, y.constant
        return Form(field.e_mul(a, b)) + Form(ZERO, {j: a}) + Form(ZERO, {i: b}) + Form(ZERO, {~number: ONE})

    # 5. Sumcheck

    def sumcheck(self, claim: Form, weights: Sequence[Ext | None]) -> tuple[Form, Point]:
        """One round per variable, weighted by eq(rho, .) or free (None); the reduced claim and its point."""
        point: list[Ext] = []
        for rho in weights:
            c0, c2 = self.receive(), self.receive()
            if rho is None:
                c1 = claim - c0.times((2, 0)) - c2
            elif rho == ZERO:
                raise ProofError("a weight of a sumcheck is zero")
            else:
                c1 = (claim - c0).times(field.e_inv(rho)) - c2
            r = self.transcript.challenge("sumcheck")  # degree 2, weight 1: costs 3/|E|
            claim = c0 + (c1 + c2.times(r)).times(r)
            point.append(r)
            self.rounds += 1
        return claim, tuple(point)


# 7. The tape


def public_value(node: Public, point: Point) -> Ext:
    """The multilinear extension of public values: the product of the factors' own."""
    value, start = ONE, 0
    for axes, words in node.factors:
        bits = sum(axis.bits for axis in axes)
        value = field.e_mul(value, _extend([words], point[start : start + bits])[0])
        start += bits
    return value


def follows(z: Point, y: Point) -> Ext:
    """The extension of [y = z + 1 mod 2^m]: eq(z) as a table in y, turned by one place, at y."""
    turned = np.roll(field.eq_table(z), 1, axis=0)
    return field.dot_ext(turned, field.eq_table(y))


def _extend(columns: Sequence[Words], point: Point) -> list[Ext]:
    """Several tables of F over the same axes, at one point."""
    table = field.eq_table(point)
    values = (combine(words.reshape(1, -1), table)[0] for words in columns)
    return [(int(v[0]), int(v[1])) for v in values]


def _at(axes: Sequence[Axis], places: Mapping[Axis, Point]) -> Point:
    return tuple(r for axis in axes for r in places[axis])


def _split(axes: Sequence[Axis], point: Point) -> dict[Axis, Point]:
    """The coordinates of each axis."""
    places, start = {}, 0
    for axis in axes:
        places[axis] = point[start : start + axis.bits]
        start += axis.bits
    return places


@dataclass(frozen=True)
class Claim:
    """A claim `tensor(point) = value` on a commitment."""

    tensor: str
    point: Point
    value: Form


class Reduction:
    """Queues of claims on nodes, emptied from the last node to the first."""

    def __init__(self, tape: Tape, dialogue: Dialogue) -> None:
        self.tape, self.dialogue = tape, dialogue
        self.commitments: list[list[Claim]] = [[] for _ in tape.sources]
        self.degree = 0  # of both look-up trees in alpha and beta, for the soundness table
        self._queues: list[list[tuple[Point, Form]]] = [[] for _ in tape.nodes]
        self._known: dict[tuple[int, Point], Form] = {}

    def evaluate(self, node: Node, point: Point) -> Form:
        """The node's value at a point: public, known already, or received and queued as a claim."""
        key = (node.id, point)
        if key not in self._known:
            if isinstance(node, Public):
                self._known[key] = Form(public_value(node, point))
            else:
                self._known[key] = self.dialogue.receive()
                self._queues[node.id].append((point, self._known[key]))
        return self._known[key]

    def run(self) -> None:
        if self.tape.lookups or self.tape.permutations:
            LookUps(self).run()
        places: dict[Axis, Point] = {}
        for node in self.tape.assertions:
            for axis in node.axes:
                if axis not in places:
                    draw = self.dialogue.transcript.challenge
                    places[axis] = tuple(draw("axis") for _ in range(axis.bits))  # costs bits/|E| for each assertion
            self._queues[node.id].append((_at(node.axes, places), Form(ZERO)))
        for node in reversed(self.tape.nodes):
            for point, value in self._queues[node.id]:
                self._reduce(node, point, value)

    def _reduce(self, node: Node, point: Point, value: Form) -> None:
        places = _split(node.axes, point)
        if isinstance(node, Committed):
            self.commitments[self.tape.source_of(node)].append(Claim(node.tensor, point, value))
        elif isinstance(node, Public):
            self.dialogue.zero(value - Form(public_value(node, point)))
        elif isinstance(node, Linear):
            rest = value - Form((node.constant, 0))
            for coefficient, child in node.terms:
                rest = rest - self.evaluate(child, _at(child.axes, places)).times((coefficient, 0))
            self.dialogue.zero(rest)
        elif isinstance(node, Select):
            bits = reversed(range(node.axis.bits))
            places[node.axis] = tuple((node.index >> bit & 1, 0) for bit in bits)
            self._queues[node.child.id].append((_at(node.child.axes, places), value))
        elif isinstance(node, Contract):
            self._contract(node, places, value)
        elif isinstance(node, Shift):
            z = places[node.axis]
            value, places[node.axis] = self.dialogue.sumcheck(value, [None] * node.axis.bits)
            before = self.evaluate(node.child, _at(node.child.axes, places))
            self.dialogue.zero(value - before.times(follows(z, places[node.axis])))
        else:
            raise ProofError(f"a node of an unknown kind: {type(node).__name__}")

    def _contract(self, node: Contract, places: dict[Axis, Point], value: Form) -> None:
        left, right = node.left, node.right
        joint = [a for a in left.axes if a in right.axes and a not in node.over]
        weights: list[Ext | None] = [*_at(joint, places), *[None for axis in node.over for _ in range(axis.bits)]]
        value, r = self.dialogue.sumcheck(value, weights)
        places = places | _split([*joint, *node.over], r)
        a = self.evaluate(left, _at(left.axes, places))
        b = self.evaluate(right, _at(right.axes, places))
        self.dialogue.zero(value - self.dialogue.product(a, b))


# 6. Look-ups


@dataclass(frozen=True)
class Place:
    """Where block number `block`, of 2^bits leaves, stands in a tree."""

    block: int
    bits: int
    start: int

    def weigh(self, point: Point) -> tuple[Ext, Point]:
        """eq(prefix bits of the block, first coordinates), and the last coordinates."""
        cut = len(point) - self.bits
        return eq(point[:cut], self.start >> self.bits), point[cut:]


def arrange(bits: Sequence[int], group: Sequence[int] | None = None) -> tuple[list[Place], int]:
    """Blocks (all, or those of a group) by decreasing size, ties as given, one after the other; and where they end."""
    places, end = [], 0
    for block in sorted(range(len(bits)) if group is None else group, key=lambda b: -bits[b]):
        places.append(Place(block, bits[block], end))
        end += 1 << bits[block]
    return places, end


SPLIT_FROM = 1 << 20


def split(bits: Sequence[int]) -> list[list[int]]:
    """Which look-ups go into A1 and A2; all into one where no prefix fills a tree and leaves at most half as much."""
    order = sorted(range(len(bits)), key=lambda b: -bits[b])
    for count in range(1, len(order)):
        filled, rest = (sum(1 << bits[b] for b in part) for part in (order[:count], order[count:]))
        if filled >= SPLIT_FROM and filled.bit_count() == 1 and 2 * rest <= filled:
            return [order[:count], order[count:]]
    return [order]


class LookUps:
    """The identity `sum 1/(alpha - looked up) = sum multiplicity/(alpha - listed)`, summed by two trees.

    Left sides of permutations are looked up, right sides are listed, each tuple once.
    """

    def __init__(self, reduction: Reduction) -> None:
        self.reduction, self.tape, self.dialogue = reduction, reduction.tape, reduction.dialogue
        self.beta = self.dialogue.transcript.challenge("lookup-beta")  # degree/|E| with alpha
        self.alpha = self.dialogue.transcript.challenge("lookup-alpha")

    def run(self) -> None:
        receive, zero, product = self.dialogue.receive, self.dialogue.zero, self.dialogue.product
        left = [block for permutation in self.tape.permutations for block in permutation.left]
        right = [block for permutation in self.tape.permutations for block in permutation.right]
        asked: list[Lookup | Tuples] = [*self.tape.lookups, *left]
        shown: list[Table | Tuples] = [*self.tape.tables, *right]
        sizes = [look.bits for look in asked]
        trees = [arrange(sizes, group) for group in split(sizes)]
        listed, end_b = arrange([block.bits for block in shown])
        depth_b = max(1, (end_b - 1).bit_length())
        depths = [max(1, (end - 1).bit_length()) for _, end in trees]
        pads = sum((1 << depth) - end for depth, (_, end) in zip(depths, trees, strict=True))
        self.reduction.degree = sum(len(block.columns) << block.bits for side in (asked, shown) for block in side)
        roots = [(receive(), receive()) for _ in trees]
        pb, qb = receive(), receive()
        pa, qa = roots[0]
        for p, q in roots[1:]:
            before, (pa, qa) = (pa, qa), (receive(), receive())
            zero(pa - product(before[0], q) - product(p, before[1]))
            zero(qa - product(before[1], q))
        zero(product(pa, qb) - product(qa, qb).times((pads, 0)) - product(pb, qa))

        for (looked, _), depth, root in zip(trees, depths, roots, strict=True):
            _, q, point = self._layers(*root, depth, ones=True)
            blocks = []
            for place in looked:
                weight, x = place.weigh(point)
                look = asked[place.block]
                columns = [self.reduction.evaluate(column, x) for column in look.columns]
                blocks.append((weight, self._denominator(look.tag, columns)))
            zero(q - self._leaves(blocks))

        p, q, point = self._layers(pb, qb, depth_b, ones=False)
        blocks = []
        for place in listed:
            weight, x = place.weigh(point)
            block = shown[place.block]
            if isinstance(block, Table):
                p = p - self.reduction.evaluate(self.tape.multiplicities[block.tag], x).times(weight)
                columns = [Form(v) for v in _extend(block.columns, x)]
            else:
                p = p - Form(weight)
                columns = [self.reduction.evaluate(column, x) for column in block.columns]
            blocks.append((weight, self._denominator(block.tag, columns)))
        zero(p)
        zero(q - self._leaves(blocks))

    def _denominator(self, tag: int, columns: Sequence[Form]) -> Form:
        """alpha - (tag + sum_c beta^c column_c), c from 1."""
        total, power = Form(field.e_sub(self.alpha, (tag, 0))), ONE
        for column in columns:
            power = field.e_mul(power, self.beta)
            total = total - column.times(power)
        return total

    def _leaves(self, blocks: Sequence[tuple[Ext, Form]]) -> Form:
        """The denominators' extension: blocks by weight, and 1 on the pads that are left."""
        total = Form(ONE)
        for weight, denominator in blocks:
            total = total + (denominator - Form(ONE)).times(weight)
        return total

    def _layers(self, p: Form, q: Form, depth: int, ones: bool) -> tuple[Form, Form, Point]:
        """From the root's fraction to the leaves' at a random point; with `ones` the leaves' numerators are all 1."""
        receive, product, draw = self.dialogue.receive, self.dialogue.product, self.dialogue.transcript.challenge
        point: Point = ()
        for layer in range(depth):
            lam = draw("layer")  # lambda and the child cost 2/|E|
            claim, point = self.dialogue.sumcheck(p + q.times(lam), point)
            if ones and layer == depth - 1:
                p0 = p1 = Form(ONE)
            else:
                p0, p1 = receive(), receive()
            q0, q1 = receive(), receive()
            self.dialogue.zero(claim - product(p0, q1) - product(p1, q0) - product(q0, q1).times(lam))
            child = draw("child")
            p, q = p0 + (p1 - p0).times(child), q0 + (q1 - q0).times(child)
            point = (child, *point)
            self.dialogue.layers += 1
        return p, q, point
