"""An evaluation in clear, for whoever holds model and rows: what the numbers are, and whether a claim holds."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from bailee.errors import StatementError
from bailee.records.inference import AT_LEAST, CORRECT, ERROR, EVERYONE, NOT_SET, PREDICTED, SET, SIZE, Condition
from bailee.statements.applied import choices, require_spread
from bailee.statements.evaluation import ERROR_BITS, EvaluationClaim
from bailee.statements.network.numbers import WEIGHT_BITS, Integers, div


def tallies(claim: EvaluationClaim, logits: Integers, matrix: NDArray[np.int64]) -> dict[tuple[str, str], int]:
    """In clear, for whoever holds the rows: every measure the claim names, and the size, of every group."""
    asked, labels = claim.assessment, list(claim.architecture.labels)
    here = slice(asked.first, asked.first + asked.rows)
    rows, outputs = np.asarray(matrix[here], dtype=np.int64), logits[here]
    values = {SIZE: np.ones(asked.rows, dtype=np.int64)}
    if claim.architecture.loss == "squared":
        error = div(outputs[:, 0], WEIGHT_BITS) - rows[:, labels[0]]
        if np.abs(error).max() >> (ERROR_BITS - 1):
            raise StatementError("an answer is 8 or more away from its target: beyond what a proof covers")
        values[ERROR] = error * error
    else:
        require_spread(outputs, asked.threshold, asked.margin_bits)
        binary = claim.architecture.loss == "logistic"
        found = (outputs[:, 0] > asked.threshold).astype(np.int64) if binary else choices(outputs)
        told = rows[:, labels[0]] if binary else rows[:, labels].argmax(axis=1)
        values[CORRECT] = (found == told).astype(np.int64)
        for place, label in enumerate(labels):
            values[PREDICTED + claim.columns[label]] = (found == (1 if binary else place)).astype(np.int64)
    members = {EVERYONE: np.ones(asked.rows, dtype=np.int64)}
    for group in asked.groups:
        met = [_met(condition, rows[:, claim.place(condition.column)]) for condition in group.where]
        members[group.name] = np.prod(met, axis=0)
    wanted = {SIZE, *claim.measures}
    return {
        (measure, group): int((each * member).sum())
        for measure, each in values.items() if measure in wanted
        for group, member in members.items()
    }  # fmt: skip


def _met(condition: Condition, values: Integers) -> Integers:
    if condition.kind in (SET, NOT_SET):
        found = (values == condition.value) == (condition.kind == SET)
    else:
        found = (values >= condition.value) == (condition.kind == AT_LEAST)
    met: Integers = found.astype(np.int64)
    return met


def require_true(claim: EvaluationClaim, sums: dict[tuple[str, str], int]) -> None:
    """Raises StatementError, for the owner of model and rows only, that names the first bound that does not hold."""
    asked = claim.assessment

    def bounded(what: str, value: Fraction, at_least: str | int | None, at_most: str | int | None) -> None:
        low, high = (None if text is None else Fraction(text) for text in (at_least, at_most))
        if (low is not None and value < low) or (high is not None and value > high):
            shown = str(value) if value.denominator == 1 else f"{float(value):.6g}"
            said = " ".join(
                f"at {way} {text}" for way, text in (("least", at_least), ("most", at_most)) if text is not None
            )
            raise StatementError(f"{what} is {shown}; the claim says {said}: it does not hold, nothing was proven")

    def mean(measure: str, group: str) -> Fraction:
        if not sums[SIZE, group]:
            raise StatementError(f"group {group!r} has no rows: a rate in it cannot be claimed")
        return Fraction(sums[measure, group], sums[SIZE, group])

    for count in asked.counts:
        total = Fraction(sums[count.measure, count.group])
        bounded(f"{count.measure!r} in {count.group!r}", total, count.at_least, count.at_most)
    for rate in asked.rates:
        value = mean(rate.measure, rate.group)
        bounded(f"the rate of {rate.measure!r} in {rate.group!r}", value, rate.at_least, rate.at_most)
    for gap in asked.gaps:
        apart = abs(mean(gap.measure, gap.first) - mean(gap.measure, gap.second))
        bounded(f"the gap in {gap.measure!r} between {gap.first!r} and {gap.second!r}", apart, None, gap.at_most)
