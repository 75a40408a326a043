"""What of a graph an owner can bring to another ledger, and what nobody can.

A registration elsewhere has the same id, since an id names registrant and commitment alone; and nothing else of the
first one: it is as old as the block it gets there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bailee.own.graph.facts import DISPUTED, VOID, Graph, WorkNode

LOST = (
    "who was first: on the other ledger priority counts from the new registration, and whoever reads the commitments "
    "in this file can register them there before you",
    "money: what was paid, earned and not yet claimed stays where it is",
    "holders: all units of a new registration are its registrant's; others' units stay on the first ledger",
    "grants: builders' acceptances and payments are bound to the first ledger by their signatures; offer again",
    "works made of others: they need grants that are accepted there, and models need verifiers that attest there",
    "privacy: a budget there knows nothing of what was spent here. None is set; privacy lost is lost on every ledger, "
    "so set there at most what is left here, and lower it here by as much",
    "currencies: an address on another chain may be another coin; accept them there yourself",
    "disputes, attestations, revocations: decisions of one ledger's arbiters and owners bind no other",
)


@dataclass(frozen=True)
class Step:
    """A work, and whether it is registered elsewhere; `why` not: in words, empty where it is."""

    work: WorkNode
    why: str


def steps(graph: Graph, account: str, is_there: Callable[[int], bool]) -> list[Step]:
    """For each work that `account` owns. is_there: whether the other ledger has a registration with that id."""
    return [Step(one, _obstacle(one, account.lower(), is_there)) for one in graph.works if one.owner == account.lower()]


def _obstacle(work: WorkNode, account: str, is_there: Callable[[int], bool]) -> str:
    if work.registrant != account:
        return "registered by another account: its id is bound to that one; let it register"
    if work.status == VOID:
        return "void: arbiters found that it was another's"
    if work.status == DISPUTED:
        return "disputed: wait for the arbiters"
    if work.origins:
        return "made of other works: it needs grants that are accepted there"
    if is_there(work.id):
        return "registered there already"
    return ""
