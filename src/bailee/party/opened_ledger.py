"""Which ledger a home is about, remembered by `ledger deploy | use`, and that ledger opened, to look or to act."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bailee import json_text
from bailee.adapters.chain.opening import EMBEDDED, folder_of, open_chain
from bailee.adapters.files import read_bytes, write_atomic
from bailee.errors import InputError, RecordError
from bailee.party.accounts import opened_account
from bailee.records.caip import parse_account

if TYPE_CHECKING:
    from bailee.adapters.chain.ledger import Ledger

FILE = "ledger.json"
_LIMIT = 1 << 14


@dataclass(frozen=True)
class LedgerPlace:
    """url: of a node, or `embedded:`; contracts: the ledger's CAIP-10 name."""

    url: str
    contracts: str


def remember(home: Path, place: LedgerPlace) -> None:
    """So that later commands of the home need not name it."""
    parse_account(place.contracts)
    home.mkdir(parents=True, exist_ok=True)
    told = json.dumps({"url": place.url, "contracts": place.contracts}, indent=2)
    write_atomic(home / FILE, told.encode() + b"\n", 0o600)  # a URL may hold the key to somebody's node


def remembered(home: Path) -> LedgerPlace | None:
    """What the home remembers. InputError where the file says no ledger."""
    path = home / FILE
    if not path.is_file():
        return None
    try:
        facts = json_text.load(read_bytes(path, _LIMIT, "the home's ledger"))
        found = LedgerPlace(facts["url"], facts["contracts"])
        if not isinstance(found.url, str):
            raise TypeError
        parse_account(found.contracts)
    except (ValueError, KeyError, TypeError, AttributeError, RecordError):
        raise InputError(f"{path} does not say a ledger; name it again: bailee ledger use NAME --ledger URL") from None
    return found


def place_of(home: Path, url: str | None, contracts: str | None) -> LedgerPlace:
    """What is said; what is left out, the home remembers. InputError where neither says it."""
    kept = remembered(home)
    if contracts is None and kept is None:
        raise InputError(
            f"which ledger? {home} remembers none: make one with `bailee ledger deploy`, or name it once with "
            "`bailee ledger use NAME --ledger URL`, or give --contracts NAME"
        )
    return LedgerPlace(
        node_of(home, url),
        contracts or (kept.contracts if kept is not None else ""),
    )


def node_of(home: Path, url: str | None) -> str:
    """The node alone, where no contracts are needed: what is said, or remembered, or the home's own chain."""
    kept = remembered(home)
    return url or (kept.url if kept is not None else EMBEDDED)


def index_url(home: Path) -> str:
    """Where a home keeps what its ledger said."""
    return f"sqlite:///{(folder_of(home) / 'index.db').resolve()}"


@contextmanager
def reading(
    home: Path, url: str | None = None, contracts: str | None = None, patience: float | None = None
) -> Iterator[Ledger]:
    """The ledger, to be looked at. patience: seconds that a node may take for one answer, where less than usual.

    InputError, ChainError, StorageError.
    """
    from bailee.adapters.chain.ledger import Ledger

    place = place_of(home, url, contracts)
    with open_chain(place.url, home, timeout=patience) as chain:
        yield Ledger.named(chain, place.contracts)


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
