"""`bailee train-model`: the trainer that holds its owners' granted rows; all weights stay committed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from bailee.adapters.files import lock
from bailee.cli.face import DEFAULT_HOME, AsJson, Face, Home, Report, facts_table, session_command
from bailee.cli.handing_out import hand_out
from bailee.cli.home import PartyHome
from bailee.cli.model_watching import ModelCourse, watching_model
from bailee.errors import InputError
from bailee.records import Grant, Signed
from bailee.seal import Dataset, open_dataset
from bailee.seal.card import CARD_FILE
from bailee.statements.hidden.permission import ModelUse, check_model_grant
from bailee.train.model import ModelHolding, ModelRun, ModelSetting, read_model_plan
from bailee.train.model import train_model as train

MODELS = "models"


@session_command
def train_model(
    plan: Annotated[Path, typer.Argument(help="The model's plan, a TOML file that names a loss.")],
    dataset: Annotated[
        list[Path], typer.Option("--dataset", help="A sealed dataset's directory, OWNER/datasets/NAME; repeat.")
    ],
    grant: Annotated[
        list[str],
        typer.Option("--grant", help="A grant on a dataset: its id's first letters, or its file; repeat."),
    ],
    reveal: Annotated[
        bool, typer.Option("--reveal", help="Publish the finished model; without, only its commitment is public.")
    ] = False,
    memory_mib: Annotated[
        int | None,
        typer.Option("--memory", help="Memory that proving a chunk may take, in MiB; by default a fifth of all."),
    ] = None,
    model_openings: Annotated[
        int, typer.Option(help="How many proofs the model's commitment bears, one of them the training's.")
    ] = 16,
    out: Annotated[Path | None, typer.Option(help="Where the passport goes; passports/RUN in the folder.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run that was interrupted.")] = False,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Train a model on rows you were granted and hold, prove every chunk of it, and make its passport.

    Rows are opened with their owners' keys, in this process. The weights stay committed; each chunk is proved while
    the next one trains. Stopped or killed, it goes on with --resume and ends in the same model.

    Example: `bailee train-model plan.toml --dataset cleveland/datasets/heart-disease --grant 3fa9 --home builder`
    """
    face, party = Face(as_json), PartyHome(home)
    identity, wanted = party.identity, read_model_plan(plan)
    opened = [_open(place) for place in dataset]
    papers = _match(opened, grant)
    memory = None if memory_mib is None else memory_mib << 20
    with lock(home):
        with face.progress() as progress:
            holdings = [hold_model(*one, paper, progress) for one, paper in zip(opened, papers, strict=True)]
        owners = {one[0].identity.public_key: one[0].identity for one in opened}
        with watching_model(face) as (course, watch):
            setting = ModelSetting(
                identity=identity,
                home=party.path / MODELS,
                coins=tuple(owners.values()),
                resume=resume,
                reveal=reveal,
                memory=memory,
                model_openings=model_openings,
                watch=watch,
            )
            run = train(holdings, wanted, setting)
    target = out or home / "passports" / run.passport.record.session[:16]
    report = _report(run, course)
    hand_out(run.passport.envelope, run.path, target, report)
    _show(face, run, target, report)


def hold_model(party: PartyHome, sealed: Dataset, grant: Signed[Grant], progress: Report | None = None) -> ModelHolding:
    """A dataset, opened with its owner's key, with what its owner allows."""
    ledger, waiver = party.ledger(), party.waiver(grant)

    def permit(use: ModelUse, now: datetime) -> None:
        # Revocations are read now, not when the command began: a grant may have been taken back since.
        check_model_grant(grant, waiver, sealed.card, party.revocations(), use, now)

    matrix, seed = sealed.open(party.identity, progress)
    allowed = grant.record.max_epsilon, grant.record.max_delta
    return ModelHolding(
        card=sealed.card,
        card_proof=sealed.proof,
        grant=grant,
        matrix=matrix,
        seed=seed,
        dataset=party.origin(sealed),
        permit=permit,
        spend=lambda statement: sealed.ledger.spend("training", datetime.now(UTC), statement),
        remaining=lambda: sealed.ledger.budget().remaining,
        charge=lambda entry: ledger.charge(entry, allowed),
        waiver=waiver,
    )


def _open(place: Path) -> tuple[PartyHome, Dataset]:
    """The dataset in a directory, and the party whose folder it lies in."""
    if not (place / CARD_FILE).is_file():
        raise InputError(f"there is no sealed dataset at {place}; expected a directory like OWNER/datasets/NAME")
    return PartyHome(place.resolve().parent.parent), open_dataset(place)


def _match(opened: Sequence[tuple[PartyHome, Dataset]], named: Sequence[str]) -> list[Signed[Grant]]:
    """For each dataset the one grant on it among those named. Raises InputError where one is missing or too many."""
    found: dict[str, Signed[Grant]] = {}
    for name in named:
        grant = _find(name, [party for party, _ in opened])
        if grant.record.card in found and found[grant.record.card].digest != grant.digest:
            raise InputError("two grants are named for one dataset; name the one to train under")
        found[grant.record.card] = grant
    for _, sealed in opened:
        if sealed.card.digest not in found:
            raise InputError(
                f"no grant is named for {sealed.card.record.name!r} of {sealed.card.record.owner_name}; "
                "name it with --grant (a resealed dataset needs a new one)"
            )
    unused = set(found) - {sealed.card.digest for _, sealed in opened}
    if unused:
        raise InputError("a grant is named for a dataset that is not: name it with --dataset, or leave the grant out")
    return [found[sealed.card.digest] for _, sealed in opened]


def _find(name: str, parties: Sequence[PartyHome]) -> Signed[Grant]:
    if Path(name).is_file():
        return parties[0].grant(name)
    for party in parties:
        if any(grant.record.id.startswith(name) for grant in party.grants()):
            return party.grant(name)
    raise InputError(f"no grant begins with {name!r} in the folders of the datasets' owners")


def _report(run: ModelRun, course: ModelCourse) -> dict[str, Any]:
    """What was measured on the way; unsigned, for people. Losses are of the training rows: they stay at home."""
    record = run.passport.record
    return {
        "session": record.session,
        "chunks": len(record.chunks),
        "steps": course.steps,
        "epsilon": record.epsilon,
        "delta": record.delta,
        "train_seconds": round(course.train_seconds, 3),
        "prove_seconds": round(course.prove_seconds, 3),
        "proof_bytes": sum((run.path.parent / "attachments" / one.proof).stat().st_size for one in record.chunks),
        "owners": [{"name": one.name, "rows": one.rows, "share": one.share} for one in record.owners],
    }


def _show(face: Face, run: ModelRun, target: Path, report: dict[str, Any]) -> None:
    record = run.passport.record
    private = f"epsilon {record.epsilon}, delta {record.delta}"
    count = run.architecture.entries
    shown = {
        "passport": target / "passport.json",
        "model": f"{count} weights, " + ("published" if record.revealed else "committed, not published"),
        "privacy": "NONE: the plan is unprotected" if record.epsilon is None else private,
        "time": f"{report['train_seconds']:.1f} s to train, {report['prove_seconds']:.1f} s to prove",
        "next": f"bailee verify {target / 'passport.json'}",
    }
    face.result(
        {"passport": str(target / "passport.json"), "revealed": record.revealed is not None, **report},
        facts_table(shown),
    )
