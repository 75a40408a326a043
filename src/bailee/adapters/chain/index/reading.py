"""Events out of an index, decoded, and which works each is about."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from sqlalchemy import select

from bailee.adapters.chain.index.following import read_rows
from bailee.adapters.chain.index.logs import LogRow
from bailee.adapters.chain.index.opening import Index
from bailee.adapters.chain.index.tables import blocks
from bailee.adapters.chain.ledger import Event, Ledger
from bailee.adapters.chain.ledger.events import Derived, Registered, decoded
from bailee.errors import StorageError


@dataclass(frozen=True)
class IndexedEvent:
    """`time` of its block, seconds since 1970; `contract`: what said it; `row`: the log that it was read from."""

    event: Event
    time: int
    contract: str
    row: LogRow = field(repr=False)
    works: frozenset[int]


def events(index: Index, ledger: Ledger, work: int | None = None) -> list[IndexedEvent]:
    """In the chain's order: all, or those that are about one work.

    StorageError where a row does not decode: it was changed.
    """
    name = ledger.name
    with index.using() as connection:
        rows = read_rows(connection, name)
        asked = select(blocks.c.number, blocks.c.time).where(blocks.c.ledger == name)
        times = {number: seconds for number, seconds in connection.execute(asked).all()}  # noqa: C416
    said: list[tuple[Event, LogRow]] = []
    for row in rows:
        try:
            found = list(decoded(ledger.chain.web3, row.contract, [row.as_log()]))
        except (KeyError, ValueError, TypeError):
            found = []
        if not found or row.block not in times:
            raise StorageError(
                f"the index row of block {row.block}, log {row.position} is no event of {row.contract}: it was "
                f"changed; delete the index and follow the chain again"
            )
        said.append((found[0], row))
    about = _works([event for event, _ in said])
    every = [IndexedEvent(event, int(times[row.block]), row.contract, row, about(event, row)) for event, row in said]
    return every if work is None else [one for one in every if work in one.works]


class _works:  # noqa: N801
    """Which works an event is about: by its id, by its grant's work, by whose shares said it."""

    def __init__(self, said: Iterable[Event]) -> None:
        self.of_shares: dict[str, int] = {}
        for event in said:
            if isinstance(event, Registered):
                self.of_shares[event.shares[2:].lower()] = event.id

    def __call__(self, event: Event, row: LogRow) -> frozenset[int]:
        if row.contract == "Shares":
            found = self.of_shares.get(row.sender)
            child = self.of_shares.get(str(getattr(event, "child", ""))[2:].lower())
            return frozenset(one for one in (found, child) if one is not None)
        if isinstance(event, Derived):
            return frozenset((event.id, event.parent))
        told = {getattr(event, name, None) for name in ("work", "id", "earlier")}
        return frozenset(one for one in told if isinstance(one, int))


def works_of(every: Iterable[IndexedEvent]) -> dict[str, int]:
    """Address of shares (lower-case digits) to work."""
    return _works(one.event for one in every).of_shares
