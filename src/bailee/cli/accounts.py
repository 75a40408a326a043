"""`bailee account`: Ethereum accounts, that act and are paid on a ledger."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from bailee.adapters.chain.accounts import AccountFile, create_account, find_account, list_accounts, read_passphrase
from bailee.cli.face import DEFAULT_HOME, AsJson, Face, Home, command, facts_table
from bailee.cli.vault_face import columns

app = typer.Typer(no_args_is_help=True, help="Ethereum accounts: who acts and is paid on a ledger.")

PassphraseFile = Annotated[
    Path | None,
    typer.Option(
        "--passphrase-file",
        envvar="BAILEE_PASSPHRASE_FILE",
        help="A file that only you can read; else it is asked for.",
    ),
]
PassphraseFd = Annotated[int | None, typer.Option("--passphrase-fd", help="An open file descriptor to read it from.")]
AccountName = Annotated[str, typer.Argument(help="What this home calls the account: a-z, 0-9, '.', '_', '-'.")]
AccountOption = Annotated[
    str | None, typer.Option("--account", help="Which of this home's accounts; the only one if there is one.")
]


@app.command("new")
@command
def new(
    name: AccountName = "main",
    passphrase_file: PassphraseFile = None,
    passphrase_fd: PassphraseFd = None,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Make an account. Its key is kept encrypted; without the passphrase nobody opens it again, and nobody resets it.

    Example: `bailee account new main --home cleveland`
    """
    passphrase = read_passphrase(passphrase_fd, passphrase_file, twice=True)
    _show(create_account(home, name, passphrase), as_json)


@app.command("list")
@command
def list_command(home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """List this home's accounts. No passphrase is needed.

    Example: `bailee account list`
    """
    found = list_accounts(home)
    shown = columns(("name", "address"), [(one.name, one.address) for one in found])
    facts = [{"name": one.name, "address": one.address, "file": str(one.path)} for one in found]
    Face(as_json).result({"accounts": facts}, shown if found else Text("no accounts; make one: bailee account new"))


@app.command("show")
@command
def show(name: AccountName = "main", home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Show an account's address. No passphrase is needed.

    Example: `bailee account show main`
    """
    _show(find_account(home, name), as_json)


def _show(found: AccountFile, as_json: bool) -> None:
    facts = {"name": found.name, "address": found.address, "file": str(found.path)}
    Face(as_json).result(facts, facts_table(facts))
