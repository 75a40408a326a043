"""The statement *dataset is valid* (docs/statements.md): ranges, categories, label domain, row count, row norm."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bailee.algebra import field
from bailee.argument.arrays import by_parts
from bailee.argument.commitment_record import Commitment
from bailee.argument.nodes import Axis, Node, Table
from bailee.argument.tape import CHUNK, Tape
from bailee.errors import StatementError

if TYPE_CHECKING:
    from bailee.argument.commitment import CommittedVector

TENSOR = "rows"
LARGEST_BITS = 27
"""More values would leave less than 100 bits of soundness; and a reader's memory is bounded before any is taken."""


@dataclass(frozen=True)
class Domain:
    """The values a column may take, in encoded units: low, low + step, ..., high."""

    low: int
    high: int
    step: int = 1

    def __post_init__(self) -> None:
        if self.step < 1 or self.high < self.low or (self.high - self.low) % self.step or self.size > 1 << 20:
            raise StatementError(f"a domain runs from low to high in steps, at most 2^20 values; got {self}")
        if max(-self.low, self.high) > 1 << 24:
            raise StatementError(f"values of a domain lie within 2^24 of zero; got {self}")

    @property
    def size(self) -> int:
        return (self.high - self.low) // self.step + 1


@dataclass(frozen=True)
class DatasetClaim:
    """`rows` rows of columns `names`; each group of columns sums to `unit`, squared norms are at most `norm_bound`."""

    rows: int
    names: tuple[str, ...]
    domains: tuple[Domain, ...]
    groups: tuple[tuple[int, ...], ...]
    unit: int
    norm_bound: int

    def __post_init__(self) -> None:
        columns = len(self.names)
        if self.rows < 1 or not columns or len(self.domains) != columns or len(set(self.names)) != columns:
            raise StatementError("a dataset has at least one row and one column, every column one name and one domain")
        if any(not group or not all(0 <= c < columns for c in group) for group in self.groups):
            raise StatementError(f"a group names columns 0 to {columns - 1}, got {self.groups}")
        bits = sum(axis.bits for axis in dataset_axes(self.rows, columns))
        if bits > LARGEST_BITS:
            raise StatementError(
                f"{self.rows} rows of {columns} columns pad to 2^{bits} values, a proof holds 2^{LARGEST_BITS}: "
                "seal in parts"
            )
        largest = sum(max(-d.low, d.high) ** 2 for d in self.domains)
        if not 0 <= self.norm_bound < 1 << 60 or largest >= 1 << 62:
            raise StatementError(
                f"a squared row norm stays below 2^60, the bound is {self.norm_bound}: scale columns down"
            )


def dataset_axes(rows: int, columns: int) -> tuple[Axis, Axis]:
    return Axis.of("row", rows), Axis.of("column", columns)


