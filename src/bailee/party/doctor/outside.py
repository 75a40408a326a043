"""What a party needs from elsewhere: its stores, its ledger's chain, and a clock that agrees with theirs."""

from __future__ import annotations

import json
import os
import sqlite3
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import parse_qs, urlsplit

from bailee import json_text
from bailee.adapters.chain.opening import EMBEDDED, folder_of, open_chain
from bailee.adapters.files import read_bytes
from bailee.errors import ChainError, InputError, MissingError, StorageError
from bailee.party.doctor.finding import Finding, fine, problem, warning
from bailee.party.home import PartyHome
from bailee.party.opened_ledger import remembered
from bailee.records.caip import parse_account
from bailee.records.fields import parse_time

if TYPE_CHECKING:
    from bailee.adapters.stores.entry import StoreEntry

T = TypeVar("T")
R = TypeVar("R")
OFF = 60.0
"""Seconds by which clocks may differ before it is warned of; sessions refuse an hour."""
FAR = 3600.0
OLD = 3600.0
"""Seconds after which a public chain's last block is old. An embedded chain has a block when something happens."""
_STORAGE = StorageError.exit_code


def stores(home: Path, patience: float) -> Iterator[Finding]:
    """Whether each store of the vault answers. Its catalogue is only read."""
    if not (home / "vault.json").is_file():
        yield fine("vault", "there is none here; make one with: bailee vault init")
        return
    entries = _entries(home)
    if entries is None:
        yield fine("vault", "its catalogue is in PostgreSQL: bailee vault status asks it and its stores")
        return
    yield fine("vault", f"{len(entries)} stores")
    late = f"gave no answer within {patience:.0f} s"
    for entry, wrong in zip(entries, _together(_silence, entries, patience, late), strict=True):
        if not wrong:
            yield fine(f"store {entry.name}", "answers")
        elif entry.enabled:
            todo = "start it, mount it or mend its access; then: bailee vault repair"
            yield problem(f"store {entry.name}", wrong, todo, _STORAGE)
        else:
            yield warning(f"store {entry.name}", f"is off, and {wrong}", "what it holds cannot be read now")


def ledger(home: Path, patience: float) -> Iterator[Finding]:
    """Whether the remembered ledger's chain answers, which it is, and how far it is."""
    place = remembered(home)
    embedded = folder_of(home) / "blocks.db"
    if place is None and not embedded.exists():
        yield fine("ledger", "none is remembered; rights and money need one: bailee ledger deploy, or ledger use")
        return
    if place is None or place.url == EMBEDDED:
        yield from _embedded(embedded)
        return
    with open_chain(place.url, home, timeout=max(1.0, patience / 2)) as chain:
        wanted, block = parse_account(place.contracts).chain, chain.block()
        if f"eip155:{chain.chain_id}" != str(chain.caip2) or chain.chain_id != int(wanted.chain_id):
            told = f"the node is of {chain.caip2}, the remembered ledger on eip155:{wanted.chain_id}"
            yield problem("ledger", told, "name the right node: bailee ledger use NAME --ledger URL", _STORAGE)
            return
    age = time.time() - block.time
    said = f"{chain.caip2} answers, block {block.number} of {_when(block.time)}"
    if age > OLD:
        yield warning("ledger", f"{said}, {age / 3600:.0f} hours old", "the node lags behind or the chain stands still")
    else:
        yield fine("ledger", said)


def clock(home: Path, patience: float) -> Iterator[Finding]:
    """Against the Date of stores and nodes that speak HTTP, and the newest record signed here."""
    now, asked = time.time(), _http_places(home)
    dates = _together(lambda url: _date(url, max(1.0, patience / 2)), asked, patience, None)
    seen = [(one - time.time(), urlsplit(url).hostname or "") for url, one in zip(asked, dates, strict=True) if one]
    newest = max(_made(home), default=None)
    if newest is not None and newest - now > OFF:
        told = f"it is {_when(now)} here, and a record of this folder is of {_when(newest)}"
        yield problem("clock", told, "set this machine's clock: records of the future are refused", _STORAGE)
    elif not seen:
        yield fine("clock", f"{_when(now)}; there is no store or node with HTTP to compare it with")
    else:
        off, host = max(seen, key=lambda one: abs(one[0]))
        told = f"{_when(now)}, {abs(off):.0f} s {'behind' if off > 0 else 'ahead of'} {host}"
        if abs(off) > FAR:
            yield problem("clock", told, "set this machine's clock: sessions refuse an hour", _STORAGE)
        elif abs(off) > OFF:
            yield warning("clock", told, "set this machine's clock, or have it set by NTP")
        else:
            yield fine("clock", told)


