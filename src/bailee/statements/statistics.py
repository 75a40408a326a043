"""Rules on columns: sums, means, second moments and counts within public bounds (docs/statements.md).

The values themselves are not shown. `rules` has the rules on records.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bailee.algebra import field
from bailee.argument.arrays import by_parts
from bailee.argument.commitment_record import Commitment
from bailee.argument.nodes import Axis, Node
from bailee.argument.tape import CHUNK, Tape
from bailee.errors import StatementError
from bailee.statements.dataset import TENSOR, check, dataset_axes
from bailee.statements.record_keys import padded_rows

if TYPE_CHECKING:
    from bailee.argument.commitment import CommittedVector

_LIMIT = 1 << 61


@dataclass(frozen=True)
class Bound:
    """low <= sum over all rows of column^power <= high, in encoded units; power is 1 or 2."""

    column: int
    power: int
    low: int
    high: int

    @staticmethod
    def mean(column: int, rows: int, low: Fraction, high: Fraction) -> Bound:
        """The mean over `rows` rows lies in [low, high]."""
        return Bound(column, 1, math.ceil(low * rows), math.floor(high * rows))

    @staticmethod
    def second_moment(column: int, rows: int, low: Fraction, high: Fraction) -> Bound:
        """The mean of squares over `rows` rows lies in [low, high]."""
        return Bound(column, 2, math.ceil(low * rows), math.floor(high * rows))

    @staticmethod
    def count(column: int, unit: int, low: int, high: int) -> Bound:
        """A column that is 0 or `unit` (a flag, a label, a category of a one-hot group) is set in low to high rows."""
        return Bound(column, 1, unit * low, unit * high)


@dataclass(frozen=True)
class StatisticsClaim:
    """Bounds on a dataset of `rows` rows, whose own proof holds every value within [-largest, largest]."""

    rows: int
    columns: int
    largest: int
    bounds: tuple[Bound, ...]

    def __post_init__(self) -> None:
        if self.rows < 1 or self.columns < 1 or not self.bounds or self.largest < 0:
            raise StatementError("statistics are of at least one row, one column and one bound")
        if self.rows * self.largest**2 >= _LIMIT:
            raise StatementError(
                f"{self.rows} squares of values up to {self.largest} could reach 2^61: bound fewer rows"
            )
        for bound in self.bounds:
            if not 0 <= bound.column < self.columns or bound.power not in (1, 2):
                raise StatementError(f"a bound is on a column 0 to {self.columns - 1}, power 1 or 2; got {bound}")
            if not -_LIMIT <= bound.low <= bound.high <= _LIMIT:
                raise StatementError(f"a bound runs from low up to high, within 2^61 of zero; got {bound}")


def statistics_tape(tape: Tape, claim: StatisticsClaim, commitment: Commitment, opening: int) -> None:
    """Write the statement. A prover's tape holds the padded rows as tensor TENSOR of source 0."""
    row, column = dataset_axes(claim.rows, claim.columns)
    x = tape.committed(tape.source(commitment, opening), TENSOR, (row, column))
    bound = Axis.of("bound", len(claim.bounds))
    terms = [(1, _chosen(tape, claim, x, power, bound)) for power in sorted({b.power for b in claim.bounds})]
    low, high = np.zeros(bound.size, dtype=np.int64), np.zeros(bound.size, dtype=np.int64)
    low[: len(claim.bounds)] = [b.low for b in claim.bounds]
    high[: len(claim.bounds)] = [b.high for b in claim.bounds]
    # values and bounds lie within 2^61 of zero: a negative difference is no residue below 2^63
    bits = max(1, int((high - low).max()).bit_length())
    tape.within(tape.linear((bound,), [*terms, (-1, tape.public((bound,), low))]), bits)
    tape.within(tape.linear((bound,), [*((-1, t) for _, t in terms), (1, tape.public((bound,), high))]), bits)


def _chosen(tape: Tape, claim: StatisticsClaim, x: Node, power: int, bound: Axis) -> Node:
    """The sum of column^power for each bound of this power, zero for the others."""
    row, column = dataset_axes(claim.rows, claim.columns)
    ones = tape.public((row,), np.ones(row.size, dtype=np.int64))
    sums = tape.contract(
        (column,), x, x if power == 2 else ones, over=(row,), compute=lambda: _sums(tape.values(x), column.size, power)
    )
    chosen = np.zeros((bound.size, column.size), dtype=np.int64)
    for k, b in enumerate(claim.bounds):
        chosen[k, b.column] = b.power == power
    return tape.contract(
        (bound,),
        sums,
        tape.public((bound, column), chosen),
        over=(column,),
        compute=lambda: chosen @ field.to_signed(tape.values(sums)),
    )


def _sums(flat: NDArray[np.uint64], columns: int, power: int) -> NDArray[np.int64]:
    cube = flat.reshape(-1, columns)

    def part(start: int, stop: int) -> NDArray[np.int64]:
        sums: NDArray[np.int64] = (field.to_signed(cube[start:stop]) ** power).sum(axis=0)
        return sums

    total: NDArray[np.int64] = np.sum(by_parts(len(cube), max(1, CHUNK // columns), part), axis=0, dtype=np.int64)
    return total


def prove_statistics(claim: StatisticsClaim, vector: CommittedVector, opening: int, context: bytes) -> bytes:
    """Prove it, spending one opening of the dataset.

    Raises StatementError, before anything is revealed, where a bound does not hold; it names the bound, not the value.
    """
    from bailee.argument.prover import prove

    require_within(claim, vector)
    tape = Tape({(0, TENSOR): vector.tensor(TENSOR)})
    statistics_tape(tape, claim, vector.record, opening)
    return prove(tape, [vector], context)


def require_within(claim: StatisticsClaim, vector: CommittedVector) -> None:
    """Raises StatementError, naming the bound, where one does not hold of the committed rows."""
    values = padded_rows(vector, claim.rows, claim.columns)
    width = Axis.of("column", claim.columns).size
    sums = {power: _sums(values, width, power) for power in {b.power for b in claim.bounds}}
    for b in claim.bounds:
        if not b.low <= int(sums[b.power][b.column]) <= b.high:
            what = "sum" if b.power == 1 else "sum of squares"
            raise StatementError(f"the {what} of column {b.column} is not within its bounds: widen or drop the claim")


def verify_statistics(
    claim: StatisticsClaim, commitment: Commitment, opening: int, context: bytes, proof: bytes, plain: bool = False
) -> dict[str, float]:
    """Check such a proof; returns its soundness table in bits. Raises ProofError."""
    tape = Tape()
    statistics_tape(tape, claim, commitment, opening)
    return check(tape, context, proof, plain)
