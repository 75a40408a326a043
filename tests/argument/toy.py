"""A small statement that uses every node of the tape, for tests of the argument system."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bailee.algebra import field
from bailee.argument.commitment import CommittedVector
from bailee.argument.commitment_record import Commitment
from bailee.argument.nodes import Axis
from bailee.argument.tape import Tape

ROW, COLUMN = Axis("row", 3), Axis("column", 2)
WEIGHTS = np.array([3, -1, 4, 1])
SEED = bytes(range(32))


def rows(seed: int = 0) -> NDArray[np.int64]:
    return np.random.default_rng(seed).integers(-100, 101, (ROW.size, COLUMN.size))


def committed(values: NDArray[np.int64], openings: int = 2, seed: bytes = SEED) -> CommittedVector:
    return CommittedVector({"rows": field.from_signed(values).reshape(-1)}, openings, seed)


def write(tape: Tape, commitment: Commitment, opening: int, bound: int = 1 << 17) -> None:
    """Values in -100..100; squared norms below `bound`; a product with public weights; a selected, masked column."""
    x = tape.committed(tape.source(commitment, opening), "rows", (ROW, COLUMN))
    tape.lookup(tape.table("small", [np.arange(-100, 101)]), [x])

    def cube() -> NDArray[np.int64]:
        return field.to_signed(tape.values(x)).reshape(ROW.size, COLUMN.size)

    norms = tape.contract((ROW,), x, x, over=(COLUMN,), compute=lambda: (cube() ** 2).sum(axis=1))
    tape.within(tape.linear((ROW,), [(-1, norms)], bound - 1), 17)
    weights = tape.public((COLUMN,), WEIGHTS)
    scores = tape.contract((ROW,), x, weights, over=(COLUMN,), compute=lambda: cube() @ WEIGHTS)
    squares = tape.advice("squares", (ROW,), lambda: (cube() @ WEIGHTS) ** 2)
    product = tape.contract((ROW,), scores, scores, compute=lambda: (cube() @ WEIGHTS) ** 2)
    tape.zero(tape.linear((ROW,), [(1, squares), (-1, product)]))
    first = tape.select(x, COLUMN, 2)
    mask = tape.outer(tape.public((ROW,), np.arange(8) % 2), tape.public((COLUMN,), np.array([1, 0, 0, 2])))
    spread = tape.linear((ROW, COLUMN), [(1, first), (-1, first)])
    tape.zero(tape.contract((ROW, COLUMN), mask, spread))


def prover_tape(vector: CommittedVector, opening: int = 0, bound: int = 1 << 17) -> Tape:
    tape = Tape({(0, "rows"): vector.tensor("rows")})
    write(tape, vector.record, opening, bound)
    return tape


def verifier_tape(commitment: Commitment, opening: int = 0, bound: int = 1 << 17) -> Tape:
    tape = Tape()
    write(tape, commitment, opening, bound)
    return tape
