"""The statement *these gradient sums are right* (docs/statements.md): logistic, all rounds at once, honest noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bailee.algebra import field
from bailee.argument.commitment_record import Commitment
from bailee.argument.nodes import Axis, Node
from bailee.argument.tape import Tape
from bailee.errors import StatementError
from bailee.statements.dataset import TENSOR, check, dataset_axes, padded
from bailee.statements.fixed_point import (
    GRADIENT_BITS,
    GRADIENT_LIMIT,
    INDEX_HALF,
    MAX_SHIFT,
    NOISE_BITS,
    PROBABILITY_BITS,
    SCORE_DROP_BITS,
)
from bailee.statements.noise import noise_table, sigmoid_table

UNIFORMS = "uniforms"
_WEIGHT_LIMIT = 1 << 30
_CHUNK = 1 << 15


@dataclass(frozen=True, eq=False)
class GradientClaim:
    """What one owner released over T rounds, and from what. d is the number of columns of the dataset.

    weights: int64 (T, d) at scale 2^14; sums: int64 (T, d) as released, in lattice units; both zero where not released;
    coins: uint64 (T, d) below 2^60; shift: lattice bits; sigma: decimal, in lattice units. The dataset's own proof must
    hold its features within [-4096, 4096], as every card's schema does: the bound on gradient sums rests on it.
    """

    rows: int
    columns: int
    label: int
    released: tuple[bool, ...]
    weights: NDArray[np.int64]
    sums: NDArray[np.int64]
    coins: NDArray[np.uint64]
    shift: int
    sigma: str

    def __post_init__(self) -> None:
        shape = (len(self.weights), self.columns)
        if not (self.weights.shape == self.sums.shape == self.coins.shape == shape) or shape[0] < 1:
            raise StatementError(f"weights, sums and coins are tables of rounds x {self.columns} columns")
        if len(self.released) != self.columns or not 0 <= self.label < self.columns or self.released[self.label]:
            raise StatementError("every column is released or not, and the label is not")
        hidden = ~np.array(self.released)
        if self.weights[:, hidden].any() or self.sums[:, hidden].any():
            raise StatementError("a column that is not released has weight zero and sum zero")
        if not 1 <= self.shift <= MAX_SHIFT or self.rows < 1 or self.rows << GRADIENT_BITS >= GRADIENT_LIMIT:
            raise StatementError(f"{self.rows} rows with shift {self.shift} could overflow a gradient sum")
        if (
            int(self.coins.max()) >> NOISE_BITS
            or max(-int(self.weights.min()), int(self.weights.max())) >= _WEIGHT_LIMIT
        ):
            raise StatementError("coins lie below 2^60 and weights below 2^30")
        if max(-int(self.sums.min()), int(self.sums.max())) >= 1 << (61 - self.shift):
            raise StatementError("a released sum is too large to have come from these rows")

    @property
    def rounds(self) -> int:
        return len(self.weights)


def _axes(claim: GradientClaim) -> tuple[Axis, Axis, Axis]:
    row, column = dataset_axes(claim.rows, claim.columns)
    return Axis.of("round", claim.rounds), row, column


def padded_rounds(values: NDArray[np.int64] | NDArray[np.uint64]) -> NDArray[np.uint64]:
    """(T, d) -> the flat tensor over padded rounds and columns, in F."""
    whole = np.zeros([Axis.of("", n).size for n in values.shape], dtype=np.uint64)
    words = values if values.dtype == np.uint64 else field.from_signed(values.astype(np.int64))
    whole[: values.shape[0], : values.shape[1]] = words
    return whole.reshape(-1)


def gradient_tape(tape: Tape, claim: GradientClaim, dataset: Commitment, opening: int, noise: Commitment) -> None:
    """Write the statement over the dataset's commitment and the noise's."""
    rnd, row, column = _axes(claim)
    x = tape.committed(tape.source(dataset, opening), TENSOR, (row, column))
    uniforms = tape.committed(tape.source(noise, 0), UNIFORMS, (rnd, column))
    weights = tape.public((rnd, column), padded_rounds(claim.weights))

    scores = tape.contract((rnd, row), weights, x, over=(column,), compute=lambda: _scores(tape, claim, x))
    residuals = _residuals(tape, claim, x, scores)
    gradient = tape.contract(
        (rnd, column), residuals, x, over=(row,), compute=lambda: _gradients(tape, claim, residuals, x)
    )
    drawn = _noise(tape, claim, uniforms)

    half = 1 << (claim.shift - 1)
    step = 1 << claim.shift
    remainder = tape.advice(
        "remainder", (rnd, column), lambda: (field.to_signed(tape.values(gradient)) + half) & (step - 1)
    )
    tape.within(remainder, claim.shift)
    sums = tape.public((rnd, column), padded_rounds(claim.sums))
    # sums = floor((G + half) / step) + noise; unique, as both sides stay below 2^62
    defect = tape.linear((rnd, column), [(1, gradient), (-1, remainder), (-step, sums), (step, drawn)], half)
    released = np.zeros(column.size, dtype=np.int64)
    released[: claim.columns] = claim.released
    run = (np.arange(rnd.size) < claim.rounds).astype(np.int64)
    told = tape.outer(tape.public((rnd,), run), tape.public((column,), released))
    tape.zero(
        tape.contract((rnd, column), told, defect, compute=lambda: field.mul(tape.values(told), tape.values(defect)))
    )


def _residuals(tape: Tape, claim: GradientClaim, x: Node, scores: Node) -> Node:
    """a = 2^16 sigmoid(z) - 2^16 y: the score is rounded to the table's grid and looked up with its probability."""
    rnd, row, column = _axes(claim)
    step, half = 1 << SCORE_DROP_BITS, 1 << (SCORE_DROP_BITS - 1)
    remainder = tape.advice(
        "score remainder", (rnd, row), lambda: (field.to_signed(tape.values(scores)) + half) & (step - 1)
    )
    tape.within(remainder, SCORE_DROP_BITS)
    share = field.f_inv(step)
    index = tape.linear((rnd, row), [(share, scores), (-share, remainder)], half * share)
    table = tape.table(
        "sigmoid",
        [np.arange(-INDEX_HALF, INDEX_HALF), sigmoid_table()],
        lambda c: np.clip(field.to_signed(c[0]), -INDEX_HALF - 1, INDEX_HALF) + INDEX_HALF,
    )
    probability = tape.advice("probability", (rnd, row), lambda: _look_up(tape, index))
    tape.lookup(table, [index, probability])
    label = tape.select(x, column, claim.label)
    return tape.linear((rnd, row), [(1, probability), (-(1 << PROBABILITY_BITS), label)])


