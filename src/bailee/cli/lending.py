"""`bailee lend`, `bailee coin`: an owner hands its rows to a trainer it trusts with them, and draws noise from afar."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from bailee.adapters.files import lock, read_bytes, write_atomic, write_new
from bailee.cli import completing
from bailee.cli.face import DEFAULT_HOME, AsJson, Face, Home, command, facts_table
from bailee.cli.nodes import NodeUrl, reached
from bailee.cli.spending import lendings
from bailee.errors import InputError, SessionError
from bailee.party.home import PartyHome
from bailee.party.identities import read_public
from bailee.party.lending import coin_info, lend_rows
from bailee.party.lending import promise as promise_coin
from bailee.records import Anchor, Signed, open_signed, sign
from bailee.records.canonical import MAX_BYTES
from bailee.records.model import CoinPromise, ModelCoin, ModelOpening, open_model_coin
from bailee.statements.hidden.session import coin_for, keeps_promise
from bailee.statements.network.plan import ModelPlan
from bailee.train.consent import require_consent
from bailee.train.model import read_model_plan
from bailee.train.model.lender import OpenedRun, check_run_anchor

PATIENCE = 60.0
"""Seconds, half of which one's node has to know a block that the trainer's has."""

coin_app = typer.Typer(no_args_is_help=True, help="A party's share of the noise of a model that somebody else trains.")


@command
def lend(
    grant: Annotated[
        str,
        typer.Argument(
            help="The grant to lend under: its id's first letters, or its file.", autocompletion=completing.grants
        ),
    ],
    to: Annotated[Path, typer.Option(help="Public identity of the trainer: its identity.json.")],
    out: Annotated[Path, typer.Option(help="The folder to make, for the trainer.")],
    openings: Annotated[int, typer.Option(help="How many of the dataset's proofs the trainer may make.", min=1)] = 4,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Hand the rows of a dataset to a trainer, readable to it alone, for the plan that a grant names.

    The trainer can read the rows; what it says it did with them it must prove. What the grant allows is written to
    privacy.jsonl now. The openings lent are written off here for good. A coin is promised for the noise: show it, once
    the trainer asks, with `bailee coin show`.

    Example: `bailee lend 3fa9 --to builder/identity.json --out lent/cleveland --home cleveland`
    """
    face, party = Face(as_json), PartyHome(home)
    given = party.grant(grant)
    with face.progress() as progress:
        promised = lend_rows(party, given, read_public(to), out, openings, datetime.now(UTC), progress)
    facts = {
        "folder": str(out),
        "grant": given.record.id,
        "openings": openings,
        "openings_left": party.dataset_of(given).ledger.budget().remaining,
        "promise": promised.record.promise,
    }
    face.result(facts, facts_table({name.replace("_", " "): value for name, value in facts.items()}))


@coin_app.command("promise")
@command
def promise(
    plan: Annotated[Path, typer.Argument(help="The model's plan.")],
    out: Annotated[Path, typer.Option(help="The file to write, for the trainer.")],
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Promise a coin for the noise of a plan, as somebody who lends no rows: noise is honest if one coin is.

    Example: `bailee coin promise plan.toml --out promise.json --home notary`
    """
    face, party = Face(as_json), PartyHome(home)
    promised = promise_coin(party, read_model_plan(plan).digest)
    write_new(out, promised.envelope)
    facts = {"promise": promised.record.promise, "file": str(out)}
    face.result(facts, facts_table(facts))


@coin_app.command("show")
@command
def show(
    opening: Annotated[Path, typer.Argument(help="The trainer's opening.json: it fixes all noise but the coins.")],
    out: Annotated[Path, typer.Option(help="The file to write, for the trainer.")] = Path("coin.json"),
    anchor: Annotated[
        Path | None, typer.Option(help="The trainer's anchor.json, where the plan names a ledger; with --ledger.")
    ] = None,
    ledger: NodeUrl = None,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Show the coin that was promised, for this opening and for no other ever.

    Where the plan names a ledger, after every owner has spent: the trainer's anchor is checked at your own node first.

    Example: `bailee coin show opening.json --out coin.json --home cleveland`
    """
    face, party = Face(as_json), PartyHome(home)
    identity = party.identity
    said = open_signed(read_bytes(opening, MAX_BYTES, "opening"), ModelOpening)
    key, plan = identity.public_key.hex(), ModelPlan.from_mapping(said.record.plan)
    own = next((one.promise for one in said.record.promises if one.party == key), None)
    if own is None or not (party.coins / f"{own}.json").is_file():
        raise InputError(f"{identity.name} promised no coin that this opening names; ask the trainer which it used")
    promised = open_signed(read_bytes(party.coins / f"{own}.json", MAX_BYTES, "promise"), CoinPromise).record
    if promised.plan != plan.digest:
        raise InputError("the opening is for another plan than the coin was promised for; show it to nobody")
    with lock(home):
        anchored = _check_anchor(party, said, plan, anchor, ledger)
        shown = _show(party, said, own, anchored)
    write_atomic(out, shown.envelope)
    facts = {"session": said.record.session, "opening": said.digest, "file": str(out)}
    face.result(facts, facts_table(facts))


def _check_anchor(
    party: PartyHome, said: Signed[ModelOpening], plan: ModelPlan, anchor: Path | None, ledger: str | None
) -> str | None:
    """Digest of the run's anchor, checked at this party's node; None where the plan names no ledger."""
    if plan.ledger is None:
        if anchor is not None or ledger is not None:
            raise InputError("the opening's plan names no ledger: leave --anchor and --ledger out")
        return None
    if anchor is None:
        raise InputError(
            f"the plan names the ledger {plan.ledger}: the coin is shown after every owner has spent there; ask the "
            "trainer for its anchor.json, and give it with --anchor"
        )
    run, found = OpenedRun.read(said), open_signed(read_bytes(anchor, MAX_BYTES, "anchor"), Anchor)
    with reached(ledger, party.path) as opened:
        consent = require_consent(plan.ledger, opened)
        check_run_anchor(consent, run, found, tuple(lendings(party, run)), PATIENCE)
    return found.digest


def _show(party: PartyHome, opening: Signed[ModelOpening], promised: str, anchor: str | None) -> Signed[ModelCoin]:
    """The signed coin: on disk before it leaves, so that it is never shown for two openings, or two anchors."""
    identity, path = party.identity, party.coins / f"{promised}.shown"
    if path.is_file():
        kept = open_model_coin(read_bytes(path, MAX_BYTES, "coin"), identity.public_key)
        if kept.record != coin_for(opening, anchor, kept.record.party, kept.record.coin):
            raise SessionError(
                "this coin was shown for another opening or anchor already: whoever asks again could choose the noise "
                "it likes; promise a new coin for a new run"
            )
        return kept
    coin = identity.unseal(
        read_bytes(party.coins / f"{promised}.sealed", 1 << 16, "coin"), coin_info(promised)
    ).reveal()
    key = identity.public_key.hex()
    if not keeps_promise(key, coin.hex(), promised):
        raise SessionError(f"{party.coins / f'{promised}.sealed'} is not the coin that was promised; restore it")
    said = sign(coin_for(opening, anchor, key, coin.hex()), identity)
    write_new(path, said.envelope)
    return said
