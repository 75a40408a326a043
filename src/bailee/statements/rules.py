"""Rules on records: *no record occurs twice*, in one dataset or over several (docs/statements.md).

Records become keys on a circle of p places. Whoever knows them distinct can commit, for each, the way to the next:
these ways lead through all keys and go around once. Nothing is sorted, so nothing but the ways is committed.
`statistics` has the rules on columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bailee import tags
from bailee.algebra import field
from bailee.algebra.field import P
from bailee.argument.commitment_record import Commitment
from bailee.argument.nodes import Axis, Node
from bailee.argument.tape import Tape
from bailee.errors import ProofFormatError, StatementError
from bailee.statements.dataset import TENSOR, check, dataset_axes
from bailee.statements.record_keys import combine, drawn, padded_rows

if TYPE_CHECKING:
    from bailee.argument.commitment import CommittedVector

Words = NDArray[np.uint64]

LARGEST_BITS = 26
"""log2 of how many records one statement holds, padding counted: the ways' low parts then sum below 2^62."""
_SPREAD_BITS = 5
"""A way is at most 2^5 times the mean: of N random keys one is further from the next with probability N e^-31."""
_COUNTER_BYTES = 4
_TRIES = 64


@dataclass(frozen=True)
class DistinctClaim:
    """No record occurs twice among datasets of `rows[k]` rows and `columns` columns each.

    Two records are the same when they agree in the columns `chosen` (all, where it is empty).
    """

    rows: tuple[int, ...]
    columns: int
    chosen: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if not self.rows or min(self.rows) < 1 or self.columns < 1:
            raise StatementError("distinct records are claimed of at least one dataset, each of rows and columns")
        if len(set(self.chosen)) != len(self.chosen) or not all(0 <= c < self.columns for c in self.chosen):
            raise StatementError(f"a record is made of columns 0 to {self.columns - 1}, each once; got {self.chosen}")
        if self.padded > 1 << LARGEST_BITS:
            raise StatementError(f"{self.padded} padded records, one proof holds 2^{LARGEST_BITS}: prove it in parts")

    @property
    def padded(self) -> int:
        return sum(axis.size for axis in self.axes)

    @property
    def axes(self) -> tuple[Axis, ...]:
        return tuple(Axis.of("row", rows) for rows in self.rows)

    @property
    def compared(self) -> tuple[int, ...]:
        return self.chosen or tuple(range(self.columns))


def distinct_tape(
    tape: Tape, claim: DistinctClaim, commitments: Sequence[Commitment], openings: Sequence[int], counter: int
) -> None:
    """Write the statement. A prover's tape holds the padded rows of dataset k as tensor TENSOR of source k."""
    column = dataset_axes(1, claim.columns)[1]
    roots = [commitment.root for commitment in commitments]
    weights, padding = _weights(claim, roots, counter)
    keys: list[Node] = []
    for k, (commitment, opening) in enumerate(zip(commitments, openings, strict=True)):
        row = claim.axes[k]
        x = tape.committed(tape.source(commitment, opening), TENSOR, (row, column))
        key = combine(tape, x, row, column, weights)
        keys.append(tape.linear((row,), [(1, key), (1, tape.public((row,), padding[k]))]))

    ways: list[Words] = []

    def way(k: int) -> Words:
        if not ways:
            ways.extend(_ways([tape.values(key) for key in keys]))
        return ways[k]

    # what is below 2^bits for random keys; where it is not, another counter makes other keys
    bits = _way_bits(claim)
    limbs = [tape.digits(f"way{k}.", (row,), bits, partial(way, k)) for k, row in enumerate(claim.axes)]
    following = [tape.linear(key.axes, [(1, key), *parts], 1) for key, parts in zip(keys, limbs, strict=True)]
    tape.permutation([[node] for node in following], [[key] for key in keys])

    # Their lengths sum to a multiple of p. It is p itself if they sum below 2p: the two lowest limbs sum below 2^62,
    # and the others, in units of `unit`, below 2^64
    unit = min(parts[2][0] for parts in limbs)
    tape.within(
        tape.linear((), [(1, _total(tape, row, parts, unit)) for row, parts in zip(claim.axes, limbs, strict=True)]),
        64 - (unit.bit_length() - 1),
    )


