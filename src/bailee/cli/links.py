"""`bailee account link`: an account and a home's identity shown to be one party."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from bailee.cli.accounts import AccountName, PassphraseFd, PassphraseFile, app
from bailee.cli.face import DEFAULT_HOME, AsJson, Face, Home, command, facts_table
from bailee.party.accounts import opened_account
from bailee.party.home import PartyHome
from bailee.party.links import kept_link, make_link
from bailee.party.opened_ledger import place_of
from bailee.records.caip import parse_account, parse_chain


@app.command("link")
@command
def link(
    name: AccountName = "main",
    chain: Annotated[
        str | None, typer.Option(help="On which chain, eip155:NUMBER; that of the home's ledger by default.")
    ] = None,
    passphrase_file: PassphraseFile = None,
    passphrase_fd: PassphraseFd = None,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Sign, with both keys, that an account is this home's identity. The file is for handing out.

    With it an owner can check that the account it offers to is that of the builder whom its grant names.

    Example: `bailee account link main --home builder`
    """
    from bailee.adapters.chain.accounts import find_account

    party, found = PartyHome(home), find_account(home, name)
    told = parse_account(place_of(home, None, None).contracts).chain if chain is None else parse_chain(chain)
    kept, path = kept_link(party, name, found.address, told.chain_id)
    if kept is None:
        account = opened_account(home, name, passphrase_file, passphrase_fd)
        kept, path = make_link(party, name, account, told.chain_id, datetime.now(UTC))
    said = kept.record
    facts = {"account": said.account, "identity": said.identity, "since": said.since, "file": str(path)}
    Face(as_json).result(facts, facts_table(facts))
