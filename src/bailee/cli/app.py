"""The command line's tree of commands."""

from __future__ import annotations

from importlib import import_module
from typing import Annotated, Any

import typer

from bailee import __version__
from bailee.cli.entries import ENTRIES
from bailee.cli.one_command import Entry, OneCommandGroup

PLOT = """Train on data you are not allowed to see, prove it was done right, and pay those whose data it was.

One datum's life, and who does what with it:

- **everybody**: `init` makes a party, once; `doctor` says what is wrong with it and what to do
- **owner**: `seal` rows into a card that others may see
- **owner**: `grant` a builder one plan, for a purpose, a time and a privacy loss; `revoke` takes it back
- **builder**: `ask` for a grant at a server that `remote` knows; the **owner** answers with `request`
- **builder**: `train` that plan; each owner takes part with `join`, and only noisy sums and proofs leave it
- **builder**: `train-model` instead, on rows that owners `lend`: networks too, all weights stay committed
- **builder**: `evaluate` a model that stays hidden on sealed rows, or `prove-inference` of its answers
- **anybody**: `verify` the model's passport, offline; `card show --check` a single card
- **anybody**: `predict` with a published model, or `export` it for other programs; its builder may `release` it
- **owner**: `prove-rules`, that no sealed record occurs twice, or that columns keep to bounds
- **owner**: `consent` offers on a ledger what a grant allows, and its price; a **builder** accepts and pays it there
- **owner**: `work` tells by fingerprints whether a dataset, a text, a picture, sound or video is near another;
  `work register` and `work derive` make it a work that consent and payments are about
- **anybody**: `attest` what a model's passport says, under a bond; `arbiter` votes on what is disputed
- **anybody**: `royalty` pays for a use of a work, shows what flows to whom, and draws what is one's own
- **builder**: `gate` sells a model's answers, each against a payment; **anybody** asks it
- **anybody**: `graph` takes works, lineage and grants elsewhere, compared with the chain they came from
- **anybody**: `ledger` makes, serves or names the chain of rights and money; `account` is who acts and is paid there
- **owner**: `vault` keeps any object sealed, on stores that nobody needs to trust
- **anybody**: `console` opens a folder in the browser; `serve` its HTTP API to those whose keys have a role (`caller`)
- **owner**: `reseal` rows whose openings are spent; `status` shows what is left and what it has cost
"""

EPILOG = (
    "Exit codes: 0 it holds; 2 input that does not fit; 3 not allowed; 4 a proof does not convince; "
    "5 another party failed; 6 storage. With --json, results and errors are one JSON object each."
)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"bailee {__version__}")
        raise typer.Exit


def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    del version


def tree() -> typer.Typer:
    """All commands, each loaded when it is called."""

    class Group(OneCommandGroup):
        entries = ENTRIES
        load = staticmethod(_load)

    app = _bare()
    app.info.cls = Group
    return app


def _bare() -> typer.Typer:
    app = typer.Typer(
        name="bailee",
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode="markdown",
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
        help=PLOT,
        epilog=EPILOG,
    )
    app.callback()(root)
    return app


def _load(entry: Entry) -> Any:
    """The command of an entry, as Typer makes it."""
    module, _, attribute = entry.place.partition(":")
    found = getattr(import_module(f"bailee.cli.{module}"), attribute)
    app = _bare()
    if isinstance(found, typer.Typer):
        app.add_typer(found, name=entry.name, rich_help_panel=entry.panel)
    else:
        app.command(entry.name, rich_help_panel=entry.panel)(found)
    return typer.main.get_group(app).commands[entry.name]
