"""`bailee account balance`: what accounts have, in native money or in any ERC-20."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from bailee.adapters.chain.accounts import find_account, list_accounts
from bailee.adapters.chain.opening import open_chain
from bailee.cli import links  # the other commands of `account`
from bailee.cli.accounts import app
from bailee.cli.face import DEFAULT_HOME, AsJson, Face, Home, command
from bailee.cli.ledgers import NodeOption
from bailee.cli.money import CurrencyOption
from bailee.cli.vault_face import columns
from bailee.errors import InputError
from bailee.party.amounts import currency_address, in_words, require_currency
from bailee.party.opened_ledger import node_of, remembered

if TYPE_CHECKING:
    from bailee.adapters.chain.chain import Chain

__all__ = ["app", "links"]


@app.command("balance")
@command
def balance(
    name: Annotated[str | None, typer.Argument(help="One of the home's accounts; all by default.")] = None,
    currency: CurrencyOption = None,
    ledger: NodeOption = None,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Show what the home's accounts have, as the node says now. No passphrase is needed.

    What works earned and nobody drew yet is not in it: `bailee royalty earnings` says that.

    Example: `bailee account balance main --currency 0xabc...`
    """
    coin = currency_address(currency)
    if ledger is None and remembered(home) is None:  # else a chain would be made here, to be asked
        raise InputError("which chain? Name a node with --ledger, or a ledger once: bailee ledger use | deploy")
    accounts = [find_account(home, name)] if name is not None else list_accounts(home)
    with open_chain(node_of(home, ledger), home) as chain:
        require_currency(chain, coin)
        facts: list[dict[str, Any]] = []
        for one in accounts:
            has = _has(chain, coin, one.address)
            words = in_words(chain, coin, has)
            facts.append({"name": one.name, "address": one.address, "amount": str(has), "words": words})
        on = chain.caip2
    shown = columns(("name", "address", "has"), [(one["name"], one["address"], one["words"]) for one in facts])
    nothing = Text("no accounts; make one: bailee account new")
    Face(as_json).result({"chain": on, "currency": coin, "balances": facts}, shown if facts else nothing)


def _has(chain: Chain, currency: str, address: str) -> int:
    """In the smallest unit. RevertError, ChainError where what answers there is no ERC-20."""
    from bailee.adapters.chain.artefacts import artefact
    from bailee.adapters.chain.ledger.facts import NATIVE
    from bailee.adapters.chain.refusals import outside

    with outside(f"the balance of {address}"):
        if currency == NATIVE:
            return int(chain.web3.eth.get_balance(address))  # type: ignore[arg-type]
        coin = chain.web3.eth.contract(address=currency, abi=artefact("Coin").abi)  # type: ignore[call-overload]
        return int(coin.functions.balanceOf(address).call())
