"""`bailee grant`, `bailee revoke`: an owner's permissions."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import typer

from bailee.cli.face import DEFAULT_HOME, AsJson, Face, Home, command, facts_table
from bailee.cli.home import PartyHome
from bailee.cli.identities import read_public
from bailee.cli.plans import read_any_plan
from bailee.errors import InputError, RecordError
from bailee.grant import give_grant, waive
from bailee.grant import revoke as revoke_grant
from bailee.records import Card, Grant, Signed
from bailee.records.fields import parse_time
from bailee.records.schema import Schema
from bailee.statements.hidden.terms import check_label
from bailee.statements.network.plan import ModelPlan
from bailee.statements.plan import Plan, row_norm_bound

_FORM = "a date like 2027-01-31, or a time like 2027-01-31T12:00:00Z (UTC)."
Starts = Annotated[str | None, typer.Option(help=f"When it begins to hold, now by default: {_FORM}")]
Until = Annotated[str | None, typer.Option(help=f"When it ends: {_FORM}")]


@command
def grant(
    dataset: Annotated[str, typer.Argument(help="Name of the sealed dataset, or its directory.")],
    builder: Annotated[Path, typer.Option(help="Public identity of the builder: its identity.json.")],
    plan: Annotated[Path, typer.Option(help="The training plan that is allowed: exactly this one.")],
    field: Annotated[
        list[str] | None, typer.Option("--field", help="A column that may be used; repeat for more. All by default.")
    ] = None,
    starts: Starts = None,
    until: Until = None,
    days: Annotated[int, typer.Option(help="How long it holds, where --until is not given.", min=1, max=3650)] = 30,
    max_epsilon: Annotated[str | None, typer.Option(help="At most this privacy loss; the plan's by default.")] = None,
    max_delta: Annotated[str | None, typer.Option(help="At most this delta; the plan's by default.")] = None,
    purpose: Annotated[str | None, typer.Option(help="For this purpose only; the plan's by default.")] = None,
    unprotected: Annotated[
        bool,
        typer.Option("--unprotected", help="Sign a waiver too, for a plan without privacy: its model may reveal rows."),
    ] = False,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Let a builder run one plan on a dataset: for a purpose, for some columns, for a time, up to a privacy loss.

    Read the plan before you sign: the grant names it by digest, so that no number in it can change afterwards.

    Example: `bailee grant heart-disease --builder builder/identity.json --plan plan.toml --days 30 --home cleveland`
    """
    face, party = Face(as_json), PartyHome(home)
    owner, sealed, wanted = party.identity, party.dataset(dataset), read_any_plan(plan)
    asked = _asked(wanted, sealed.card.record, unprotected)
    if max_epsilon is None and asked.epsilon is None:
        raise InputError("the plan names a noise multiplier and no epsilon; say how much is allowed with --max-epsilon")
    now = datetime.now(UTC)
    begins = now if starts is None else _moment(starts, time.min)
    ends = begins + timedelta(days=days) if until is None else _moment(until, time.max)
    given = give_grant(
        owner,
        sealed.card,
        read_public(builder).public_key.hex(),
        purpose or wanted.purpose,
        wanted.digest,
        begins,
        ends,
        max_epsilon or asked.epsilon or "0",
        max_delta or asked.delta,
        secrets.token_bytes(16),
        field,
    )
    path = party.keep_grant(given)
    facts = grant_facts(given)
    if unprotected:
        facts["waiver"] = str(party.keep_waiver(waive(owner, given, now), given.record.id))
    if asked.epsilon is not None and Decimal(given.record.max_epsilon) < Decimal(asked.epsilon):
        face.say(
            f"note: the plan is set for epsilon {asked.epsilon}, this grant allows {given.record.max_epsilon}: "
            "no session can run under it"
        )
    face.result({**facts, "file": str(path)}, facts_table({**_for_people(facts), "file": path}))


@command
def revoke(
    grant: Annotated[str, typer.Argument(help="The grant's id (its first letters suffice), or its file.")],
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Take a grant back, from now on. This party answers nobody under it any more.

    Sums that were sent already cannot be called back. Hand the revocation's file to those who should know.

    Example: `bailee revoke 3fa9 --home cleveland`
    """
    face, party = Face(as_json), PartyHome(home)
    owner, given = party.identity, party.grant(grant)
    taken = revoke_grant(owner, given, datetime.now(UTC))
    path = party.keep_revocation(taken, given.record.id)  # no lock: it must work while a session runs
    facts = {"grant": given.record.id, "revoked": taken.record.revoked, "file": str(path)}
    face.result(facts, facts_table(facts))


@dataclass(frozen=True)
class _Asked:
    """What a plan costs. epsilon is None where the plan names a noise multiplier instead."""

    epsilon: str | None
    delta: str


def _asked(plan: Plan | ModelPlan, card: Card, unprotected: bool) -> _Asked:
    """The loss a plan asks for. A plan that does not fit this dataset is found here, not in the session."""
    if isinstance(plan, Plan):
        if unprotected:
            raise InputError("the plan is private; --unprotected would allow what it does not ask for")
        row_norm_bound(Schema.from_json(card.schema))
        plan.released(card.columns)
        return _Asked(plan.epsilon, plan.delta)
    check_label(plan, Schema.from_json(card.schema))
    plan.used(card.columns)
    if plan.private == unprotected:
        raise InputError(
            "the plan is private; --unprotected would allow what it does not ask for"
            if plan.private
            else "the plan is UNPROTECTED: no noise, no clipping, and its model may reveal rows of this dataset. If "
            "that is meant, say so with --unprotected"
        )
    return _Asked(plan.privacy.epsilon if plan.private else "0", plan.delta)


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


def _for_people(facts: dict[str, Any]) -> dict[str, Any]:
    shown = {name.replace("_", " "): value for name, value in facts.items()}
    return shown | {"fields": ", ".join(facts["fields"])}


def _moment(text: str, of_day: time) -> datetime:
    """A date (at `of_day`, UTC) or a full UTC time. Raises InputError."""
    try:
        return datetime.combine(datetime.strptime(text, "%Y-%m-%d"), of_day.replace(microsecond=0), UTC)
    except ValueError:
        pass
    try:
        return parse_time(text)
    except RecordError as error:
        raise InputError(f"{error}, or a date like 2027-01-31") from None
