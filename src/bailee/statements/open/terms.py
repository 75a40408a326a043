"""The terms of a session that trains a network: what follows from plan and cards, and the noise that was settled on.

Lattice, sigmas and multipliers are not chosen by anybody: they follow, by the rule of the hidden mode.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal as Number
from fractions import Fraction
from typing import Any

from bailee.errors import PlanError, RecordError
from bailee.records.canonical import Json
from bailee.records.fields import Count, Decimal, Name, check, decode, encode, hints
from bailee.statements.hidden.accounting import calibrate, model_loss
from bailee.statements.hidden.terms import BOUNDARY_OPENINGS, ModelTerms, Setup
from bailee.statements.network.plan import ModelPlan

MAX_ROUNDS = 1 << 14
_MORE_NOISE = Fraction(2001, 2000)
_NOISE_DIGITS = 6


@dataclass(frozen=True)
class OpenTerms:
    """columns: of every card; rows: of all owners together; noise_multiplier: of each owner's noise, in each round."""

    columns: tuple[Name, ...]
    rows: Count
    noise_multiplier: Decimal

    def __post_init__(self) -> None:
        try:
            for name, kind in hints(type(self)).items():
                check(kind, getattr(self, name), f"terms.{name}")
        except RecordError as error:
            raise PlanError(str(error)) from None
        if self.rows < 1 or not 0 < Fraction(self.noise_multiplier) <= 10_000:
            raise PlanError("terms: expected at least one row, and a noise multiplier in (0, 10000]")

    def to_mapping(self) -> dict[str, Json]:
        fields = encode(self)
        return dict(fields) if isinstance(fields, dict) else {}

    @classmethod
    def from_mapping(cls, value: Mapping[str, Any]) -> OpenTerms:
        """Raises PlanError for anything but exactly such terms."""
        try:
            terms: OpenTerms = decode(cls, dict(value), "terms")
        except RecordError as error:
            raise PlanError(str(error)) from None
        return terms


def require_open(plan: ModelPlan) -> None:
    """Raises PlanError for a plan that owners on their own machines cannot be asked for."""
    if not plan.private:
        raise PlanError(
            'privacy.mode: a session of owners is "private": weights and sums are public; an unprotected plan is for '
            "`bailee train-model`, where one party holds the rows"
        )
    if not plan.full_batch:
        raise PlanError('batch: a session of owners has batch = "full": each round reads all rows of every owner')
    if plan.epochs > MAX_ROUNDS:
        raise PlanError(f"epochs: a session has at most {MAX_ROUNDS} rounds; got {plan.epochs}")


def setup_of(plan: ModelPlan, terms: OpenTerms) -> Setup:
    """The run that these rounds are, as the hidden mode sees it: one step a round, on all rows."""
    require_open(plan)
    whole = ModelTerms(terms.columns, (terms.rows,), 1, 1, terms.noise_multiplier, BOUNDARY_OPENINGS)
    return Setup(plan, whole)


def fix_open_terms(plan: ModelPlan, columns: Sequence[str], rows: int) -> OpenTerms:
    """Terms whose loss is within the plan's. Raises PlanError where plan and cards do not go together."""
    require_open(plan)
    noise = calibrate(plan)
    for _ in range(8):
        terms = OpenTerms(tuple(columns), rows, _decimal(noise))
        loss, target = model_loss(setup_of(plan, terms)), plan.privacy.epsilon
        if loss is not None and (target is None or Number(loss.epsilon) <= Number(target)):
            return terms
        noise *= _MORE_NOISE  # rounding to a lattice cost a little: ask for a little more
    raise PlanError(f"privacy.epsilon: no noise was found that keeps the session within {plan.privacy.epsilon}")


def _decimal(value: Fraction) -> str:
    """A positive rational rounded up at 10^-6."""
    scaled = -((-value.numerator * 10**_NOISE_DIGITS) // value.denominator)
    whole, part = divmod(scaled, 10**_NOISE_DIGITS)
    return f"{whole}.{part:0{_NOISE_DIGITS}d}".rstrip("0").rstrip(".")
