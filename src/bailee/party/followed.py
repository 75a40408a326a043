"""Training sessions of a folder, as somebody follows them: how far, who answered when, how they ended.

HOME/sessions/ID/ are those in which owners answer rounds, HOME/models/ID/ those in which rows were lent.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, Literal

from bailee.errors import BaileeError, NotFoundError
from bailee.party.course import DONE, Leader, Step, leader_of, steps_of
from bailee.records.fields import parse_time

FOLDERS: Final = ("sessions", "models")
_ID = re.compile(r"[0-9a-f]{64}")
_QUIET = 900
"""Seconds without a message after which nobody seems to be at work: longer than parties wait for one another."""

State = Literal["running", "unfinished", "finished", "damaged"]


@dataclass(frozen=True)
class Followed:
    """One session. began, heard: times of its first and last message, "" where there is none; round: the last that
    all owners answered, of `rounds` (0: known only at the end); answered: owners by round, from 1."""

    id: str
    folder: Path
    leader: Leader
    steps: tuple[Step, ...]
    state: State
    began: str
    heard: str
    round: int
    rounds: int
    answered: Mapping[int, frozenset[str]]
    fault: str | None = None

    @property
    def stage(self) -> str:
        return self.steps[-1].stage if self.steps else ""

    @property
    def proven(self) -> int:
        """Chunks, or rounds' proof, that are there."""
        return sum(step.stage in ("chunk-proved", "proven") for step in self.steps)

    @property
    def done(self) -> bool:
        return self.state == "finished"


def sessions_of(home: Path, now: datetime) -> tuple[Followed, ...]:
    """All of a folder, the one that was heard of last first."""
    found = [
        follow_session(path, now)
        for folder in FOLDERS for path in (home / folder).glob("*") if _ID.fullmatch(path.name) and path.is_dir()
    ]  # fmt: skip
    return tuple(sorted(found, key=lambda one: (one.heard, one.id), reverse=True))


def session_of(home: Path, name: str, now: datetime) -> Followed:
    """The one whose id that is. Raises NotFoundError."""
    if _ID.fullmatch(name) is not None:
        for folder in FOLDERS:
            if (home / folder / name).is_dir():
                return follow_session(home / folder / name, now)
    raise NotFoundError(f"no session {name[:16]!r} is in this folder; list them to see which there are")


def follow_session(folder: Path, now: datetime) -> Followed:
    """How far the session in a folder is. One whose first message is damaged is said to be so."""
    fault = None
    try:
        leader = leader_of(folder)
    except BaileeError as error:
        leader, fault = Leader("", "", "", "", (), 0), str(error).replace(str(folder), folder.name)
    steps = steps_of(folder)
    answered: dict[int, set[str]] = {}
    for step in steps:
        if step.round is not None and step.owner:
            answered.setdefault(step.round, set()).add(step.owner)
    began, heard = (steps[0].at, steps[-1].at) if steps else ("", "")
    state: State = "unfinished"
    if any(step.stage == DONE for step in steps):
        state = "finished"
    elif fault is not None:
        state = "damaged"
    elif heard and (now - parse_time(heard)).total_seconds() < _QUIET:
        state = "running"
    return Followed(
        folder.name, folder, leader, steps, state, began, heard, _complete(leader, answered, steps), leader.rounds,
        {number: frozenset(owners) for number, owners in sorted(answered.items())}, fault,
    )  # fmt: skip


def _complete(leader: Leader, answered: Mapping[int, set[str]], steps: tuple[Step, ...]) -> int:
    """The last round that all owners answered. In an owner's own folder only its rounds are: those count."""
    if leader.kind == "hidden":
        return max((step.round or 0 for step in steps if step.stage == "trained"), default=0)
    if not answered:
        return max((step.round or 0 for step in steps if step.stage == "round"), default=0)
    return max((number for number, owners in answered.items() if owners >= set(leader.owners)), default=0)
