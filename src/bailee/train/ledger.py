"""An owner's privacy ledger: what each session spent of the privacy of one dataset, in a file that only grows.

One canonical JSON line a session, written before the session's first release. A session is charged once however often
it is resumed, and stays charged when it fails: sums that were sent cannot be called back. Losses add up (basic
composition), which is valid for any later choice of sessions. A grant allows its loss once: sessions under one grant
together stay within it, or a builder would train again and again and take the mean. The ledger's own limit, where
the owner sets one, holds for all sessions of a dataset.
"""

from __future__ import annotations

from collections.abc import Sequence
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
    grant: Hex32
    """Digest of the grant's envelope."""
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

    def charge(self, entry: Entry, allowed: tuple[str, str]) -> None:
        """Write the session down, once. `allowed`: epsilon and delta of its grant.

        Raises BudgetError where it would pass the ledger's limit, or with earlier sessions what the grant allows.
        """
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
            _check_grant([past for past in entries if past.grant == entry.grant], entry, allowed)
            journal.append(canonical(encode(entry)))

    def _read(self, journal: Journal) -> tuple[Entry, ...]:
        try:
            return tuple(decode(Entry, parse(line), "ledger") for line in journal.lines())
        except RecordError as error:
            raise StorageError(f"privacy ledger {self.path} is damaged ({error}); restore it from a backup") from None


def _check_grant(earlier: Sequence[Entry], entry: Entry, allowed: tuple[str, str]) -> None:
    """That a grant is not used twice. One session by itself is judged by the grant's own check."""
    most = [Number(value) for value in allowed]
    total = [
        sum(map(Number, losses)) for losses in zip(*((e.epsilon, e.delta) for e in (*earlier, entry)), strict=True)
    ]
    if earlier and any(loss > limit for loss, limit in zip(total, most, strict=True)):
        raise BudgetError(
            f"with the {len(earlier)} session(s) before it, this one would cost epsilon {total[0]}, delta {total[1]}; "
            f"the grant allows {allowed[0]}, {allowed[1]} in all: "
            "go on with the old one (--resume), or give a new grant"
        )


def _spent(entries: tuple[Entry, ...], dataset: str) -> Number:
    return sum((Number(entry.epsilon) for entry in entries if entry.dataset == dataset), Number(0))
