"""From a finished tape to claims on commitments: the dialogue both sides hold (docs/protocol.md, sections 6-8)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from bailee import tags
from bailee.algebra import kernels
from bailee.algebra.field import e_add, e_mul, e_sub
from bailee.argument.affine import ONE, ZERO, Ext, Form, Hidden, public
from bailee.argument.commitment_record import layout
from bailee.argument.dialogue import Dialogue
from bailee.argument.lookup import LookupWitness, reduce_lookups
from bailee.argument.nodes import Axis, Committed, Contract, Linear, Node, Public, Select, Shift, Source
from bailee.argument.parameters import CodeParameters, code_parameters
from bailee.argument.sumcheck import RoundState, sumcheck
from bailee.argument.tape import Tape
from bailee.argument.transcript import Transcript

Point = list[Ext]


@dataclass(frozen=True)
class Claim:
    """tensor(point) is `value`; `offset` is where the tensor starts in its commitment."""

    offset: int
    point: Point
    value: Form


@dataclass(frozen=True)
class Row:
    """What an opening sends in clear: `width` values and `tail` coefficients of w, each (count, 2)."""

    values: NDArray[np.uint64]
    tail: NDArray[np.uint64]


@dataclass(frozen=True)
class Opened:
    """What the columns of one commitment are checked against: w, the row weights and the mask challenge."""

    source: int
    code: CodeParameters
    opening: int
    row: Row
    row_weights: NDArray[np.uint64]
    mask: Ext


class OpeningState(RoundState, Protocol):
    def value(self) -> Ext: ...
    def mask_value(self, columns: NDArray[np.uint64]) -> Ext: ...
    def row(self, weights: NDArray[np.uint64], mask: Ext) -> Row: ...


class Witness(LookupWitness, Protocol):
    """A prover's knowledge, asked for only where a message is due."""

    def evaluate(self, node: Node, point: Point) -> Ext: ...
    def contraction(self, node: Contract, point: Point) -> RoundState: ...
    def shifting(self, node: Shift, point: Point) -> RoundState: ...
    def opening(self, source: int, claims: list[Claim], gamma: Ext) -> OpeningState: ...


class RowChannel(Protocol):
    """How the clear row of an opening travels: a prover computes and keeps it, a verifier reads it."""

    def row(
        self, source: int, code: CodeParameters, state: OpeningState | None, weights: NDArray[np.uint64], mask: Ext
    ) -> Row: ...


def source_code(source: Source) -> CodeParameters:
    return code_parameters(
        sum(1 << bits for _, bits in source.tensors), source.commitment.openings if source.commitment else 1
    )


def begin(transcript: Transcript, tape: Tape, context: bytes, roots: Sequence[bytes], pads_root: bytes) -> None:
    """Absorb the whole statement and every commitment before the first challenge (section 12)."""
    transcript.absorb("protocol", tags.PROTOCOL.encode())
    transcript.absorb("context", context)
    transcript.absorb("structure", tape.describe())
    for root in roots:
        transcript.absorb("root", root)
    transcript.absorb("pads", pads_root)


