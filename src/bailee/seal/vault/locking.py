"""Retention locks and legal holds: while one is on a version, nothing destroys it, whoever asks.

A lock only ever grows: longer, or from governance to compliance. `bypass` lifts a governance lock, and the log says
so; nothing lifts a compliance lock but time, by the least plausible clock (timekeeping). A hold lasts until it is
taken off.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, update

from bailee.adapters.catalogue import Unit
from bailee.adapters.catalogue.tables import versions
from bailee.errors import InputError, LockedError
from bailee.records import Json
from bailee.seal.vault.facts import Lock, LockMode
from bailee.seal.vault.ground import Ground
from bailee.seal.vault.history import find
from bailee.seal.vault.journal import entry
from bailee.seal.vault.timekeeping import time_words


def lock(ground: Ground, name: str, version: str, wanted: Lock | None, bypass: bool) -> None:
    """Raises LockedError where this would loosen a lock, InputError for a lock that is over already."""

    def work(unit: Unit) -> None:
        row = _with_bytes(unit, name, version)
        if wanted is not None and wanted.until <= ground.time.now():
            raise InputError("expected a lock that ends in the future")
        kept = active_lock(ground, row)
        is_bypassed = False
        if kept is not None and not _holds_more(wanted, kept):
            if kept.mode is not LockMode.GOVERNANCE or not bypass:
                raise LockedError(f"{name!r} {_locked(kept)}; a lock is never shortened or loosened")
            is_bypassed = True
        mode, until = (None, None) if wanted is None else (wanted.mode.value, wanted.until)
        values = {"lock_mode": mode, "lock_until": until}
        unit.connection.execute(update(versions).where(versions.c.row == row.row).values(**values))
        told: dict[str, Json] = {
            "mode": mode or "none",
            "until": "" if until is None else repr(until),
            "bypassed": is_bypassed,
        }
        unit.log(entry("lock", ground.time.now(), name=ground.keyring.log_name(name), version=version, **told))

    ground.catalogue.change(work)


def hold(ground: Ground, name: str, version: str, on: bool) -> None:
    def work(unit: Unit) -> None:
        row = _with_bytes(unit, name, version)
        unit.connection.execute(update(versions).where(versions.c.row == row.row).values(on_hold=on))
        unit.log(entry("hold", ground.time.now(), name=ground.keyring.log_name(name), version=version, on=on))

    ground.catalogue.change(work)


def active_lock(ground: Ground, row: Row[Any]) -> Lock | None:
    """The lock of a row of VERSION, while it lasts."""
    if row.lock_mode is None or ground.time.is_over(row.lock_until):
        return None
    return Lock(LockMode(row.lock_mode), row.lock_until)


def require_free(ground: Ground, row: Row[Any], bypass: bool = False) -> None:
    """LockedError where a hold or a lock keeps this version."""
    what = f"version {row.number} of {row.name!r}"
    if row.on_hold:
        raise LockedError(f"{what} is under a legal hold; nothing is destroyed until the hold is lifted")
    kept = active_lock(ground, row)
    if kept is not None and not (bypass and kept.mode is LockMode.GOVERNANCE):
        raise LockedError(f"{what} {_locked(kept)}; nothing is destroyed before")


def _holds_more(wanted: Lock | None, kept: Lock) -> bool:
    if wanted is None or wanted.until < kept.until:
        return False
    return wanted.mode is LockMode.COMPLIANCE or kept.mode is LockMode.GOVERNANCE


def _locked(kept: Lock) -> str:
    return f"is under a {kept.mode.value} lock until {time_words(kept.until)}"


def _with_bytes(unit: Unit, name: str, version: str) -> Row[Any]:
    row = find(unit.connection, name, version)
    if row.is_marker:
        raise InputError(f"version {version} of {name!r} is a delete marker; only bytes can be locked or held")
    return row
