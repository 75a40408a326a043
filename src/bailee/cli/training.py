"""`bailee train` for the builder, `bailee join` for an owner: the two sides of one session."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray

from bailee.adapters.files import lock, read_bytes
from bailee.adapters.transport import Listener
from bailee.adapters.transport import join as connect
from bailee.cli.accounts import AccountOption, PassphraseFd, PassphraseFile, opened_account
from bailee.cli.face import DEFAULT_HOME, AsJson, Face, Home, Report, facts_table, session_command
from bailee.cli.handing_out import hand_out
from bailee.cli.nodes import NodeUrl, reached
from bailee.cli.watching import Course, watching
from bailee.errors import BudgetError, GrantError, InputError, StatementError
from bailee.grant import Use, check_grant, open_revocation
from bailee.keys import Identity
from bailee.party.home import PartyHome
from bailee.party.identities import read_public
from bailee.party.plans import read_any_plan
from bailee.records import Grant, Signed
from bailee.records.fields import parse_time
from bailee.seal import Dataset, read_schema
from bailee.seal.encode import encode
from bailee.seal.schema import MAX_SCHEMA_BYTES
from bailee.statements.card import check_card
from bailee.statements.hidden.terms import architecture_of
from bailee.statements.network.forward import predict
from bailee.statements.network.numbers import WEIGHT_BITS
from bailee.statements.network.plan import ModelPlan
from bailee.statements.open.task import cut
from bailee.statements.tasks import AnyPlan
from bailee.train.builder import Builder, Outcome
from bailee.train.holding import Holding, Request, Setting
from bailee.train.owner import take_part
from bailee.train.proving import check, proving
from bailee.train.table import Score

DEFAULT_PORT = 7447
_REVOCATION_LIMIT = 1 << 20

Resume = Annotated[bool, typer.Option("--resume", help="Go on with the session that was interrupted.")]
Patience = Annotated[float, typer.Option(help="Seconds to wait for another party before giving up.", min=1)]


@session_command
def train(
    plan: Annotated[Path, typer.Argument(help="The training plan, a TOML file.")],
    owner: Annotated[list[Path], typer.Option("--owner", help="Public identity of an owner who takes part; repeat.")],
    listen: Annotated[str, typer.Option(help="Where owners connect to, HOST:PORT.")] = f"127.0.0.1:{DEFAULT_PORT}",
    test: Annotated[Path | None, typer.Option(help="Public test rows, to show accuracy while training.")] = None,
    schema: Annotated[Path | None, typer.Option(help="The schema of the test rows.")] = None,
    revocation: Annotated[
        list[Path] | None, typer.Option("--revocation", help="A revocation to pass on; repeat.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Where the passport goes; passports/SESSION in the folder.")] = None,
    ledger: NodeUrl = None,
    resume: Resume = False,
    patience: Patience = 600,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Train a model with its owners' permission, without ever holding a row, and make its passport.

    Waits until every owner named has joined, trains, collects and checks the owners' proofs, and writes the passport
    with its attachments: a folder that anybody can check with `bailee verify`.

    Example: `bailee train plan.toml --owner cleveland.json --owner hungary.json --test test.csv --schema schema.toml`
    """
    face, party = Face(as_json), PartyHome(home)
    identity, wanted = party.identity, read_any_plan(plan)
    owners = {public.public_key.hex(): public.name for public in map(read_public, owner)}
    if len(owners) != len(owner):
        raise InputError("an owner is named twice; name each once with --owner")
    if (test is None) != (schema is None):
        raise InputError("--test and --schema go together: test rows are read by the schema the owners sealed under")
    score = None if test is None or schema is None else _score(wanted, test, schema)
    revoked = [open_revocation(read_bytes(path, _REVOCATION_LIMIT, "revocation")) for path in revocation or []]
    host, port = _address(listen)
    course = Course(owners)
    with lock(home), reached(ledger, home) as opened, watching(face, course) as watch, Listener(host, port) as door:
        setting = Setting(party.sessions, resume, watch, patience=patience, open_ledger=opened)
        builder = Builder(identity, wanted, tuple(owners), check, setting, check_card, score, revoked)
        outcome = builder.run(door.accept)
    record = outcome.passport.record
    target = out or home / "passports" / record.session[:16]
    report = _report(course, outcome, score)
    hand_out(outcome.passport.envelope, outcome.path, target, report)
    shown = {
        "passport": target / "passport.json",
        "model": f"{len(record.columns)} weights, in the passport",
        "accuracy": "not measured" if report["accuracy"] is None else f"{report['accuracy']:.3f} on the test rows",
        "privacy": "; ".join(f"{one.name}: epsilon {one.epsilon}, delta {one.delta}" for one in record.owners),
        "time": f"{report['train_seconds']:.1f} s to train, {report['prove_seconds']:.1f} s to prove",
        "next": f"bailee verify {target / 'passport.json'}",
    }
    face.result({"passport": str(target / "passport.json"), **report}, facts_table(shown))


