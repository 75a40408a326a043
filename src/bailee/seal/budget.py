"""The openings ledger of a sealed dataset: which openings of its commitment are spent, and for what.

An opening shows some masked positions of the committed code word; each may be shown once, or rows could leak. So an
opening is written down, on disk, before it is used. The last one is kept for `reseal`, which moves the rows to a
fresh commitment and proves them equal.

A crash between spending and proving loses the opening, unless the spender names the statement. Then it gets the same
opening again, and must keep its side: at most one proof under an opening is ever shown. Keep the proof on disk before
it is sent, and send that one again; a proof that nobody saw showed nothing.

Not covered: an owner who restores an old copy of the ledger. It would harm only itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from bailee.adapters.files import Journal, open_journal, write_new
from bailee.errors import BudgetError, RecordError, StorageError
from bailee.records import canonical, parse, time_text
from bailee.records.fields import Count, Hex32, Name, Time, decode, encode

DEFAULT_OPENINGS = 8
MIN_OPENINGS = 3
MAX_OPENINGS = 64


@dataclass(frozen=True)
class Opened:
    """The first line: whose openings these are. `commitment` is the digest of the canonical commitment."""

    commitment: Hex32
    openings: Count
    version: Count


@dataclass(frozen=True)
class Spent:
    """One opening, spent. `statement` is the digest of all that the proof depends on, or null."""

    opening: Count
    purpose: Name
    spent: Time
    statement: Hex32 | None


@dataclass(frozen=True)
class Budget:
    """The state of a ledger."""

    commitment: str
    total: int
    entries: tuple[Spent, ...]

    @property
    def remaining(self) -> int:
        """Openings that `spend` still gives; the one kept for reseal not counted."""
        return self.total - 1 - sum(entry.opening != self.total - 1 for entry in self.entries)

    @property
    def can_reseal(self) -> bool:
        return all(entry.opening != self.total - 1 for entry in self.entries)


class Ledger:
    """The ledger at `path`; every call reads it afresh and holds it locked meanwhile."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def create(cls, path: Path, commitment: str, openings: int) -> Ledger:
        """A new ledger with nothing spent. `commitment` is a digest (hex)."""
        check_openings(openings)
        write_new(path, canonical(encode(Opened(commitment, openings, 1))) + b"\n", 0o600)
        return cls(path)

    @classmethod
    def lend(cls, path: Path, commitment: str, total: int, lent: Sequence[int], now: datetime) -> Ledger:
        """A new ledger for somebody else, who may spend the openings `lent` and no other, nor reseal."""
        lines = [canonical(encode(Opened(commitment, total, 1)))]
        kept = sorted(set(range(total)) - set(lent))
        lines += [canonical(encode(Spent(opening, "kept", time_text(now), None))) for opening in kept]
        write_new(path, b"".join(line + b"\n" for line in lines), 0o600)
        return cls(path)

    def budget(self) -> Budget:
        """Raises StorageError where the ledger is missing or damaged."""
        with open_journal(self.path) as journal:
            return self._read(journal)

    def spend(self, purpose: str, now: datetime, statement: str | None = None) -> int:
        """The index of an opening never used before, written down already. Raises BudgetError when none is left.

        With a `statement` digest, a second call for the same purpose and statement gives the same opening again.
        """
        with open_journal(self.path) as journal:
            budget = self._read(journal)
            again = _same(budget, purpose, statement)
            if again is not None:
                return again
            if not budget.remaining:
                raise BudgetError(
                    f"all {budget.total - 1} openings of {self.path.parent} are spent, the last is kept to renew them; "
                    "renew with `bailee reseal`, then ask for a new grant on the new card"
                )
            used = {entry.opening for entry in budget.entries}
            opening = next(index for index in range(budget.total - 1) if index not in used)
            return self._write(journal, opening, purpose, now, statement)

    def spend_last(self, purpose: str, now: datetime, statement: str) -> int:
        """The opening kept for resealing; `statement` is what it is for. Raises BudgetError if it went to another."""
        with open_journal(self.path) as journal:
            budget = self._read(journal)
            again = _same(budget, purpose, statement)
            if again is not None:
                return again
            if not budget.can_reseal:
                raise BudgetError(f"{self.path.parent} was resealed already; use the dataset it became, or seal again")
            return self._write(journal, budget.total - 1, purpose, now, statement)

    def _write(self, journal: Journal, opening: int, purpose: str, now: datetime, statement: str | None) -> int:
        entry = Spent(opening, purpose, time_text(now), statement)
        decode(Spent, encode(entry), "opening")  # before it is on disk: what is written must read
        journal.append(canonical(encode(entry)))
        return opening

    def _read(self, journal: Journal) -> Budget:
        lines = journal.lines()
        try:
            if not lines:
                raise RecordError("its first line is missing")
            head: Opened = decode(Opened, parse(lines[0]), "line 1")
            entries = tuple(decode(Spent, parse(line), f"line {at}") for at, line in enumerate(lines[1:], 2))
            if head.version != 1 or not MIN_OPENINGS <= head.openings <= MAX_OPENINGS:
                raise RecordError(f"line 1: expected version 1 and {MIN_OPENINGS} to {MAX_OPENINGS} openings")
            spent = [entry.opening for entry in entries]
            if len(set(spent)) != len(spent) or any(opening >= head.openings for opening in spent):
                raise RecordError("an opening is spent twice, or there is none of that number")
        except RecordError as error:
            raise StorageError(
                f"openings ledger {self.path} is damaged ({error}); restore it from a copy as new as the last use"
            ) from None
        return Budget(head.commitment, head.openings, entries)


def check_openings(openings: int) -> None:
    """Raises BudgetError for a number of openings that no commitment can bear."""
    if not MIN_OPENINGS <= openings <= MAX_OPENINGS:
        raise BudgetError(f"expected {MIN_OPENINGS} to {MAX_OPENINGS} openings, got {openings}")


def _same(budget: Budget, purpose: str, statement: str | None) -> int | None:
    if statement is None:
        return None
    found = (entry.opening for entry in budget.entries if (entry.purpose, entry.statement) == (purpose, statement))
    return next(found, None)
