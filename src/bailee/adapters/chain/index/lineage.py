"""Who holds shares of which work, by an index: people, and works that others came from. Where money goes, and waits."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from bailee.adapters.chain.index.reading import IndexedEvent
from bailee.adapters.chain.ledger.events import Registered, UnitsTransferred, WorkTransferred
from bailee.adapters.chain.ledger.facts import NOBODY, WHOLE, Kind
from bailee.errors import ChainError, NotFoundError

MOST_STEPS = 64


@dataclass(frozen=True)
class SharedWork:
    """shares: address of the contract; owner: of the token; holders: units by address, 0 of those who had some."""

    id: int
    kind: Kind
    commitment: str
    shares: str
    owner: str
    holders: Mapping[str, int] = field(repr=False)


@dataclass(frozen=True)
class Edge:
    """The shares of `parent` hold units of `child`: some of what the child earns can be gathered. Works' ids."""

    parent: int
    child: int


class Lineage:
    """works: by id. People's units may have been sent to the shares of any work, so that lines can also be rings."""

    def __init__(self, works: Mapping[int, SharedWork]) -> None:
        self.works = works
        self.of_shares = {one.shares: one.id for one in works.values()}
        self._children: dict[int, list[int]] = {}
        for work in works.values():
            for holder, units in work.holders.items():
                if units and (parent := self.of_shares.get(holder)) is not None:
                    self._children.setdefault(parent, []).append(work.id)

    def work(self, number: int) -> SharedWork:
        if number not in self.works:
            raise NotFoundError(f"the index knows no work {number}: is it registered, and are its blocks read?")
        return self.works[number]

    def held_by(self, holders: Collection[str]) -> list[int]:
        """Works of which one of these addresses has, or once had, units."""
        return [one.id for one in self.works.values() if any(holder in one.holders for holder in holders)]

    def below(self, works: Iterable[int], steps: int = MOST_STEPS) -> list[Edge]:
        """What these works can gather from, at most so many steps away; the farthest first, so that it all comes up."""
        found: dict[Edge, None] = {}
        layer = list(dict.fromkeys(works))
        for _ in range(steps):
            edges = [Edge(parent, child) for parent in layer for child in self._children.get(parent, ())]
            for edge in edges:  # one that is met again lies farther away than it seemed
                found.pop(edge, None)
                found[edge] = None
            layer = list(dict.fromkeys(edge.child for edge in edges))
            if not layer:
                break
        return list(found)[::-1]

    def reach(self, work: int, steps: int = MOST_STEPS) -> dict[int, Fraction]:
        """How much of what comes to a work below, by its id, is this work's in the end."""
        total, layer = {work: Fraction(1)}, {work: Fraction(1)}
        for _ in range(steps):
            following: dict[int, Fraction] = {}
            for parent, part in layer.items():
                for child in self._children.get(parent, ()):
                    units = self.works[child].holders[self.works[parent].shares]
                    following[child] = following.get(child, Fraction(0)) + part * units / WHOLE
            for child, part in following.items():
                total[child] = total.get(child, Fraction(0)) + part
            layer = following
        return total


def lineage(every: Iterable[IndexedEvent]) -> Lineage:
    """Of all works that these events, in the chain's order, tell of."""
    registered: dict[str, Registered] = {}
    owners: dict[int, str] = {}
    held: dict[str, dict[str, int]] = {}
    for one in every:
        event = one.event
        if isinstance(event, Registered):
            registered[event.shares] = event
        elif isinstance(event, WorkTransferred):
            owners[event.id] = event.receiver
        elif isinstance(event, UnitsTransferred):
            units = held.setdefault(event.where.contract, {})
            units[event.receiver] = units.get(event.receiver, 0) + event.value
            if event.sender != NOBODY:
                units[event.sender] = units.get(event.sender, 0) - event.value
    if wrong := next((one for one in registered if min(held.get(one, {}).values(), default=-1) < 0), None):
        raise ChainError(
            f"the index has not all that the shares at {wrong} said: the node does not keep old logs, or hides some; "
            "ask another node, with a new --index"
        )
    works = {
        event.id: SharedWork(
            event.id, Kind(event.kind), event.commitment, shares, owners.get(event.id, event.registrant), held[shares]
        )
        for shares, event in registered.items()
    }
    return Lineage(works)
