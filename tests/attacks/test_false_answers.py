"""A trainer that lies about a hidden model, with a prover that looks away: neither verifier is convinced."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from attacks.test_false_data import looking_away
from bailee.algebra import field
from bailee.algebra.field import to_signed
from bailee.argument.arrays import spread
from bailee.argument.nodes import Axis, Node
from bailee.argument.tape import Compute, Tape
from bailee.errors import ProofError
from bailee.records.inference import Assessment, Condition, CountBound, GapBound, Group, RateBound
from bailee.statements.evaluation import EvaluationClaim, prove_evaluation, verify_evaluation
from bailee.statements.inference import InferenceClaim, answers_of, prove_inference, verify_inference
from bailee.statements.network.numbers import div, remainder
from bailee.statements.tally import tallies
from statements.models import ROWS, UNIT, Trained, columns_of, make_architecture, make_model, make_rows, sealed

Change = Callable[[np.ndarray], None]
OLD = Group("old", (Condition("age", "at least", 0),))
NOBODY = Group("nobody", (Condition("sex=f", "set", UNIT), Condition("sex=m", "set", UNIT)))


def lying(monkeypatch: pytest.MonkeyPatch, name: str, change: Change) -> None:
    """The advice of that name is changed before it is committed to."""
    told = Tape.advice

    def advice(self: Tape, of: str, axes: Sequence[Axis], compute: Compute) -> Node:
        def changed() -> np.ndarray:
            values = np.array(compute()).reshape([axis.size for axis in axes])
            signed = to_signed(values) if values.dtype == np.uint64 else values.astype(np.int64)
            change(signed)
            return signed.reshape(-1)

        return told(self, of, axes, changed if of == name else compute)

    monkeypatch.setattr(Tape, "advice", advice)


def counting_in_the_field(monkeypatch: pytest.MonkeyPatch) -> None:
    """Values of contractions as the field has them, where an honest prover's integers would overflow."""
    written = Tape.contract

    def contract(
        self: Tape, axes: Sequence[Axis], left: Node, right: Node, over: Sequence[Axis] = (), compute: Any = None
    ) -> Node:
        def exact() -> np.ndarray:
            whole = (*axes, *over)
            size = 1 << sum(axis.bits for axis in whole)
            pair = [spread(self.values(node), node.axes, whole, 0, size) for node in (left, right)]
            table = field.mul(*pair).reshape(1 << sum(axis.bits for axis in axes), -1)
            return np.array([field.sum_words(row) for row in table], dtype=np.uint64)

        return written(self, axes, left, right, over, exact)

    monkeypatch.setattr(Tape, "contract", contract)


def claim_of(model: Trained, **bounds: Any) -> EvaluationClaim:
    whole = {"first": 0, "rows": ROWS, "threshold": 0, "margin_bits": 32, "groups": (OLD, NOBODY)}
    asked = Assessment(**{**whole, "counts": (), "rates": (), "gaps": (), **bounds})
    return EvaluationClaim(model.architecture, columns_of(model.architecture.loss), ROWS, asked)


def right(model: Trained, rows: np.ndarray, group: str = "everyone", measure: str = "correct") -> int:
    claim = claim_of(model, counts=(CountBound(measure, group, 0, None),))
    return tallies(claim, model.logits(rows), rows)[measure, group]


def does_not_convince(claim: EvaluationClaim, model: Trained, rows: np.ndarray) -> None:
    data = sealed(rows)
    proof = prove_evaluation(claim, model.vector, 1, data, 2, b"")
    for plain in (False, True):
        with pytest.raises(ProofError):
            verify_evaluation(claim, model.vector.record, 1, data.record, 2, b"", proof, plain)


def wrong_row(model: Trained, rows: np.ndarray) -> int:
    """A row whose answer is wrong."""
    logits = model.logits(rows)
    if model.architecture.loss == "logistic":
        return int(np.flatnonzero((logits[:, 0] > 0) != rows[:, 5])[0])
    return int(np.flatnonzero(logits.argmax(axis=1) != rows[:, 5:8].argmax(axis=1))[0])


