"""`bailee train-model`: the trainer that holds its owners' granted rows; all weights stay committed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bailee.adapters.files import lock, read_bytes
from bailee.cli.accounts import PassphraseFd, PassphraseFile
from bailee.cli.face import DEFAULT_HOME, AsJson, Face, Home, facts_table, session_command
from bailee.cli.nodes import NodeUrl
from bailee.cli.watching import watching
from bailee.errors import InputError
from bailee.grant import open_grant
from bailee.party.accounts import opened_account, reached
from bailee.party.handing_out import hand_out
from bailee.party.home import PartyHome
from bailee.party.model_training import Held, ModelRunning, borrowed, hold_model, lead_model, model_report
from bailee.party.model_watched import ModelCourse
from bailee.records import Grant, Signed, Spent, open_signed
from bailee.records.canonical import MAX_BYTES
from bailee.records.model import CoinPromise, open_model_coin
from bailee.seal import Dataset, open_dataset
from bailee.train.model import ModelRun, read_model_plan

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount


@session_command
def train_model(
    plan: Annotated[Path, typer.Argument(help="The model's plan, a TOML file that names a loss.")],
    dataset: Annotated[
        list[Path],
        typer.Option("--dataset", help="A dataset that was lent, or HOME/datasets/NAME; repeat."),
    ],
    grant: Annotated[
        list[str] | None,
        typer.Option("--grant", help="A grant on a dataset that is not lent: its id's first letters, or file; repeat."),
    ] = None,
    promise: Annotated[
        list[Path] | None,
        typer.Option("--promise", help="A coin promised by somebody else, who is to draw noise too; repeat."),
    ] = None,
    coin: Annotated[
        list[Path] | None, typer.Option("--coin", help="A coin shown for this run, with --resume; repeat.")
    ] = None,
    spent: Annotated[
        list[Path] | None,
        typer.Option("--spent", help="What an owner spent for this run on the plan's ledger, with --resume; repeat."),
    ] = None,
    ledger: NodeUrl = None,
    account: Annotated[
        str | None,
        typer.Option("--account", help="Spend for datasets that are not lent, by this account of the home's."),
    ] = None,
    passphrase_file: PassphraseFile = None,
    passphrase_fd: PassphraseFd = None,
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
    """Train a model on rows you were lent, prove every chunk of it, and make its passport.

    Rows are opened in this process. The weights stay committed; each chunk is proved while the next one trains.
    Stopped or killed, it goes on with --resume and ends in the same model. Owners who lent rows draw the noise with
    you: once their coins are asked for, they answer with `bailee coin show`, and you go on with --resume --coin FILE.
    Where the plan names a ledger, they first spend there what the run costs, with `bailee spend`, and you go on with
    --resume --spent FILE.

    Example: `bailee train-model plan.toml --dataset lent/cleveland --dataset lent/hungary --home builder`
    """
    face, party = Face(as_json), PartyHome(home)
    _, wanted = party.identity, read_model_plan(plan)  # keys that are missing are said first
    held = _held(party, dataset, grant or [])
    spender = _spender(held, home, ledger, account, passphrase_file, passphrase_fd)
    with lock(home):
        with face.progress() as progress:
            holdings = [hold_model(one, progress) for one in held]
        course = ModelCourse()
        with reached(ledger, home, spender) as opened, watching(face, course) as watch:
            running = ModelRunning(
                watch,
                promised=[open_signed(read_bytes(path, MAX_BYTES, "promise"), CoinPromise) for path in promise or []],
                answers=[open_model_coin(read_bytes(path, MAX_BYTES, "coin")) for path in coin or []],
                spent=[open_signed(read_bytes(path, MAX_BYTES, "spending"), Spent) for path in spent or []],
                resume=resume,
                reveal=reveal,
                memory=None if memory_mib is None else memory_mib << 20,
                model_openings=model_openings,
                open_ledger=opened,
                spends=spender is not None,
            )
            run = lead_model(party, wanted, held, holdings, running)
    target = out or home / "passports" / run.passport.record.session[:16]
    report = model_report(run, course)
    hand_out(run.passport.envelope, run.path, target, report)
    _show(face, run, target, report)


def _spender(
    held: Sequence[Held], home: Path, ledger: str | None, account: str | None, file: Path | None, descriptor: int | None
) -> LocalAccount | None:
    """The account that spends for owners whose keys are here, ready to sign; None where none is named."""
    if account is None:
        return None
    if ledger is None:
        raise InputError("an account is for a plan's ledger: say at which node with --ledger")
    if all(one.papers is not None for one in held):
        raise InputError("--account spends for datasets of your own, and all of these were lent: their owners spend")
    return opened_account(home, account, file, descriptor)


def _held(trainer: PartyHome, places: Sequence[Path], named: Sequence[str]) -> list[Held]:
    """Every dataset with its grant. Raises InputError where one is missing, or too many are named."""
    found: list[Held] = []
    own: list[tuple[PartyHome, Dataset]] = []
    for place in places:
        lent = borrowed(trainer, place)
        if lent is None:
            own.append((PartyHome(place.resolve().parent.parent), open_dataset(place)))
        else:
            found.append(lent)
    grants = [_find(name, [party for party, _ in own]) for name in named]
    for party, sealed in own:
        fitting = {grant.digest: grant for grant in grants if grant.record.card == sealed.card.digest}
        if len(fitting) != 1:
            raise InputError(
                f"{len(fitting)} grants are named for {sealed.card.record.name!r} of {sealed.card.record.owner_name}, "
                "expected one: name it with --grant (a resealed dataset needs a new one)"
            )
        found.append(Held(party, sealed, next(iter(fitting.values()))))
    if {grant.record.card for grant in grants} - {sealed.card.digest for _, sealed in own}:
        raise InputError("a grant is named for a dataset that is not: name it with --dataset, or leave the grant out")
    return found


def _find(name: str, parties: Sequence[PartyHome]) -> Signed[Grant]:
    if Path(name).is_file():
        return open_grant(read_bytes(Path(name), MAX_BYTES, "grant"))
    for party in parties:
        if any(grant.record.id.startswith(name) for grant in party.grants()):
            return party.grant(name)
    raise InputError(f"no grant begins with {name!r} in the folders of the datasets' owners")


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
