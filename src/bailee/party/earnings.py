"""What works earned for the accounts of a folder: by work and currency, over the index of the home's ledger.

Every amount is asked of the chain when somebody asks (`party.ledger_view`), and is as of that block.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bailee.party.amounts import in_words

if TYPE_CHECKING:
    from bailee.adapters.chain.index import IndexedEvent
    from bailee.adapters.chain.index.lineage import Lineage
    from bailee.adapters.chain.ledger import Ledger


@dataclass(frozen=True)
class Amount:
    """smallest: in the currency's smallest unit; words: exactly the same for people, `3.5 COIN`."""

    smallest: int
    words: str


@dataclass(frozen=True)
class Earned:
    """In one currency. paid: what came to the work, for all who hold it; the rest is these accounts' own: drawable
    now, withdrawn already, and waiting at works below, from which it is brought up."""

    currency: str
    paid: Amount
    drawable: Amount
    withdrawn: Amount
    waiting: Amount


@dataclass(frozen=True)
class WorkEarnings:
    """work: its number on the ledger; units: held, of 10^9; dataset: the folder's name for it, where it is one."""

    work: int
    kind: str
    commitment: str
    units: int
    money: tuple[Earned, ...]
    dataset: str = ""

    @property
    def earned_nothing(self) -> bool:
        return not any(
            one.paid.smallest or one.drawable.smallest or one.withdrawn.smallest or one.waiting.smallest
            for one in self.money
        )


def earnings_at(
    ledger: Ledger,
    known: Lineage,
    every: Iterable[IndexedEvent],
    holders: Collection[str],
    datasets: dict[str, str],
    steps: int = 64,
) -> tuple[WorkEarnings, ...]:
    """Of all works that `holders`, addresses, have or had shares of. datasets: names by commitment. ChainError."""
    from bailee.adapters.chain.index.earnings import earnings

    said, found = list(every), []
    for number in known.held_by(holders):
        work = known.work(number)
        money = []
        for one in earnings(ledger, known, said, number, holders, steps):
            coin = one.currency
            amounts = [
                Amount(amount, in_words(ledger.chain, coin, amount))
                for amount in (one.received, one.claimable, one.claimed, one.waiting)
            ]
            money.append(Earned(coin, *amounts))
        units = sum(work.holders.get(one, 0) for one in holders)
        kind, name = work.kind.name.lower(), datasets.get(work.commitment, "")
        found.append(WorkEarnings(number, kind, work.commitment, units, tuple(money), name))
    return tuple(found)
