"""`bailee ledger coin`: play money with EIP-3009 on a chain that has none, to try paid requests with."""

from __future__ import annotations

from typing import Annotated

import typer

from bailee.adapters.chain.opening import open_chain
from bailee.cli.accounts import AccountOption, PassphraseFd, PassphraseFile
from bailee.cli.face import DEFAULT_HOME, AsJson, Face, Home, command, facts_table
from bailee.cli.ledgers import NodeOption
from bailee.errors import InputError
from bailee.party.accounts import opened_account
from bailee.party.amounts import currency_address, in_words, smallest_units
from bailee.party.opened_ledger import node_of


@command
def coin(
    amount: Annotated[str, typer.Argument(help="How much to make, for example 100.")],
    to: Annotated[str | None, typer.Option(help="Address of who gets it; this account by default.")] = None,
    account: AccountOption = None,
    passphrase_file: PassphraseFile = None,
    passphrase_fd: PassphraseFd = None,
    ledger: NodeOption = None,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Make coins to try payments with: an ERC-20 of this account's, 6 decimals, with EIP-3009. It is no money.

    Its maker can make as much as it likes. The same account has the same coin again, on every chain.

    Example: `bailee ledger coin 100 --to 0x...`
    """
    from bailee.adapters.chain.artefacts import artefact
    from bailee.adapters.chain.deployment import deploy_coin

    receiver = None if to is None else currency_address(to)
    signer = opened_account(home, account, passphrase_file, passphrase_fd)
    with open_chain(node_of(home, ledger), home) as chain:
        made = deploy_coin(chain, signer)
        wanted = smallest_units(chain, made, amount)
        if not wanted:
            raise InputError("expected an amount above 0")
        contract = chain.web3.eth.contract(address=made, abi=artefact("Coin").abi)  # type: ignore[call-overload]
        whose = receiver or signer.address
        sent = chain.send(contract.functions.mint(whose, wanted), signer)
        has = int(contract.functions.balanceOf(whose).call())
        facts = {
            "currency": made, "made": in_words(chain, made, wanted), "for": whose, "has": in_words(chain, made, has),
            "transaction": f"0x{bytes(sent['transactionHash']).hex()}",
        }  # fmt: skip
    Face(as_json).result(facts, facts_table(facts))
