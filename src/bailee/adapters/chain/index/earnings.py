"""What an account earns through the works it holds shares of: what is there, what waits below, and how to draw it.

The index only says where to look; every amount is asked of the chain. Each step is a transaction of its own that
anybody may send, and what was drawn is drawn: whoever stops in between goes on by doing it again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from bailee.adapters.chain.index.lineage import MOST_STEPS, Edge, Lineage
from bailee.adapters.chain.index.reading import IndexedEvent
from bailee.adapters.chain.ledger import Ledger, Sent
from bailee.adapters.chain.ledger.events import Claimed, Gathered
from bailee.adapters.chain.ledger.facts import WHOLE
from bailee.errors import RevertError


@dataclass(frozen=True)
class Waiting:
    """Money at the shares of `edge.child` for those of `edge.parent`; refused: the parent does not take the currency.

    yours: the account's part of it in the end, rounded down.
    """

    edge: Edge
    currency: str
    amount: int
    yours: int
    refused: bool


@dataclass(frozen=True)
class Earning:
    """What a work earns in one currency: by the work, and by the account. waiting: the account's part of all below."""

    currency: str
    received: int
    claimed: int
    claimable: int
    waiting: int


@dataclass(frozen=True)
class Drawn:
    """A step that was done. child: what was gathered from, None for a claim; refused: why nothing came."""

    work: int
    child: int | None
    currency: str
    amount: int
    transaction: str | None
    refused: str | None = None


def waiting(
    ledger: Ledger, known: Lineage, work: int, holders: Collection[str], steps: int = MOST_STEPS
) -> list[Waiting]:
    """Below one work, up to so many steps: what others of its descendants' holders wait for is left out."""
    reach, found = known.reach(work, steps), []
    held = sum(known.work(work).holders.get(one, 0) for one in holders)
    for edge, currency, amount, accepted in _below(ledger, known, [work], steps):
        yours = int(amount * reach.get(edge.parent, 0) * held / WHOLE)
        found.append(Waiting(edge, currency, amount, yours, not accepted))
    return found


def earnings(
    ledger: Ledger, known: Lineage, every: Iterable[IndexedEvent], work: int, holders: Collection[str], steps: int
) -> list[Earning]:
    """Of one work, by currency; `holders`: the addresses of one person."""
    shares, address = ledger.shares_at(known.work(work).shares), known.work(work).shares
    below, found = waiting(ledger, known, work, holders, steps), []
    claims = [one.event for one in every if isinstance(one.event, Claimed) and one.event.where.contract == address]
    for currency in shares.currencies():
        found.append(
            Earning(
                currency,
                shares.received(currency),
                sum(one.amount for one in claims if one.currency == currency and one.holder in holders),
                sum(shares.claimable(one, currency) for one in holders),
                sum(one.yours for one in below if one.currency == currency),
            )
        )
    return found


def gathered(ledger: Ledger, known: Lineage, works: Iterable[int], steps: int = 1) -> Iterator[Drawn]:
    """Bring up what waits below these works, the farthest first. Yields each step when it is done."""
    for edge, currency, _, accepted in _below(ledger, known, works, steps):
        parent, child = known.work(edge.parent), known.work(edge.child)
        if not accepted:
            why = "the work does not take this currency: its owner lists it with `bailee royalty accept-currency`"
            yield Drawn(parent.id, child.id, currency, 0, None, why)
            continue
        try:
            sent = ledger.shares_at(parent.shares).gather(child.shares, currency)
        except RevertError as error:
            yield Drawn(parent.id, child.id, currency, 0, None, str(error))
            continue
        came = _sum(sent, Gathered, parent.shares)
        yield Drawn(parent.id, child.id, currency, came, sent.transaction)


def claimed(ledger: Ledger, known: Lineage, works: Iterable[int], holder: str) -> Iterator[Drawn]:
    """Send the holder what these works have for it, in every currency. Yields each step when it is done."""
    for work in works:
        shares = ledger.shares_at(known.work(work).shares)
        for currency in shares.currencies():
            if not shares.claimable(holder, currency):
                continue
            try:
                sent = shares.claim(holder, currency)
            except RevertError as error:
                yield Drawn(work, None, currency, 0, None, str(error))
                continue
            came = _sum(sent, Claimed, shares.address)
            yield Drawn(work, None, currency, came, sent.transaction)


def _sum(sent: Sent, kind: type[Claimed] | type[Gathered], shares: str) -> int:
    """What those shares said: a currency that was called by them may say the same, of any amount."""
    return sum(one.amount for one in sent.events if isinstance(one, kind) and one.where.contract == shares)


def _below(ledger: Ledger, known: Lineage, works: Iterable[int], steps: int) -> Iterator[tuple[Edge, str, int, bool]]:
    """What can be gathered, asked of the chain when its turn comes: edge, currency, amount, whether it is taken."""
    for edge in known.below(works, steps):
        parent = ledger.shares_at(known.work(edge.parent).shares)
        child = ledger.shares_at(known.work(edge.child).shares)
        taken = parent.currencies()
        for currency in child.currencies():
            if amount := child.claimable(parent.address, currency):
                yield edge, currency, amount, currency in taken
