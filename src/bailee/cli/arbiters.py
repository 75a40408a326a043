"""`bailee arbiter`: the cases of a ledger, and the votes of those who decide them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from bailee.cli.accounts import AccountOption, PassphraseFd, PassphraseFile
from bailee.cli.face import DEFAULT_HOME, AsJson, Face, Home, command, facts_table
from bailee.cli.ledgers import ContractsOption, NodeOption
from bailee.errors import ConflictError, InputError, NotFoundError
from bailee.party.cases import Case, cases_of
from bailee.party.near_works import followed
from bailee.party.opened_ledger import acting, reading
from bailee.party.registered import work_named

if TYPE_CHECKING:
    from bailee.adapters.chain.ledger import Ledger

app = typer.Typer(no_args_is_help=True, help="For a ledger's arbiters: disputes and challenges, and votes on them.")


@app.command("cases")
@command
def cases(
    every: Annotated[bool, typer.Option("--all", help="Those that are concluded, too.")] = False,
    contracts: ContractsOption = None,
    ledger: NodeOption = None,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """List the cases that wait for votes, or for somebody to conclude them.

    Example: `bailee arbiter cases`
    """
    with reading(home, ledger, contracts) as opened:
        found = [one for one in _cases(home, opened) if every or not one.concluded]
        members, threshold = list(opened.arbiters.members()), opened.arbiters.threshold
    facts = {"cases": [one.as_facts() for one in found], "arbiters": members, "threshold": threshold}
    told: list[Text] = [_words(one.as_facts()) for one in found]
    Face(as_json).result(facts, Text("\n\n").join(told) if told else Text("no case waits"))


@app.command("vote")
@command
def vote(
    case: Annotated[str, typer.Argument(help="The case, or the disputed work, or the challenged claim.")],
    uphold: Annotated[
        bool | None, typer.Option("--uphold/--reject", help="Whether who opened it is right.", show_default=False)
    ] = None,
    contracts: ContractsOption = None,
    account: AccountOption = None,
    passphrase_file: PassphraseFile = None,
    passphrase_fd: PassphraseFd = None,
    ledger: NodeOption = None,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Vote, as an arbiter, on a case that is open. A vote stands; a majority of all arbiters decides.

    Uphold a dispute and the registration is void; uphold a challenge and those who attested lose their bonds.

    Example: `bailee arbiter vote 7c02... --reject`
    """
    if uphold is None:
        raise InputError("say --uphold or --reject; a vote stands")
    with acting(home, ledger, contracts, account, passphrase_file, passphrase_fd) as opened:
        found = _case(home, opened, case)
        opened.arbiters.vote(found.id, uphold)
        (now,) = (one for one in _cases(home, opened) if one.id == found.id)
    facts = now.as_facts()
    Face(as_json).result(facts, _words(facts))


def _cases(home: Path, ledger: Ledger) -> list[Case]:
    from bailee.adapters.chain.index import events

    with followed(home, ledger) as index:
        return cases_of(one.event for one in events(index, ledger))


def _case(home: Path, ledger: Ledger, text: str) -> Case:
    """The open case that is meant; no vote is cast on anything else. InputError, NotFoundError, ConflictError."""
    every = _cases(home, ledger)
    told = text.removeprefix("0x").lower()
    found = [one for one in every if one.id == told] or [
        one for one in every if one.kind == "challenge" and one.subject == told
    ]
    if not found:
        work = f"{work_named(ledger, home, text):064x}"
        found = [one for one in every if one.kind == "dispute" and one.subject == work]
    if not found:
        raise NotFoundError(f"no dispute or challenge of {text[:80]} was ever opened: see `bailee arbiter cases --all`")
    if found[-1].verdict is not None or found[-1].concluded:
        raise ConflictError(f"the case {found[-1].id} is decided; a vote changes nothing any more")
    return found[-1]


def _words(facts: dict[str, Any]) -> Text:
    votes = ", ".join(f"{who} {vote}" for who, vote in facts["votes"].items()) or "none yet"
    return facts_table({name: value for name, value in facts.items() if value != ""} | {"votes": votes})