class Reduction:
    """Runs sections 6 to 8 over a dialogue. `witness` is a prover's; a verifier and a counter pass None."""

    def __init__(self, d: Dialogue, tape: Tape, witness: Witness | None) -> None:
        self._d, self._tape, self._witness = d, tape, witness
        self._known: dict[tuple[int, tuple[Ext, ...]], Form] = {}
        self._queue: dict[int, list[tuple[Point, Form]]] = {}
        self._claims: list[list[Claim]] = [[] for _ in tape.sources]
        self._layouts = [layout(source.tensors) for source in tape.sources]

    def run(self, rows: RowChannel | None) -> list[Opened]:
        """What the columns of each commitment are checked against; nothing without `rows`, when it only counts."""
        reduce_lookups(self._d, self._tape, self.evaluate, self._witness)
        self._assert()
        for node in reversed(self._tape.nodes):
            for point, claim in self._queue.pop(node.id, []):
                self._reduce(node, point, claim)
        opened = [self._open(index, rows) for index in range(len(self._tape.sources))]
        return [each for each in opened if each]

    def evaluate(self, node: Node, point: Point) -> Form:
        """The form of a node's value at a point: public, known already, or sent now and queued."""
        key = (node.id, tuple(point))
        if key not in self._known and isinstance(node, Public):
            self._known[key] = public(ONE if self._d.blind else evaluate_public(node, point))
        if key not in self._known:
            witness = self._witness
            sent = self._d.send(witness.evaluate(node, point) if witness else ZERO)
            self._known[key] = sent
            self._queue.setdefault(node.id, []).append((point, sent))
        return self._known[key]

    def _assert(self) -> None:
        points: dict[Axis, Point] = {}
        for node in self._tape.assertions:
            for axis in node.axes:
                if axis not in points:
                    points[axis] = [self._d.challenge("axis") for _ in range(axis.bits)]
        for node in self._tape.assertions:
            self._d.tally.assertion_bits += node.bits
            point = [r for axis in node.axes for r in points[axis]]
            self._queue.setdefault(node.id, []).append((point, public(ZERO)))

    def _reduce(self, node: Node, point: Point, claim: Form) -> None:
        d = self._d
        if isinstance(node, Committed):
            source = self._tape.source_of(node)
            offset = self._layouts[source][node.tensor]
            self._claims[source].append(Claim(offset, point, claim))
        elif isinstance(node, Public):
            d.zero(claim.plus_constant(e_sub(ZERO, evaluate_public(node, point))))
        elif isinstance(node, Linear):
            at = by_axis(node.axes, point)
            total = public((node.constant, 0))
            for coefficient, child in node.terms:
                total = total.plus(self.evaluate(child, [r for a in child.axes for r in at[a]]), (coefficient, 0))
            d.zero(claim.minus(total))
        elif isinstance(node, Select):
            at = by_axis(node.axes, point)
            bits = node.axis.bits
            at[node.axis] = [((node.index >> (bits - 1 - k)) & 1, 0) for k in range(bits)]
            self._queue.setdefault(node.child.id, []).append(([r for a in node.child.axes for r in at[a]], claim))
        elif isinstance(node, Contract):
            self._reduce_contract(node, point, claim)
        elif isinstance(node, Shift):
            self._reduce_shift(node, point, claim)

    def _reduce_shift(self, node: Shift, point: Point, claim: Form) -> None:
        at = by_axis(node.axes, point)
        state = self._witness.shifting(node, point) if self._witness else None
        found, rest = sumcheck(self._d, claim, [None] * node.axis.bits, state)
        weight = successor(at[node.axis], found)
        at[node.axis] = found
        value = self.evaluate(node.child, [r for a in node.child.axes for r in at[a]])
        self._d.zero(rest.plus(value, e_sub(ZERO, weight)))

    def _reduce_contract(self, node: Contract, point: Point, claim: Form) -> None:
        d = self._d
        at = by_axis(node.axes, point)
        weights: list[Ext | None] = [r for axis in node.joint for r in at[axis]]
        weights += [None] * sum(axis.bits for axis in node.over)
        state = self._witness.contraction(node, point) if self._witness else None
        found, rest = sumcheck(d, claim, weights, state)
        for axis in node.joint + node.over:
            at[axis], found = found[: axis.bits], found[axis.bits :]
        left = self.evaluate(node.left, [r for a in node.left.axes for r in at[a]])
        right = self.evaluate(node.right, [r for a in node.right.axes for r in at[a]])
        if isinstance(left, Hidden) and isinstance(right, Hidden):
            d.zero(rest.minus(d.product(left, right)))
        elif right.is_public:
            d.zero(rest.plus(left, e_sub(ZERO, right.constant)))
        else:
            d.zero(rest.plus(right, e_sub(ZERO, left.constant)))

    def _open(self, index: int, rows: RowChannel | None) -> Opened | None:
        d, source, claims = self._d, self._tape.sources[index], self._claims[index]
        code = source_code(source)
        d.tally.claims += len(claims)
        d.tally.openings += 1
        gamma = d.challenge("batch")
        state = self._witness.opening(index, claims, gamma) if self._witness else None
        total, power = public(ZERO), ONE
        for claim in claims:
            total, power = total.plus(claim.value, power), e_mul(power, gamma)
        point, rest = sumcheck(d, total, [None] * code.variables, state)
        value = d.send(state.value() if state else ZERO)
        if rows is None:
            d.send(ZERO)
            return None
        d.zero(rest.plus(value, e_sub(ZERO, batch_weight(claims, gamma, point))))
        split = code.variables - code.column_variables
        row_weights = kernels.eq_table(point[:split])[: code.rows]
        columns = kernels.eq_table(point[split:])
        masked = d.send(state.mask_value(columns) if state else ZERO)
        mask = d.challenge("mask")
        row = rows.row(index, code, state, row_weights, mask)
        inner = kernels.dot_ext(row.values, columns)
        d.zero(masked.plus(value, mask).plus_constant(e_sub(ZERO, inner)))
        return Opened(index, code, source.opening, row, row_weights, mask)


def batch_weight(claims: list[Claim], gamma: Ext, point: Point) -> Ext:
    """W(point) of section 8."""
    total, power = ZERO, ONE
    places: dict[tuple[int, int], Ext] = {}
    for claim in claims:
        bits = len(claim.point)
        head, place = len(point) - bits, (claim.offset, bits)
        if place not in places:
            factor = ONE
            for k, r in enumerate(point[:head]):
                factor = e_mul(factor, r if (claim.offset >> (len(point) - 1 - k)) & 1 else e_sub(ONE, r))
            places[place] = factor
        term = e_mul(power, places[place])
        for s, r in zip(claim.point, point[head:], strict=True):
            both = e_mul(s, r)
            term = e_mul(term, (1 + 2 * both[0] - s[0] - r[0], 2 * both[1] - s[1] - r[1]))
        total = (total[0] + term[0], total[1] + term[1])
        power = e_mul(power, gamma)
    return e_mul(total, ONE)


def successor(z: Point, y: Point) -> Ext:
    """The multilinear extension of `y = z + 1`, around: z ends in a zero and ones, y in the one and zeros instead."""
    total, carried = ZERO, ONE
    for k in range(len(z) - 1, -1, -1):
        both = e_mul(z[k], y[k])
        same = ONE
        for a, b in zip(z[:k], y[:k], strict=True):
            ab = e_mul(a, b)
            same = e_mul(same, e_add(e_sub(e_sub(ONE, a), b), e_add(ab, ab)))
        total = e_add(total, e_mul(e_mul(same, e_sub(y[k], both)), carried))
        carried = e_mul(carried, e_sub(z[k], both))
    return e_add(total, carried)


def evaluate_public(node: Public, point: Point) -> Ext:
    value = ONE
    for axes, words in node.factors:
        bits = sum(axis.bits for axis in axes)
        value = e_mul(value, kernels.dot_base(words, kernels.eq_table(point[:bits])))
        point = point[bits:]
    return value


def by_axis(axes: tuple[Axis, ...], point: Point) -> dict[Axis, Point]:
    at: dict[Axis, Point] = {}
    for axis in axes:
        at[axis], point = point[: axis.bits], point[axis.bits :]
    return at
