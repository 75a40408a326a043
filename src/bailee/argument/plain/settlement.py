"""Opening the commitments, the closing system, the soundness table and `verify`: sections 8, 9, 10 and 12."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bailee import tags
from bailee.algebra import field
from bailee.algebra.field import ONE, ZERO, Ext, P, Words
from bailee.algebra.transform import interpolate
from bailee.argument.nodes import Source
from bailee.argument.plain.claims import Claim, Dialogue, Form, Reduction, arrange
from bailee.argument.plain.words import (
    CLOSING_LENGTH,
    DIGEST_BYTES,
    Columns,
    Reader,
    Transcript,
    check_tree,
    closing_code,
    combine,
    combine_ext,
    commitment_code,
    eq_points,
    evaluate,
)
from bailee.argument.tape import Tape
from bailee.errors import ProofError, ProofFormatError

_MAGIC = b"BLEE"
_VERSION = 1


def verify(tape: Tape, context: bytes, proof: bytes) -> dict[str, float]:
    """Check a proof of the tape's statement, bound to `context`; the soundness table in bits.

    Raises ProofFormatError for bytes that are no proof of this shape, ProofError for a proof that does not convince.
    """
    tape.finish()
    reader = Reader(proof)
    transcript = Transcript()

    # 12. The front of the proof: everything whose size the statement fixes
    if reader.take(4) != _MAGIC or reader.number(2) != _VERSION:
        raise ProofFormatError("the bytes are not a proof of version 1")
    if reader.number(2) != sum(source.commitment is None for source in tape.sources):
        raise ProofFormatError("the proof brings another number of new commitments than the statement")
    roots = [s.commitment.root if s.commitment else reader.take(DIGEST_BYTES) for s in tape.sources]
    pads_root = reader.take(DIGEST_BYTES)
    sent = reader.words(reader.number(4), 2)
    openings = [Opening(source, root, reader) for source, root in zip(tape.sources, roots, strict=True)]

    transcript.absorb("protocol", tags.PROTOCOL.encode())
    transcript.absorb("context", context)
    transcript.absorb("structure", tape.describe())
    for root in roots:
        transcript.absorb("root", root)
    transcript.absorb("pads", pads_root)

    values = [(int(a), int(b)) for a, b in sent]
    dialogue = Dialogue(transcript, values, [value.astype("<u8").tobytes() for value in sent])
    reduction = Reduction(tape, dialogue)
    reduction.run()
    for opening, claims in zip(openings, reduction.commitments, strict=True):
        opening.settle(dialogue, claims)
    if dialogue.used != len(values):
        raise ProofFormatError(f"the proof sends {len(values)} values, the statement needs {dialogue.used}")
    closing = Closing(dialogue, pads_root, reader)
    reader.end()

    # Columns are drawn last, when every word they test is fixed
    for opening in openings:
        opening.check_columns(transcript.columns(opening.code.queries, opening.code.length))
    closing.check_columns(transcript.columns(closing.code.queries, closing.code.length))
    return soundness(tape, reduction, openings, closing)


# 8. Opening a commitment


class Opening:
    """One commitment of the tape: read from the proof, its claims settled, its columns checked."""

    def __init__(self, source: Source, root: bytes, reader: Reader) -> None:
        budget = source.commitment.openings if source.commitment else 1
        self.places, total = arrange([bits for _, bits in source.tensors])
        self.tensors = [name for name, _ in source.tensors]
        self.code = commitment_code(total, budget)
        self.rows = -(-total // self.code.size)
        self.bits = (self.rows * self.code.size - 1).bit_length()
        self.root, self.opening = root, source.opening
        self.mixed = reader.words(self.code.size + self.code.tail, 2)
        self.opened = reader.columns(self.code.queries, self.rows + 2 * budget)
        self.challenge: Ext = ZERO
        self.row_weights: Words = np.zeros((0, 2), dtype=np.uint64)

    def settle(self, dialogue: Dialogue, claims: Sequence[Claim]) -> None:
        """All claims become one on the mixed row w, which was sent in clear."""
        gamma = dialogue.transcript.challenge("batch")  # costs claims/|E|
        place = {self.tensors[p.block]: p for p in self.places}
        total, power, weighted = Form(ZERO), ONE, []
        for claim in claims:
            total = total + claim.value.times(power)
            at = place[claim.tensor]
            prefix = at.start >> at.bits
            bits = reversed(range(self.bits - at.bits))
            weighted.append((power, (*((prefix >> bit & 1, 0) for bit in bits), *claim.point)))
            power = field.e_mul(power, gamma)
        reduced, r = dialogue.sumcheck(total, [None] * self.bits)
        weight = ZERO
        for power, point in weighted:
            weight = field.e_add(weight, field.e_mul(power, eq_points(point, r)))
        m = dialogue.receive()
        dialogue.zero(reduced - m.times(weight))

        cut = self.bits - (self.code.size.bit_length() - 1)
        y = dialogue.receive()
        self.challenge = dialogue.transcript.challenge("mask")  # costs 1/|E|
        for part in (self.mixed[: self.code.size], self.mixed[self.code.size :]):
            dialogue.transcript.absorb("row", part.astype("<u8").tobytes())
        value = field.dot_ext(field.eq_table(r[cut:]), self.mixed[: self.code.size])
        dialogue.zero(y + m.times(self.challenge) - Form(value))
        self.row_weights = field.eq_table(r[:cut])[: self.rows]

    def check_columns(self, columns: Sequence[int]) -> None:
        """The opened columns are committed, and w's code word is u_o + b sum_i eq(r_row, i) M_i there."""
        check_tree(self.root, self.code, columns, self.opened)
        entries = self.opened.entries
        mask = entries[:, self.rows + 2 * self.opening : self.rows + 2 * self.opening + 2]
        mixed = field.ext_scale(combine(entries[:, : self.rows], self.row_weights), self.challenge)
        if not np.array_equal(self.code.encode(self.mixed, columns), field.add(mask, mixed)):
            raise ProofError("the opened row of a commitment is not the combination of its rows")


