"""An owner's privacy ledger: what each session spent of the privacy of one dataset, in a file that only grows.

One canonical JSON line a session, written before the session's first release. A session is charged once however often
it is resumed, and stays charged when it fails: sums that were sent cannot be called back. Losses add up (basic
composition), which is valid for any later choice of sessions; the bound of a grant is checked against one session,
the ledger's own limit, where the owner sets one, against the sum.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal as Number
from pathlib import Path

from bailee.adapters.files import Journal, open_journal, write_new
from bailee.errors import BudgetError, RecordError, StorageError
from bailee.records import canonical, parse
from bailee.records.fields import Decimal, Hex32, decode, encode


@dataclass(frozen=True)
class Entry:
    dataset: Hex32
    """Names the rows, whatever card they are under now: the digest of their first card, which renewals lead back to."""
    session: Hex32
    plan: Hex32
    epsilon: Decimal
    delta: Decimal


@dataclass(frozen=True)
class Ledger:
    """The ledger in one file; `limit` is the epsilon an owner allows a dataset over all sessions, or None."""

    path: Path
    limit: str | None = None

    def entries(self) -> tuple[Entry, ...]:
        """All that was charged. Raises StorageError for a line that is damaged."""
        if not self.path.exists():
            return ()
        with open_journal(self.path) as journal:
            return self._read(journal)

    def spent(self, dataset: str) -> Number:
        """The sum of epsilon of all sessions of a dataset."""
        return _spent(self.entries(), dataset)

    def charge(self, entry: Entry) -> None:
        """Write the session down, once. Raises BudgetError where the limit would be passed."""
        if not self.path.exists():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            write_new(self.path, b"", 0o600)
        with open_journal(self.path) as journal:
            entries = self._read(journal)
            for past in entries:
                if (past.dataset, past.session) == (entry.dataset, entry.session):
                    if past != entry:
                        raise BudgetError(f"session {entry.session[:16]} is in the ledger with another loss or plan")
                    return
            total = _spent(entries, entry.dataset) + Number(entry.epsilon)
            if self.limit is not None and total > Number(self.limit):
                raise BudgetError(
                    f"this session would bring the dataset to epsilon {total}; its owner allows {self.limit} in all"
                )
            journal.append(canonical(encode(entry)))

    def _read(self, journal: Journal) -> tuple[Entry, ...]:
        try:
            return tuple(decode(Entry, parse(line), "ledger") for line in journal.lines())
        except RecordError as error:
            raise StorageError(f"privacy ledger {self.path} is damaged ({error}); restore it from a backup") from None


def _spent(entries: tuple[Entry, ...], dataset: str) -> Number:
    return sum((Number(entry.epsilon) for entry in entries if entry.dataset == dataset), Number(0))