def padded(matrix: NDArray[np.int64]) -> NDArray[np.uint64]:
    """(rows, columns) integers -> the committed tensor: zero rows and columns up to powers of two, flat, in F."""
    row, column = dataset_axes(*matrix.shape)
    whole = np.zeros((row.size, column.size), dtype=np.uint64)

    def embed(start: int, stop: int) -> NDArray[np.uint64]:
        part = field.from_signed(np.asarray(matrix[start:stop], dtype=np.int64))
        whole[start:stop, : part.shape[1]] = part
        return part[:0]

    by_parts(len(matrix), max(1, CHUNK // column.size), embed)
    return whole.reshape(-1)


def dataset_tape(tape: Tape, claim: DatasetClaim, commitment: Commitment, opening: int) -> None:
    """Write the statement. A prover's tape holds the padded rows as tensor TENSOR of source 0."""
    source = tape.source(commitment, opening)
    write_valid(tape, claim, tape.committed(source, TENSOR, dataset_axes(claim.rows, len(claim.names))))


def write_valid(tape: Tape, claim: DatasetClaim, x: Node) -> None:
    """The same of a tensor over `dataset_axes` that is on the tape already."""
    row, column = x.axes
    kinds = list(dict.fromkeys(claim.domains))
    kind_of = np.zeros(column.size, dtype=np.int64)
    kind_of[: len(claim.names)] = [kinds.index(domain) + 1 for domain in claim.domains]
    present = tape.public((row,), (np.arange(row.size) < claim.rows).astype(np.int64))
    # kind 0 has the one value 0: it forces every padding cell, so the row count is exact
    kind = tape.outer(present, tape.public((column,), kind_of))
    tape.lookup(_domain_table(tape, kinds), [kind, x])

    if claim.groups:
        group = Axis.of("group", len(claim.groups))
        members = np.zeros((group.size, column.size), dtype=np.int64)
        for g, columns in enumerate(claim.groups):
            members[g, list(columns)] = 1
        real = (np.arange(group.size) < len(claim.groups)).astype(np.int64)
        sums = tape.contract(
            (row, group),
            x,
            tape.public((group, column), members),
            over=(column,),
            compute=lambda: _by_chunks(tape.values(x), column, lambda part: part @ members.T),
        )
        whole = tape.outer(present, tape.public((group,), real))
        tape.zero(tape.linear((row, group), [(1, sums), (-claim.unit, whole)]))

    norms = tape.contract(
        (row,),
        x,
        x,
        over=(column,),
        compute=lambda: _by_chunks(tape.values(x), column, lambda part: (part * part).sum(axis=1)),
    )
    tape.within(tape.linear((row,), [(-1, norms)], claim.norm_bound), max(1, claim.norm_bound.bit_length()))


def _by_chunks(
    flat: NDArray[np.uint64], column: Axis, reduce: Callable[[NDArray[np.int64]], NDArray[np.int64]]
) -> NDArray[np.int64]:
    cube = flat.reshape(-1, column.size)
    step = max(1, CHUNK // column.size)
    parts = by_parts(len(cube), step, lambda start, stop: reduce(field.to_signed(cube[start:stop])))
    return np.concatenate(parts)


def _domain_table(tape: Tape, kinds: Sequence[Domain]) -> Table:
    starts = np.cumsum([1] + [d.size for d in kinds])
    numbers = np.concatenate([[0]] + [np.full(d.size, k + 1) for k, d in enumerate(kinds)])
    values = np.concatenate([[0]] + [np.arange(d.low, d.high + 1, d.step) for d in kinds])
    first = np.array([0, *starts[:-1]], dtype=np.int64)
    low = field.from_signed(np.array([0] + [d.low for d in kinds], dtype=np.int64))
    step = np.array([1] + [d.step for d in kinds], dtype=np.uint64)
    span = np.array([1] + [d.size * d.step for d in kinds], dtype=np.uint64)

    def locate(columns: Sequence[NDArray[np.uint64]]) -> NDArray[np.int64]:
        from bailee.algebra import kernels

        return kernels.locate_steps(columns[0], columns[1], first, low, step, span)

    return tape.table("domain", [numbers, values], locate)


def commit_rows(matrix: NDArray[np.int64], openings: int, seed: bytes) -> CommittedVector:
    """The secret side of a dataset's commitment under a 32-byte seed; the same inputs give the same."""
    from bailee.argument.commitment import CommittedVector

    return CommittedVector({TENSOR: padded(matrix)}, openings, seed)


def commit_dataset(matrix: NDArray[np.int64], openings: int, seed: bytes) -> Commitment:
    """What the world sees of the same."""
    return commit_rows(matrix, openings, seed).record


def prove_dataset(
    claim: DatasetClaim,
    matrix: NDArray[np.int64],
    seed: bytes,
    openings: int,
    opening: int,
    context: bytes,
    committed: CommittedVector | None = None,
) -> bytes:
    """Prove that the committed rows satisfy the claim, spending opening number `opening`.

    `committed` saves committing again where `commit_rows` was called before. Raises StatementError, before anything is
    revealed, where the rows do not satisfy the claim.
    """
    from bailee.argument.prover import prove

    if matrix.shape != (claim.rows, len(claim.names)):
        raise StatementError(f"the claim is on {claim.rows} x {len(claim.names)} values, the matrix has {matrix.shape}")
    vector = committed or commit_rows(matrix, openings, seed)
    tape = Tape({(0, TENSOR): vector.tensor(TENSOR)})
    dataset_tape(tape, claim, vector.record, opening)
    return prove(tape, [vector], context)


def verify_dataset(
    claim: DatasetClaim, commitment: Commitment, opening: int, context: bytes, proof: bytes, plain: bool = False
) -> dict[str, float]:
    """Check such a proof; returns its soundness table in bits. Raises ProofError."""
    tape = Tape()
    dataset_tape(tape, claim, commitment, opening)
    return check(tape, context, proof, plain)


def check(tape: Tape, context: bytes, proof: bytes, plain: bool) -> dict[str, float]:
    """Run the fast verifier or the plain one on a verifier's tape."""
    if plain:
        from bailee.argument.plain import verify as verify_plain

        return verify_plain(tape, context, proof)
    from bailee.argument.verifier import verify

    return verify(tape, context, proof)
