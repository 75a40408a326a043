"""`--ledger URL` of `train`, `join` and `verify`: the node at which the ledger that a plan names is read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount

    from bailee.adapters.chain.consent import ChainConsent

NodeUrl = Annotated[
    str | None,
    typer.Option(
        "--ledger",
        help="A node of the chain of the ledger that the plan names: http(s)://..., or embedded: for this home's own.",
    ),
]
Reached: TypeAlias = "Callable[[str], ChainConsent] | None"


@contextmanager
def reached(url: str | None, home: Path, account: LocalAccount | None = None) -> Iterator[Reached]:
    """The ledgers (by CAIP-10 name) that are on the chain at `url`; None where no URL is given.

    Raises InputError for a URL that is none, ChainError where nothing answers.
    """
    if url is None:
        yield None
        return
    # A chain's libraries take long to load and are not installed everywhere.
    from bailee.adapters.chain.consent import opened_with
    from bailee.adapters.chain.opening import open_chain

    with open_chain(url, home) as chain:
        yield opened_with(chain, account)