# 9. The closing system


@dataclass(frozen=True)
class Layout:
    """Rows of the closing: pads, then X, Y, Z over the pairs; A, B and C follow."""

    pads: int
    pairs: int

    @property
    def count(self) -> int:
        return self.pads + 3 * self.pairs

    def place(self, block: str, number: int) -> int:
        """The place of a value among all, row after row."""
        start = 0 if block == "P" else self.pads + "XYZ".index(block) * self.pairs
        return start * CLOSING_LENGTH + number


class Closing:
    """Every recorded zero, and every product, on the committed pads."""

    def __init__(self, dialogue: Dialogue, root: bytes, reader: Reader) -> None:
        self.code, self.root = closing_code(), root
        self.layout = Layout(-(-dialogue.used // CLOSING_LENGTH), -(-len(dialogue.pairs) // CLOSING_LENGTH))
        width = CLOSING_LENGTH + self.code.tail
        self.f_a = reader.words(width, 2)
        self.f_b = reader.words(CLOSING_LENGTH + width - 1, 2)
        self.f_c = reader.words(2 * width - 1 - CLOSING_LENGTH, 2)
        self.opened: Columns = reader.columns(self.code.queries, 2 * (self.layout.count + 3))

        self.tau = dialogue.transcript.challenge("closing-linear")
        self.linear, total = self._combine(dialogue)
        self.sigma = dialogue.transcript.challenge("closing-proximity")
        dialogue.transcript.absorb("closing", self.f_a.astype("<u8").tobytes())
        dialogue.transcript.absorb("closing", self.f_b.astype("<u8").tobytes())
        dialogue.transcript.absorb("closing", self.f_c.astype("<u8").tobytes())
        # Over the subgroup H only the coefficients of 1, X^L, X^2L, .. survive, each L times
        on_h = self.f_b[::CLOSING_LENGTH]
        sums = (CLOSING_LENGTH * field.sum_words(on_h[:, 0]) % P, CLOSING_LENGTH * field.sum_words(on_h[:, 1]) % P)
        if sums != total:
            raise ProofError("a value the prover sent does not satisfy the statement")

    def _combine(self, dialogue: Dialogue) -> tuple[Words, Ext]:
        """All constraints weighted by powers of tau: coefficients (rows, L, 2) and the sum s they must give."""
        coefficients: list[Ext] = [ZERO] * (self.layout.count * CLOSING_LENGTH)
        total, weight, self.constraints = ZERO, ONE, 0

        def add(place: int, scale: Ext) -> None:
            coefficients[place] = field.e_add(coefficients[place], scale)

        for form in dialogue.zeros:
            weight = field.e_mul(weight, self.tau)
            for key, coefficient in form.terms.items():
                add(self._place(key), field.e_mul(coefficient, weight))
            total = field.e_sub(total, field.e_mul(form.constant, weight))
        for block, side in (("X", 0), ("Y", 1)):
            for pair, number in dialogue.pairs.items():
                weight = field.e_mul(weight, self.tau)
                add(self.layout.place(block, number), weight)
                add(self.layout.place("P", pair[side]), field.e_neg(weight))
        self.constraints = len(dialogue.zeros) + 2 * len(dialogue.pairs)
        return field.ext(coefficients).reshape(self.layout.count, CLOSING_LENGTH, 2), total

    def _place(self, key: int) -> int:
        return self.layout.place("P", key) if key >= 0 else self.layout.place("Z", ~key)

    def check_columns(self, columns: Sequence[int]) -> None:
        """At each opened column f_A, f_B and f_C are what the rows there make them."""
        check_tree(self.root, self.code, columns, self.opened)
        count, pads, pairs = self.layout.count, self.layout.pads, self.layout.pairs
        entries = self.opened.entries.reshape(len(columns), count + 3, 2)
        rows, (mask_a, mask_b, mask_c) = entries[:, :count], (entries[:, count + k] for k in range(3))

        near = field.add(mask_a, combine_ext(rows, field.ext(_powers(self.sigma, 1, count))))
        if not np.array_equal(self.code.encode(self.f_a, columns), near):
            raise ProofError("the first closing polynomial is not the combination of its rows")

        points = self.code.points(columns)
        a = np.stack([evaluate(interpolate(self.linear[..., part]), points).T for part in range(2)], axis=-1)
        expected = field.add(mask_b, combine_ext(rows, a))
        if not np.array_equal(evaluate(np.ascontiguousarray(self.f_b.T), points).T, expected):
            raise ProofError("the second closing polynomial is not the combination of its rows")

        # (X^L - 1) f_C vanishes on H: so every single product is right, not only their sum
        x, y, z = (rows[:, pads + part * pairs : pads + (part + 1) * pairs] for part in range(3))
        weights = field.ext(_powers(self.tau, self.constraints + 1, pairs))
        products = combine_ext(field.ext_sub(field.ext_mul(x, y), z), weights)
        none = np.zeros((CLOSING_LENGTH, 2), dtype=np.uint64)
        vanishing = field.sub(np.concatenate([none, self.f_c]), np.concatenate([self.f_c, none]))
        if not np.array_equal(evaluate(np.ascontiguousarray(vanishing.T), points).T, field.add(mask_c, products)):
            raise ProofError("the third closing polynomial is not the combination of the products")


def _powers(base: Ext, first: int, count: int) -> list[Ext]:
    powers = [field.e_pow(base, first)]
    for _ in range(count - 1):
        powers.append(field.e_mul(powers[-1], base))
    return powers[:count]


# 10. Soundness


def soundness(tape: Tape, reduction: Reduction, openings: Sequence[Opening], closing: Closing) -> dict[str, float]:
    """The error of each step, in bits (minus the binary logarithm), and of their sum."""
    field_size = float(P) ** 2
    errors = {
        "queries": sum(o.code.miss() for o in openings) + closing.code.miss(),
        "proximity": sum((1 + o.bits - o.code.size.bit_length() + 1) * o.code.length for o in openings) / field_size,
        "closing proximity": (closing.layout.count + 1) * closing.code.length / field_size,
        "closing combination": (closing.constraints + len(reduction.dialogue.pairs) + 1) / field_size,
        "sumchecks": 3 * reduction.dialogue.rounds / field_size,
        "layers": 2 * reduction.dialogue.layers / field_size,
        "look-ups": reduction.degree / field_size,
        "assertions": sum(node.bits for node in tape.assertions) / field_size,
        "batching": sum(len(claims) for claims in reduction.commitments) / field_size,
        "masks": len(openings) / field_size,
    }
    errors["total"] = sum(errors.values())
    bits = {step: -math.log2(error) if error else math.inf for step, error in errors.items()}
    if bits["total"] < 100:
        raise ProofError(f"a proof of this size is sound to {bits['total']:.1f} bits, at least 100 are asked")
    return bits