def _together(ask: Callable[[T], R], of: Sequence[T], patience: float, late: R) -> list[R]:
    """All asked at once; `late` for who gave no answer. Threads that hang are left: they do not keep the process."""
    found = [late] * len(of)

    def one(place: int) -> None:
        found[place] = ask(of[place])

    threads = [threading.Thread(target=one, args=(place,), daemon=True) for place in range(len(of))]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + patience
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    return list(found)


def _entries(home: Path) -> list[StoreEntry] | None:
    """The stores as the catalogue has them; None where that is no file of the home."""
    from bailee.adapters.stores.entry import StoreEntry

    told = json_text.load(read_bytes(home / "vault.json", 1 << 16, "the vault"))
    if not isinstance(told, dict) or told.get("catalogue"):
        return None
    path = home / "catalogue.db"
    if not path.is_file():
        raise StorageError(f"{path} is missing: it holds every name and key of this vault; restore a copy of it")
    try:
        with closing(_read_only(path)) as base:
            rows = base.execute("SELECT entry FROM stores ORDER BY number").fetchall()
        return [StoreEntry(**json.loads(row[0])) for row in rows]
    except (sqlite3.Error, ValueError, TypeError):
        raise StorageError(f"{path} is damaged; restore a copy of it: bailee vault catalogue restore") from None


def _silence(entry: StoreEntry) -> str:
    """Why a store does not answer; "" where it does."""
    from bailee.adapters.stores.opening import open_store
    from bailee.seal.vault.keep.sweeping import MARK

    try:
        open_store(entry, os.environ).read(MARK, 0, 1)
    except MissingError:
        return ""
    except (StorageError, InputError) as error:
        return str(error)
    return ""


def _embedded(path: Path) -> Iterator[Finding]:
    if not path.is_file():
        told = "the home remembers an embedded chain, and it is gone"
        yield problem("ledger", told, f"restore {path.parent}, or name another: bailee ledger use", _STORAGE)
        return
    try:
        with closing(_read_only(path)) as base:
            (height,) = base.execute("SELECT max(number) FROM blocks").fetchone()
        if height is None:
            raise ChainError("no block")
    except (sqlite3.Error, ChainError):
        yield problem("ledger", f"{path} is damaged or no chain of ours", f"restore {path.parent}", _STORAGE)
        return
    yield fine("ledger", f"the embedded chain is at block {height}")


def _read_only(path: Path) -> sqlite3.Connection:
    # Where nobody writes there is no -wal beside it, and then not even SQLite's own helper files are made.
    alone = "" if path.with_name(f"{path.name}-wal").exists() else "&immutable=1"
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro{alone}", uri=True, timeout=2)


def _http_places(home: Path) -> list[str]:
    """Where a Date may be asked for: scheme and host alone, for the rest of a URL may hold a key."""
    urls: list[str] = []
    try:
        place = remembered(home)
        urls += [place.url] if place is not None else []
        if (home / "vault.json").is_file():
            for entry in _entries(home) or []:
                urls += parse_qs(urlsplit(entry.url).query).get("endpoint", [])
    except (InputError, StorageError):
        pass  # said by the checks of ledger and vault
    parts = [urlsplit(url) for url in urls]
    found = {f"{one.scheme}://{one.netloc.rpartition('@')[2]}/" for one in parts if one.scheme in ("http", "https")}
    return sorted(found)


def _date(url: str, patience: float) -> float | None:
    """Seconds since 1970 by the server's Date; None where it says none."""
    try:
        with urllib.request.urlopen(  # noqa: S310 - http and https only, as _http_places has them
            urllib.request.Request(url, method="HEAD"), timeout=patience  # noqa: S310
        ) as answer:  # fmt: skip
            said = answer.headers.get("Date")
    except urllib.error.HTTPError as error:
        said = error.headers.get("Date")
    except (OSError, ValueError):
        return None
    try:
        return parsedate_to_datetime(said).timestamp() if said else None
    except ValueError:
        return None


def _made(home: Path) -> list[float]:
    """When cards and revocations of the folder say they were made."""
    party, found = PartyHome(home), []
    try:
        found += [parse_time(one.card.record.created) for one in party.datasets()]
        found += [parse_time(one.record.revoked) for one in party.revocations()]
    except (InputError, StorageError):
        pass  # said by the checks of datasets and grants
    return [one.timestamp() for one in found]


def _when(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
