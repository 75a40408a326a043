"""Making a proof of a tape (docs/protocol.md, sections 2-9)."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from blake3 import blake3
from numpy.typing import NDArray

from bailee import tags
from bailee.algebra import field, kernels, transform
from bailee.algebra.field import e_mul
from bailee.algebra.merkle import MerkleTree
from bailee.argument import closing, memory
from bailee.argument.arrays import shared
from bailee.argument.commitment import CommittedVector
from bailee.argument.dialogue import Counting, Proving
from bailee.argument.nodes import Node
from bailee.argument.parameters import CLOSING_WIDTH, ClosingParameters, CodeParameters, closing_parameters
from bailee.argument.proof import ClosingOpening, OpenedColumns, Proof, RowOpening
from bailee.argument.randomness import Expansion
from bailee.argument.reduction import OpeningState, Reduction, Row, begin
from bailee.argument.tape import CHUNK, Tape
from bailee.argument.transcript import Transcript
from bailee.argument.verifier import verify
from bailee.argument.witness import TapeWitness
from bailee.errors import StatementError

Words = NDArray[np.uint64]
Progress = Callable[[str, float], None]


@memory.kept()
def prove(
    tape: Tape,
    vectors: Sequence[CommittedVector],
    context: bytes,
    progress: Progress | None = None,
    seed: bytes | None = None,
) -> bytes:
    """Prove a prover's tape, which is used up; `vectors` are the secrets of its sources, without the trace made here.

    With a secret `seed` of 32 bytes the same statement and witness give the same proof; fresh randomness without.
    Raises StatementError when the values do not satisfy the tape's look-ups or assertions, before anything is revealed.
    """
    say = progress or (lambda stage, part: None)
    say("committing", 0.0)
    tape.finish()
    check_assertions(tape)
    secret = Expansion(secrets.token_bytes(32) if seed is None else _bind(seed, tape, vectors, context))
    held = list(vectors)
    if len(held) < len(tape.sources):
        tape.hand_over()
        held.append(CommittedVector(tape.trace_values, 1, secret.octets("trace", 32), tape.moved))
    say("committed", 0.3)

    counting = Counting()
    Reduction(counting, tape, None).run(None)
    pads = secret.words("pads", counting.system.pads, 2)
    settle = ClosingProver(pads, counting.system.pairs, secret)

    transcript = Transcript()
    begin(transcript, tape, context, [vector.record.root for vector in held], settle.root)
    d = Proving(transcript=transcript, pads=pads)
    rows = _Clear(transcript)
    opened = Reduction(d, tape, TapeWitness(tape, held)).run(rows)
    say("reduced", 0.8)
    if d.system.pads != counting.system.pads or d.system.pairs != counting.system.pairs:
        raise StatementError("the reduction took another course than counted: this is a defect, please report it")
    f_a, f_b, f_c = settle.combine(transcript, d)
    indices = [transcript.columns("columns", o.code.queries, o.code.length) for o in opened]
    closing_indices = transcript.columns("columns", settle.shape.queries, settle.shape.length)
    openings = [
        RowOpening(o.row.values, o.row.tail, OpenedColumns(*held[o.source].columns(at)))
        for o, at in zip(opened, indices, strict=True)
    ]
    fresh = tuple(v.record.root for v, s in zip(held, tape.sources, strict=True) if s.commitment is None)
    last = ClosingOpening(f_a[0], f_a[1], f_b, f_c, settle.columns(closing_indices))
    proof = Proof(fresh, settle.root, tuple(d.sent), tuple(openings), last).encode()
    # a fault in this machine must not leave the house as a broken proof, which would spend an opening or tell more
    verify(tape, context, proof)
    tape.forget()
    say("checked", 1.0)
    return proof


def check_assertions(tape: Tape) -> None:
    """Refuse a false statement where the tape can compute it; a proof of one would be rejected anyway."""
    for node in tape.assertions:

        def wrong(start: int, stop: int, node: Node = node) -> int:
            pieces = range(start, stop, CHUNK)
            return sum(int(np.count_nonzero(tape.part(node, low, min(low + CHUNK, stop)))) for low in pieces)

        try:
            with tape.at_hand([node]):
                found = sum(shared(1 << node.bits, CHUNK, wrong))
        except StatementError:
            continue
        if found:
            raise StatementError(f"assertion on node {node.id} does not hold for {found} values")


def _bind(seed: bytes, tape: Tape, vectors: Sequence[CommittedVector], context: bytes) -> bytes:
    """A secret for this statement and this witness alone: pads used for two of them would give both away."""
    bound = blake3(seed, key=tags.PROOF_SECRET)
    bound.update(b"".join([tape.describe(), *(vector.record.root for vector in vectors)]))
    bound.update(len(context).to_bytes(8, "little") + context)
    for values in tape.trace_values.values():
        bound.update(np.ascontiguousarray(values, dtype="<u8").tobytes())
    return bound.digest()


class _Clear:
    """Rows in clear, computed and absorbed."""

    def __init__(self, transcript: Transcript) -> None:
        self._transcript = transcript

    def row(
        self, source: int, code: CodeParameters, state: OpeningState | None, weights: Words, mask: tuple[int, int]
    ) -> Row:
        if state is None:
            raise RuntimeError("a prover's reduction has a state for every opening")
        row = state.row(weights, mask)
        self._transcript.absorb_words("row", row.values)
        self._transcript.absorb_words("row", row.tail)
        return row


class ClosingProver:
    """The prover's side of section 9: rows, tails, the three mask rows and their tree."""

    def __init__(self, pads: Words, pairs: Sequence[tuple[int, int]], secret: Expansion) -> None:
        self.shape: ClosingParameters = closing_parameters(len(pads), len(pairs))
        shape = self.shape
        self._rows = closing.rows_of(pads, pairs)
        self._tails = secret.words("closing tails", shape.rows, shape.queries, 2)
        self._mask = secret.words("closing mask", CLOSING_WIDTH, 2), secret.words("closing mask tail", shape.queries, 2)
        self._mask_b = secret.words("closing linear mask", shape.linear_length, 2)
        self._mask_c = secret.words("closing product mask", shape.quotient_length, 2)
        # the values of B on H sum to zero: its coefficients at multiples of L do
        folded = self._mask_b[::CLOSING_WIDTH]
        self._mask_b[0] = field.ext_sub(
            self._mask_b[0], np.array([field.sum_words(folded[:, c]) for c in range(2)], dtype=np.uint64)
        )
        values = np.concatenate([self._rows, self._mask[0][None]])
        tails = np.concatenate([self._tails, self._mask[1][None]])
        code = closing.code_words(values, tails, shape.length)
        mask_b = closing.polynomial_values(self._mask_b, shape.length)
        mask_c = closing.polynomial_values(closing.times_vanishing(self._mask_c), shape.length)
        every = np.concatenate([code, mask_b[None], mask_c[None]]).transpose(0, 2, 1)
        self._columns = np.ascontiguousarray(every).reshape(-1, shape.length)
        self._salts = np.frombuffer(secret.octets("closing salts", 16 * shape.length), dtype="<u8").reshape(-1, 2)
        leaves = kernels.column_digests(tags.LEAF, np.ascontiguousarray(self._salts.T), self._columns)
        self._tree = MerkleTree(leaves, partial(kernels.pair_digests, tags.NODE))
        self.root = self._tree.root

    def combine(self, transcript: Transcript, d: Proving) -> tuple[tuple[Words, Words], Words, Words]:
        """f_A as (values, coefficients), f_B and f_C, absorbed."""
        shape = self.shape
        tau = transcript.challenge("closing-linear")
        sigma = transcript.challenge("closing-proximity")
        combined = closing.combine(d.system, tau)
        values, tail, power = self._mask[0], self._mask[1], sigma
        for i in range(shape.rows):
            values = field.ext_add(values, field.ext_scale(self._rows[i], power))
            tail = field.ext_add(tail, field.ext_scale(self._tails[i], power))
            power = e_mul(power, sigma)
        linear, products = self._polynomials(combined)
        f_b = field.ext_add(self._mask_b, linear[: shape.linear_length])
        f_c = field.ext_add(self._mask_c, closing.over_vanishing(products[: shape.product_length]))
        transcript.absorb_words("closing", np.concatenate([values, tail]))
        transcript.absorb_words("closing", f_b)
        transcript.absorb_words("closing", f_c)
        return (values, tail), f_b, f_c

    def _polynomials(self, combined: closing.Combined) -> tuple[Words, Words]:
        """sum a_i row_i and sum weight_h (X_h Y_h - Z_h): coefficients, by values on a subgroup large enough."""
        shape = self.shape
        size = 1 << (shape.product_length - 1).bit_length()
        none = np.zeros((2 * shape.rows, 0), dtype=np.uint64)

        def spread(rows: Words, tails: Words) -> Words:
            """Values of code rows on the coset 7H of order `size`: (R, size, 2)."""
            flat = np.ascontiguousarray(rows.transpose(2, 0, 1)).reshape(2 * shape.rows, -1)
            tail = np.ascontiguousarray(tails.transpose(2, 0, 1)).reshape(2 * shape.rows, -1)
            extra = tail.shape[1]
            padded = np.zeros((2 * shape.rows, size), dtype=np.uint64)
            padded[:, :CLOSING_WIDTH] = kernels.interpolate_rows(flat)
            padded[:, :extra] = field.sub(padded[:, :extra], tail)
            padded[:, CLOSING_WIDTH : CLOSING_WIDTH + extra] = tail
            return kernels.coset_rows(padded, none, 0, size).reshape(2, shape.rows, size).transpose(1, 2, 0)

        rows = spread(self._rows, self._tails)
        linear = spread(combined.coefficients, np.zeros((shape.rows, 0, 2), dtype=np.uint64))
        sums = np.zeros((size, 2), dtype=np.uint64)
        for i in range(shape.rows):
            sums = field.ext_add(sums, field.ext_mul(linear[i], rows[i]))
        products = np.zeros((size, 2), dtype=np.uint64)
        for h, weight in enumerate(combined.pair_weights):
            x, y, z = (rows[shape.pad_rows + block * shape.pair_rows + h] for block in range(3))
            products = field.ext_add(products, field.ext_scale(field.ext_sub(field.ext_mul(x, y), z), weight))
        back = transform.powers(field.f_inv(transform.coset_shift(0, size)), size)

        def coefficients(values: Words) -> Words:
            found = kernels.interpolate_rows(np.ascontiguousarray(values.T))
            return np.ascontiguousarray(field.mul(found, np.broadcast_to(back, found.shape)).T)

        return coefficients(sums), coefficients(products)

    def columns(self, indices: NDArray[np.int64]) -> OpenedColumns:
        salts = b"".join(self._salts[i].tobytes() for i in indices)
        opened = np.ascontiguousarray(self._columns[:, indices].T).reshape(len(indices), -1, 2)
        return OpenedColumns(opened, salts, self._tree.open([int(i) for i in indices]))
