"""What the commands of `bailee vault` share: opening the vault of a home, how stores, sizes and times are written."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from bailee.cli.face import Report, plain
from bailee.errors import InputError, RecordError
from bailee.party.identities import own_identity
from bailee.records.fields import parse_time

if TYPE_CHECKING:
    from bailee.seal.vault.facts import Version
    from bailee.seal.vault.vault import Vault

Name = Annotated[str, typer.Argument(help="The object's name.")]
AVersion = Annotated[str | None, typer.Option("--version", help="A version by its id, as `versions` shows them.")]
Rate = Annotated[str | None, typer.Option(help="At most so many bytes a second, like 20MB.")]
WHEN = "a date like 2027-01-31, a time like 2027-01-31T12:00:00Z, or from now on: 12h, 30d."
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(B|[kKMGT]i?B?)?")
_UNITS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}
_SPAN = re.compile(r"(\d+)([hdw])")
_HOURS = {"h": 1, "d": 24, "w": 168}
_QUIET = 1.0
"""Seconds before a bar is shown."""


@contextmanager
def opened(home: Path) -> Iterator[Vault]:
    """The vault of a home. InputError that says how to make one where there is none."""
    from bailee.seal.vault.home import VAULT_FILE
    from bailee.seal.vault.vault import Vault  # a database's libraries: other commands do without

    identity = own_identity(home)
    if not (home / VAULT_FILE).exists():
        raise InputError(f"there is no vault in {home}; make one with: bailee vault init --home {home}")
    with Vault.open(home, identity) as vault:
        yield vault


def parse_size(text: str) -> int:
    """Bytes: 4GiB, 500MB, 1048576."""
    found = _SIZE.fullmatch(text.strip())
    if found is None:
        raise InputError(f"expected a size like 500MB or 4GiB, got {text!r}")
    unit = (found[2] or "").rstrip("B").lower()
    base = 1024 if unit.endswith("i") else 1000
    return int(float(found[1]) * base ** _UNITS[unit.rstrip("i")])


def parse_rate(text: str | None) -> float | None:
    return None if text is None else float(parse_size(text))


def moment(text: str) -> float:
    """Seconds since 1970. A date alone means its end, UTC."""
    span = _SPAN.fullmatch(text)
    if span is not None:
        return (datetime.now(UTC) + timedelta(hours=int(span[1]) * _HOURS[span[2]])).timestamp()
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(hour=23, minute=59, second=59, tzinfo=UTC).timestamp()
    except ValueError:
        pass
    try:
        return parse_time(text).timestamp()
    except RecordError as error:
        raise InputError(f"{error}; or write {WHEN}") from None


def when(seconds: float | None) -> str:
    return "" if seconds is None else datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def bytes_words(count: float) -> str:
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if count < 1000 or unit == "TB":
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    raise AssertionError  # the loop returns


def columns(titles: Sequence[str], rows: Sequence[Sequence[str]], right: Collection[int] = ()) -> Text:
    """A table for people in which nothing is cut: ids and names are there to be copied, and a terminal that is too
    narrow wraps a line. titles: none for a table without a head; right: columns of numbers."""
    shown = (
        [list(titles), *([plain(cell) for cell in row] for row in rows)]
        if titles
        else [[plain(cell) for cell in row] for row in rows]
    )
    widths = [max(map(len, cells)) for cells in zip(*shown, strict=True)]
    lines = []
    for number, row in enumerate(shown):
        padded = [
            cell.rjust(width) if at in right else cell.ljust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append(Text("  ".join(padded).rstrip(), style="bold" if titles and not number else ""))
    return Text("\n").join(lines)


def version_facts(version: Version) -> dict[str, Any]:
    """A version, for machines."""
    return {
        "name": version.name,
        "version": version.id,
        "number": version.number,
        "created": when(version.created),
        "length": version.length,
        "etag": version.etag,
        "content_type": version.content_type,
        "metadata": dict(version.metadata),
        "is_current": version.is_current,
        "is_marker": version.is_marker,
        "lock": None if version.lock is None else {"mode": str(version.lock.mode), "until": when(version.lock.until)},
        "on_hold": version.on_hold,
        "expires": when(version.expires) or None,
    }


def current(vault: Vault, name: str, version: str | None) -> str:
    """The id that was asked for, or that of the current version."""
    return vault.head(name, version).id


def slowly(report: Report, step: str, total: int) -> Callable[[int], None]:
    """Report bytes done once something has taken over a second."""
    began = time.monotonic()

    def told(done: int) -> None:
        if time.monotonic() - began > _QUIET:
            report(step, min(done / total, 1.0) if total else 0.0)

    return told
