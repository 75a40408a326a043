"""A committed model's answers: true ones prove, for both verifiers; others do not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from bailee.errors import ProofError, StatementError
from bailee.statements.dataset import DatasetClaim, Domain
from bailee.statements.inference import (
    InferenceClaim,
    answers_of,
    commit_fresh,
    prove_inference,
    verify_inference,
)
from statements.models import ROWS, UNIT, Trained, columns_of, make_model, make_rows, sealed

VALID = DatasetClaim(
    2, columns_of("logistic"),
    (*[Domain(-UNIT, UNIT)] * 2, *[Domain(0, UNIT, UNIT)] * 2, Domain(UNIT, UNIT), Domain(0, 1)),
    ((2, 3),), UNIT, 4 * UNIT * UNIT + 1,
)  # fmt: skip


def claim_of(model: Trained, told: str, source: str, rows: np.ndarray, places: tuple[int, ...] = ()) -> InferenceClaim:
    asked = rows[list(places)] if places else rows
    answers = answers_of(model.architecture, told, model.logits(asked))
    kinds: dict[str, dict[str, Any]] = {
        "public": {"rows": rows},
        "sealed": {"places": places, "total": len(rows)},
        "fresh": {"total": len(rows), "valid": VALID},
    }
    return InferenceClaim(model.architecture, source, told, answers, **kinds[source])


def round_trip(claim: InferenceClaim, model: Trained, rows: Any, plain: bool = True) -> bytes:
    opening = None if rows is None else 1
    proof = prove_inference(claim, model.vector, 1, rows, opening, b"told")
    for how in (False, True) if plain else (False,):
        record = None if rows is None else rows.record
        assert verify_inference(claim, model.vector.record, 1, record, opening, b"told", proof, how)["total"] >= 100
    return proof


@pytest.mark.parametrize(
    ("loss", "told"),
    [("softmax", "logits"), ("softmax", "class"), ("softmax", "score"), ("logistic", "score"), ("squared", "score")],
)
def test_answers_to_rows_of_a_sealed_dataset(loss: str, told: str) -> None:
    model, rows = make_model(loss, (4,)), make_rows(loss)
    claim = claim_of(model, told, "sealed", rows, (3, 17, 3, 20, 0))
    round_trip(claim, model, sealed(rows), plain=told == "class")


@pytest.mark.parametrize(("loss", "told"), [("softmax", "class"), ("logistic", "class"), ("logistic", "logits")])
def test_answers_to_public_rows(loss: str, told: str) -> None:
    model, rows = make_model(loss), make_rows(loss, 1 if told == "logits" else 3)
    round_trip(claim_of(model, told, "public", rows), model, None, plain=loss == "logistic")


def test_answers_to_rows_committed_for_them() -> None:
    model, rows = make_model("logistic"), make_rows("logistic", 2)
    claim = claim_of(model, "class", "fresh", rows)
    round_trip(claim, model, commit_fresh(rows, 3, bytes(32)))
    rows[0, 4] = 0  # no bias
    with pytest.raises(StatementError, match="table"):
        prove_inference(claim, model.vector, 1, commit_fresh(rows, 3, bytes(32)), 1, b"")


def test_scores_are_those_that_people_read() -> None:
    from bailee.statements.network.forward import scores

    for loss in ("softmax", "logistic", "squared"):
        model, rows = make_model(loss), make_rows(loss)
        told = answers_of(model.architecture, "score", model.logits(rows)) / 65536
        assert np.abs(told - scores(model.architecture, model.weights, rows)).max() < 2e-3


@pytest.mark.parametrize("told", ["logits", "class", "score"])
def test_another_answer_does_not_prove(told: str) -> None:
    model, rows = make_model("softmax"), make_rows("softmax")
    claim = claim_of(model, told, "sealed", rows, (1, 2))
    other = claim.answers.copy()
    other[1, 0] = (other[1, 0] + 1) % 3
    with pytest.raises(StatementError):
        prove_inference(replace(claim, answers=other), model.vector, 1, sealed(rows), 1, b"")


def test_nothing_told_can_be_changed_afterwards() -> None:
    model, rows = make_model("logistic"), make_rows("logistic")
    data = sealed(rows)
    claim = claim_of(model, "class", "sealed", rows, (1, 2, 5))
    proof = round_trip(claim, model, data, plain=False)
    record, held = model.vector.record, data.record
    stranger = make_model("logistic", seed=9).vector.record
    told = 1 - claim.answers
    lies: list[tuple[InferenceClaim, Any, int, Any, int, bytes]] = [
        (replace(claim, answers=told), record, 1, held, 1, b"told"),
        (replace(claim, places=(1, 2, 6)), record, 1, held, 1, b"told"),
        (replace(claim, threshold=1), record, 1, held, 1, b"told"),
        (replace(claim, margin_bits=33), record, 1, held, 1, b"told"),
        (replace(claim, architecture=make_model("logistic", (6,)).architecture), record, 1, held, 1, b"told"),
        (claim, stranger, 1, held, 1, b"told"),
        (claim, record, 2, held, 1, b"told"),
        (claim, record, 1, sealed(make_rows("logistic", seed=8)).record, 1, b"told"),
        (claim, record, 1, held, 2, b"told"),
        (claim, record, 1, held, 1, b"other"),
    ]
    for lie, of, at, rows_of, opening, context in lies:
        with pytest.raises((ProofError, StatementError)):
            verify_inference(lie, of, at, rows_of, opening, context, proof)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"told": "guess"}, "answers"),
        ({"places": (1, 99)}, "0 to 20"),
        ({"answers": np.array([[2], [0]])}, "numbered"),
        ({"answers": np.array([[0]])}, "places"),
        ({"margin_bits": 60}, "margin_bits"),
        ({"threshold": 1 << 40}, "threshold"),
        ({"source": "public"}, "public source"),
        ({"valid": VALID}, "fresh"),
    ],
)
def test_claims_that_make_no_sense_are_refused(change: dict[str, Any], words: str) -> None:
    model, rows = make_model("logistic"), make_rows("logistic", ROWS)
    claim = claim_of(model, "class", "sealed", rows, (1, 2))
    with pytest.raises(StatementError, match=words):
        replace(claim, **change)


def test_logits_too_far_apart_say_what_to_do() -> None:
    model, rows = make_model("softmax"), make_rows("softmax")
    with pytest.raises(StatementError, match="margin of"):
        answers_of(model.architecture, "class", model.logits(rows), margin_bits=24)
