"""A verdict: how near a work is to an earlier one, which of the two was first, and whether it said so itself.

Thresholds were chosen on one half of the measured pairs and checked on the other (docs/fingerprints.md,
benchmarks/bench_fingerprints.py). A verdict is a reason to look, not a proof: arbiters decide disputes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Final

from bailee.errors import RecordError
from bailee.own.near_copies.scores import Scores, agreement, comparable, identical, scores
from bailee.records.fields import Count, Hex32, Rule, check, hints
from bailee.records.fingerprint import AUDIO, BYTES, IMAGE, KEY, SCHEMA, TABLE, TEXT, VIDEO, Fingerprint

COPY: Final = "copy"
NEAR_COPY: Final = "near-copy"
RELATED: Final = "related"
UNRELATED: Final = "unrelated"
NOT_COMPARABLE: Final = "not comparable"

Parents = Annotated[tuple[Hex32, ...], Rule(lambda parents: len(parents) <= 1024, "at most 1,024 ancestors")]


@dataclass(frozen=True)
class Entry:
    """A work as the ledger has it."""

    work: Hex32
    """Its id, 32 bytes in hex."""
    since: Count
    """Number of the block from which its priority counts."""
    fingerprint: Fingerprint
    ancestors: tuple[Hex32, ...] = ()
    """Works that it declares itself to be made from, all the way up."""

    def __post_init__(self) -> None:
        for name, kind in hints(Entry).items():
            if name != "fingerprint":
                check(kind, getattr(self, name), f"entry.{name}")
        if len(self.ancestors) > 1024:
            raise RecordError(f"entry: expected at most 1024 ancestors, got {len(self.ancestors)}")


@dataclass(frozen=True)
class Thresholds:
    """Least scores: of subject for a near copy, of semantic and structural for a relation."""

    subject: float
    semantic: float
    structural: float


THRESHOLDS: Mapping[str, Thresholds] = {
    TEXT: Thresholds(0.35, 0.55, 0.35),
    IMAGE: Thresholds(0.60, 0.60, 0.35),
    AUDIO: Thresholds(0.65, 0.60, 0.35),
    VIDEO: Thresholds(0.60, 0.60, 0.35),
    BYTES: Thresholds(0.35, 0.60, 0.35),
    TABLE: Thresholds(0.35, 0.50, 0.60),
}


@dataclass(frozen=True)
class Verdict:
    """Of a work against one that is registered."""

    decision: str
    scores: Scores
    other: Entry
    first: bool | None
    """Whether the other one was first; None for the same block."""
    declared: bool
    """Whether the later work names the earlier one among its ancestors."""


def decide(one: Fingerprint, other: Fingerprint) -> tuple[str, Scores]:
    """What the two are to each other, whoever was first."""
    if identical(one, other):
        return COPY, Scores(1.0, 1.0, 1.0)
    if not comparable(one, other):
        return NOT_COMPARABLE, _schemas_alone(one, other)
    found, least = scores(one, other), THRESHOLDS[one.kind]
    if found.subject >= least.subject:
        return NEAR_COPY, found
    if found.semantic >= least.semantic or found.structural >= least.structural:
        return RELATED, found
    return UNRELATED, found


def judge(new: Entry, other: Entry) -> Verdict:
    """The verdict on `new` against `other`, which is registered."""
    decision, found = decide(new.fingerprint, other.fingerprint)
    first = None if new.since == other.since else other.since < new.since
    later, earlier = (other, new) if first is False else (new, other)
    return Verdict(decision, found, other, first, earlier.work in later.ancestors)


def _schemas_alone(one: Fingerprint, other: Fingerprint) -> Scores:
    """A withheld table still tells its schema."""
    hidden = one.withheld or other.withheld
    if not hidden or one.parts.get(KEY) != other.parts.get(KEY):
        return Scores(0.0, 0.0, 0.0)
    return Scores(agreement(one, other, SCHEMA), 0.0, 0.0)