def _noise(tape: Tape, claim: GradientClaim, uniforms: Node) -> Node:
    """The noise drawn by (committed uniforms + public coins) mod 2^60 from the inverse distribution table."""
    rnd, _, column = _axes(claim)
    drawn = noise_table(claim.sigma)
    modulus = 1 << NOISE_BITS
    coins = tape.public((rnd, column), padded_rounds(claim.coins))
    tape.within(uniforms, NOISE_BITS)
    carry = tape.advice(
        "carry", (rnd, column), lambda: (tape.values(uniforms) + tape.values(coins)) >> np.uint64(NOISE_BITS)
    )
    tape.within(carry, 1)
    point = tape.linear((rnd, column), [(1, uniforms), (1, coins), (-modulus, carry)])

    def rows() -> NDArray[np.int64]:
        return np.searchsorted(drawn.low, tape.values(point), side="right").astype(np.int64) - 1

    value = tape.advice("noise", (rnd, column), lambda: drawn.nu[rows()])
    low = tape.advice("noise low", (rnd, column), lambda: drawn.low[rows()])
    high = tape.advice("noise high", (rnd, column), lambda: drawn.high[rows()])
    tape.lookup(tape.table("noise", [drawn.nu, drawn.low, drawn.high]), [value, low, high])
    tape.within(tape.linear((rnd, column), [(1, point), (-1, low)]), NOISE_BITS)
    tape.within(tape.linear((rnd, column), [(1, high), (-1, point)]), NOISE_BITS)
    return value


