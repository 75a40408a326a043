"""`bailee lend`, `bailee coin`: an owner hands its rows to a trainer it trusts with them, and draws noise from afar."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from bailee.adapters.files import write_atomic, write_new
from bailee.cli import completing
from bailee.cli.face import DEFAULT_HOME, AsJson, Face, Home, command, facts_table
from bailee.cli.nodes import NodeUrl
from bailee.party.accounts import reached
from bailee.party.home import PartyHome
from bailee.party.identities import read_public
from bailee.party.lending import lend_rows, show_coin
from bailee.party.lending import promise as promise_coin
from bailee.train.model import read_model_plan

coin_app = typer.Typer(no_args_is_help=True, help="A party's share of the noise of a model that somebody else trains.")


@command
def lend(
    grant: Annotated[
        str,
        typer.Argument(
            help="The grant to lend under: its id's first letters, or its file.", autocompletion=completing.grants
        ),
    ],
    to: Annotated[Path, typer.Option(help="Public identity of the trainer: its identity.json.")],
    out: Annotated[Path, typer.Option(help="The folder to make, for the trainer.")],
    openings: Annotated[int, typer.Option(help="How many of the dataset's proofs the trainer may make.", min=1)] = 4,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Hand the rows of a dataset to a trainer, readable to it alone, for the plan that a grant names.

    The trainer can read the rows; what it says it did with them it must prove. What the grant allows is written to
    privacy.jsonl now. The openings lent are written off here for good. A coin is promised for the noise: show it, once
    the trainer asks, with `bailee coin show`.

    Example: `bailee lend 3fa9 --to builder/identity.json --out lent/cleveland --home cleveland`
    """
    face, party = Face(as_json), PartyHome(home)
    given = party.grant(grant)
    with face.progress() as progress:
        promised = lend_rows(party, given, read_public(to), out, openings, datetime.now(UTC), progress)
    facts = {
        "folder": str(out),
        "grant": given.record.id,
        "openings": openings,
        "openings_left": party.dataset_of(given).ledger.budget().remaining,
        "promise": promised.record.promise,
    }
    face.result(facts, facts_table({name.replace("_", " "): value for name, value in facts.items()}))


@coin_app.command("promise")
@command
def promise(
    plan: Annotated[Path, typer.Argument(help="The model's plan.")],
    out: Annotated[Path, typer.Option(help="The file to write, for the trainer.")],
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Promise a coin for the noise of a plan, as somebody who lends no rows: noise is honest if one coin is.

    Example: `bailee coin promise plan.toml --out promise.json --home notary`
    """
    face, party = Face(as_json), PartyHome(home)
    promised = promise_coin(party, read_model_plan(plan).digest)
    write_new(out, promised.envelope)
    facts = {"promise": promised.record.promise, "file": str(out)}
    face.result(facts, facts_table(facts))


@coin_app.command("show")
@command
def show(
    opening: Annotated[Path, typer.Argument(help="The trainer's opening.json: it fixes all noise but the coins.")],
    out: Annotated[Path, typer.Option(help="The file to write, for the trainer.")] = Path("coin.json"),
    anchor: Annotated[
        Path | None, typer.Option(help="The trainer's anchor.json, where the plan names a ledger; with --ledger.")
    ] = None,
    ledger: NodeUrl = None,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Show the coin that was promised, for this opening and for no other ever.

    Where the plan names a ledger, after every owner has spent: the trainer's anchor is checked at your own node first.

    Example: `bailee coin show opening.json --out coin.json --home cleveland`
    """
    with reached(ledger, home) as opened:
        shown = show_coin(PartyHome(home), opening, anchor, opened)
    write_atomic(out, shown.envelope)
    facts = {"session": shown.record.session, "opening": shown.record.opening, "file": str(out)}
    Face(as_json).result(facts, facts_table(facts))