def _total(tape: Tape, row: Axis, parts: Sequence[tuple[int, Node]], unit: int) -> Node:
    """The sum over all records of all limbs but the two lowest, in units."""
    high = tape.linear((row,), [(scale // unit, limb) for scale, limb in parts[2:]])
    ones = tape.public((row,), np.ones(row.size, dtype=np.int64))
    return tape.contract((), high, ones, over=(row,), compute=lambda: np.array([field.sum_words(tape.values(high))]))


def _way_bits(claim: DistinctClaim) -> int:
    return min(64, 64 - (claim.padded.bit_length() - 1) + _SPREAD_BITS)


def _weights(claim: DistinctClaim, roots: Sequence[bytes], counter: int) -> tuple[list[int], list[Words]]:
    """A weight for each column, and for each dataset what is added to the keys of its rows: padding spreads evenly."""
    found = drawn(tags.RECORD_KEYS, roots, counter, claim.columns + 1)
    weights = [w if k in claim.compared else 0 for k, w in enumerate(found[:-1])]
    count = claim.padded - sum(claim.rows)
    step = P // max(1, count)
    padding, place = [], found[-1]
    for rows, axis in zip(claim.rows, claim.axes, strict=True):
        words = np.zeros(axis.size, dtype=np.uint64)
        steps = np.arange(axis.size - rows, dtype=np.uint64) * np.uint64(step)
        words[rows:] = field.add(steps, np.uint64(place))
        place = (place + (axis.size - rows) * step) % P
        padding.append(words)
    return weights, padding


def _ways(keys: Sequence[Words]) -> list[Words]:
    """From each key to the next one around the circle, less one; p - 1 from a key that is there again."""
    whole = np.concatenate(keys)
    order = np.argsort(whole, kind="stable")
    ranked = whole[order]
    ways = np.empty_like(whole)
    ways[order] = field.sub(field.sub(np.roll(ranked, -1), ranked), np.uint64(1))
    return np.split(ways, np.cumsum([len(part) for part in keys])[:-1])


def prove_distinct(
    claim: DistinctClaim, vectors: Sequence[CommittedVector], openings: Sequence[int], context: bytes
) -> bytes:
    """Prove it, spending opening number `openings[k]` of dataset k.

    Raises StatementError, before anything is revealed, where a record occurs twice.
    """
    from bailee.argument.prover import prove

    commitments = [vector.record for vector in vectors]
    _require_fit(claim, commitments, openings)
    counter = _counter(claim, vectors)
    tape = Tape({(k, TENSOR): vector.tensor(TENSOR) for k, vector in enumerate(vectors)})
    distinct_tape(tape, claim, commitments, openings, counter)
    return counter.to_bytes(_COUNTER_BYTES, "little") + prove(tape, vectors, context)


def verify_distinct(
    claim: DistinctClaim,
    commitments: Sequence[Commitment],
    openings: Sequence[int],
    context: bytes,
    proof: bytes,
    plain: bool = False,
) -> dict[str, float]:
    """Check such a proof; returns its soundness table in bits. Raises ProofError."""
    _require_fit(claim, commitments, openings)
    if len(proof) < _COUNTER_BYTES:
        raise ProofFormatError("a proof of distinct records starts with a counter of 4 bytes: it is cut short")
    tape = Tape()
    counter = int.from_bytes(proof[:_COUNTER_BYTES], "little")
    distinct_tape(tape, claim, commitments, openings, counter)
    return check(tape, context, proof[_COUNTER_BYTES:], plain)


def require_distinct(claim: DistinctClaim, vectors: Sequence[CommittedVector]) -> None:
    """Raises StatementError, naming the rows, where a record occurs twice."""
    _counter(claim, vectors)


def _require_fit(claim: DistinctClaim, commitments: Sequence[Commitment], openings: Sequence[int]) -> None:
    if not len(claim.rows) == len(commitments) == len(openings):
        raise StatementError(
            f"the claim is on {len(claim.rows)} datasets, got {len(commitments)} commitments, {len(openings)} openings"
        )


def _counter(claim: DistinctClaim, vectors: Sequence[CommittedVector]) -> int:
    """The first counter whose keys are distinct and close enough; records that are the same are named instead."""
    from bailee.algebra import kernels

    roots = [vector.record.root for vector in vectors]
    width = Axis.of("column", claim.columns).size
    cubes = [
        padded_rows(vector, rows, claim.columns).reshape(-1, width)
        for vector, rows in zip(vectors, claim.rows, strict=True)
    ]
    bits = _way_bits(claim)
    for counter in range(_TRIES):
        weights, padding = _weights(claim, roots, counter)
        spread = np.zeros((width, 2), dtype=np.uint64)
        spread[: claim.columns, 0] = weights
        keys = [
            field.add(kernels.apply_columns(cube, spread)[:, 0], pads)
            for cube, pads in zip(cubes, padding, strict=True)
        ]
        _refuse_repeated(claim, cubes, keys)
        ways = np.concatenate(_ways(keys))
        once = int((ways >> np.uint64(32)).sum()) * 2**32 + int((ways & np.uint64(2**32 - 1)).sum()) + len(ways) == P
        if once and int(ways.max()) >> bits == 0:
            return counter
    raise StatementError(f"no key of {_TRIES} told all records apart: this is a defect, please report it")


def _refuse_repeated(claim: DistinctClaim, cubes: Sequence[Words], keys: Sequence[Words]) -> None:
    whole = np.concatenate([part[:rows] for part, rows in zip(keys, claim.rows, strict=True)])
    order = np.argsort(whole, kind="stable")
    ends = np.cumsum(claim.rows)

    def find(index: int) -> tuple[int, int]:
        dataset = int(np.searchsorted(ends, index, side="right"))
        return dataset, index - int(ends[dataset]) + claim.rows[dataset]

    for at in np.flatnonzero(whole[order[1:]] == whole[order[:-1]]):
        (a, i), (b, j) = find(int(order[at])), find(int(order[at + 1]))
        if all(int(cubes[a][i, c]) == int(cubes[b][j, c]) for c in claim.compared):
            there = "" if len(claim.rows) == 1 else f" of dataset {a}"
            here = "" if len(claim.rows) == 1 else f" of dataset {b}"
            raise StatementError(f"row {i}{there} and row {j}{here} are the same record: leave one of them out")
