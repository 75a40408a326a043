"""`bailee spend`: an owner spends on the plan's ledger what a hidden model's run costs its rows (docs/ledger.md, 5)."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from bailee.adapters.files import write_atomic
from bailee.cli.accounts import AccountOption, PassphraseFd, PassphraseFile
from bailee.cli.face import DEFAULT_HOME, AsJson, Face, Home, command, facts_table
from bailee.cli.nodes import NodeUrl
from bailee.party.accounts import opened_account, reached
from bailee.party.home import PartyHome
from bailee.party.spending import lent_for, spend_for
from bailee.records import Spent, open_signed
from bailee.train.consent import require_consent


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
    party = PartyHome(home)
    found = lent_for(party, opening, None if grant is None else party.grant(grant))
    if ledger is None:
        require_consent(found.run.ledger, None)  # before a passphrase is asked for
    spender = opened_account(home, account, passphrase_file, passphrase_fd)
    with reached(ledger, home, spender) as opened:
        said = spend_for(party, found, opened, datetime.now(UTC))
    write_atomic(out, said)
    spending = open_signed(said, Spent).record.spending
    facts = {
        "session": found.run.session,
        "dataset": found.card.record.name,
        "epsilon": spending.epsilon,
        "delta": spending.delta,
        "ledger": found.run.ledger,
        "grant": spending.grant,
        "block": spending.block,
        "transaction": spending.transaction,
        "file": str(out),
    }
    Face(as_json).result(facts, facts_table(facts))
