"""The statement *the same data under a new commitment*: how a dataset whose openings are spent is renewed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bailee.argument.commitment_record import Commitment
from bailee.argument.tape import Tape
from bailee.statements.dataset import TENSOR, check, dataset_axes, padded


def equality_tape(
    tape: Tape, rows: int, columns: int, old: Commitment, old_opening: int, new: Commitment, new_opening: int
) -> None:
    axes = dataset_axes(rows, columns)
    before = tape.committed(tape.source(old, old_opening), TENSOR, axes)
    after = tape.committed(tape.source(new, new_opening), TENSOR, axes)
    tape.zero(tape.linear(axes, [(1, before), (-1, after)]))


def prove_equal(
    matrix: NDArray[np.int64],
    old_seed: bytes,
    old_openings: int,
    old_opening: int,
    new_seed: bytes,
    new_openings: int,
    new_opening: int,
    context: bytes,
) -> bytes:
    """Prove that two commitments hold the same rows; spends one opening of each."""
    from bailee.argument.commitment import CommittedVector
    from bailee.argument.prover import prove

    values = padded(matrix)
    old = CommittedVector({TENSOR: values}, old_openings, old_seed)
    new = CommittedVector({TENSOR: values}, new_openings, new_seed)
    tape = Tape({(0, TENSOR): values, (1, TENSOR): values})
    rows, columns = matrix.shape
    equality_tape(tape, rows, columns, old.record, old_opening, new.record, new_opening)
    return prove(tape, [old, new], context)


def verify_equal(
    rows: int,
    columns: int,
    old: Commitment,
    old_opening: int,
    new: Commitment,
    new_opening: int,
    context: bytes,
    proof: bytes,
    plain: bool = False,
) -> dict[str, float]:
    """Check such a proof; returns its soundness table in bits. Raises ProofError."""
    tape = Tape()
    equality_tape(tape, rows, columns, old, old_opening, new, new_opening)
    return check(tape, context, proof, plain)
