"""Whether a grant can carry its plan: what a session of the plan needs and the grant does not allow.

Looked at when a grant is given, shown and trained under, so that nobody finds it out in the session.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from bailee.records import Card, Grant, Revocation, Signed
from bailee.records.fields import parse_time
from bailee.records.schema import Schema
from bailee.statements.plan import Plan
from bailee.statements.planned import ALL_FEATURES, belongs
from bailee.statements.tasks import AnyPlan


@dataclass(frozen=True)
class Lacking:
    """What a plan needs and its grant does not allow. columns: of the table; epsilon, delta: the plan's, or None."""

    columns: tuple[str, ...] = ()
    epsilon: str | None = None
    delta: str | None = None

    def __bool__(self) -> bool:
        return bool(self.columns) or self.epsilon is not None or self.delta is not None

    def __str__(self) -> str:
        """`column weight, epsilon 4`; empty where nothing lacks."""
        columns = f"column{'s' if len(self.columns) > 1 else ''} {', '.join(self.columns)}" if self.columns else ""
        epsilon = f"epsilon {self.epsilon}" if self.epsilon is not None else ""
        delta = f"delta {self.delta}" if self.delta is not None else ""
        return ", ".join(part for part in (columns, epsilon, delta) if part)


def lacking(grant: Grant, plan: AnyPlan, card: Card | None) -> Lacking:
    """card: the dataset's; without it, of a plan that trains on all features no column is known to lack."""
    epsilon = plan.epsilon if isinstance(plan, Plan) else plan.privacy.epsilon if plan.private else None
    return Lacking(
        _columns(grant, plan, card),
        epsilon if epsilon is not None and Decimal(grant.max_epsilon) < Decimal(epsilon) else None,
        plan.delta if Decimal(grant.max_delta) < Decimal(plan.delta) else None,
    )


def why_not(
    grant: Signed[Grant], plan: AnyPlan, card: Card | None, revocations: Sequence[Signed[Revocation]], now: datetime
) -> str | None:
    """Why no session of `plan` can run under `grant` now, as far as is known here; None where nothing speaks against
    it. Every reason is named."""
    record, found = grant.record, []
    if now < parse_time(record.not_before):
        found.append(f"it begins at {record.not_before}")
    if now > parse_time(record.not_after):
        found.append(f"it ended at {record.not_after}")
    if any(_takes_back(one.record, grant, now) for one in revocations):
        found.append("its owner revoked it")
    if lack := lacking(record, plan, card):
        found.append(f"the plan needs {lack}")
    return "; ".join(found) or None


def _takes_back(end: Revocation, grant: Signed[Grant], now: datetime) -> bool:
    return end.grant == grant.digest and end.owner == grant.record.owner and parse_time(end.revoked) <= now


def _columns(grant: Grant, plan: AnyPlan, card: Card | None) -> tuple[str, ...]:
    """Of the table, where the card tells which those are."""
    if card is None:
        named = () if tuple(plan.features) == (ALL_FEATURES,) else plan.features
        return tuple(name for name in named if not any(belongs(column, name) for column in grant.fields))
    inside = plan.released(card.columns) if isinstance(plan, Plan) else plan.used(card.columns)
    missing = {name for name, used in zip(card.columns, inside, strict=True) if used and name not in grant.fields}
    tables = {name: one.name for one in Schema.from_json(card.schema).features for name in one.encoded}
    return tuple(dict.fromkeys(tables.get(name, name) for name in card.columns if name in missing))