@session_command
def join(
    address: Annotated[str, typer.Argument(help="The builder's HOST:PORT.")],
    grant: Annotated[str, typer.Option(help="The grant to take part under: its id's first letters, or its file.")],
    epsilon_limit: Annotated[
        str | None, typer.Option(help="Refuse if all sessions together would cost this dataset more than that epsilon.")
    ] = None,
    ledger: NodeUrl = None,
    account: AccountOption = None,
    passphrase_file: PassphraseFile = None,
    passphrase_fd: PassphraseFd = None,
    resume: Resume = False,
    patience: Patience = 600,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Take part in a training session with a sealed dataset, under a grant.

    Rows are opened in this process only. Each round it sends one noisy sum of gradients; at the end a proof that all
    sums were right. What the session costs is written to privacy.jsonl before the first sum leaves. Where the plan
    names a ledger, it is also spent there, once, by --account at the node --ledger.

    Example: `bailee join 127.0.0.1:7447 --grant 3fa9 --home cleveland`
    """
    face, party = Face(as_json), PartyHome(home)
    identity, given = party.identity, party.grant(grant)
    dataset = party.dataset_of(given)
    host, port = _address(address)
    if not resume:
        _worth_joining(party, dataset, given)
    if ledger is None and (account, passphrase_file, passphrase_fd) != (None, None, None):
        raise InputError("an account is for a plan's ledger: say at which node with --ledger")
    spender = None if ledger is None else opened_account(home, account, passphrase_file, passphrase_fd)
    with lock(home), reached(ledger, home, spender) as opened:
        with face.progress() as progress:
            holding = hold(party, identity, dataset, given, progress)
        course = Course({holding.key: identity.name})
        with watching(face, course) as watch:
            channel = connect(host, port, patience)
            try:
                setting = Setting(party.sessions, resume, watch, patience=patience, open_ledger=opened)
                passport = take_part(holding, channel, proving(), party.ledger(epsilon_limit), setting)
            finally:
                channel.close()
    own = next(one for one in passport.owners if one.owner == holding.key)
    facts = {
        "session": passport.session,
        "epsilon": own.epsilon,
        "delta": own.delta,
        "share": own.share,
        "prove_seconds": course.proven.get(holding.key, 0.0),
        "openings_left": dataset.ledger.budget().remaining,
        "passport": str(party.sessions / passport.session / "passport.json"),
    }
    face.result(facts, facts_table({name.replace("_", " "): value for name, value in facts.items()}))


def _worth_joining(party: PartyHome, dataset: Dataset, grant: Signed[Grant]) -> None:
    """What can be known before a builder is asked: a session that must fail would cost privacy for nothing.

    The grant is checked in full once the builder has said what it wants. Raises GrantError, BudgetError.
    """
    if any(revocation.record.grant == grant.digest for revocation in party.revocations()):
        raise GrantError(f"the grant {grant.record.id} was revoked; give a new one with: bailee grant")
    if datetime.now(UTC) > parse_time(grant.record.not_after):
        raise GrantError(
            f"the grant has expired: it ended at {grant.record.not_after}; give a new one with: bailee grant"
        )
    if not dataset.ledger.budget().remaining:
        name = dataset.directory.name
        raise BudgetError(
            f"all openings of {name} are spent, so nothing can be proven about it any more; "
            f"renew it with `bailee reseal {name}`, then give a new grant on the renewed dataset"
        )


def hold(
    party: PartyHome, identity: Identity, dataset: Dataset, grant: Signed[Grant], progress: Report | None = None
) -> Holding:
    """The dataset, opened, with what its owner allows."""

    def permit(request: Request) -> None:
        use = Use(
            builder=request.invite.record.builder,
            purpose=request.plan.purpose,
            plan=request.plan.digest,
            fields=request.fields,
            epsilon=request.loss.epsilon,
            delta=request.loss.delta,
        )
        # Read now, not when the command began: a grant may have been taken back since.
        check_grant(request.grant, dataset.card, party.revocations(), use, request.now)

    def spend(session: str) -> int:
        return dataset.ledger.spend("training", datetime.now(UTC), session)

    matrix, seed = dataset.open(identity, progress)
    rows = party.origin(dataset)
    return Holding(identity, dataset.card, dataset.proof, grant, matrix, seed, rows, permit, spend)


def _score(plan: AnyPlan, test: Path, schema: Path) -> Score:
    """Accuracy on public rows, of weights as the session has them. Raises InputError where there is none."""
    sealed_under = read_schema(read_bytes(schema, MAX_SCHEMA_BYTES, "schema"))
    matrix = encode(test, sealed_under)
    if isinstance(plan, ModelPlan):
        return _network_score(plan, matrix, sealed_under.layout.names)
    return _logistic_score(matrix)


def _network_score(plan: ModelPlan, matrix: NDArray[np.int64], columns: Sequence[str]) -> Score:
    if plan.loss == "squared":
        raise InputError("--test shows accuracy, and the plan learns a number: leave --test and --schema out")
    architecture = architecture_of(plan, columns)
    labels = matrix[:, list(architecture.labels)]
    right = labels[:, 0] == 1 if plan.loss == "logistic" else labels.argmax(axis=1)

    def score(weights: NDArray[np.float64]) -> float:
        if len(weights) != sum(math.prod(parameter.shape) for parameter in architecture.parameters):
            raise InputError("the test rows are of another schema than the session's")
        try:
            found = predict(architecture, cut(architecture, np.rint(weights * 2.0**WEIGHT_BITS)), matrix)
        except StatementError:
            return 0.0  # a test row for which the model has no answer: owners' rows were found to have one
        guess = found[:, 0] > 0 if plan.loss == "logistic" else found.argmax(axis=1)
        return float(np.mean(guess == right))

    return score


def _logistic_score(matrix: NDArray[np.int64]) -> Score:
    """Of weights one a column (the label's is 0)."""
    label = matrix[:, -1] == 1

    def score(weights: NDArray[np.float64]) -> float:
        if len(weights) != matrix.shape[1]:
            raise InputError(
                f"the test rows have {matrix.shape[1]} columns, the session {len(weights)}: another schema"
            )
        return float(np.mean((matrix @ weights > 0) == label))

    return score


def _report(course: Course, outcome: Outcome, score: Score | None) -> dict[str, Any]:
    """What was measured on the way; unsigned, for people."""
    record = outcome.passport.record
    return {
        "session": record.session,
        "rounds": course.rounds,
        "accuracy": None if score is None else score(outcome.weights),
        "accuracy_by_round": course.accuracy,
        "train_seconds": round(course.seconds("invited", "closing"), 3),
        "prove_seconds": round(course.seconds("closing", "done"), 3),
        "owners": [
            {
                "name": one.name,
                "rows": one.rows,
                "epsilon": one.epsilon,
                "delta": one.delta,
                "share": one.share,
                "prove_seconds": round(course.proven.get(one.owner, 0.0), 3),
                "proof_bytes": (outcome.path.parent / "attachments" / one.proof).stat().st_size,
            }
            for one in record.owners
        ],
    }


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit() or int(port) > 65535:
        raise InputError(f"expected an address like 127.0.0.1:{DEFAULT_PORT}, got {text[:60]!r}")
    return host.strip("[]"), int(port)
