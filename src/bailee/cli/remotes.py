"""`bailee remote`: other parties' servers, by a name of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from bailee.adapters.files import read_bytes
from bailee.cli import completing
from bailee.cli.face import DEFAULT_HOME, AsJson, Face, Home, command, facts_table, plain
from bailee.party.home import PartyHome
from bailee.party.identities import own_identity, read_public
from bailee.party.remotes import Remote, add_remote, find_remote, remotes, remove_remote

app = typer.Typer(no_args_is_help=True, help="Other parties' servers: where their datasets are found and asked for.")
Name = Annotated[
    str,
    typer.Argument(help="Your name for it, as `bailee remote ls` shows it.", autocompletion=completing.remotes),
]


@app.command("add")
@command
def add(
    name: Annotated[str, typer.Argument(help="A name of your own for it: small letters, digits, '.', '_', '-'.")],
    url: Annotated[str, typer.Argument(help="Where it is served: https://clinic.example:8443.")],
    identity: Annotated[Path, typer.Option(help="The party's identity.json, as it gave it to you.")],
    ca: Annotated[
        Path | None, typer.Option(help="Who signs the server's certificate, PEM; the system's CAs by default.")
    ] = None,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Remember another party's server, and the key that it must have.

    Take identity.json from the party itself, not from the server: it is what the server is known by.

    Example: `bailee remote add clinic https://clinic.example:8443 --identity clinic/identity.json --home lab`
    """
    pem = None if ca is None else read_bytes(ca, 1 << 20, "the CA's certificate")
    own_identity(home)  # says how to make keys where there are none
    facts = _facts(add_remote(home, name, url, read_public(identity), pem))
    Face(as_json).result(facts, facts_table(facts))


@app.command("ls")
@command
def list_remotes(home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Show the servers that this home knows.

    Example: `bailee remote ls --home lab`
    """
    found = [_facts(one) for one in remotes(home)]
    table = Table("name", "address", "party", "key", box=None, pad_edge=False)
    for one in found:
        shown = (one["name"], one["url"], one["party"], one["key"][:16])
        table.add_row(*(Text(plain(value)) for value in shown))
    none = Text("none; add one with: bailee remote add NAME URL --identity IDENTITY.JSON")
    Face(as_json).result({"remotes": found}, table if found else none)


@app.command("rm")
@command
def remove(name: Name, home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Forget a server. What was asked there stays in this home.

    Example: `bailee remote rm clinic --home lab`
    """
    remove_remote(home, name)
    Face(as_json).result({"removed": name}, Text(f"removed {name}"))


@app.command("datasets")
@command
def datasets(name: Name, home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Show the datasets that a server's party has sealed: what their cards say.

    Example: `bailee remote datasets clinic --home lab`
    """
    from bailee.party.correspondence import reached

    party, remote = PartyHome(home), find_remote(home, name)
    with reached(party, remote) as client:
        found = client.datasets()
    table = Table("name", "rows", "columns", "made", box=None, pad_edge=False)
    for one in found:
        columns = one.get("columns")
        listed = ", ".join(map(str, columns)) if isinstance(columns, list) else ""
        shown = (one.get("name"), one.get("rows"), listed, one.get("created"))
        table.add_row(*(Text(plain(str(value))) for value in shown))
    none = Text(f"{remote.name} has sealed no dataset yet")
    Face(as_json).result({"remote": remote.name, "datasets": found}, table if found else none)


def _facts(one: Remote) -> dict[str, str]:
    facts = {
        "name": one.name,
        "url": one.url,
        "party": one.identity.name,
        "key": one.identity.public_key.hex(),
    }
    return facts if one.ca is None else {**facts, "ca": str(one.ca)}
