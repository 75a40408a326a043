"""`bailee evaluate` and `bailee prove-inference`: proofs about a model that stays hidden."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from bailee.adapters.toml_file import read_toml
from bailee.cli import completing
from bailee.cli.face import DEFAULT_HOME, AsJson, Face, Home, command, facts_table
from bailee.errors import InputError
from bailee.party.home import PartyHome
from bailee.party.telling import Bounds, Counted, Sealed, Told, tell_answers, tell_how_good
from bailee.statements.applied import MARGIN_BITS

Run = Annotated[
    str,
    typer.Argument(
        help="The run of the model: its folder, its passport, or the first letters of its session's id.",
        autocompletion=completing.runs,
    ),
]
Out = Annotated[Path, typer.Option("--out", help="New folder for what is handed out: record, proof, passport.")]
DataHome = Annotated[
    Path | None, typer.Option("--data-home", help="The folder of the party that sealed the rows; --home by default.")
]
Threshold = Annotated[
    float, typer.Option("--threshold", help="Binary models: the probability above which the answer is yes.")
]
Margin = Annotated[
    int, typer.Option("--margin-bits", help="How far apart logits of one row may lie: a power of two, 26 bits below 1.")
]


@command
def evaluate_command(
    run: Run,
    dataset: Annotated[
        str,
        typer.Argument(help="The sealed rows: a dataset's name or its directory.", autocompletion=completing.datasets),
    ],
    out: Out,
    claims: Annotated[
        Path | None, typer.Option("--claims", help="What to show: a TOML file of groups, claims and gaps.")
    ] = None,
    at_least: Annotated[
        int | None, typer.Option("--at-least", help="Show that at least so many are right, not how many.")
    ] = None,
    first: Annotated[int, typer.Option("--first", help="First row to count, from 1.")] = 1,
    rows: Annotated[int | None, typer.Option("--rows", help="How many rows to count; all by default.")] = None,
    threshold: Threshold = 0.5,
    margin_bits: Margin = MARGIN_BITS,
    data_home: DataHome = None,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Prove how well a hidden model does on sealed rows, showing neither.

    Without --claims or --at-least the exact number of right answers is told. It takes one opening of the model's
    commitment and one of the dataset's; the same claim again is the same proof and takes none. Check with
    `bailee verify OUT`.

    Example: `bailee evaluate 3fa9 heart-test --claims fair.toml --out evaluation --home trainer`
    """
    face = Face(as_json)
    if claims is not None and at_least is not None:
        raise InputError("give --claims or --at-least, not both")
    counted = Counted(None if claims is None else read_toml(claims, "claims"), at_least, first, rows)
    with face.progress() as progress:
        told = tell_how_good(
            PartyHome(home), run, _sealed(data_home or home, dataset), counted, Bounds(threshold, margin_bits), out,
            progress,
        )  # fmt: skip
    _show(face, told)


@command
def prove_inference_command(
    run: Run,
    out: Out,
    table: Annotated[
        Path | None, typer.Option("--rows", help="Rows to answer: CSV or Parquet, without the label.")
    ] = None,
    hidden: Annotated[
        bool, typer.Option("--hidden", help="Commit to the rows of --rows instead of telling them.")
    ] = False,
    dataset: Annotated[str | None, typer.Option("--dataset", help="Answer rows of a sealed dataset instead.")] = None,
    row: Annotated[list[int] | None, typer.Option("--row", help="Which row of --dataset, from 1; repeat.")] = None,
    tell: Annotated[str, typer.Option("--tell", help="class, score (probabilities or values) or logits.")] = "",
    threshold: Threshold = 0.5,
    margin_bits: Margin = MARGIN_BITS,
    data_home: DataHome = None,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Prove what a hidden model answers: to rows in a table, told or committed to, or to rows of a sealed dataset.

    All rows are one proof. It takes one opening of the model's commitment, and one of the dataset's if there is one.
    Check with `bailee verify OUT`.

    Example: `bailee prove-inference 3fa9 --dataset heart-test --row 17 --tell class --out answer --home trainer`
    """
    face = Face(as_json)
    rows = _sealed(data_home or home, dataset) if table is None and dataset is not None else table
    if (
        rows is None
        or None not in (table, dataset)
        or (table is None and hidden)
        or (dataset is None and (row or data_home))
    ):
        raise InputError("give --rows TABLE (with --hidden or not), or --dataset NAME with --row; not both")
    with face.progress() as progress:
        bounds = Bounds(threshold, margin_bits)
        told = tell_answers(PartyHome(home), run, rows, row or (), hidden, tell or None, bounds, out, progress)
    _show(face, told)


def _sealed(home: Path, name: str) -> Sealed:
    party = PartyHome(home)
    return Sealed(party, party.dataset(name))


def _show(face: Face, told: Told) -> None:
    facts: dict[str, Any] = {
        "kind": told.kind,
        "folder": str(told.file.parent),
        "proof_bytes": told.proof_bytes,
        "opening": told.opening,
        "openings_left": told.openings_left[0],
        "told": list(told.lines),
    }
    shown = {
        "folder": told.file.parent,
        "proof": f"{told.proof_bytes} bytes",
        "openings left": facts["openings_left"],
        "told": "; ".join(told.lines),
    }
    face.result(facts, facts_table(shown))
