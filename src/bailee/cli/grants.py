"""`bailee grant`, `bailee revoke`: an owner's permissions."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from bailee.cli import completing
from bailee.cli.face import DEFAULT_HOME, AsJson, Face, Home, command, facts_table
from bailee.party.granting import Terms, give, grant_facts, moment, take_back
from bailee.party.home import PartyHome
from bailee.party.identities import read_public
from bailee.party.plans import read_any_plan

FORM = "a date like 2027-01-31, or a time like 2027-01-31T12:00:00Z (UTC)."
Starts = Annotated[str | None, typer.Option(help=f"When it begins to hold, now by default: {FORM}")]
Until = Annotated[str | None, typer.Option(help=f"When it ends: {FORM}")]
MaxEpsilon = Annotated[str | None, typer.Option(help="At most this privacy loss; the plan's by default.")]
MaxDelta = Annotated[str | None, typer.Option(help="At most this delta; the plan's by default.")]
Unprotected = Annotated[
    bool,
    typer.Option("--unprotected", help="Sign a waiver too, for a plan without privacy: its model may reveal rows."),
]


@command
def grant(
    dataset: Annotated[
        str, typer.Argument(help="Name of the sealed dataset, or its directory.", autocompletion=completing.datasets)
    ],
    builder: Annotated[Path, typer.Option(help="Public identity of the builder: its identity.json.")],
    plan: Annotated[Path, typer.Option(help="The training plan that is allowed: exactly this one.")],
    field: Annotated[
        list[str] | None, typer.Option("--field", help="A column that may be used; repeat for more. All by default.")
    ] = None,
    starts: Starts = None,
    until: Until = None,
    days: Annotated[int, typer.Option(help="How long it holds, where --until is not given.", min=1, max=3650)] = 30,
    max_epsilon: MaxEpsilon = None,
    max_delta: MaxDelta = None,
    purpose: Annotated[str | None, typer.Option(help="For this purpose only; the plan's by default.")] = None,
    unprotected: Unprotected = False,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Let a builder run one plan on a dataset: for a purpose, for some columns, for a time, up to a privacy loss.

    Read the plan before you sign: the grant names it by digest, so that no number in it can change afterwards.

    Example: `bailee grant heart-disease --builder builder/identity.json --plan plan.toml --days 30 --home cleveland`
    """
    face, party = Face(as_json), PartyHome(home)
    owner, sealed, wanted = party.identity, party.dataset(dataset), read_any_plan(plan)
    now = datetime.now(UTC)
    begins = now if starts is None else moment(starts, time.min)
    ends = begins + timedelta(days=days) if until is None else moment(until, time.max)
    key = read_public(builder).public_key.hex()
    terms = Terms(key, begins, ends, field, max_epsilon, max_delta, purpose, unprotected)
    given = give(party, owner, sealed, wanted, terms, now, secrets.token_bytes(16))
    facts = grant_facts(given.grant)
    if given.waiver_file is not None:
        facts["waiver"] = str(given.waiver_file)
    if given.useless is not None:
        face.say(f"note: {given.useless}")
    face.result({**facts, "file": str(given.file)}, facts_table({**_for_people(facts), "file": given.file}))


@command
def revoke(
    grant: Annotated[
        str,
        typer.Argument(
            help="The grant's id (its first letters suffice), or its file.", autocompletion=completing.grants
        ),
    ],
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Take a grant back, from now on. This party answers nobody under it any more.

    Sums that were sent already cannot be called back. Hand the revocation's file to those who should know.

    Example: `bailee revoke 3fa9 --home cleveland`
    """
    face, party = Face(as_json), PartyHome(home)
    owner, given = party.identity, party.grant(grant)
    taken, path = take_back(party, owner, given, datetime.now(UTC))
    facts = {"grant": given.record.id, "revoked": taken.record.revoked, "file": str(path)}
    face.result(facts, facts_table(facts))


def _for_people(facts: dict[str, Any]) -> dict[str, Any]:
    shown = {name.replace("_", " "): value for name, value in facts.items()}
    return shown | {"fields": ", ".join(facts["fields"])}
