"""The passports of a folder: what they say, before anybody checks it. HOME/passports/NAME/, as `train` handed them out,
and those that `train --out` put elsewhere, as long as they are there: these are called as their session.

Only the builder's signature is looked at here, so that a list is quick; `party.checking` checks every link.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from bailee.adapters.files import read_bytes
from bailee.errors import BaileeError, NotFoundError
from bailee.party.followed import FOLDERS
from bailee.party.handing_out import NOTE, handed_out
from bailee.party.unchanged import Stamp, stamp_of
from bailee.records.canonical import MAX_BYTES
from bailee.records.model import ModelPassport
from bailee.records.passport import Passport
from bailee.records.passports import open_any_passport

FOLDER = "passports"
_NAME = re.compile(r"[^./\0][^/\0]{0,254}")
_SESSION = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Part:
    """One dataset's part in a model, as its passport says it. share: of 1, decimal text."""

    owner: str
    name: str
    rows: int
    share: str


@dataclass(frozen=True)
class Paper:
    """One passport of the folder. fault: why it cannot be read, then nothing but name and folder is known.

    kind: "sums" (owners sent noisy sums) or "hidden" (rows were lent); epsilon: the largest of any owner, None where
    nothing is promised; revealed: whether the weights are public; outside: it lies where `--out` put it, and not in the
    home's passports/.
    """

    name: str
    folder: Path
    kind: str = ""
    session: str = ""
    builder: str = ""
    builder_name: str = ""
    model: str = ""
    purpose: str = ""
    label: str = ""
    made: str = ""
    epsilon: str | None = None
    delta: str | None = None
    columns: tuple[str, ...] = ()
    parts: tuple[Part, ...] = ()
    revealed: bool = False
    outside: bool = False
    fault: str | None = None

    @property
    def rows(self) -> int:
        return sum(part.rows for part in self.parts)


def papers(home: Path) -> Iterator[Paper]:
    """All of a folder, the newest first."""
    found = [_paper(path.parent) for path in (home / FOLDER).glob("[!.]*/passport.json")]
    here = {paper.session for paper in found}
    found += [paper for paper in _elsewhere(home) if paper.session not in here]
    yield from sorted(found, key=lambda paper: (paper.made, paper.name), reverse=True)


def paper_named(home: Path, name: str) -> Paper:
    """Raises NotFoundError."""
    if _NAME.fullmatch(name) is None or not (home / FOLDER / name / "passport.json").is_file():
        if (elsewhere := _put_by(home, name)) is not None:
            return elsewhere
        raise NotFoundError(f"no passport {name[:80]!r} is in this folder; list them to see which there are")
    return _paper(home / FOLDER / name)


def paper_of(home: Path, session: str) -> Paper | None:
    """The passport that was handed out of that session, if one was."""
    return next((paper for paper in papers(home) if paper.session == session), None)


def _elsewhere(home: Path) -> Iterator[Paper]:
    for folder in FOLDERS:
        for note in (home / folder).glob(f"*/{NOTE}"):
            paper = _put_by(home, note.parent.name)
            if paper is not None:
                yield paper


def _put_by(home: Path, session: str) -> Paper | None:
    """What that session's `--out` put somewhere, if it is there still: the passport of that session, and no other."""
    if _SESSION.fullmatch(session) is None:
        return None
    for folder in FOLDERS:
        place = handed_out(home / folder / session)
        if place is not None and os.path.isfile(place / "passport.json"):  # False, too, where it may not be looked at
            paper = _paper(place)
            if paper.session == session:
                return replace(paper, name=session, outside=True)
    return None


def _paper(folder: Path) -> Paper:
    return _opened(folder, stamp_of(folder / "passport.json"))


@lru_cache(maxsize=4096)
def _opened(folder: Path, stamp: Stamp) -> Paper:
    del stamp
    try:
        said = open_any_passport(read_bytes(folder / "passport.json", MAX_BYTES, "passport"))
        return _of_session(folder, said) if isinstance(said, Passport) else _of_model(folder, said)
    except BaileeError as error:
        return Paper(folder.name, folder, fault=str(error).replace(str(folder), folder.name))


def _of_session(folder: Path, said: Passport) -> Paper:
    worst = max(said.owners, key=lambda one: float(one.epsilon))
    return Paper(
        folder.name, folder, "sums", said.session, said.builder, said.builder_name, _text(said.plan.get("name")),
        _text(said.plan.get("purpose")), _text(said.plan.get("label")), said.created, worst.epsilon, worst.delta,
        said.columns, tuple(Part(one.owner, one.name, one.rows, one.share) for one in said.owners), True,
    )  # fmt: skip


def _of_model(folder: Path, said: ModelPassport) -> Paper:
    return Paper(
        folder.name, folder, "hidden", said.session, said.builder, said.builder_name, _text(said.plan.get("name")),
        _text(said.plan.get("purpose")), _text(said.plan.get("label")), said.created, said.epsilon, said.delta,
        (), tuple(Part(one.owner, one.name, one.rows, one.share) for one in said.owners), said.revealed is not None,
    )  # fmt: skip


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
