"""Training sessions of a folder, as somebody follows them: how far, who answered when, how they ended.

HOME/sessions/ID/ are those in which owners answer rounds, HOME/models/ID/ those in which rows were lent.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Final, Literal

from bailee.adapters.files import is_at_work
from bailee.errors import BaileeError, NotFoundError
from bailee.party.course import DONE, Leader, Step, leader_of, steps_of
from bailee.party.unchanged import Stamp, stamp_of
from bailee.records.fields import parse_time

FOLDERS: Final = ("sessions", "models")
_ID = re.compile(r"[0-9a-f]{64}")
_QUIET = 900
"""Seconds without a message after which nobody seems to be at work, even where another process holds the folder's lock:
longer than parties wait for one another."""

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
        leader = _leader(folder, stamp_of(folder / "invite.json"), stamp_of(folder / "opening.json"))
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
    elif heard and (now - parse_time(heard)).total_seconds() < _QUIET and is_at_work(folder.parent.parent) is not False:
        state = "running"  # a session holds its folder's lock as long as it runs
    return Followed(
        folder.name, folder, leader, steps, state, began, heard, _complete(leader, answered, steps), leader.rounds,
        {number: frozenset(owners) for number, owners in sorted(answered.items())}, fault,
    )  # fmt: skip


@lru_cache(maxsize=4096)  # its first message never changes, and opening it checks a signature
def _leader(folder: Path, invite: Stamp, opening: Stamp) -> Leader:
    del invite, opening
    return leader_of(folder)


def _complete(leader: Leader, answered: Mapping[int, set[str]], steps: tuple[Step, ...]) -> int:
    """The last round that all owners answered. In an owner's own folder only its rounds are: those count."""
    if leader.kind == "hidden":
        return max((step.round or 0 for step in steps if step.stage == "trained"), default=0)
    if not answered:
        return max((step.round or 0 for step in steps if step.stage == "round"), default=0)
    return max((number for number, owners in answered.items() if owners >= set(leader.owners)), default=0)


@dataclass(frozen=True)
class Stage:
    """One part of a session's way. kind: of STAGES; done of all: 0 of 0 where nothing is counted; at: when it was last
    heard of, "" where it was not."""

    kind: str
    done: int
    all: int
    at: str

    @property
    def state(self) -> Literal["done", "under way", "ahead"]:
        if self.done and self.done >= self.all:
            return "done"
        return "under way" if self.done else "ahead"


STAGES: Final = (
    "invited", "committed", "coins", "rounds", "closing", "proofs", "passport", "opened", "spent", "anchored",
    "shuffled", "trained", "chunks",
)  # fmt: skip


def stages_of(one: Followed) -> tuple[Stage, ...]:
    """The way of a session from its first message to its passport, as far as its folder tells."""
    seen: dict[str, list[Step]] = {}
    for step in one.steps:
        seen.setdefault(step.stage, []).append(step)

    def stage(kind: str, name: str, wanted: int, done: int | None = None) -> Stage:
        steps = seen.get(name, [])
        return Stage(kind, len(steps) if done is None else done, wanted, steps[-1].at if steps else "")

    if one.leader.kind == "hidden":
        chunks = max(len(seen.get("trained", ())), len(seen.get("chunk-proved", ())), 1)
        counted = [stage("trained", "trained", chunks), stage("chunks", "chunk-proved", chunks)]
        found = [stage("opened", "opened", 1), *counted]
        for kind in ("spent", "anchored", "shuffled"):
            if kind in seen:
                found.insert(1, stage(kind, kind, len(seen[kind])))
        return (*found, stage("passport", DONE, 1))
    alone = bool(seen) and not any(step.owner for step in one.steps)  # an owner's own folder: its messages only
    owners = 1 if alone else max(len(one.leader.owners), 1)
    rounds = stage("rounds", "round", one.rounds, one.round)
    if alone:
        way = [stage("committed", "noise", 1), rounds, stage("closing", "closing", 1), stage("proofs", "proven", 1)]
    else:  # a builder keeps an owner's proof with the passport, and nothing of it before
        proofs = Stage("proofs", owners if one.done else 0, owners, "")
        way = [stage("committed", "noise", owners), stage("coins", "coin", owners), rounds, proofs]
    return (stage("invited", "invited", 1), *way, stage("passport", DONE, 1))
