"""Which account of a folder acts on a ledger, ready to sign; and the ledgers that are reached through a node."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from bailee.adapters.chain.accounts import AccountFile, find_account, list_accounts, open_account, read_passphrase
from bailee.errors import InputError

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount

    from bailee.adapters.chain.consent import ChainConsent

Reached: TypeAlias = "Callable[[str], ChainConsent] | None"


def chosen(home: Path, name: str | None) -> AccountFile:
    """The account of that name, or the only one. InputError where there are several, or none."""
    if name is not None:
        return find_account(home, name)
    found = list_accounts(home)
    if len(found) != 1:
        told = ", ".join(one.name for one in found) or "none; make one: bailee account new"
        raise InputError(f"which account? --account NAME; {home} has {told}")
    return found[0]


def opened_account(home: Path, name: str | None, file: Path | None, descriptor: int | None = None) -> LocalAccount:
    """The same, ready to sign. InputError, AuthorityError, StorageError."""
    return open_account(home, chosen(home, name).name, read_passphrase(descriptor, file))


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
