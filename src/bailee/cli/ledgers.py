"""Which ledger a command acts on, and as whom: said by options, or remembered in the home by `ledger deploy | use`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bailee.adapters.chain.opening import open_chain
from bailee.cli.accounts import opened_account
from bailee.party.opened_ledger import LedgerPlace, node_of, place_of, reading, remember

if TYPE_CHECKING:
    from bailee.adapters.chain.ledger import Ledger

__all__ = ["ContractsOption", "LedgerPlace", "NodeOption", "acting", "node_of", "place_of", "reading", "remember"]

NodeOption = Annotated[
    str | None,
    typer.Option(
        "--ledger",
        envvar="BAILEE_LEDGER",
        help="A node of any EVM chain, http(s)://..., or embedded: for this home's own; the remembered one by default.",
    ),
]
ContractsOption = Annotated[
    str | None,
    typer.Option("--contracts", help="The ledger's name, eip155:CHAIN:GRANTS; the remembered one by default."),
]


@contextmanager
def acting(
    home: Path,
    url: str | None = None,
    contracts: str | None = None,
    account: str | None = None,
    passphrase_file: Path | None = None,
    passphrase_fd: int | None = None,
) -> Iterator[Ledger]:
    """The ledger, used by an account of the home. The passphrase is asked for before the chain is opened."""
    from bailee.adapters.chain.ledger import Ledger

    place = place_of(home, url, contracts)
    signer = opened_account(home, account, passphrase_file, passphrase_fd)
    with open_chain(place.url, home) as chain:
        yield Ledger.named(chain, place.contracts, signer)
