"""An owner's permissions, as every face gives them and takes them back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Any

from bailee.errors import InputError, RecordError
from bailee.grant import give_grant, waive
from bailee.grant import revoke as revoke_grant
from bailee.keys import Identity
from bailee.party.carrying import lacking
from bailee.party.home import PartyHome
from bailee.records import Card, Grant, Revocation, Signed
from bailee.records.fields import parse_time
from bailee.records.model import Waiver
from bailee.records.schema import Schema
from bailee.seal import Dataset
from bailee.statements.hidden.terms import check_label
from bailee.statements.network.plan import ModelPlan
from bailee.statements.plan import Plan, row_norm_bound


@dataclass(frozen=True)
class Terms:
    """What a grant allows beside its plan. builder: raw public key, hex; None stands for all columns, or the plan's."""

    builder: str
    begins: datetime
    ends: datetime
    fields: Sequence[str] | None = None
    max_epsilon: str | None = None
    max_delta: str | None = None
    purpose: str | None = None
    unprotected: bool = False


@dataclass(frozen=True)
class Given:
    """A grant that is kept in `file`. `useless`: why no session can run under it, or None."""

    grant: Signed[Grant]
    file: Path
    waiver: Signed[Waiver] | None = None
    waiver_file: Path | None = None
    useless: str | None = None


def give(
    party: PartyHome,
    owner: Identity,
    dataset: Dataset,
    plan: Plan | ModelPlan,
    terms: Terms,
    now: datetime,
    grant_id: bytes,
) -> Given:
    """Sign and keep a grant on `dataset` for exactly `plan`. grant_id: 16 fresh random bytes.

    The same arguments make the same bytes, and keeping them twice changes nothing: whoever was killed may repeat it.
    Raises InputError, PlanError, SchemaError (the plan does not fit the dataset), GrantError, RecordError.
    """
    return keep_given(party, owner, sign_grant(owner, dataset, plan, terms, grant_id), plan, now)


def sign_grant(
    owner: Identity, dataset: Dataset, plan: Plan | ModelPlan, terms: Terms, grant_id: bytes
) -> Signed[Grant]:
    """The grant alone, kept nowhere: what `give` keeps, and the same errors."""
    loss = asked_loss(plan, dataset.card.record, terms.unprotected)
    if terms.max_epsilon is None and loss.epsilon is None:
        raise InputError("the plan names a noise multiplier and no epsilon; say how much is allowed with --max-epsilon")
    return give_grant(
        owner,
        dataset.card,
        terms.builder,
        terms.purpose or plan.purpose,
        plan.digest,
        terms.begins,
        terms.ends,
        terms.max_epsilon or loss.epsilon or "0",
        terms.max_delta or loss.delta,
        grant_id,
        terms.fields,
    )


def keep_given(party: PartyHome, owner: Identity, given: Signed[Grant], plan: Plan | ModelPlan, now: datetime) -> Given:
    """Keep a grant that was signed for `plan`, with its waiver where the plan is unprotected."""
    file, waiver, waiver_file = party.keep_grant(given), None, None
    if is_unprotected(plan):
        waiver = party.waiver(given) or waive(owner, given, now)
        waiver_file = party.keep_waiver(waiver, given.record.id)
    return Given(given, file, waiver, waiver_file, _useless(party, given.record, plan, now))


def _useless(party: PartyHome, grant: Grant, plan: Plan | ModelPlan, now: datetime) -> str | None:
    card = next((one.card.record for one in party.datasets() if one.card.digest == grant.card), None)
    found, lack = [], lacking(grant, plan, card)
    if now > parse_time(grant.not_after):
        found.append(f"this grant ended at {grant.not_after}")
    if lack:
        allowed = "" if lack.epsilon is None else f" (this grant allows epsilon {grant.max_epsilon})"
        found.append(f"the plan needs {lack}{allowed}")
    return f"{'; '.join(found)}: no session can run under this grant" if found else None


def take_back(
    party: PartyHome, owner: Identity, grant: Signed[Grant], now: datetime
) -> tuple[Signed[Revocation], Path]:
    """Sign and keep a revocation. A grant that was taken back stays so from the first time on: that one is returned.

    Takes no lock: it must work while a session runs. Raises GrantError where the grant is another owner's.
    """
    kept = party.revocation(grant.record.id)
    if kept is not None and kept.record.grant == grant.digest:
        return kept, party.path / "revocations" / f"{grant.record.id}.json"
    taken = revoke_grant(owner, grant, now)
    return taken, party.keep_revocation(taken, grant.record.id)


@dataclass(frozen=True)
class AskedLoss:
    """What a plan costs. epsilon is None where the plan names a noise multiplier instead."""

    epsilon: str | None
    delta: str


def asked_loss(plan: Plan | ModelPlan, card: Card, unprotected: bool) -> AskedLoss:
    """The loss a plan asks for. A plan that does not fit this dataset is found here, not in the session."""
    if isinstance(plan, Plan):
        row_norm_bound(Schema.from_json(card.schema))
        plan.released(card.columns)
    else:
        check_label(plan, Schema.from_json(card.schema))
        plan.used(card.columns)
    if is_unprotected(plan) is not unprotected:
        raise InputError(
            "the plan is private; --unprotected would allow what it does not ask for"
            if unprotected
            else "the plan is UNPROTECTED: no noise, no clipping, and its model may reveal rows of this dataset. If "
            "that is meant, say so with --unprotected"
        )
    return plan_loss(plan)


def plan_loss(plan: Plan | ModelPlan) -> AskedLoss:
    """What a plan costs by its own words. Of an unprotected one "0": no epsilon bounds it."""
    if isinstance(plan, Plan):
        return AskedLoss(plan.epsilon, plan.delta)
    return AskedLoss(plan.privacy.epsilon if plan.private else "0", plan.delta)


def is_unprotected(plan: Plan | ModelPlan) -> bool:
    """Whether a plan promises no privacy: then its owner signs a waiver beside the grant."""
    return isinstance(plan, ModelPlan) and not plan.private


def grant_facts(grant: Signed[Grant]) -> dict[str, Any]:
    """What a grant says."""
    record = grant.record
    return {
        "grant": record.id,
        "builder": record.builder,
        "purpose": record.purpose,
        "plan": record.plan,
        "fields": list(record.fields),
        "from": record.not_before,
        "until": record.not_after,
        "max_epsilon": record.max_epsilon,
        "max_delta": record.max_delta,
        "card": record.card,
    }


def moment(text: str, of_day: time) -> datetime:
    """A date (at `of_day`, UTC) or a full UTC time. Raises InputError."""
    try:
        return datetime.combine(datetime.strptime(text, "%Y-%m-%d"), of_day.replace(microsecond=0), UTC)
    except ValueError:
        pass
    try:
        return parse_time(text)
    except RecordError as error:
        raise InputError(f"{error}, or a date like 2027-01-31") from None
