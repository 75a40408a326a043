"""An owner that commits to rows other than its card says, with a prover that looks away: the verifier does not."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from bailee.algebra.field import from_signed
from bailee.argument import prover
from bailee.argument.nodes import Lookup
from bailee.argument.tape import Tape
from bailee.errors import ProofError
from bailee.statements import dataset
from bailee.statements.dataset import DatasetClaim, Domain, commit_dataset, padded, prove_dataset, verify_dataset

UNIT, ROWS = 4096, 5
CLAIM = DatasetClaim(
    rows=ROWS,
    names=("age", "sex=f", "sex=m", "(bias)", "ill"),
    domains=(Domain(-UNIT, UNIT), Domain(0, UNIT, UNIT), Domain(0, UNIT, UNIT), Domain(UNIT, UNIT), Domain(0, 1)),
    groups=((1, 2),),
    unit=UNIT,
    norm_bound=3 * UNIT * UNIT + 1,
)
TRUE = np.array([[UNIT, UNIT, 0, UNIT, 1]] * ROWS)


def looking_away(monkeypatch: pytest.MonkeyPatch) -> None:
    def locate(self: Tape, look: Lookup, start: int, stop: int) -> NDArray[np.int64]:
        table = look.table
        rows = table.locate([self.part(column, start, stop) for column in look.columns])
        return np.bincount(np.clip(rows, 0, table.axis.size - 1), minlength=table.axis.size)

    monkeypatch.setattr(Tape, "_locate", locate)
    monkeypatch.setattr(prover, "check_assertions", lambda tape: None)
    monkeypatch.setattr(prover, "verify", lambda *_: None)


def hidden_row(whole: NDArray[np.int64]) -> None:
    whole[ROWS] = whole[0]


def hidden_column(whole: NDArray[np.int64]) -> None:
    whole[0, 7] = 1


def missing_row(whole: NDArray[np.int64]) -> None:
    whole[ROWS - 1] = 0


def cell(column: int, value: int) -> Callable[[NDArray[np.int64]], None]:
    def change(whole: NDArray[np.int64]) -> None:
        whole[2, column] = value

    return change


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(hidden_row, id="a row more"),
        pytest.param(hidden_column, id="a column more"),
        pytest.param(missing_row, id="a row less"),
        pytest.param(cell(0, UNIT + 1), id="off its range"),
        pytest.param(cell(1, 0), id="no category"),
        pytest.param(cell(2, UNIT), id="two categories"),
        pytest.param(cell(1, 5), id="half a category"),
        pytest.param(cell(3, 0), id="no bias"),
        pytest.param(cell(4, 2), id="label 2"),
        pytest.param(cell(4, -1), id="label -1"),
    ],
)
def test_rows_that_are_not_as_stated_do_not_prove(
    monkeypatch: pytest.MonkeyPatch, change: Callable[[NDArray[np.int64]], None]
) -> None:
    whole = padded(TRUE).astype(np.int64).reshape(8, 8)
    change(whole)
    looking_away(monkeypatch)
    monkeypatch.setattr(dataset, "padded", lambda matrix: from_signed(whole).reshape(-1))
    commitment = commit_dataset(TRUE, 3, bytes(32))
    proof = prove_dataset(CLAIM, TRUE, bytes(32), 3, 0, b"")
    with pytest.raises(ProofError):
        verify_dataset(CLAIM, commitment, 0, b"", proof)
    with pytest.raises(ProofError):
        verify_dataset(CLAIM, commitment, 0, b"", proof, plain=True)


def test_true_rows_prove_with_the_same_tools(monkeypatch: pytest.MonkeyPatch) -> None:
    looking_away(monkeypatch)
    proof = prove_dataset(CLAIM, TRUE, bytes(32), 3, 0, b"")
    verify_dataset(CLAIM, commit_dataset(TRUE, 3, bytes(32)), 0, b"", proof)
