"""A small statement that uses every node of the tape, for tests of the argument system."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bailee.algebra import field
from bailee.argument.commitment import CommittedVector
from bailee.argument.commitment_record import Commitment
from bailee.argument.nodes import Axis, Node
from bailee.argument.tape import Tape

ROW, COLUMN, PLACE = Axis("row", 3), Axis("column", 2), Axis("place", 3)
WEIGHTS = np.array([3, -1, 4, 1])
SEED = bytes(range(32))


def rows(seed: int = 0) -> NDArray[np.int64]:
    return np.random.default_rng(seed).integers(-100, 101, (ROW.size, COLUMN.size))


def committed(values: NDArray[np.int64], openings: int = 2, seed: bytes = SEED) -> CommittedVector:
    return CommittedVector({"rows": field.from_signed(values).reshape(-1)}, openings, seed)


def write(tape: Tape, commitment: Commitment, opening: int, bound: int = 1 << 17, first: bool = False) -> None:
    """Values in -100..100; squared norms below `bound`; a product with public weights; a selected, masked column.

    Then what came later, which `first` leaves out: the first column sorted, by a permutation and a shift; its signs.
    """
    x = tape.committed(tape.source(commitment, opening), "rows", (ROW, COLUMN))
    tape.lookup(tape.table("small", [np.arange(-100, 101)]), [x])

    def cube() -> NDArray[np.int64]:
        return field.to_signed(tape.values(x)).reshape(ROW.size, COLUMN.size)

    norms = tape.contract((ROW,), x, x, over=(COLUMN,), compute=lambda: (cube() ** 2).sum(axis=1))
    below = tape.linear((ROW,), [(-1, norms)], bound - 1)
    if first:
        limbs_of_old(tape, below)
    else:
        tape.within(below, 17)
    weights = tape.public((COLUMN,), WEIGHTS)
    scores = tape.contract((ROW,), x, weights, over=(COLUMN,), compute=lambda: cube() @ WEIGHTS)
    squares = tape.advice("squares", (ROW,), lambda: (cube() @ WEIGHTS) ** 2)
    product = tape.contract((ROW,), scores, scores, compute=lambda: (cube() @ WEIGHTS) ** 2)
    tape.zero(tape.linear((ROW,), [(1, squares), (-1, product)]))
    first = tape.select(x, COLUMN, 2)
    mask = tape.outer(tape.public((ROW,), np.arange(8) % 2), tape.public((COLUMN,), np.array([1, 0, 0, 2])))
    spread = tape.linear((ROW, COLUMN), [(1, first), (-1, first)])
    tape.zero(tape.contract((ROW, COLUMN), mask, spread))
    if not first:
        sorted_and_signed(tape, x)


def limbs_of_old(tape: Tape, node: Node) -> None:
    """`within(node, 17)` as it was written when the first proof was stored."""
    table = tape.table("range", [np.arange(1 << 15)])
    low = tape.advice("limb0", (ROW,), lambda: tape.values(node) & np.uint64((1 << 15) - 1))
    tape.lookup(table, [low])
    high = tape.advice("limb15", (ROW,), lambda: tape.values(node) >> np.uint64(15))
    tape.lookup(table, [high])
    tape.lookup(table, [tape.linear((ROW,), [(1, high)], (1 << 15) - 4)])
    tape.zero(tape.linear((ROW,), [(1, node), (-1, low), (-(1 << 15), high)]))


def sorted_and_signed(tape: Tape, x: Node) -> None:
    """Pairs (first column, its square) are those of an ascending column; a flag tells which are negative."""
    first = tape.select(x, COLUMN, 0)

    def column() -> NDArray[np.int64]:
        return field.to_signed(tape.values(first))

    squares = tape.contract((ROW,), first, first, compute=lambda: column() ** 2)
    rank = tape.advice("ascending", (PLACE,), lambda: np.sort(column()))
    ranked = tape.contract((PLACE,), rank, rank, compute=lambda: np.sort(column()) ** 2)
    tape.permutation([[first, squares]], [[rank, ranked]])
    last = tape.public((PLACE,), np.arange(PLACE.size) == PLACE.size - 1)
    steps = [(1, tape.shift(rank, PLACE)), (-1, rank), (200, last)]
    tape.within(tape.linear((PLACE,), steps), 8)
    flag = tape.advice("negative", (ROW,), lambda: column() < 0)
    tape.boolean(flag)
    size = tape.contract((ROW,), flag, first, compute=lambda: np.minimum(column(), 0))
    tape.within(tape.linear((ROW,), [(1, first), (-2, size)]), 7)
    tape.within_signed(first, 8)
    # one block on the left, eight blocks of one tuple on the right
    half = tape.select(tape.bounded("digits", (ROW, COLUMN), 20, lambda: 1000 * (cubes(tape, x) + 100)), COLUMN, 1)
    tape.permutation([[half]], [[tape.select(half, ROW, k)] for k in range(ROW.size)])


def cubes(tape: Tape, x: Node) -> NDArray[np.int64]:
    return field.to_signed(tape.values(x))


def prover_tape(vector: CommittedVector, opening: int = 0, bound: int = 1 << 17, first: bool = False) -> Tape:
    tape = Tape({(0, "rows"): vector.tensor("rows")})
    write(tape, vector.record, opening, bound, first)
    return tape


def verifier_tape(commitment: Commitment, opening: int = 0, bound: int = 1 << 17, first: bool = False) -> Tape:
    tape = Tape()
    write(tape, commitment, opening, bound, first)
    return tape
