"""`bailee evaluate` and `bailee prove-inference`: proofs about a model that stays hidden."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from bailee.adapters.files import lock, new_directory, storage_errors, write_new
from bailee.cli import completing
from bailee.cli.claims import logit_threshold, read_claims
from bailee.cli.face import DEFAULT_HOME, AsJson, Face, Home, Report, command, facts_table
from bailee.cli.trained import KEPT, Trained, open_trained, require_left
from bailee.errors import InputError
from bailee.keys import Identity
from bailee.party.handing_out import attach
from bailee.party.home import PartyHome
from bailee.prove import FreshRows, Proven, ProvingSetting, PublicRows, SealedRows, answer, evaluate
from bailee.prove.answer import everyone_right
from bailee.records.inference import CLASS, LOGITS, SCORE, Answer, Evaluation
from bailee.records.schema import CLASSES, UNIT, Schema
from bailee.seal.encode import encode_features
from bailee.seal.sealed import fresh_seed
from bailee.statements.applied import MARGIN_BITS

Run = Annotated[
    str,
    typer.Argument(
        help="The run of the model: its folder, or the first letters of its session's id.",
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
    face, party = Face(as_json), PartyHome(home)
    identity = party.identity
    with lock(home), face.progress() as progress:
        trained = open_trained(home, run, identity, "evaluation")
        sealed = _sealed(trained, data_home or home, dataset, "evaluation", progress)
        card = sealed.card.record
        count = card.rows - first + 1 if rows is None else rows
        if first < 1 or count < 1 or first - 1 + count > card.rows:
            raise InputError(f"rows {first} to {first + count - 1} are not in {dataset!r}, which has {card.rows}")
        limit = logit_threshold(threshold)
        if claims is not None:
            if at_least is not None:
                raise InputError("give --claims or --at-least, not both")
            schema = Schema.from_json(card.schema)
            asked = read_claims(claims, schema, first - 1, count, limit, margin_bits)
        else:
            if trained.model.architecture.loss == "squared":
                raise InputError('a regression has no right answers: give --claims with measure = "squared error"')
            asked = everyone_right(first - 1, count, at_least, limit, margin_bits)
        progress("prove", 0.0)
        proven = evaluate(trained.model, sealed, asked, _setting(trained, identity), tell=True)
        progress("prove", 1.0)
        _hand_out(trained, proven, sealed, out)
    _show(face, trained, proven, out)


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
    face, party = Face(as_json), PartyHome(home)
    identity = party.identity
    if (table is None) == (dataset is None) or (dataset is None and (row or data_home)) or (hidden and table is None):
        raise InputError("give --rows TABLE (with --hidden or not), or --dataset NAME with --row; not both")
    with lock(home), face.progress() as progress:
        trained = open_trained(home, run, identity, "answer")
        squared = trained.model.architecture.loss == "squared"
        told = tell or (SCORE if squared else CLASS)
        if told not in (CLASS, SCORE, LOGITS):
            raise InputError(f"--tell: expected class, score or logits, got {told!r}")
        rows: PublicRows | FreshRows | SealedRows
        places: tuple[int, ...] = ()
        if dataset is not None:
            rows, places = (
                _sealed(trained, data_home or home, dataset, "answer", progress),
                tuple(at - 1 for at in row or ()),
            )
        elif table is not None:
            rows = _from_table(table, trained.schema, hidden)
        progress("prove", 0.0)
        args = (told, _setting(trained, identity), places, logit_threshold(threshold), margin_bits)
        proven = answer(trained.model, rows, *args)
        progress("prove", 1.0)
        _hand_out(trained, proven, rows if isinstance(rows, SealedRows) else None, out)
    _show(face, trained, proven, out)


def _setting(trained: Trained, identity: Identity) -> ProvingSetting:
    return ProvingSetting(identity, trained.path / KEPT)


def _sealed(trained: Trained, home: Path, name: str, purpose: str, progress: Report) -> SealedRows:
    party = PartyHome(home)
    found = party.dataset(name)
    matrix, seed = found.open(party.identity, progress)

    def spend(statement: str) -> int:
        require_left(trained.ledger, purpose, statement)  # or the rows' opening would be gone for nothing
        return found.ledger.spend(purpose, datetime.now(UTC), statement)

    return SealedRows(found.card, found.proof, matrix, seed, spend)


def _from_table(table: Path, schema: Schema, hidden: bool) -> PublicRows | FreshRows:
    matrix = encode_features(table, schema)
    if not hidden:
        return PublicRows(matrix)
    if schema.label_kind == CLASSES:
        matrix[:, schema.layout.labels[0]] = UNIT  # a label that nobody reads, of the form that every row has
    return FreshRows(matrix, schema, fresh_seed())


def _hand_out(
    trained: Trained, proven: Proven[Answer] | Proven[Evaluation], rows: SealedRows | None, target: Path
) -> None:
    """A folder that is checked alone: the record, and beside it the passport and all attachments."""
    record = proven.signed.record
    with new_directory(target) as draft:
        write_new(draft / f"{record.KIND}.json", proven.signed.envelope)
        write_new(draft / "passport.json", trained.passport.envelope)
        with storage_errors(target):
            (draft / "attachments").mkdir()
            for path in sorted((trained.path / "attachments").iterdir()):
                shutil.copyfile(path, draft / "attachments" / path.name)
            draft.chmod(0o755)
        attach(draft, [proven.proof] if rows is None else [proven.proof, rows.card.envelope, rows.card_proof])


def _show(face: Face, trained: Trained, proven: Proven[Answer] | Proven[Evaluation], out: Path) -> None:
    from bailee.verify.told_text import answer_lines, evaluation_lines

    record = proven.signed.record
    lines = evaluation_lines(record) if isinstance(record, Evaluation) else answer_lines(record)
    facts: dict[str, Any] = {
        "kind": record.KIND,
        "folder": str(out),
        "proof_bytes": len(proven.proof),
        "opening": record.model.opening,
        "openings_left": trained.ledger.budget().remaining,
        "told": [line.strip() for line in lines],
    }
    shown = {"folder": out, "proof": f"{len(proven.proof)} bytes", "openings left": facts["openings_left"]}
    face.result(facts, facts_table({**shown, "told": "; ".join(facts["told"])}))
