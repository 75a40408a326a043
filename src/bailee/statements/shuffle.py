"""The statement *these are the same rows in an order that nobody chose* (docs/statements.md).

A row's key is a uniform its owner committed to before anybody knew the public coin that is added to it; the rows of the
new commitment stand by ascending key. Who knows the coins does not know the order, who knows the uniforms did not
choose it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from blake3 import blake3
from numpy.typing import NDArray

from bailee import tags
from bailee.algebra import field
from bailee.algebra.field import P
from bailee.argument.commitment_record import Commitment
from bailee.argument.nodes import Axis, Node
from bailee.argument.parameters import require_soundness
from bailee.argument.tape import Tape
from bailee.errors import StatementError
from bailee.statements.dataset import TENSOR, check, dataset_axes
from bailee.statements.noise import uniform_words
from bailee.statements.record_keys import combine, drawn, padded_rows

if TYPE_CHECKING:
    from bailee.argument.commitment import CommittedVector

Words = NDArray[np.uint64]

UNIFORMS = "order"
KEY_BITS = 60
LARGEST_BITS = 26
_SPREAD_BITS = 5
"""Keys of n rows are at most 2^5 mean distances apart, but with probability n e^-32: then coins are drawn again."""


@dataclass(frozen=True, eq=False)
class ShuffleClaim:
    """What was shuffled: `rows` rows of `columns` columns, by `coins`, uint64 (rows,) below 2^60.

    The dataset's own proof must hold its padding rows at zero, as every card's does.
    """

    rows: int
    columns: int
    coins: NDArray[np.uint64]

    def __post_init__(self) -> None:
        if self.rows < 1 or self.columns < 1 or self.coins.shape != (self.rows,) or self.coins.dtype != np.uint64:
            raise StatementError(f"a shuffle takes a coin for each of {self.rows} rows, got {self.coins.shape}")
        if int(self.coins.max()) >> KEY_BITS or self.row.bits > LARGEST_BITS:
            raise StatementError(
                f"coins lie below 2^{KEY_BITS}, and at most 2^{LARGEST_BITS} rows are shuffled at once"
            )

    @property
    def row(self) -> Axis:
        return Axis.of("row", self.rows)

    @property
    def way_bits(self) -> int:
        return min(KEY_BITS + 1, KEY_BITS - (self.rows.bit_length() - 1) + _SPREAD_BITS)


def shuffle_tape(
    tape: Tape,
    claim: ShuffleClaim,
    dataset: Commitment,
    opening: int,
    order: Commitment,
    shuffled: Commitment,
    shuffled_opening: int,
) -> None:
    """Write the statement over the dataset's commitment, the uniforms' and that of the rows in their new order."""
    row, column = dataset_axes(claim.rows, claim.columns)
    place = Axis("place", row.bits)
    x = tape.committed(tape.source(dataset, opening), TENSOR, (row, column))
    uniforms = tape.committed(tape.source(order, 0), UNIFORMS, (row,))
    y = tape.committed(tape.source(shuffled, shuffled_opening), TENSOR, (place, column))

    # fixed only now that everything they compare is committed, keys and so the order included
    fixed = [dataset.root, order.root, shuffled.root, blake3(claim.coins.astype("<u8").tobytes()).digest()]
    found = drawn(tags.ORDER_PRINTS, fixed, 0, 2 * claim.columns)
    weights = found[: claim.columns], found[claim.columns :]

    key = _key(tape, claim, uniforms)
    ranked = tape.advice("key", (place,), lambda: _ranked(tape.values(key)))
    tape.permutation(
        [[key, *(combine(tape, x, row, column, w) for w in weights)]],
        [[ranked, *(combine(tape, y, place, column, w) for w in weights)]],
    )
    _ascending(tape, claim, ranked, place)


def _key(tape: Tape, claim: ShuffleClaim, uniforms: Node) -> Node:
    """(uniform + coin) mod 2^60 for real rows, 2^60 + row for padding: if below 2^60, the carry has no choice."""
    row = claim.row
    coins = np.zeros(row.size, dtype=np.uint64)
    coins[: claim.rows] = claim.coins
    carry = tape.advice("carry", (row,), lambda: _carry(tape.values(uniforms), coins))
    tape.boolean(carry)
    sums = tape.linear((row,), [(1, uniforms), (1, tape.public((row,), coins)), (-(1 << KEY_BITS), carry)])
    present = tape.public((row,), (np.arange(row.size) < claim.rows).astype(np.int64))
    real = tape.contract((row,), present, sums, compute=lambda: field.mul(tape.values(present), tape.values(sums)))
    padding = np.arange(row.size, dtype=np.uint64) + np.uint64(1 << KEY_BITS)
    padding[: claim.rows] = 0
    return tape.linear((row,), [(1, real), (1, tape.public((row,), padding))])


def _ascending(tape: Tape, claim: ShuffleClaim, ranked: Node, place: Axis) -> None:
    """Keys ascend strictly as integers, the first is not negative, the last real one below 2^60.

    From the last key the way leads around to the first, over a public gap that makes all ways sum to 2^60 + places.
    They are shown to sum below p, so they do: no key is passed twice.
    """
    whole = (1 << KEY_BITS) + place.size
    last = tape.public((place,), (np.arange(place.size) == place.size - 1).astype(np.int64))
    step = tape.linear((place,), [(1, tape.shift(ranked, place)), (-1, ranked), (whole, last)], -1)
    limbs = tape.digits("way", (place,), claim.way_bits, lambda: tape.values(step))
    tape.zero(tape.linear((place,), [(1, step), *((-scale, limb) for scale, limb in limbs)]))
    # the two lowest limbs sum below 2^62, the others, in units, below 2^61
    unit = limbs[2][0]
    high = tape.linear((place,), [(scale // unit, limb) for scale, limb in limbs[2:]])
    ones = tape.public((place,), np.ones(place.size, dtype=np.int64))
    total = tape.contract(
        (), high, ones, over=(place,), compute=lambda: np.array([field.sum_words(tape.values(high))], dtype=np.uint64)
    )
    tape.within(total, KEY_BITS + 1 - (unit.bit_length() - 1))
    tape.within(tape.select(ranked, place, 0), KEY_BITS)
    tape.within(tape.select(ranked, place, claim.rows - 1), KEY_BITS)


def ranking(uniforms: NDArray[np.uint64], coins: NDArray[np.uint64]) -> NDArray[np.int64]:
    """The rows in their new order: `matrix[ranking(uniforms, coins)]` is what is committed as shuffled."""
    return np.argsort((uniforms + coins) & np.uint64((1 << KEY_BITS) - 1), kind="stable")


def draw_uniforms(rows: int, seed: bytes) -> Words:
    """(rows,) uniforms below 2^60, expanded from a secret seed of 32 bytes."""
    from bailee.argument.randomness import Expansion

    return uniform_words(Expansion(seed).octets("order", 8 * rows), KEY_BITS)


def order_seed(seed: bytes) -> bytes:
    """The seed of the commitment to what `draw_uniforms` makes of `seed`."""
    from bailee.argument.randomness import Expansion

    return Expansion(seed).octets("order commitment", 32)


def commit_order(uniforms: NDArray[np.uint64], seed: bytes) -> CommittedVector:
    """The commitment to (rows,) uniforms below 2^60, made before the coins are known; it bears one opening."""
    from bailee.argument.commitment import CommittedVector

    if uniforms.ndim != 1 or not uniforms.size or uniforms.dtype != np.uint64 or int(uniforms.max()) >> KEY_BITS:
        raise StatementError(f"an order is drawn by one uniform below 2^{KEY_BITS} for each row")
    whole = np.zeros(Axis.of("row", uniforms.size).size, dtype=np.uint64)
    whole[: uniforms.size] = uniforms
    return CommittedVector({UNIFORMS: whole}, 1, seed)


def prove_shuffle(
    claim: ShuffleClaim,
    dataset: CommittedVector,
    opening: int,
    order: CommittedVector,
    shuffled: CommittedVector,
    shuffled_opening: int,
    context: bytes,
    seed: bytes | None = None,
) -> bytes:
    """Prove it, spending one opening of dataset and shuffled rows and the order's only one; `seed` as `prove` has it.

    Raises StatementError, before anything is revealed, where rows or order are not as claimed.
    """
    from bailee.argument.prover import prove

    rows, moved = (padded_rows(vector, claim.rows, claim.columns) for vector in (dataset, shuffled))
    _refuse_false(claim, rows, moved, order.tensor(UNIFORMS))
    tape = Tape({(0, TENSOR): rows, (1, UNIFORMS): order.tensor(UNIFORMS), (2, TENSOR): moved})
    shuffle_tape(tape, claim, dataset.record, opening, order.record, shuffled.record, shuffled_opening)
    return prove(tape, [dataset, order, shuffled], context, seed=seed)


def _carry(uniforms: Words, coins: Words) -> Words:
    return (uniforms + coins) >> np.uint64(KEY_BITS)


def _ranked(keys: Words) -> Words:
    return np.sort(keys)


def _refuse_false(claim: ShuffleClaim, rows: Words, moved: Words, uniforms: Words) -> None:
    uniforms = uniforms[: claim.rows]
    if len(uniforms) != claim.rows:
        raise StatementError(f"the order is drawn for {len(uniforms)} rows, the claim is on {claim.rows}")
    by = ranking(uniforms, claim.coins)
    keys = ((uniforms + claim.coins) & np.uint64((1 << KEY_BITS) - 1))[by]
    keys = np.append(keys, np.arange(claim.rows, claim.row.size + 1, dtype=np.uint64) + np.uint64(1 << KEY_BITS))
    keys[-1] += keys[0]  # around: back at the first
    ways = np.diff(keys)
    if not ways.all() or int(ways.max() - 1) >> claim.way_bits:
        raise StatementError("two rows drew keys that are equal or too far apart: draw new coins")
    width = Axis.of("column", claim.columns).size
    if not np.array_equal(rows.reshape(-1, width)[by], moved.reshape(-1, width)[: claim.rows]):
        raise StatementError("the shuffled rows are not the dataset's in the order drawn")


def verify_shuffle(
    claim: ShuffleClaim,
    dataset: Commitment,
    opening: int,
    order: Commitment,
    shuffled: Commitment,
    shuffled_opening: int,
    context: bytes,
    proof: bytes,
    plain: bool = False,
) -> dict[str, float]:
    """Check such a proof; returns its soundness table in bits, with a line for the rows' prints. Raises ProofError."""
    tape = Tape()
    shuffle_tape(tape, claim, dataset, opening, order, shuffled, shuffled_opening)
    table = check(tape, context, proof, plain)
    # each place compares one pair of rows, which keys decide, by two prints
    prints = 2 * math.log2(P) - claim.row.bits
    total = -math.log2(2.0 ** -table["total"] + 2.0**-prints)
    return require_soundness(table | {"prints": prints, "total": total})
