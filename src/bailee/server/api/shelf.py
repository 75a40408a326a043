"""What the calls read of the folder. A file that has not changed is opened and its signature checked once."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from bailee.errors import NotFoundError
from bailee.party.course import Leader, leader_of
from bailee.party.home import PartyHome
from bailee.party.requested import REQUESTS, Asked, find, restated
from bailee.records import Grant, Revocation, Signed
from bailee.seal import Dataset
from bailee.seal.card import CARD_FILE

T = TypeVar("T")
_MOST = 4096
_DIGITS = frozenset("0123456789abcdef")


class Shelf:
    """Paths are text here: a read looks at dozens of them, and `pathlib` takes longer than the disk."""

    def __init__(self, party: PartyHome) -> None:
        self.party = party
        self._home = str(party.path)
        self._kept: OrderedDict[str, tuple[tuple[int, int, int], Any]] = OrderedDict()

    def dataset_names(self) -> list[str]:
        return [name for name in self._names("datasets") if os.path.exists(f"{self._home}/datasets/{name}/{CARD_FILE}")]

    def dataset(self, name: str) -> Dataset:
        if name not in self._names("datasets"):
            raise NotFoundError(f"no sealed dataset of the name {name[:100]!r}; list them to see which there are")
        return self._once(f"{self._home}/datasets/{name}/{CARD_FILE}", lambda: self.party.own_dataset(name))

    def grant_names(self) -> list[str]:
        return [name[:-5] for name in self._names("grants") if name.endswith(".json")]

    def grant(self, name: str) -> Signed[Grant]:
        return self._once(f"{self._home}/grants/{_hex(name, 32, 'grant')}.json", lambda: self.party.own_grant(name))

    def request_names(self) -> list[str]:
        names = (name[:-5] for name in self._names(REQUESTS) if name.endswith(".json"))
        return [name for name in names if _is_hex(name, 32)]

    def request(self, name: str, now: datetime) -> Asked:
        path = f"{self._home}/{REQUESTS}/{_hex(name, 32, 'request')}"
        said = f"{path}.answer.json"  # the last file to come: what is there then stays
        path = said if os.path.exists(said) else f"{path}.json"
        return restated(self._once(path, lambda: find(self.party, REQUESTS, name, now)), now)

    def revocation_names(self) -> list[str]:
        return [name[:-5] for name in self._names("revocations") if name.endswith(".json")]

    def revocation(self, name: str) -> Signed[Revocation] | None:
        path = f"{self._home}/revocations/{_hex(name, 32, 'grant')}.json"
        return self._once(path, lambda: self.party.revocation(name)) if os.path.exists(path) else None

    def session_names(self) -> list[str]:
        folder = f"{self._home}/sessions"
        return [name for name in self._names("sessions") if _is_hex(name, 64) and os.path.isdir(f"{folder}/{name}")]

    def session(self, name: str) -> tuple[Path, Leader]:
        """Its folder, and who leads it at what."""
        folder = self.party.sessions / _hex(name, 64, "session")
        for paper in ("invite.json", "opening.json"):
            path = f"{folder}/{paper}"
            if os.path.exists(path):
                return folder, self._once(path, lambda: leader_of(folder))
        if not folder.is_dir():
            raise NotFoundError(f"no session {name[:16]}...; list them to see which there are")
        return folder, leader_of(folder)

    def folders(self, *names: str) -> tuple[str, ...]:
        """Of the home, as paths."""
        return tuple(f"{self._home}/{name}" for name in names)

    def _names(self, folder: str) -> list[str]:
        """What lies in a folder of the home, but what begins with a dot."""
        try:
            return [name for name in os.listdir(f"{self._home}/{folder}") if not name.startswith(".")]
        except FileNotFoundError:
            return []

    def _once(self, path: str, read: Callable[[], T]) -> T:
        """What `read` makes of the file, again only when the file is another. What is not there is not kept."""
        try:
            facts = os.stat(path)
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
