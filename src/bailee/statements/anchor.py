"""What an anchor must say, and what a ledger must know of it: the same for owner, builder and verifier.

Pure: a node comes in as `Books`. The records are in `bailee.records.anchor`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING
from decimal import Decimal as Number
from typing import Protocol

from bailee.records.anchor import Anchor

EPSILON_UNIT, DELTA_UNIT = 10**9, 10**18
"""How many units of a ledger make an epsilon or a delta of 1."""
EPSILON_SLACK = Number("0.000002")
"""Two machines may round the last digit of a float differently; nothing else may differ."""


@dataclass(frozen=True)
class Entry:
    """A spending as the ledger has it. Digests and hashes in hex, without 0x; epsilon and delta in units."""

    record: str
    """Digest of the grant/v1 that the grant on the ledger says it stands for."""
    commitment: str
    """Of the work whose budget was spent: for a dataset, the digest of its card's commitment."""
    first: bool
    """Whether that work is, now, the earliest good one of its commitment: a dataset has one budget."""
    accepted: int
    """Block in which the builder accepted the grant."""
    revoked: int | None
    """Block in which its owner revoked it."""
    block: int
    transaction: str
    epsilon: int
    delta: int
    anchor: str


class Books(Protocol):
    """A ledger's contract, read at a node that the reader trusts."""

    def entry(self, grant: str, session: str) -> Entry | None:
        """The spending of a session under a grant (its id on the ledger, hex), or None."""

    def block_hash(self, number: int) -> str | None:
        """Of the block of that number on the node's chain, or None while it has none."""


@dataclass(frozen=True)
class Expected:
    """What the anchor must say of one owner. `anchor`: what its spending is bound to, a digest.

    commitment: digest of its card's. epsilon, delta: what the run costs it. None where whoever checks cannot know.
    """

    owner: str
    record: str
    anchor: str
    commitment: str | None = None
    epsilon: str | None = None
    delta: str | None = None


def in_units(epsilon: str, delta: str) -> tuple[int, int]:
    """Losses as a ledger counts them, rounded up."""
    return _up(Number(epsilon) * EPSILON_UNIT), _up(Number(delta) * DELTA_UNIT)


def anchor_misfit(anchor: Anchor, session: str, ledger: str, owners: Sequence[Expected]) -> str:
    """What is wrong with an anchor by itself; empty where nothing is."""
    if anchor.session != session:
        return "it is of another session"
    if anchor.ledger != ledger:
        return f"it is on the ledger {anchor.ledger}, the plan names {ledger}"
    if [spending.owner for spending in anchor.spendings] != [one.owner for one in owners]:
        return "it names other owners than take part, or in another order"
    if len({spending.grant for spending in anchor.spendings}) != len(anchor.spendings):
        return "it names one grant for two datasets: one spending would count twice"
    for spending, one in zip(anchor.spendings, owners, strict=True):
        if one.epsilon is not None and Number(spending.epsilon) < Number(one.epsilon) - EPSILON_SLACK:
            return f"{one.owner[:16]} spent epsilon {spending.epsilon}, the run costs {one.epsilon}"
        if one.delta is not None and Number(spending.delta) < Number(one.delta):
            return f"{one.owner[:16]} spent delta {spending.delta}, the run costs {one.delta}"
    last = max(spending.block for spending in anchor.spendings)
    if anchor.beacon.number != last + 1:
        return f"its beacon is block {anchor.beacon.number}; the first after the last spending is {last + 1}"
    return ""


def ledger_misfit(anchor: Anchor, owners: Sequence[Expected], books: Books, running: bool = False) -> str:
    """What the ledger has otherwise than an anchor says, whose form fits; empty where nothing is.

    running: the session is under way. Later on an older registration of the same dataset may have come to light.
    """
    for spending, one in zip(anchor.spendings, owners, strict=True):
        who, found = one.owner[:16], books.entry(spending.grant, anchor.session)
        if found is None:
            return f"the ledger has no spending of {who} for this session"
        if found.record != one.record:
            return f"{who} spent under a grant on the ledger that stands for another grant than the session's"
        if one.commitment is not None and found.commitment != one.commitment:
            return f"{who} spent the budget of another work than the dataset of its card"
        if running and not found.first:
            return f"{who} spent the budget of a work that is not the first registered one of its dataset"
        if found.anchor != one.anchor:
            return f"the spending of {who} is bound to {found.anchor[:16]}..., not to {one.anchor[:16]}..."
        if (found.block, found.transaction) != (spending.block, spending.transaction):
            return f"the ledger has the spending of {who} in block {found.block}, not in {spending.block}, or elsewhere"
        if (found.epsilon, found.delta) != in_units(spending.epsilon, spending.delta):
            return f"the ledger has another spending of {who}: epsilon {Number(found.epsilon) / EPSILON_UNIT}"
        if found.accepted > found.block or (found.revoked is not None and found.revoked < found.block):
            return f"the grant of {who} was not live at block {found.block}"
    beacon = anchor.beacon
    found_hash = books.block_hash(beacon.number)
    if found_hash != beacon.hash:
        there = "is not there yet" if found_hash is None else f"has the hash {found_hash[:16]}..."
        return f"block {beacon.number} {there}; the anchor says {beacon.hash[:16]}..."
    return ""


def _up(value: Number) -> int:
    return int(value.to_integral_value(ROUND_CEILING))
