"""`bailee key`: a party's keys."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bailee.cli.face import DEFAULT_HOME, AsJson, Face, Home, command, facts_table
from bailee.keys import PUBLIC_FILE, Identity, PublicIdentity
from bailee.party.home import PartyHome

app = typer.Typer(no_args_is_help=True, help="A party's keys: they sign what it says and open what it sealed.")


@app.command("new")
@command
def new(
    name: Annotated[str, typer.Argument(help="How others know this party, for example 'Cleveland Clinic'.")],
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Make the keys of a new party. They are never replaced: a folder that has keys is refused.

    The file identity.json in the party's folder is public: hand it to others. identity.pem never leaves.

    Example: `bailee key new "Cleveland" --home cleveland`
    """
    _show(Identity.create(home, name).public, home, as_json)


@app.command("show")
@command
def show(home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Show the public side of a party's keys.

    Example: `bailee key show --home cleveland`
    """
    _show(PartyHome(home).identity.public, home, as_json)


def _show(identity: PublicIdentity, home: Path, as_json: bool) -> None:
    facts = {"name": identity.name, "key": identity.public_key.hex(), "public": str(home / PUBLIC_FILE)}
    Face(as_json).result(facts, facts_table(facts))
