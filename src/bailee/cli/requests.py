"""`bailee ask`, `bailee asked`: a builder asks for grants. `bailee request`: an owner answers."""

from __future__ import annotations

import json
import secrets
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bailee.cli import completing
from bailee.cli.face import DEFAULT_HOME, AsJson, Face, Home, command, facts_table, plain
from bailee.cli.grants import FORM, MaxDelta, MaxEpsilon, Unprotected
from bailee.party.answered import asked_facts, received
from bailee.party.asking import answer_give, answer_refuse, request_named, requests
from bailee.party.asking import ask as ask_for
from bailee.party.asking import asked as asked_for
from bailee.party.granting import Terms, grant_facts, moment
from bailee.party.home import PartyHome
from bailee.party.plans import read_any_plan
from bailee.party.remotes import find_remote
from bailee.party.requested import REQUESTS, Asked, facts_of, terms_of

app = typer.Typer(no_args_is_help=True, help="Grants that builders asked you for: look, give that or less, or refuse.")
_COLUMNS = 12
"""So many of a grant's columns are listed for people; --json names all."""
Id = Annotated[str, typer.Argument(help="The request's id; its first letters suffice.")]
Fields = Annotated[list[str] | None, typer.Option("--field", help="A column; repeat for more. All by default.")]


@command
def ask(
    remote: Annotated[
        str,
        typer.Argument(help="Whose data: a name that `bailee remote ls` shows.", autocompletion=completing.remotes),
    ],
    dataset: Annotated[str, typer.Argument(help="Which dataset there, as `bailee remote datasets` shows it.")],
    plan: Annotated[Path, typer.Argument(help="The training plan to be allowed: exactly this one.")],
    until: Annotated[str | None, typer.Option(help=f"When the grant should end: {FORM}")] = None,
    days: Annotated[int, typer.Option(help="How long, where --until is not given.", min=1, max=3650)] = 30,
    field: Fields = None,
    max_epsilon: MaxEpsilon = None,
    max_delta: MaxDelta = None,
    purpose: Annotated[str | None, typer.Option(help="For this purpose; the plan's by default.")] = None,
    message: Annotated[str, typer.Option(help="Words for the owner, at most 1,000 letters.")] = "",
    unprotected: Annotated[
        bool,
        typer.Option("--unprotected", help="The plan has no privacy and that is meant: its model may reveal rows."),
    ] = False,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Ask an owner for a grant: sign a request with the plan in it, keep it, and send it to the owner's server.

    To ask gives nothing: the owner reads it and gives a grant, gives less, or refuses. `bailee asked` shows which.

    Example: `bailee ask clinic heart-disease plan.toml --until 2027-01-31 --message "For the spring study" --home lab`
    """
    from bailee.party.correspondence import card_at, reached, send

    face, party, there = Face(as_json), PartyHome(home), find_remote(home, remote)
    me, wanted, now = party.identity, read_any_plan(plan), datetime.now(UTC)
    ends = now + timedelta(days=days) if until is None else moment(until, time.max)
    terms = Terms(me.public_key.hex(), now, ends, field, max_epsilon, max_delta, purpose, unprotected)
    with reached(party, there) as client:
        card = card_at(client, dataset, there.identity.public_key)
        signed = ask_for(party, me, card, wanted, terms, message, now, secrets.token_bytes(16))
        face.say(f"kept as {signed.record.id}; sending it to {there.url}")
        found = send(client, party, signed.record.id, now)
    facts = facts_of(found) | {"remote": there.name}
    face.result(facts, facts_table(_for_people(facts)))


@command
def asked(
    offline: Annotated[bool, typer.Option("--offline", help="Show what is known here; ask no server.")] = False,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Show the grants you asked for, and what their owners answered; answers are fetched, checked and kept.

    Of one that was given, the terms shown are the grant's: "given, narrowed" where they are less than you asked for.
    A request that never arrived is sent again.

    Example: `bailee asked --home lab`
    """
    from bailee.party.correspondence import look_at_all

    face, party, now = Face(as_json), PartyHome(home), datetime.now(UTC)
    found, wrong = (asked_for(party, now), {}) if offline else look_at_all(party, now)
    for name, why in wrong.items():
        face.say(f"{name}: {why}")
    shown = _given_shown(party, found)
    none = Text("nothing was asked for yet; ask with: bailee ask REMOTE DATASET PLAN.toml")
    facts = [asked_facts(party, one) for one in found]
    face.result({"asked": facts, "unreached": wrong}, Group(*shown) if found else none)


@app.command("ls")
@command
def list_requests(
    every: Annotated[bool, typer.Option("--all", help="Those that are answered or over, too.")] = False,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Show the requests for grants that wait for your answer.

    Example: `bailee request ls --home clinic`
    """
    found = [one for one in requests(PartyHome(home), datetime.now(UTC)) if every or one.state == "open"]
    table = _table(found, "builder", lambda one: f"{one.request.record.builder_name} {one.request.record.builder[:8]}")
    none = Text("no request waits; builders with a role here (bailee caller add) ask by `bailee ask`")
    Face(as_json).result({"requests": [facts_of(one) for one in found]}, table if found else none)


@app.command("show")
@command
def show(request: Id, home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Show a request whole: who asks for what, with the plan that would be allowed.

    Example: `bailee request show 3fa9 --home clinic`
    """
    found = _named(home, request)
    plan = dict(found.request.record.plan)
    facts = facts_of(found)
    shown = facts_table({**_for_people(facts), "the plan": json.dumps(plan, ensure_ascii=False)})
    Face(as_json).result({**facts, "plan_text": plan}, shown)


@app.command("give")
@command
def give(
    request: Id,
    until: Annotated[str | None, typer.Option(help=f"An earlier end than was asked: {FORM}")] = None,
    field: Annotated[
        list[str] | None, typer.Option("--field", help="Only this column; repeat for more. As asked by default.")
    ] = None,
    max_epsilon: Annotated[str | None, typer.Option(help="A smaller privacy loss than was asked.")] = None,
    max_delta: Annotated[str | None, typer.Option(help="A smaller delta than was asked.")] = None,
    unprotected: Unprotected = False,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Give what a request asks for, or less. Its builder finds the grant with `bailee asked`.

    Read the plan first, with `bailee request show`. Once given, it stands: `bailee revoke` takes it back.

    Example: `bailee request give 3fa9 --max-epsilon 2 --home clinic`
    """
    face, party, found = Face(as_json), PartyHome(home), _named(home, request)
    terms = terms_of(found.request.record, unprotected)
    terms = replace(
        terms,
        ends=terms.ends if until is None else moment(until, time.max),
        fields=field or terms.fields,
        max_epsilon=max_epsilon or terms.max_epsilon,
        max_delta=max_delta or terms.max_delta,
    )
    now = datetime.now(UTC)
    given = answer_give(party, party.identity, found.id, now, secrets.token_bytes(16), terms=terms)
    facts = grant_facts(given.grant) | {"request": found.id, "file": str(given.file)}
    if given.waiver_file is not None:
        facts["waiver"] = str(given.waiver_file)
    if given.useless is not None:
        face.say(f"note: {given.useless}")
    face.result(facts, facts_table(_for_people(facts)))


@app.command("refuse")
@command
def refuse(
    request: Id,
    reason: Annotated[str, typer.Option(help="Words for the builder, at most 1,000 letters.")] = "",
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Refuse a request. Its builder may ask again, with another one.

    Example: `bailee request refuse 3fa9 --reason "Not for advertising" --home clinic`
    """
    party, found = PartyHome(home), _named(home, request)
    facts = facts_of(answer_refuse(party, party.identity, found.id, reason, datetime.now(UTC)))
    Face(as_json).result(facts, facts_table(_for_people(facts)))


def _named(home: Path, name: str) -> Asked:
    return request_named(PartyHome(home), REQUESTS, name, datetime.now(UTC))


def _given_shown(party: PartyHome, found: list[Asked]) -> list[RenderableType]:
    """The builder's table: what was given where something was, what was asked for elsewhere; then what cannot run."""
    table = Table("request", "state", "owner", "dataset", "until", "epsilon", "columns", box=None, pad_edge=False)
    notes: list[RenderableType] = []
    for one in found:
        record, got = one.request.record, received(party, one)
        fields = "all" if record.fields is None else ", ".join(record.fields)
        state: str = one.state
        terms = (state, record.ends, record.max_epsilon or "the plan's", fields)
        if got is not None:
            grant = got.grant.record
            state = "given, narrowed" if got.narrowed else "given"
            columns = ", ".join(got.columns[:_COLUMNS]) + (", ..." if len(got.columns) > _COLUMNS else "")
            terms = (state, grant.not_after, grant.max_epsilon, columns)
            if got.lacks:
                note = f"{record.id[:8]} was given, and its plan cannot run under it: needs {got.lacks}"
                notes.append(Text(plain(note)))
        shown = (record.id[:8], terms[0], record.owner[:16], record.dataset, *terms[1:])
        table.add_row(*(Text(plain(value)) for value in shown))
    return [table, *notes]


def _table(found: list[Asked], who: str, whose: Any) -> Table:
    table = Table("request", "state", who, "dataset", "purpose", "until", "epsilon", box=None, pad_edge=False)
    for one in found:
        record = one.request.record
        state = "open, UNPROTECTED" if one.unprotected and one.state == "open" else one.state
        epsilon = record.max_epsilon or "the plan's"
        shown = (record.id[:8], state, whose(one), record.dataset, record.purpose, record.ends, epsilon)
        table.add_row(*(Text(plain(value)) for value in shown))
    return table


def _for_people(facts: dict[str, Any]) -> dict[str, Any]:
    """Without what is not there; lists in one line."""
    shown = {name.replace("_", " "): value for name, value in facts.items() if value not in (None, "", False)}
    return {name: ", ".join(value) if isinstance(value, list) else value for name, value in shown.items()}
