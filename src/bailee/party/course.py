"""How far a session is, from the messages its folder keeps: names of files and when they came, never what they say.

Every file is written once, before what it says is said. So the names are a journal that only grows, whichever party's
folder it is and whoever writes it, and nothing more need be written down for somebody to follow a session.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from bailee.adapters.files import read_bytes, storage_errors
from bailee.records import Invite, open_signed
from bailee.records.canonical import MAX_BYTES
from bailee.records.model import ModelOpening
from bailee.statements.network.plan import ModelPlan
from bailee.statements.tasks import plan_of, task_of

DONE = "done"
_STAGES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), stage)
    for pattern, stage in (
        (r"invite\.json", "invited"),
        (r"opening\.json", "opened"),
        (r"noise(?:-(?P<owner>[0-9a-f]{64}))?\.json", "noise"),
        (r"commitments\.txt", "committed"),
        (r"spent\.json", "spent"),
        (r"anchor\.json", "anchored"),
        (r"coin-(?P<owner>[0-9a-f]{64})\.json", "coin"),
        (r"round-(?:(?P<owner>[0-9a-f]{64})-)?(?P<round>[0-9]{5})\.json", "round"),
        (r"closing\.json", "closing"),
        (r"proof\.bin", "proved"),
        (r"proven\.json", "proven"),
        (r"shuffle-(?P<round>[0-9]{5})\.json", "shuffled"),
        (r"state-(?P<round>[0-9]{5})\.sealed", "trained"),
        (r"chunk-(?P<round>[0-9]{5})\.json", "chunk-proved"),
        (r"passport\.json", DONE),
    )
)


@dataclass(frozen=True)
class Step:
    """One message of a session. name: the file's, and the step's id; round: from 1, or None; owner: a key, or ""."""

    name: str
    stage: str
    at: str
    round: int | None
    owner: str


@dataclass(frozen=True)
class Leader:
    """Who leads a session at what. kind: `sums` (owners answer rounds), `hidden` (rows are lent), or `` (not begun)."""

    kind: Literal["sums", "hidden", ""]
    builder: str
    plan: str
    purpose: str
    owners: tuple[str, ...]
    rounds: int
    """Rounds, or chunks where that is known only at the end: 0."""


def steps_of(folder: Path) -> tuple[Step, ...]:
    """All steps so far, in the order in which they came."""
    found: list[tuple[int, Step]] = []
    with storage_errors(folder):
        for entry in os.scandir(folder):
            step = _step(entry)
            if step is not None:
                found.append((entry.stat().st_mtime_ns, step))
    return tuple(step for _, step in sorted(found, key=lambda one: (one[0], one[1].name)))


def leader_of(folder: Path) -> Leader:
    """From the invite or the opening in a session's folder. Raises RecordError where one is damaged."""
    if (folder / "invite.json").is_file():
        invite = open_signed(read_bytes(folder / "invite.json", MAX_BYTES, "invite"), Invite).record
        plan = plan_of(invite.plan)
        owners = tuple(entrant.owner for entrant in invite.owners)
        return Leader("sums", invite.builder, plan.name, plan.purpose, owners, task_of(plan, invite.terms).rounds)
    if (folder / "opening.json").is_file():
        opening = open_signed(read_bytes(folder / "opening.json", MAX_BYTES, "opening"), ModelOpening).record
        wanted = ModelPlan.from_mapping(opening.plan)
        owners = tuple(dict.fromkeys(one.owner for one in opening.owners))
        return Leader("hidden", opening.builder, wanted.name, wanted.purpose, owners, 0)
    return Leader("", "", "", "", (), 0)


def _step(entry: os.DirEntry[str]) -> Step | None:
    for pattern, stage in _STAGES:
        match = pattern.fullmatch(entry.name)
        if match is not None:
            at = datetime.fromtimestamp(entry.stat().st_mtime, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            parts = match.groupdict()
            number = int(parts["round"]) + 1 if parts.get("round") is not None else None
            return Step(entry.name, stage, at, number, parts.get("owner") or "")
    return None
