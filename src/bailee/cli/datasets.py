"""`bailee seal`, `bailee reseal`, `bailee card show`: an owner's rows, and what others see of them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from bailee.adapters.files import read_bytes
from bailee.cli import completing
from bailee.cli.face import DEFAULT_HOME, AsJson, Face, Home, command, facts_table
from bailee.errors import InputError, SchemaError
from bailee.grant import open_card
from bailee.party.home import PartyHome
from bailee.party.sealing import renew, seal_rows
from bailee.party.standing import card_facts as said_by
from bailee.records import Card, Signed
from bailee.records.canonical import MAX_BYTES
from bailee.seal import DEFAULT_OPENINGS, Dataset, read_schema
from bailee.seal.card import CARD_FILE, MAX_PROOF_BYTES, PROOF_FILE
from bailee.seal.schema import MAX_SCHEMA_BYTES

card_app = typer.Typer(no_args_is_help=True, help="The public description of a sealed dataset.")

_SCHEMA_NEEDED = "the second file is the schema (TOML); docs/howto/own-table.md shows one"

Openings = Annotated[int, typer.Option(help="How many proofs the commitment will carry until it is resealed.")]


@command
def seal(
    table: Annotated[Path, typer.Argument(help="The rows: a CSV file with a header, or a Parquet file.")],
    schema: Annotated[
        Path | None, typer.Argument(help="Its schema, a TOML file. It is needed, too.", show_default=False)
    ] = None,
    as_name: Annotated[
        str | None, typer.Option("--as", help="Name of the dataset here; the schema's by default.")
    ] = None,
    openings: Openings = DEFAULT_OPENINGS,
    memory_mib: Annotated[
        int | None,
        typer.Option("--memory", help="Memory that proving may take, in MiB; 40 % of the machine's by default."),
    ] = None,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Seal rows: check them against a schema, commit to them, prove them valid, encrypt them.

    What comes out lies in the party's folder under datasets/NAME. The files card.json and card.proof are public;
    rows.sealed opens only with this party's key. The table itself is not changed and not needed any more.

    Example: `bailee seal rows.csv schema.toml --home cleveland`
    """
    face, party = Face(as_json), PartyHome(home)
    if schema is None:
        raise InputError(_SCHEMA_NEEDED)
    try:
        found = read_schema(read_bytes(schema, MAX_SCHEMA_BYTES, "schema"))
    except SchemaError as error:
        if schema.suffix == ".toml":
            raise
        raise SchemaError(f"{error}; {_SCHEMA_NEEDED}") from None
    ceiling = None if memory_mib is None else memory_mib << 20
    with face.progress() as progress:
        dataset = seal_rows(party, table, found, datetime.now(UTC), as_name, openings, ceiling, progress)
    _show(face, dataset)


@command
def reseal(
    dataset: Annotated[
        str, typer.Argument(help="Name of the sealed dataset, or its directory.", autocompletion=completing.datasets)
    ],
    as_name: Annotated[
        str | None, typer.Option("--as", help="Name of the renewed dataset; NAME-2 and so on by default.")
    ] = None,
    openings: Openings = DEFAULT_OPENINGS,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Renew a dataset whose openings are spent: the same rows under a fresh commitment, proven equal.

    The new card needs new grants: a grant names the card it is for.

    Example: `bailee reseal heart-disease --home cleveland`
    """
    face, party = Face(as_json), PartyHome(home)
    with face.progress() as progress:
        renewed = renew(party, party.dataset(dataset), datetime.now(UTC), as_name, openings, progress)
    _show(face, renewed)


@card_app.command("show")
@command
def show(
    card: Annotated[
        str,
        typer.Argument(
            help="A card file, a dataset's directory, or the name of a dataset here.",
            autocompletion=completing.datasets,
        ),
    ],
    check: Annotated[bool, typer.Option("--check", help="Check the proof that the rows are valid, too.")] = False,
    plain: Annotated[
        bool, typer.Option("--plain", help="Check with the plain-Python verifier: slower, easier to read.")
    ] = False,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Show a card, after checking its form and signature; with --check its proof as well.

    Examples: `bailee card show heart-disease --home cleveland`, `bailee card show card.json --check`
    """
    face = Face(as_json)
    directory = Path(card) if (Path(card) / CARD_FILE).is_file() else home / "datasets" / card
    path = Path(card) if Path(card).is_file() else directory / CARD_FILE
    found = open_card(read_bytes(path, MAX_BYTES, "card"))
    facts, shown = card_facts(found), card_facts(found, brief=True)
    if check:
        with face.progress() as progress:
            progress("verify", 0.0)
            from bailee.statements.card import check_card  # takes a second or two

            check_card(found, read_bytes(path.with_name(PROOF_FILE), MAX_PROOF_BYTES, "proof"), plain)
            progress("verify", 1.0)
        facts["valid"], shown["valid"] = True, "yes: the committed rows fit the schema and the norm bound"
    face.result(facts, facts_table(shown))


def card_facts(card: Signed[Card], brief: bool = False) -> dict[str, Any]:
    """What a card says, for machines; `brief` for people."""
    facts = said_by(card)
    if brief:
        facts["columns"], facts["commitment"] = ", ".join(facts["columns"]), facts["commitment"].get("root")
        if facts["renews"] is None:
            del facts["renews"]
    return facts


def _show(face: Face, dataset: Dataset) -> None:
    facts: dict[str, Any] = card_facts(dataset.card)
    shown = card_facts(dataset.card, brief=True)
    budget = dataset.ledger.budget()
    size = sum(file.stat().st_size for file in dataset.directory.iterdir())
    more = {"directory": str(dataset.directory), "openings_left": budget.remaining, "bytes": size}
    face.result(
        {**facts, **more}, facts_table({**shown, "directory": dataset.directory, "openings left": budget.remaining})
    )