def more_right(model: Trained, rows: np.ndarray) -> EvaluationClaim:
    return claim_of(model, counts=(CountBound("correct", "everyone", right(model, rows) + 1, None),))


@pytest.mark.parametrize("loss", ["softmax", "logistic"])
def test_one_more_right_than_there_are(monkeypatch: pytest.MonkeyPatch, loss: str) -> None:
    model, rows = make_model(loss, ()), make_rows(loss)
    looking_away(monkeypatch)
    does_not_convince(more_right(model, rows), model, rows)


@pytest.mark.parametrize("lie", ["another class", "two classes", "a class of padding", "halves"])
def test_a_choice_that_the_logits_do_not_make(monkeypatch: pytest.MonkeyPatch, lie: str) -> None:
    model, rows = make_model("softmax", ()), make_rows("softmax")
    row = wrong_row(model, rows)
    if lie == "two classes":  # both above zero: then their sum is above every other
        told = np.take_along_axis(model.logits(rows), rows[:, 5:8].argmax(axis=1)[:, None], axis=1)[:, 0]
        row = int(np.flatnonzero((told > 0) & (told < model.logits(rows).max(axis=1)))[0])
    label = int(rows[row, 5:8].argmax())

    def change(chosen: np.ndarray) -> None:
        place = chosen[row]
        if lie == "another class":
            place[:] = np.arange(4) == label
        elif lie == "two classes":
            place[label] = 1
        elif lie == "a class of padding":
            place[:] = np.arange(4) == 3
            place[label] = -1  # the weighted sum is one again
        else:
            place[label] += 2
            place[(label + 1) % 3] -= 2

    looking_away(monkeypatch)
    lying(monkeypatch, "chosen", change)
    claim = more_right(model, rows) if lie != "a class of padding" else claim_of(
        model, counts=(CountBound("correct", "everyone", right(model, rows) - 1, right(model, rows) - 1),)
    )  # fmt: skip
    does_not_convince(claim, model, rows)


def test_a_side_that_the_logit_is_not_on(monkeypatch: pytest.MonkeyPatch) -> None:
    model, rows = make_model("logistic", ()), make_rows("logistic")
    row = wrong_row(model, rows)

    def change(chosen: np.ndarray) -> None:
        chosen[row] = 1 - chosen[row]

    looking_away(monkeypatch)
    lying(monkeypatch, "chosen", change)
    does_not_convince(more_right(model, rows), model, rows)


@pytest.mark.parametrize("direction", [1, -1])
def test_a_row_moved_into_or_out_of_a_group(monkeypatch: pytest.MonkeyPatch, direction: int) -> None:
    model, rows = make_model("logistic", ()), make_rows("logistic")
    row = int(np.flatnonzero((rows[:, 1] >= 0) == (direction < 0))[0])

    def change(reached: np.ndarray) -> None:
        reached[row] = 1 - reached[row]

    size = right(model, rows, "old", "size") + direction
    looking_away(monkeypatch)
    lying(monkeypatch, "reached", change)
    does_not_convince(claim_of(model, counts=(CountBound("size", "old", size, size),)), model, rows)


@pytest.mark.parametrize(
    "bounds",
    [
        {"rates": (RateBound("correct", "nobody", "0.9", None),)},
        {"gaps": (GapBound("correct", "everyone", "nobody", "0"),)},
        {"rates": (RateBound("correct", "everyone", "1", None),)},
        {"counts": (CountBound("correct", "everyone", None, 0),)},
    ],
    ids=["a rate in no rows", "a gap to no rows", "a rate too high", "a count too low"],
)
def test_bounds_that_do_not_hold(monkeypatch: pytest.MonkeyPatch, bounds: dict[str, Any]) -> None:
    model, rows = make_model("logistic", ()), make_rows("logistic")
    assert 0 < right(model, rows) < ROWS
    looking_away(monkeypatch)
    does_not_convince(claim_of(model, **bounds), model, rows)