def _look_up(tape: Tape, index: Node) -> NDArray[np.int64]:
    place = field.to_signed(tape.values(index)) + INDEX_HALF
    if place.min() < 0 or place.max() >= 2 * INDEX_HALF:
        raise StatementError("a score leaves the sigmoid table: the row norm bound or the weights are wrong")
    return sigmoid_table()[place]


def _scores(tape: Tape, claim: GradientClaim, x: Node) -> NDArray[np.int64]:
    """Exact: partial sums of products of 12-bit features and weights below 2^30 stay below 2^53 in float64."""
    rnd, row, column = _axes(claim)
    cube = tape.values(x).reshape(row.size, column.size)
    weights = np.zeros((rnd.size, column.size))
    weights[: claim.rounds, : claim.columns] = claim.weights
    scores = np.empty((rnd.size, row.size), dtype=np.int64)
    for start in range(0, row.size, _CHUNK):
        part = field.to_signed(cube[start : start + _CHUNK]).astype(np.float64)
        scores[:, start : start + _CHUNK] = weights @ part.T
    return scores


def _gradients(tape: Tape, claim: GradientClaim, residuals: Node, x: Node) -> NDArray[np.int64]:
    """Exact: a chunk of 2^15 products below 2^28 sums below 2^53 in float64; chunks add in int64."""
    rnd, row, column = _axes(claim)
    cube = tape.values(x).reshape(row.size, column.size)
    weights = field.to_signed(tape.values(residuals)).reshape(rnd.size, row.size)
    total = np.zeros((rnd.size, column.size), dtype=np.int64)
    for start in range(0, row.size, _CHUNK):
        part = field.to_signed(cube[start : start + _CHUNK]).astype(np.float64)
        total += (weights[:, start : start + _CHUNK].astype(np.float64) @ part).astype(np.int64)
    return total


def commit_noise(uniforms: NDArray[np.uint64], seed: bytes) -> Commitment:
    """The commitment to all rounds' 60-bit uniforms, (T, d), made before the first round; it bears one opening."""
    from bailee.argument.commitment import CommittedVector

    return CommittedVector({UNIFORMS: padded_rounds(uniforms)}, 1, seed).record


def prove_gradients(
    claim: GradientClaim,
    matrix: NDArray[np.int64],
    seed: bytes,
    openings: int,
    opening: int,
    uniforms: NDArray[np.uint64],
    noise_seed: bytes,
    context: bytes,
) -> bytes:
    """Prove every released sum of a session, spending one opening of the dataset and the noise's only one.

    Raises StatementError, before anything is revealed, where a sum is not what rows, weights and noise give.
    """
    from bailee.argument.commitment import CommittedVector
    from bailee.argument.prover import prove

    if matrix.shape != (claim.rows, claim.columns) or uniforms.shape != claim.weights.shape:
        raise StatementError(
            f"the claim is on {claim.rows} x {claim.columns} values and {claim.rounds} rounds, "
            f"the witness has {matrix.shape} and {uniforms.shape}"
        )
    data = CommittedVector({TENSOR: padded(matrix)}, openings, seed)
    noise = CommittedVector({UNIFORMS: padded_rounds(uniforms)}, 1, noise_seed)
    tape = Tape({(0, TENSOR): data.tensor(TENSOR), (1, UNIFORMS): noise.tensor(UNIFORMS)})
    gradient_tape(tape, claim, data.record, opening, noise.record)
    return prove(tape, [data, noise], context)


def verify_gradients(
    claim: GradientClaim,
    dataset: Commitment,
    opening: int,
    noise: Commitment,
    context: bytes,
    proof: bytes,
    plain: bool = False,
) -> dict[str, float]:
    """Check such a proof; returns its soundness table in bits. Raises ProofError."""
    tape = Tape()
    gradient_tape(tape, claim, dataset, opening, noise)
    return check(tape, context, proof, plain)
