"""`bailee spend`: an owner spends on the plan's ledger what a hidden model's run costs its rows (docs/ledger.md, 5)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from bailee.adapters.files import lock, read_bytes, write_atomic
from bailee.cli.accounts import AccountOption, PassphraseFd, PassphraseFile, opened_account
from bailee.cli.face import DEFAULT_HOME, AsJson, Face, Home, command, facts_table
from bailee.cli.nodes import NodeUrl, reached
from bailee.errors import InputError
from bailee.party.home import PartyHome
from bailee.records import Spent, open_signed
from bailee.records.canonical import MAX_BYTES
from bailee.records.model import ModelOpening
from bailee.train.consent import require_consent
from bailee.train.folder import Folder
from bailee.train.model.lender import Lending, OpenedRun

SPENDINGS = "spendings"


@command
def spend(
    opening: Annotated[Path, typer.Argument(help="The trainer's opening.json: it fixes the run, and what it costs.")],
    grant: Annotated[
        str | None, typer.Option(help="Which grant, where the run reads several datasets of yours.")
    ] = None,
    out: Annotated[Path, typer.Option(help="The file to write, for the trainer.")] = Path("spent.json"),
    ledger: NodeUrl = None,
    account: AccountOption = None,
    passphrase_file: PassphraseFile = None,
    passphrase_fd: PassphraseFd = None,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Spend, on the ledger that its plan names, what a run of a hidden model costs a dataset that you lent to it.

    The loss is worked out here, and must be within your grant, here and on the ledger. It is spent once however often
    this is called. The trainer goes on with the file; once every owner has spent, it asks for coins.

    Example: `bailee spend opening.json --ledger http://127.0.0.1:8545 --account main --home cleveland`
    """
    face, party = Face(as_json), PartyHome(home)
    run = OpenedRun.read(open_signed(read_bytes(opening, MAX_BYTES, "opening"), ModelOpening))
    wanted = None if grant is None else party.grant(grant)
    found = [one for one in lendings(party, run) if wanted is None or one.grant == wanted]
    if len(found) != 1:
        raise InputError(
            f"the opening names {len(found)} datasets of {party.identity.name} under such a grant, expected one: "
            + ("say which with --grant" if found else "ask the trainer which it trains on")
        )
    if ledger is None:
        require_consent(run.ledger, None)  # before a passphrase is asked for
    spender = opened_account(home, account, passphrase_file, passphrase_fd)
    with lock(home), reached(ledger, home, spender) as opened:
        said = found[0].spend(require_consent(run.ledger, opened), party.revocations(), datetime.now(UTC))
    write_atomic(out, said)
    spending = open_signed(said, Spent).record.spending
    facts = {
        "session": run.session,
        "dataset": found[0].card.record.name,
        "epsilon": spending.epsilon,
        "delta": spending.delta,
        "ledger": run.ledger,
        "grant": spending.grant,
        "block": spending.block,
        "transaction": spending.transaction,
        "file": str(out),
    }
    face.result(facts, facts_table(facts))


def lendings(party: PartyHome, run: OpenedRun) -> Iterator[Lending]:
    """This party's datasets in a run, each with the grant that the opening names. InputError for one not here."""
    identity, grants = party.identity, {one.digest: one for one in party.grants()}
    for one in run.opening.record.owners:
        if one.owner != identity.public_key.hex():
            continue
        if one.grant not in grants:
            raise InputError(f"the grant {one.grant[:16]}... that the opening names is not in {party.path}; restore it")
        given = grants[one.grant]
        folder = Folder.open(party.path / SPENDINGS / run.session, one.card, resume=True)
        yield Lending(run, identity, party.dataset_of(given).card, given, folder)
