"""What the calls read of the folder. A file that has not changed is opened and its signature checked once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from bailee.errors import NotFoundError
from bailee.party.course import Leader, leader_of
from bailee.party.home import PartyHome
from bailee.party.requested import REQUESTS, Asked, answer_path, find, paths_in, restated
from bailee.records import Grant, Revocation, Signed
from bailee.seal import Dataset
from bailee.seal.card import CARD_FILE

T = TypeVar("T")
_MOST = 4096
_DIGITS = frozenset("0123456789abcdef")


class Shelf:
    def __init__(self, party: PartyHome) -> None:
        self.party = party
        self._kept: OrderedDict[Path, tuple[tuple[int, int, int], Any]] = OrderedDict()

    def dataset_names(self) -> list[str]:
        return [path.parent.name for path in (self.party.path / "datasets").glob(f"[!.]*/{CARD_FILE}")]

    def dataset(self, name: str) -> Dataset:
        if name not in self.dataset_names():
            raise NotFoundError(f"no sealed dataset of the name {name[:100]!r}; list them to see which there are")
        path = self.party.path / "datasets" / name / CARD_FILE
        return self._once(path, lambda: self.party.own_dataset(name))

    def grant_names(self) -> list[str]:
        return [path.stem for path in (self.party.path / "grants").glob("*.json")]

    def grant(self, name: str) -> Signed[Grant]:
        path = self.party.path / "grants" / f"{_hex(name, 32, 'grant')}.json"
        return self._once(path, lambda: self.party.own_grant(name))

    def request_names(self) -> list[str]:
        return [path.stem for path in paths_in(self.party, REQUESTS)]

    def request(self, name: str, now: datetime) -> Asked:
        path = self.party.path / REQUESTS / f"{_hex(name, 32, 'request')}.json"
        said = answer_path(path)  # the last file to come: what is there then stays
        return restated(
            self._once(said if said.is_file() else path, lambda: find(self.party, REQUESTS, name, now)), now
        )

    def revocation_names(self) -> list[str]:
        return [path.stem for path in (self.party.path / "revocations").glob("*.json")]

    def revocation(self, name: str) -> Signed[Revocation] | None:
        path = self.party.path / "revocations" / f"{_hex(name, 32, 'grant')}.json"
        return self._once(path, lambda: self.party.revocation(name)) if path.is_file() else None

    def session_names(self) -> list[str]:
        return [path.name for path in self.party.sessions.glob("*") if _is_hex(path.name, 64) and path.is_dir()]

    def session(self, name: str) -> tuple[Path, Leader]:
        """Its folder, and who leads it at what."""
        folder = self.party.sessions / _hex(name, 64, "session")
        for paper in ("invite.json", "opening.json"):
            if (folder / paper).is_file():
                return folder, self._once(folder / paper, lambda: leader_of(folder))
        if not folder.is_dir():
            raise NotFoundError(f"no session {name[:16]}...; list them to see which there are")
        return folder, leader_of(folder)

    def _once(self, path: Path, read: Callable[[], T]) -> T:
        """What `read` makes of the file, again only when the file is another. What is not there is not kept."""
        try:
            facts = path.stat()
        except OSError:
            self._kept.pop(path, None)
            return read()
        stamp = (facts.st_mtime_ns, facts.st_size, facts.st_ino)
        kept = self._kept.get(path)
        if kept is not None and kept[0] == stamp:
            found: T = kept[1]
            return found
        found = read()
        self._kept[path] = (stamp, found)
        if len(self._kept) > _MOST:
            self._kept.popitem(last=False)
        return found


def _is_hex(text: str, digits: int) -> bool:
    return len(text) == digits and _DIGITS.issuperset(text)


def _hex(text: str, digits: int, what: str) -> str:
    """`text`, a name that can be no path. Raises NotFoundError for any other."""
    if not _is_hex(text, digits):
        raise NotFoundError(f"a {what} is named by {digits} hex digits; list them to see which there are")
    return text
