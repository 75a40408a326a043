"""`bailee init`: a party in one step."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from bailee.cli.face import DEFAULT_HOME, AsJson, Face, Home, command, facts_table
from bailee.errors import InputError
from bailee.keys import PRIVATE_FILE, PUBLIC_FILE
from bailee.party.beginning import Begun, begin


@command
def init(
    name: Annotated[
        str | None, typer.Argument(help="How others know the party, for example 'Cleveland Clinic'; asked for if left.")
    ] = None,
    vault: Annotated[bool, typer.Option("--vault", help="Also a vault: three folders, any two enough.")] = False,
    ledger: Annotated[bool, typer.Option("--ledger", help="Also a chain of its own, for rights and money.")] = False,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Make a party: its folder and keys, and on request a vault and a chain of its own; then say what comes next.

    On a terminal it asks for what was not said. What is there already stays: run it again to add a vault or a chain.

    Example: `bailee init "Cleveland" --home cleveland`
    """
    face = Face(as_json)
    new = not (home / PRIVATE_FILE).exists()
    if name is None and new:
        if as_json or not (sys.stdin.isatty() and sys.stderr.isatty()):
            raise InputError("a new party needs a name: bailee init NAME, for example 'Cleveland Clinic'")
        name = typer.prompt("How are others to know this party", err=True)
        face.say(f"Its folder is {home} (--home chooses another).")
        vault = vault or typer.confirm("Keep other objects sealed, too (a vault of three folders)?", err=True)
    begun = begin(home, name, vault, ledger)
    facts: dict[str, Any] = {
        "name": begun.public.name,
        "key": begun.public.public_key.hex(),
        "home": str(home),
        "public": str(home / PUBLIC_FILE),
        "made": list(begun.made),
        "kept": list(begun.kept),
        "next": _next(begun),
    }
    shown = {name: facts[name] for name in ("name", "key", "home", "public")}
    face.result(facts, facts_table({**shown, "made": ", ".join(begun.made) or "nothing: all was there"}))
    for line in facts["next"]:
        face.say(line)


def _next(begun: Begun) -> list[str]:
    """What to do now, for whoever owns rows and whoever wants a model."""
    home = f" --home {begun.home}" if begun.home != DEFAULT_HOME else ""
    return [
        f"hand out {begun.home / PUBLIC_FILE}; keep a copy of {begun.home / PRIVATE_FILE} where nobody else reads it",
        f"as an owner: bailee seal TABLE.csv SCHEMA.toml{home}",
        f"as a builder: bailee train PLAN.toml --owner identity.json{home}",
        f"look whether all is well: bailee doctor{home}",
    ]
