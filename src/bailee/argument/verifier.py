"""The fast verifier (docs/protocol.md): it returns the soundness it bought or raises, and never answers yes or no."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bailee.algebra import field, kernels
from bailee.algebra.merkle import leaf_digests, verify_paths
from bailee.argument import closing
from bailee.argument.dialogue import Checking
from bailee.argument.parameters import CLOSING_WIDTH, ClosingParameters, CodeParameters, require_soundness, soundness
from bailee.argument.proof import ClosingOpening, OpenedColumns, Reader, RowOpening
from bailee.argument.reduction import Opened, OpeningState, Reduction, Row, begin, source_code
from bailee.argument.tape import Tape
from bailee.argument.transcript import Transcript
from bailee.errors import ProofError, ProofFormatError

Words = NDArray[np.uint64]


def verify(tape: Tape, context: bytes, proof: bytes) -> dict[str, float]:
    """Check a proof of a verifier's tape; returns the soundness table in bits. Raises ProofError."""
    tape.finish()
    reader = Reader(proof)
    fresh = sum(source.commitment is None for source in tape.sources)
    new_roots, pads_root, messages = reader.header(fresh)
    openings = [reader.opening(source_code(source)) for source in tape.sources]
    remaining = iter(new_roots)
    roots = [source.commitment.root if source.commitment else next(remaining) for source in tape.sources]

    transcript = Transcript()
    begin(transcript, tape, context, roots, pads_root)
    d = Checking(transcript=transcript, messages=messages)
    opened = Reduction(d, tape, None).run(_Read(transcript, openings))
    if d.system.pads != len(messages):
        raise ProofFormatError(f"the proof sends {len(messages)} values, the statement needs {d.system.pads}")
    shape = closing.parameters_of(d.system)
    settled = reader.closing(shape, CLOSING_WIDTH)
    reader.end()

    tau = transcript.challenge("closing-linear")
    sigma = transcript.challenge("closing-proximity")
    transcript.absorb_words("closing", np.concatenate([settled.f_a_values, settled.f_a_tail]))
    transcript.absorb_words("closing", settled.f_b)
    transcript.absorb_words("closing", settled.f_c)
    combined = closing.combine(d.system, tau)
    closing.check_sum(settled.f_b, combined)
    for at, root, opening in zip(opened, roots, openings, strict=True):
        _check_opening(at, root, opening, transcript.columns("columns", at.code.queries, at.code.length))
    indices = transcript.columns("columns", shape.queries, shape.length)
    _check_closing(shape, combined, sigma, settled, pads_root, indices)
    d.tally.constraints = len(d.system.zeros) + 2 * len(d.system.pairs)
    d.tally.pairs = len(d.system.pairs)
    return require_soundness(soundness(d.tally, tuple(source_code(source) for source in tape.sources), shape))


class _Read:
    """Rows in clear, as the proof gives them."""

    def __init__(self, transcript: Transcript, openings: Sequence[RowOpening]) -> None:
        self._transcript, self._openings = transcript, openings

    def row(
        self, source: int, code: CodeParameters, state: OpeningState | None, weights: Words, mask: tuple[int, int]
    ) -> Row:
        given = self._openings[source]
        self._transcript.absorb_words("row", given.values)
        self._transcript.absorb_words("row", given.tail)
        return Row(given.values, given.tail)


def _check_opening(at: Opened, root: bytes, opening: RowOpening, indices: NDArray[np.int64]) -> None:
    code = at.code
    _check_tree(root, code.length, indices, opening.columns)
    columns = opening.columns.values
    expected = _encoded_at(at.row, code, indices)
    mask = np.ascontiguousarray(columns[:, code.rows + 2 * at.opening : code.rows + 2 * at.opening + 2])
    data = kernels.apply_columns(np.ascontiguousarray(columns[:, : code.rows]), at.row_weights)
    if not np.array_equal(expected, field.ext_add(mask, field.ext_scale(data, at.mask))):
        raise ProofError(
            f"opened columns of commitment {root.hex()[:16]} do not match the row: it was not opened honestly"
        )


def _encoded_at(row: Row, code: CodeParameters, indices: NDArray[np.int64]) -> Words:
    """The code word of w at some columns: (t, 2)."""
    coefficients = kernels.interpolate_rows(np.ascontiguousarray(row.values.T))
    tail = np.ascontiguousarray(row.tail.T)
    expected = np.empty((len(indices), 2), dtype=np.uint64)
    for coset in range(code.length // code.width):
        wanted = np.flatnonzero(indices // code.width == coset)
        if wanted.size:
            values = kernels.coset_rows(coefficients, tail, coset, code.length)
            expected[wanted] = values[:, indices[wanted] % code.width].T
    return expected


def _check_closing(
    shape: ClosingParameters,
    combined: closing.Combined,
    sigma: tuple[int, int],
    settled: ClosingOpening,
    root: bytes,
    indices: NDArray[np.int64],
) -> None:
    _check_tree(root, shape.length, indices, settled.columns)
    columns = settled.columns.values
    row = closing.row_polynomials(settled.f_a_values[None], settled.f_a_tail[None])
    f_a = closing.values_at(row, shape.length, indices)[0]
    if not np.array_equal(f_a, closing.combine_proximity(shape, sigma, columns)):
        raise ProofError("opened columns of the pads do not match their combination: they were not committed honestly")
    f_b = closing.values_at(settled.f_b[None], shape.length, indices)[0]
    if not np.array_equal(f_b, closing.combine_linear(shape, combined, columns, indices)):
        raise ProofError(
            "the constraints on hidden values do not hold at the opened columns: the statement was not proved"
        )
    f_c = closing.values_at(closing.times_vanishing(settled.f_c)[None], shape.length, indices)[0]
    if not np.array_equal(f_c, closing.combine_products(shape, combined, columns)):
        raise ProofError(
            "the products of hidden values do not hold at the opened columns: the statement was not proved"
        )


def _check_tree(root: bytes, length: int, indices: NDArray[np.int64], columns: OpenedColumns) -> None:
    flat = columns.values.reshape(len(columns.values), -1)
    digests = leaf_digests(columns.salts, flat)
    leaves = [digests[32 * k : 32 * (k + 1)] for k in range(len(flat))]
    verify_paths(root, length, [int(i) for i in indices], leaves, columns.siblings)
