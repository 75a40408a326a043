"""The terms of a session that trains a network: what follows from plan and cards, and the noise that was settled on.

Lattice, sigmas and multipliers are not chosen by anybody: they follow, by the rule of the hidden mode.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import ClassVar

from bailee.errors import PlanError
from bailee.records.fields import Count, Decimal, Name
from bailee.statements.hidden.accounting import settle
from bailee.statements.hidden.terms import BOUNDARY_OPENINGS, ModelTerms, Setup
from bailee.statements.network.plan import ModelPlan
from bailee.statements.planned import Planned

MAX_ROUNDS = 1 << 14


@dataclass(frozen=True)
class OpenTerms(Planned):
    """columns: of every card; rows: of all owners together; noise_multiplier: of each owner's noise, in each round."""

    WHERE: ClassVar[str] = "terms"

    columns: tuple[Name, ...]
    rows: Count
    noise_multiplier: Decimal

    def __post_init__(self) -> None:
        self.check_types()
        if self.rows < 1 or not 0 < Fraction(self.noise_multiplier) <= 10_000:
            raise PlanError("terms: expected at least one row, and a noise multiplier in (0, 10000]")


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
    setup = settle(plan, lambda noise: setup_of(plan, OpenTerms(tuple(columns), rows, noise)))
    return OpenTerms(tuple(columns), rows, setup.terms.noise_multiplier or "")
