"""The command line's tree of commands."""

from __future__ import annotations

from typing import Annotated

import typer

from bailee import __version__
from bailee.cli import (
    accounts,
    arbiters,
    attesting,
    consents,
    datasets,
    gates,
    grants,
    graphs,
    inference,
    keys,
    ledger,
    lending,
    links,
    model_training,
    models,
    passports,
    releasing,
    royalties,
    rules,
    serving,
    spending,
    status,
    training,
    vault,
    works_on_ledger,
)

PLOT = """Train on data you are not allowed to see, prove it was done right, and pay those whose data it was.

One datum's life, and who does what with it:

- **owner**: `key new`, then `seal` rows into a card that others may see
- **owner**: `grant` a builder one plan, for a purpose, a time and a privacy loss; `revoke` takes it back
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
- **anybody**: `ledger` makes, serves or names the chain of rights and money; `account` is who acts and is paid there
- **owner**: `vault` keeps any object sealed, on stores that nobody needs to trust
- **anybody**: `serve` a folder's HTTP API to those whose keys have a role (`caller`)
- **owner**: `reseal` rows whose openings are spent; `status` shows what is left and what it has cost
"""

app = typer.Typer(
    name="bailee",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help=PLOT,
    epilog="Exit codes: 0 it holds; 2 input that does not fit; 3 not allowed; 4 a proof does not convince; "
    "5 another party failed; 6 storage. With --json, results and errors are one JSON object each.",
)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"bailee {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    del version


OWNER, BUILDER, ANYBODY = "For owners", "For builders", "For anybody"

app.add_typer(vault.app, name="vault", rich_help_panel=OWNER)
app.add_typer(keys.app, name="key", rich_help_panel=ANYBODY)
accounts.app.command("link")(links.link)
app.add_typer(accounts.app, name="account", rich_help_panel=ANYBODY)
app.add_typer(consents.app, name="consent", rich_help_panel=ANYBODY)
app.add_typer(ledger.app, name="ledger", rich_help_panel=ANYBODY)
app.add_typer(graphs.app, name="graph", rich_help_panel=ANYBODY)
app.add_typer(royalties.app, name="royalty", rich_help_panel=ANYBODY)
app.add_typer(gates.app, name="gate", rich_help_panel=ANYBODY)
app.add_typer(datasets.card_app, name="card", rich_help_panel=ANYBODY)
app.add_typer(works_on_ledger.app, name="work", rich_help_panel=OWNER)
app.add_typer(attesting.app, name="attest", rich_help_panel=ANYBODY)
app.add_typer(arbiters.app, name="arbiter", rich_help_panel=ANYBODY)
app.add_typer(lending.coin_app, name="coin", rich_help_panel=OWNER)
app.command(rich_help_panel=OWNER)(datasets.seal)
app.command(rich_help_panel=OWNER)(datasets.reseal)
app.command("prove-rules", rich_help_panel=OWNER)(rules.prove_rules_command)
app.command(rich_help_panel=OWNER)(grants.grant)
app.command(rich_help_panel=OWNER)(grants.revoke)
app.command(rich_help_panel=OWNER)(training.join)
app.command(rich_help_panel=OWNER)(lending.lend)
app.command(rich_help_panel=OWNER)(spending.spend)
app.command(rich_help_panel=BUILDER)(training.train)
app.command(rich_help_panel=BUILDER)(model_training.train_model)
app.command("evaluate", rich_help_panel=BUILDER)(inference.evaluate_command)
app.command("prove-inference", rich_help_panel=BUILDER)(inference.prove_inference_command)
app.command(rich_help_panel=ANYBODY)(passports.verify)
app.command(rich_help_panel=ANYBODY)(models.predict)
app.command(rich_help_panel=ANYBODY)(models.export)
app.command(rich_help_panel=BUILDER)(releasing.release)
app.command(rich_help_panel=ANYBODY)(status.status)
app.command(rich_help_panel=ANYBODY)(serving.serve)
app.add_typer(serving.caller_app, name="caller", rich_help_panel=ANYBODY)
