"""What a ledger said, from the home's index or another one brought up to date: events, happenings, the graph."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

from bailee.errors import ProofError
from bailee.own.graph import Graph, Place, graph_of
from bailee.own.trace import Happening
from bailee.party.opened_ledger import index_url

if TYPE_CHECKING:
    from bailee.adapters.chain.index import Index, IndexedEvent
    from bailee.adapters.chain.ledger import Ledger


def read_events(ledger: Ledger, home: Path, index: str | None = None, first: int = 0) -> list[IndexedEvent]:
    """All that the ledger said up to now, in order; only what is new is asked of the node."""
    from bailee.adapters.chain.index import events, follow, open_index

    with open_index(index or index_url(home)) as opened:
        follow(opened, ledger, first)
        return events(opened, ledger)


def happening(one: IndexedEvent) -> Happening:
    """An event as those know it that know no chain: its `naming` as five digests."""
    event, where = one.event, one.event.where
    fields = {f.name: getattr(event, f.name) for f in dataclasses.fields(event) if f.name != "where"}
    if "naming" in fields:
        fields["naming"] = dataclasses.astuple(fields["naming"])
    kind = type(event).__name__
    return Happening(kind, fields, where.block, one.time, where.transaction, where.index, where.contract)


def graph_as_of(ledger: Ledger, index: Index, first: int = 0, behind: int = 0, block: int | None = None) -> Graph:
    """The ledger's graph at `block`, or at the last one that was read."""
    from bailee.adapters.chain.index import events, follow

    last = follow(index, ledger, first, behind)
    at = last if block is None else block
    return graph_from(ledger, events(index, ledger), at)


def graph_from(ledger: Ledger, said: list[IndexedEvent], at: int) -> Graph:
    """The graph at block `at`, of events in the chain's order."""
    chain = ledger.chain.caip2
    place = Place(
        ledger.name, f"{chain}:{ledger.addresses.registry.lower()}", at, ledger.chain.block(at).hash.hex()
    )  # fmt: skip
    return graph_of(place, map(happening, said), _Constants(ledger))


class _Constants:
    """What never changes and no event says."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger

    def resale(self, work: int) -> int:
        return self.ledger.registry.royalty(work, 10_000)[1]  # of a price of 10,000: the basis points themselves

    def limits(self, grant: str) -> tuple[int, int, int, int]:
        found = self.ledger.grants.grant(grant)
        if found is None:
            raise ProofError(f"the node has no grant {grant}, whose acceptance it told of; ask another node")
        return found.not_before, found.not_after, found.epsilon, found.delta