def test_errors_smaller_than_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wrong remainders make answers fractions, up to a unit nearer to their targets: those of six rows such that the
    squares' sum is an integer again, and a smaller one. (Of four rows it never is: four odd squares sum to 4 mod 8.)"""
    model, rows = make_model("squared", ()), make_rows("squared")
    total, random = right(model, rows, measure="squared error"), np.random.default_rng(3)
    z = model.logits(rows)[:, 0]
    errors, rest = div(z, 14) - rows[:, 5], remainder(z, 14)
    ranges = [(left, 1 << 14) if error > 0 else (0, left + 1) for error, left in zip(errors, rest, strict=True)]
    tried = [random.integers(low, high, 1 << 7) for low, high in ranges[:6]]
    # in units of 2^-28: a sum that 2^28 divides is an integer, and the field does not see that it was none before
    squares = [((int(errors[row]) << 14) + rest[row] - tried[row]) ** 2 for row in range(6)]
    sides = [np.add.outer(np.add.outer(*squares[at : at + 2]), squares[at + 2]).reshape(-1) for at in (0, 3)]
    left, wanted = sides[0] % (1 << 28), -sides[1] % (1 << 28)
    order = np.argsort(left)
    place = order[np.minimum(np.searchsorted(left[order], wanted), len(order) - 1)]
    sums = sides[0][place] + sides[1] + (int((errors[6:] ** 2).sum()) << 28)
    other = int(np.flatnonzero((left[place] == wanted) & (sums <= (total - 1) << 28))[0])
    numbers = [np.unravel_index(at, (1 << 7,) * 3) for at in (int(place[other]), other)]
    found = [tried[row][numbers[row // 3][row % 3]] for row in range(6)]

    def change(remainders: np.ndarray) -> None:
        remainders[:6] = found

    looking_away(monkeypatch)
    counting_in_the_field(monkeypatch)
    lying(monkeypatch, "answer remainder0", change)
    does_not_convince(claim_of(model, counts=(CountBound("squared error", "everyone", None, total - 1),)), model, rows)


def cell(row: int, value: int) -> dict[str, np.ndarray]:
    architecture = make_architecture("logistic", ())
    whole = np.zeros(architecture.parameters[0].padded, dtype=np.int64)
    whole[row] = value
    return {"weight1": whole}


@pytest.mark.parametrize(
    ("row", "value"), [(5, 1 << 14), (1, 1), (7, 1), (0, 1 << 18)],
    ids=["reads the label", "reads a column it must not", "reads padding", "a weight out of range"],
)  # fmt: skip
def test_a_model_that_is_none_of_its_architecture(monkeypatch: pytest.MonkeyPatch, row: int, value: int) -> None:
    model, rows = make_model("logistic", (), change=cell(row, value)), make_rows("logistic")
    looking_away(monkeypatch)
    does_not_convince(claim_of(model, counts=(CountBound("correct", "everyone", 0, None),)), model, rows)


def test_another_model_behind_the_commitment(monkeypatch: pytest.MonkeyPatch) -> None:
    model, other, rows = make_model("logistic", ()), make_model("logistic", (), seed=7), make_rows("logistic")
    looking_away(monkeypatch)
    other.vector.record = model.vector.record
    does_not_convince(claim_of(model, counts=(CountBound("correct", "everyone", 0, None),)), other, rows)


@pytest.mark.parametrize("told", ["class", "logits", "score"])
@pytest.mark.parametrize("loss", ["softmax", "logistic"])
def test_an_answer_that_the_model_does_not_give(monkeypatch: pytest.MonkeyPatch, loss: str, told: str) -> None:
    model, rows = make_model(loss, ()), make_rows(loss)
    answers = answers_of(model.architecture, told, model.logits(rows[:2]))
    claim = InferenceClaim(model.architecture, "public", told, answers, rows=rows[:2])
    other = answers.copy()
    other[1, 0] = 1 - other[1, 0] if loss == "logistic" and told == "class" else (other[1, 0] + 1) % 3
    lie = replace(claim, answers=other)
    looking_away(monkeypatch)
    true = prove_inference(claim, model.vector, 1, None, None, b"")
    verify_inference(claim, model.vector.record, 1, None, None, b"", true)
    proof = prove_inference(lie, model.vector, 1, None, None, b"")
    with pytest.raises(ProofError):
        verify_inference(lie, model.vector.record, 1, None, None, b"", proof)
