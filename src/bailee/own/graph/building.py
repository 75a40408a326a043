"""A graph out of what a ledger said, in the chain's order: each event changes one fact.

Four facts are said by no event, and never change: what a work asks of a sale, and a grant's times and limits. They are
asked of the ledger (`Constants`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from bailee.errors import RecordError
from bailee.own.graph.facts import (
    DISPUTED,
    GOOD,
    KINDS,
    VOID,
    Budget,
    GrantNode,
    Graph,
    Origin,
    Session,
    WorkNode,
)
from bailee.own.trace import Happening

_NOBODY = "0x" + "0" * 40


class Constants(Protocol):
    def resale(self, work: int) -> int:
        """Basis points."""

    def limits(self, grant: str) -> tuple[int, int, int, int]:
        """not before, not after, epsilon, delta: as `GrantNode` has them."""


@dataclass(frozen=True)
class Place:
    """Which ledger, and as of which block; names are CAIP-10."""

    ledger: str
    registry: str
    block: int
    block_hash: str


def graph_of(place: Place, happened: Iterable[Happening], constants: Constants) -> Graph:
    """Rights as of `place.block`: what happened later is left out. Happenings in order; a Registered one's `naming` is
    five digests. RecordError where they do not belong together: some are missing."""
    built = _Building(constants)
    try:
        for one in happened:
            if one.block <= place.block:
                built.take(one)
    except KeyError as error:
        raise RecordError(f"events are missing: something is said of {error}, which nothing made") from None
    return Graph(place.ledger, place.registry, place.block, place.block_hash, None, built.works(), built.all_grants())


class _Building:
    def __init__(self, constants: Constants) -> None:
        self.constants = constants
        self.nodes: dict[int, WorkNode] = {}
        self.origins: dict[int, list[Origin]] = {}
        self.owners: dict[int, str] = {}
        self.units: dict[str, dict[str, int]] = {}
        """By address of shares."""
        self.currencies: dict[str, list[str]] = {}
        self.grants: dict[str, GrantNode] = {}
        self.withdrawn: dict[int, list[str]] = {}

    def take(self, one: Happening) -> None:
        change = getattr(self, f"_{one.kind.lower()}", None)
        if change is not None:
            change(one.fields, one)

    def works(self) -> tuple[WorkNode, ...]:
        return tuple(self._finished(self.nodes[number]) for number in sorted(self.nodes))

    def all_grants(self) -> tuple[GrantNode, ...]:
        return tuple(self.grants[name] for name in sorted(self.grants))

    def _finished(self, node: WorkNode) -> WorkNode:
        held = self.units.get(node.shares, {})
        return replace(
            node,
            owner=self.owners[node.id],
            holders=tuple((who, held[who]) for who in sorted(held) if held[who]),
            currencies=tuple(self.currencies.get(node.shares, ())),
            origins=tuple(self.origins.get(node.id, ())),
            withdrawn=tuple(sorted(self.withdrawn.get(node.id, ()))),
        )

    def _registered(self, f: Mapping[str, Any], one: Happening) -> None:
        self.nodes[f["id"]] = WorkNode(
            id=f["id"], kind=KINDS[f["kind"]], naming=tuple(f["naming"]), fingerprint=f["fingerprint"], uri=f["uri"],
            registrant=f["registrant"].lower(), owner="", shares=f["shares"].lower(), since=f["since"],
            block=one.block, time=one.time, transaction=one.transaction, status=GOOD,
            resale=self.constants.resale(f["id"]), currencies=(), holders=(), origins=(), budget=None, withdrawn=(),
        )  # fmt: skip

    def _derived(self, f: Mapping[str, Any], _: Happening) -> None:
        self.origins.setdefault(f["id"], []).append(Origin(f["parent"], f["grant"], f["share"], f["units"]))

    def _worktransferred(self, f: Mapping[str, Any], _: Happening) -> None:
        self.owners[f["id"]] = f["receiver"].lower()

    def _disputed(self, f: Mapping[str, Any], _: Happening) -> None:
        self._change(f["id"], status=DISPUTED)

    def _disputeconcluded(self, f: Mapping[str, Any], _: Happening) -> None:
        self._change(f["id"], status=VOID if f["upheld"] else GOOD)

    def _unitstransferred(self, f: Mapping[str, Any], one: Happening) -> None:
        held = self.units.setdefault(one.contract.lower(), {})
        if f["sender"] != _NOBODY:
            held[f["sender"].lower()] -= f["value"]
        held[f["receiver"].lower()] = held.get(f["receiver"].lower(), 0) + f["value"]

    def _currencyaccepted(self, f: Mapping[str, Any], one: Happening) -> None:
        self.currencies.setdefault(one.contract.lower(), []).append(f["currency"].lower())

    def _accepted(self, f: Mapping[str, Any], one: Happening) -> None:
        not_before, not_after, epsilon, delta = self.constants.limits(f["grant"])
        self.grants[f["grant"]] = GrantNode(
            id=f["grant"], work=f["work"], assigner=self.owners[f["work"]], builder=f["builder"].lower(),
            record=f["record"], price=f["price"], currency=f["currency"].lower(), royalty=f["royalty"],
            not_before=not_before, not_after=not_after, epsilon=epsilon, delta=delta, block=one.block, time=one.time,
            revoked=0, sessions=(),
        )  # fmt: skip

    def _revoked(self, f: Mapping[str, Any], one: Happening) -> None:
        if f["grant"] in self.grants:
            self.grants[f["grant"]] = replace(self.grants[f["grant"]], revoked=one.block)
        else:
            self.withdrawn.setdefault(f["work"], []).append(f["grant"])

    def _budgetset(self, f: Mapping[str, Any], _: Happening) -> None:
        self._change(f["work"], budget=Budget(f["epsilon"], f["delta"]))

    def _spent(self, f: Mapping[str, Any], one: Happening) -> None:
        spent = Session(f["session"], f["epsilon"], f["delta"], f["anchor"], one.block)
        grant = self.grants[f["grant"]]
        self.grants[f["grant"]] = replace(grant, sessions=(*grant.sessions, spent))

    def _change(self, number: int, **facts: Any) -> None:
        self.nodes[number] = replace(self.nodes[number], **facts)
