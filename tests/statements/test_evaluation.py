"""How well a committed model does on committed rows: true claims prove, for both verifiers; nothing else does."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from bailee.errors import ProofError, RecordError, StatementError
from bailee.records.inference import Assessment, Condition, CountBound, GapBound, Group, RateBound
from bailee.records.schema import Layout
from bailee.statements.evaluation import (
    EvaluationClaim,
    prove_evaluation,
    verify_evaluation,
)
from bailee.statements.tally import require_true, tallies
from statements.models import ROWS, UNIT, Trained, columns_of, make_model, make_rows, sealed

GROUPS = (
    Group("women", (Condition("sex=f", "set", UNIT),)),
    Group("men", (Condition("sex=f", "not set", UNIT),)),
    Group("old", (Condition("age", "at least", 100),)),
    Group("young women", (Condition("sex=f", "set", UNIT), Condition("age", "below", 100))),
)
WORST = {"logistic": "correct", "softmax": "predicted kind=b"}


def assess(**bounds: Any) -> Assessment:
    whole = {"first": 0, "rows": ROWS, "threshold": 0, "margin_bits": 32, "groups": GROUPS}
    return Assessment(**{**whole, "counts": (), "rates": (), "gaps": (), **bounds})


def sums_of(model: Trained, rows: np.ndarray, first: int = 0, count: int = ROWS, threshold: int = 0) -> dict[Any, int]:
    measures = ("squared error",) if model.architecture.loss == "squared" else (
        "correct", *(f"predicted {name}" for name in columns_of(model.architecture.loss)[5:])
    )  # fmt: skip
    counts = tuple(CountBound(measure, "everyone", 0, None) for measure in measures)
    claim = claim_of(model, assess(first=first, rows=count, threshold=threshold, counts=counts))
    return tallies(claim, model.logits(rows), rows)


def claim_of(model: Trained, assessment: Assessment) -> EvaluationClaim:
    return EvaluationClaim(model.architecture, columns_of(model.architecture.loss), ROWS, assessment)


def check_both(claim: EvaluationClaim, model: Trained, rows: np.ndarray, proof: bytes) -> None:
    for plain in (False, True):
        table = verify_evaluation(claim, model.vector.record, 1, sealed(rows).record, 2, b"told", proof, plain)
        assert table["total"] >= 100


def everything(model: Trained, rows: np.ndarray, first: int = 0, count: int = ROWS, threshold: int = 0) -> Assessment:
    """Every kind of bound, as tight as it can be while it holds."""
    sums = sums_of(model, rows, first, count, threshold)
    main = "squared error" if model.architecture.loss == "squared" else "correct"
    counts = [CountBound(main, "everyone", sums[main, "everyone"], None)]
    counts += [CountBound(main, "women", None, sums[main, "women"]), CountBound("size", "men", 1, ROWS)]
    counts += [CountBound("size", "old", sums["size", "old"], sums["size", "old"])]
    rates, gaps = [], []
    if main == "correct":
        share = sums[main, "young women"] / sums["size", "young women"]
        rates = [RateBound(main, "young women", f"{share - 0.001:.3f}" if share else "0", f"{share + 0.001:.3f}")]
        worst = WORST[model.architecture.loss]
        apart = abs(sums[worst, "women"] / sums["size", "women"] - sums[worst, "men"] / sums["size", "men"])
        gaps = [GapBound(worst, "women", "men", f"{apart + 0.001:.3f}")]
        counts.append(CountBound(worst, "everyone", 0, sums[worst, "everyone"]))
    bounds = {"counts": tuple(counts), "rates": tuple(rates), "gaps": tuple(gaps)}
    return assess(first=first, rows=count, threshold=threshold, **bounds)


@pytest.mark.parametrize(
    ("loss", "hidden", "first", "count", "threshold"),
    [
        ("softmax", (5,), 0, ROWS, 0),
        ("softmax", (), 3, 10, 0),
        ("logistic", (), 0, ROWS, -(1 << 25)),
        ("logistic", (3, 2), 0, 16, 0),
        ("squared", (4,), 0, ROWS, 0),
    ],
)
def test_true_claims_prove(loss: str, hidden: tuple[int, ...], first: int, count: int, threshold: int) -> None:
    model, rows = make_model(loss, hidden), make_rows(loss)
    claim = claim_of(model, everything(model, rows, first, count, threshold))
    require_true(claim, tallies(claim, model.logits(rows), rows))
    check_both(claim, model, rows, prove_evaluation(claim, model.vector, 1, sealed(rows), 2, b"told"))


@pytest.fixture(scope="module")
def proven() -> tuple[Trained, np.ndarray, EvaluationClaim, bytes]:
    model, rows = make_model("logistic", ()), make_rows("logistic")
    claim = claim_of(model, everything(model, rows))
    return model, rows, claim, prove_evaluation(claim, model.vector, 1, sealed(rows), 2, b"told")


def test_nothing_told_can_be_changed_afterwards(proven: tuple[Trained, np.ndarray, EvaluationClaim, bytes]) -> None:
    model, rows, claim, proof = proven
    record, data, asked = model.vector.record, sealed(rows).record, claim.assessment
    first, rest, rate, gap = asked.counts[0], asked.counts[1:], asked.rates[0], asked.gaps[0]
    assert first.at_least is not None
    changes: list[dict[str, Any]] = [
        {"counts": (replace(first, at_least=first.at_least + 1), *rest)},
        {"counts": (replace(first, at_least=first.at_least - 1), *rest)},
        {"counts": (replace(first, at_most=ROWS), *rest)},
        {"counts": (replace(first, group="women"), *rest)},
        {"counts": (replace(first, measure="size"), *rest)},
        {"counts": rest},
        {"rates": (replace(rate, at_least="1"),)},
        {"gaps": (replace(gap, at_most="0"),)},
        {"gaps": (replace(gap, second="old"),)},
        {"first": 1, "rows": ROWS - 1},
        {"threshold": 1},
        {"margin_bits": 33},
        {"groups": (Group("women", (Condition("sex=m", "set", UNIT),)), *GROUPS[1:])},
        {"groups": (Group("women", (Condition("sex=f", "not set", UNIT),)), *GROUPS[1:])},
        {"groups": (*GROUPS[:2], Group("old", (Condition("age", "at least", 99),)), GROUPS[3])},
    ]
    other = make_model("logistic", (6,)).architecture
    lies = [(replace(claim, assessment=replace(asked, **change)), record, 1, data, 2, b"told") for change in changes]
    lies += [
        (replace(claim, architecture=other), record, 1, data, 2, b"told"),
        (replace(claim, total=64), record, 1, data, 2, b"told"),
        (claim, make_model("logistic", (), seed=9).vector.record, 1, data, 2, b"told"),
        (claim, record, 2, data, 2, b"told"),
        (claim, record, 1, sealed(make_rows("logistic", seed=8)).record, 2, b"told"),
        (claim, record, 1, data, 1, b"told"),
        (claim, record, 1, data, 2, b"other"),
    ]
    for place, (lie, of, at, held, opening, context) in enumerate(lies):
        with pytest.raises((ProofError, StatementError)):
            verify_evaluation(lie, of, at, held, opening, context, proof)
        if place % 8 == 0:
            with pytest.raises((ProofError, StatementError)):
                verify_evaluation(lie, of, at, held, opening, context, proof, plain=True)
    verify_evaluation(claim, record, 1, data, 2, b"told", proof)


@pytest.mark.parametrize(
    ("bounds", "words"),
    [
        ({"counts": (CountBound("correct", "everyone", ROWS + 1, None),)}, "'correct' in 'everyone' is"),
        ({"counts": (CountBound("size", "women", 0, 0),)}, "at most 0"),
        ({"rates": (RateBound("correct", "men", "1", None),)}, "the rate of 'correct' in 'men'"),
        ({"gaps": (GapBound("correct", "women", "men", "0"),)}, "the gap"),
        ({"groups": (Group("none", (Condition("age", "below", -UNIT),)),),
          "rates": (RateBound("correct", "none", None, "1"),)}, "no rows"),
    ],
)  # fmt: skip
def test_what_does_not_hold_is_named_before_anything_is_spent(bounds: dict[str, Any], words: str) -> None:
    model, rows = make_model("logistic", ()), make_rows("logistic")
    claim = claim_of(model, assess(**bounds))
    with pytest.raises(StatementError, match=words):
        require_true(claim, tallies(claim, model.logits(rows), rows))
    with pytest.raises(StatementError):
        prove_evaluation(claim, model.vector, 1, sealed(rows), 2, b"")


COUNT = (CountBound("correct", "everyone", 1, None),)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"counts": (CountBound("accuracy", "everyone", 1, None),)}, "no measure"),
        ({"counts": (CountBound("squared error", "everyone", 1, None),)}, "no measure of a model"),
        ({"counts": (CountBound("predicted well", "everyone", 1, None),)}, "no label column"),
        ({"counts": (CountBound("correct", "everyone", None, None),)}, "neither side"),
        ({"counts": (CountBound("correct", "nobody", 1, None),)}, "'nobody'"),
        ({}, "at least one row and one bound"),
        ({"counts": COUNT, "groups": (Group("everyone", ()),)}, "named twice"),
        ({"counts": COUNT, "groups": (Group("all", ()),)}, "no condition"),
        ({"counts": COUNT, "groups": (Group("all", (Condition("height", "set", 1),)),)}, "no column 'height'"),
        ({"counts": COUNT, "groups": (Group("all", (Condition("age", "is", 1),)),)}, "expected one of"),
        ({"counts": COUNT, "first": 1}, "rows 1 to 21"),
        ({"counts": COUNT, "margin_bits": 60}, "margin_bits"),
        ({"counts": COUNT, "threshold": 1 << 40}, "threshold"),
        ({"rates": (RateBound("correct", "everyone", "0.1234567", None),)}, "six decimals"),
    ],
)
def test_claims_that_make_no_sense_are_refused(change: dict[str, Any], words: str) -> None:
    with pytest.raises((StatementError, RecordError), match=words):
        claim_of(make_model("logistic", ()), assess(**change))


def test_columns_must_hold_what_a_claim_takes_them_for() -> None:
    claim = claim_of(make_model("logistic", ()), assess(counts=COUNT))
    numbers, flags = [(-UNIT, UNIT, 1)] * 2, [(0, UNIT, UNIT)] * 2
    fits = Layout(claim.columns, (*numbers, *flags, (UNIT, UNIT, UNIT), (0, 1, 1)), ((2, 3),), 1, (5,))
    claim.require_layout(fits)
    with pytest.raises(StatementError, match="no flag"):
        claim.require_layout(replace(fits, domains=(*numbers, *numbers, *fits.domains[4:])))
    with pytest.raises(StatementError, match="label is not of the kind"):
        claim.require_layout(replace(fits, domains=(*fits.domains[:5], (0, UNIT, UNIT))))
    with pytest.raises(StatementError, match="other columns"):
        claim.require_layout(replace(fits, names=(*fits.names[:5], "dead")))
