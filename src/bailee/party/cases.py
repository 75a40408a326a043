"""What arbiters of a ledger decide: disputes of works and challenges of claims, each with the votes on it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from bailee.adapters.chain.ledger import Event
from bailee.adapters.chain.ledger.events import (
    ChallengeConcluded,
    Challenged,
    Decided,
    DisputeConcluded,
    Disputed,
    Voted,
)
from bailee.adapters.chain.ledger.facts import case_id
from bailee.errors import ChainError


@dataclass
class Case:
    """kind: "dispute" (subject: a work's id in hex) or "challenge" (a claim). verdict: None while it is open."""

    id: str
    kind: str
    subject: str
    by: str
    evidence: str
    uri: str
    earlier: int
    round: int
    votes: dict[str, bool] = field(default_factory=dict)
    verdict: bool | None = None
    concluded: bool = False

    def as_facts(self) -> dict[str, Any]:
        of = {"work": str(int(self.subject, 16))} if self.kind == "dispute" else {"claim": self.subject}
        earlier = {"earlier": str(self.earlier)} if self.earlier else {}
        verdict = {None: "open", True: "upheld", False: "rejected"}[self.verdict]
        return {
            "case": self.id, "kind": self.kind, **of, **earlier, "by": self.by, "evidence": self.evidence,
            "uri": self.uri, "votes": {who: "uphold" if vote else "reject" for who, vote in self.votes.items()},
            "verdict": verdict, "concluded": self.concluded,
        }  # fmt: skip


def cases_of(said: Iterable[Event]) -> list[Case]:
    """All cases that were ever opened, in order, from what a ledger said in the chain's order."""
    found: dict[str, Case] = {}
    last: dict[str, Case] = {}
    for event in said:
        if isinstance(event, Disputed):
            _open(found, last, event, "dispute", f"{event.id:064x}", event.earlier)
        elif isinstance(event, Challenged):
            _open(found, last, event, "challenge", event.claim, 0)
        elif isinstance(event, DisputeConcluded):
            _opened(last, f"{event.id:064x}").concluded = True
        elif isinstance(event, ChallengeConcluded):
            _opened(last, event.claim).concluded = True
        elif isinstance(event, Voted) and event.case in found:
            found[event.case].votes[event.arbiter] = event.upheld
        elif isinstance(event, Decided) and event.case in found:
            found[event.case].verdict = event.upheld
    return list(found.values())


def _opened(last: dict[str, Case], subject: str) -> Case:
    if subject not in last:
        raise ChainError(
            f"the node tells that a case about {subject[:16]}... was concluded, and not that it was opened: it does "
            "not keep old logs, or hides some; ask another node"
        )
    return last[subject]


def _open(
    found: dict[str, Case], last: dict[str, Case], event: Disputed | Challenged, kind: str, subject: str, earlier: int
) -> None:
    round_ = last[subject].round + 1 if subject in last else 1
    case = case_id(event.where.contract, subject, round_)
    last[subject] = found[case] = Case(
        case, kind, subject, event.by, event.evidence, event.uri, earlier, round_
    )  # fmt: skip
