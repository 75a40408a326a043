"""What a privacy loss means for one row, as numbers that people can picture.

(epsilon, delta) bounds what anybody can learn about whether one row was replaced by another: a guesser who was at 50 %
before ends at most at e^epsilon / (1 + e^epsilon), but for cases of probability about delta. This follows from the
definition by Bayes' rule (Wasserman and Zhou 2010, "A Statistical Framework for Differential Privacy").
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Literal

Strength = Literal["strong", "fair", "weak", "none"]


@dataclass(frozen=True)
class LossWords:
    """guess: how sure an even guess becomes at most, of 1; one_in: delta as one case in so many; strength: up to
    epsilon 1 strong, up to 4 fair, above weak; none where nothing is promised."""

    epsilon: str | None
    delta: str | None
    guess: float
    one_in: int
    strength: Strength


def words_of(epsilon: str | None, delta: str | None) -> LossWords:
    """epsilon and delta as records have them (decimal text); None: nothing is promised."""
    try:
        loss, slip = Decimal(epsilon or "NaN"), Decimal(delta or "0")
    except InvalidOperation:
        loss, slip = Decimal("NaN"), Decimal(0)
    if loss.is_nan() or loss < 0:
        return LossWords(None, None, 1.0, 0, "none")
    guess = 1 / (1 + math.exp(-min(float(loss), 700.0)))
    strength: Strength = "strong" if loss <= 1 else "fair" if loss <= 4 else "weak"
    return LossWords(epsilon, delta, guess, round(1 / slip) if slip > 0 else 0, strength)
