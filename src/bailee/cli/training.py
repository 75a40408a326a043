"""`bailee train` for the builder, `bailee join` for an owner: the two sides of one session."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from bailee.adapters.files import lock, read_bytes
from bailee.adapters.places import place_of
from bailee.adapters.transport import Listener, reach
from bailee.adapters.transport import join as connect
from bailee.cli import completing
from bailee.cli.accounts import AccountOption, PassphraseFd, PassphraseFile
from bailee.cli.face import DEFAULT_HOME, AsJson, Face, Home, facts_table, session_command
from bailee.cli.nodes import NodeUrl
from bailee.cli.watching import watching
from bailee.errors import InputError
from bailee.grant import open_revocation
from bailee.party.accounts import opened_account, reached
from bailee.party.answered import require_carried
from bailee.party.handing_out import hand_out
from bailee.party.home import PartyHome
from bailee.party.identities import read_public
from bailee.party.plans import read_any_plan
from bailee.party.scoring import score_on
from bailee.party.training import Running, hold, join_in, lead, report, require_worth_joining
from bailee.party.watched import Course
from bailee.records.schema import Schema
from bailee.seal import read_schema
from bailee.seal.schema import MAX_SCHEMA_BYTES

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
    with its attachments: a folder that anybody can check with `bailee verify`. Nobody is invited where a grant kept
    here, as `bailee asked` shows it, cannot carry the plan.

    Example: `bailee train plan.toml --owner cleveland.json --owner hungary.json --test test.csv --schema schema.toml`
    """
    face, party = Face(as_json), PartyHome(home)
    wanted = read_any_plan(plan)
    owners = {public.public_key.hex(): public.name for public in map(read_public, owner)}
    if len(owners) != len(owner):
        raise InputError("an owner is named twice; name each once with --owner")
    if (test is None) != (schema is None):
        raise InputError("--test and --schema go together: test rows are read by the schema the owners sealed under")
    score = None if test is None or schema is None else score_on(wanted, test, _schema(schema))
    revoked = [open_revocation(read_bytes(path, _REVOCATION_LIMIT, "revocation")) for path in revocation or []]
    if not resume:
        require_carried(party, wanted, owners, revoked, datetime.now(UTC))
    host, port = place_of(listen)
    course = Course(owners)
    with lock(home), reached(ledger, home) as opened, watching(face, course) as watch, Listener(host, port) as door:
        running = Running(watch, resume, patience, opened)
        outcome = lead(party, wanted, tuple(owners), door.accept, running, score, revoked)
    record = outcome.passport.record
    target = out or home / "passports" / record.session[:16]
    told = report(course, outcome, score)
    hand_out(outcome.passport.envelope, outcome.path, target, told)
    shown = {
        "passport": target / "passport.json",
        "model": f"{len(record.columns)} weights, in the passport",
        "accuracy": "not measured" if told["accuracy"] is None else f"{told['accuracy']:.3f} on the test rows",
        "privacy": "; ".join(f"{one.name}: epsilon {one.epsilon}, delta {one.delta}" for one in record.owners),
        "time": f"{told['train_seconds']:.1f} s to train, {told['prove_seconds']:.1f} s to prove",
        "next": f"bailee verify {target / 'passport.json'}",
    }
    face.result({"passport": str(target / "passport.json"), **told}, facts_table(shown))


@session_command
def join(
    address: Annotated[str, typer.Argument(help="The builder's HOST:PORT.")],
    grant: Annotated[
        str,
        typer.Option(
            help="The grant to take part under: its id's first letters, or its file.",
            autocompletion=completing.grants,
        ),
    ],
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
    host, port = place_of(address, f"an address like 127.0.0.1:{DEFAULT_PORT}")
    if not resume:
        require_worth_joining(party, dataset, given)
    if ledger is None and (account, passphrase_file, passphrase_fd) != (None, None, None):
        raise InputError("an account is for a plan's ledger: say at which node with --ledger")
    spender = None if ledger is None else opened_account(home, account, passphrase_file, passphrase_fd)
    minutes = f"{patience:.0f} s" if patience < 120 else f"{patience / 60:.0f} minutes"

    def nobody(reason: str) -> None:
        face.say(
            f"nobody answers at {address} yet ({reason.lower()}); trying for {minutes}, see --patience; Ctrl-C ends it"
        )

    with lock(home), reached(ledger, home, spender) as opened:
        reach(host, port, patience, nobody)  # before the rows are decrypted, which may take minutes
        with face.progress() as progress:
            holding = hold(party, dataset, given, progress)
        course = Course({holding.key: identity.name})
        with watching(face, course) as watch:
            running = Running(watch, resume, patience, opened)
            passport = join_in(party, holding, connect(host, port, patience, nobody), running, epsilon_limit)
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


def _schema(path: Path) -> Schema:
    return read_schema(read_bytes(path, MAX_SCHEMA_BYTES, "schema"))
