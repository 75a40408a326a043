"""A prover that commits to wrong products of pads: each product is checked by itself, not the sum of a row of them."""

from __future__ import annotations

import numpy as np
import pytest

from bailee.algebra import field
from bailee.algebra.field import P
from bailee.argument import closing, plain, prover, verifier
from bailee.argument.commitment import CommittedVector
from bailee.argument.commitment_record import Commitment
from bailee.argument.nodes import Axis, Contract
from bailee.argument.tape import Tape
from bailee.argument.witness import TapeWitness
from bailee.errors import ProofError

ROW, COLUMN = Axis("row", 3), Axis("column", 2)
EXCESS = 1000


def write(tape: Tape, commitment: Commitment, claimed: int) -> None:
    """Every row's squared norm is at most `claimed`; the cheat's tape is EXCESS too low everywhere."""
    x = tape.committed(tape.source(commitment, 0), "rows", (ROW, COLUMN))

    def norms_below() -> np.ndarray:
        cube = field.to_signed(tape.values(x)).reshape(ROW.size, COLUMN.size)
        return (cube**2).sum(axis=1) - EXCESS

    norms = tape.contract((ROW,), x, x, over=(COLUMN,), compute=norms_below)
    tape.within(tape.linear((ROW,), [(-1, norms)], claimed), 17)


class Lying:
    """A sumcheck whose claim is wrong by a constant that it knew beforehand: it spreads the error over the rounds."""

    def __init__(self, state: object, error: int, free: int, rounds: int) -> None:
        self.state, self.error, self.weighted = state, error, rounds - free

    def round(self) -> tuple[tuple[int, int], tuple[int, int]]:
        first, last = self.state.round()  # type: ignore[attr-defined]
        if self.weighted:
            self.weighted -= 1
        else:
            self.error = self.error * field.f_inv(2) % P
        return ((first[0] + self.error) % P, first[1]), last

    def fold(self, challenge: tuple[int, int]) -> None:
        self.state.fold(challenge)  # type: ignore[attr-defined]


def forged(monkeypatch: pytest.MonkeyPatch, elsewhere: int) -> tuple[Commitment, int, bytes]:
    """A proof that rows are EXCESS shorter than they are; what one product lacks is added to pair slot `elsewhere`."""
    values = np.full((ROW.size, COLUMN.size), 20)
    vector = CommittedVector({"rows": field.from_signed(values).reshape(-1)}, 2, bytes(range(32)))
    claimed = 4 * 400 - EXCESS
    tape = Tape({(0, "rows"): vector.tensor("rows")})
    write(tape, vector.record, claimed)

    honest_contraction, honest_rows = TapeWitness.contraction, closing.rows_of

    def contraction(self: TapeWitness, node: Contract, point: list[tuple[int, int]]) -> object:
        return Lying(honest_contraction(self, node, point), P - EXCESS, COLUMN.bits, ROW.bits + COLUMN.bits)

    def rows_of(pads: np.ndarray, pairs: list[tuple[int, int]]) -> np.ndarray:
        rows = honest_rows(pads, pairs)
        (square,) = [k for k, (i, j) in enumerate(pairs) if i == j]
        flat = rows[-1 - (len(pairs) - 1) // closing.CLOSING_WIDTH :].reshape(-1, 2)
        error = (P - EXCESS) * field.f_inv(1 << COLUMN.bits) % P
        flat[square, 0] = (int(flat[square, 0]) + error) % P
        flat[elsewhere, 0] = (int(flat[elsewhere, 0]) + P - error) % P
        return rows

    monkeypatch.setattr(TapeWitness, "contraction", contraction)
    monkeypatch.setattr(closing, "rows_of", rows_of)
    monkeypatch.setattr(prover, "verify", lambda *_: None)
    return vector.record, claimed, prover.prove(tape, [vector], b"")


@pytest.mark.parametrize("check", [verifier.verify, plain.verify], ids=["fast", "plain"])
@pytest.mark.parametrize("elsewhere", [255, 254])
def test_wrong_products_whose_errors_cancel_are_rejected(
    monkeypatch: pytest.MonkeyPatch, elsewhere: int, check: object
) -> None:
    commitment, claimed, proof = forged(monkeypatch, elsewhere)
    tape = Tape()
    write(tape, commitment, claimed)
    with pytest.raises(ProofError, match="product"):
        check(tape, b"", proof)  # type: ignore[operator]
