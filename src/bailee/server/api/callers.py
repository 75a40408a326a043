"""Whose key has which role: files in the folder, api/callers/KEY.json, read at every request."""

from __future__ import annotations

import json
import os
import re
import time
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from bailee import json_text
from bailee.adapters.files import read_bytes, storage_errors, write_atomic
from bailee.errors import InputError, NotFoundError, StorageError
from bailee.keys import PublicIdentity
from bailee.records import time_text
from bailee.server.api.limits import TICK

_KEY = re.compile(r"[0-9a-f]{64}")
_LIMIT = 1 << 14


class Role(StrEnum):
    OWNER = "owner"
    BUILDER = "builder"
    VERIFIER = "verifier"
    CONSUMER = "consumer"


@dataclass(frozen=True)
class Enrolled:
    """A key (hex) that was given a role here."""

    key: str
    name: str
    role: Role
    added: str


@dataclass(frozen=True)
class Callers:
    """The callers of the folder `home`, whose own key is `own` (hex)."""

    home: Path
    own: str
    _known: dict[str, tuple[tuple[int, int, int], Enrolled]] = field(default_factory=dict, repr=False, compare=False)
    """Entries that were read, by key; each is of the file of that date, size and number and no other."""

    def role_of(self, key: str) -> Role | None:
        """None where the key has none. Raises StorageError for an entry that is damaged: nobody gets in by it."""
        if key == self.own:
            return Role.OWNER
        found = self._read(key)
        return None if found is None else found.role

    def all(self) -> list[Enrolled]:
        names = sorted(path.stem for path in self._folder.glob("*.json"))
        return [found for name in names if (found := self._read(name)) is not None]

    def add(self, identity: PublicIdentity, role: Role, now: datetime) -> Enrolled:
        """Give a key a role, in place of the one it had. InputError for `owner`: that is the folder's own key."""
        key = identity.public_key.hex()
        if role is Role.OWNER or key == self.own:
            raise InputError("owner is the folder's own key and nobody else's; choose builder, verifier or consumer")
        entry = Enrolled(key, identity.name, role, time_text(now))
        with storage_errors(self._folder):
            self._folder.mkdir(parents=True, exist_ok=True)
        write_atomic(self._folder / f"{key}.json", json.dumps(entry.__dict__, indent=2).encode() + b"\n")
        return entry

    def remove(self, key: str) -> None:
        """From its next request on the key has no role. Raises NotFoundError."""
        if _KEY.fullmatch(key) is None or not (self._folder / f"{key}.json").is_file():
            raise NotFoundError(f"no caller has the key {key[:80]!r}; `bailee caller ls` shows them")
        with storage_errors(self._folder):
            (self._folder / f"{key}.json").unlink()

    @property
    def _folder(self) -> Path:
        return self.home / "api" / "callers"

    def _read(self, key: str) -> Enrolled | None:
        if _KEY.fullmatch(key) is None:
            return None
        path = self._folder / f"{key}.json"
        try:
            facts = os.stat(path)
        except FileNotFoundError:
            self._known.pop(key, None)
            return None
        stamp = (facts.st_mtime_ns, facts.st_size, facts.st_ino)
        kept = self._known.get(key)
        if kept is not None and kept[0] == stamp:
            return kept[1]
        looked, found = time.time_ns(), self._opened(path, key)
        if looked - facts.st_mtime_ns > TICK:
            self._known[key] = (stamp, found)
        return found

    def _opened(self, path: Path, key: str) -> Enrolled:
        try:
            facts = json_text.load(read_bytes(path, _LIMIT, "a caller's entry"))
            found = Enrolled(facts["key"], str(facts["name"]), Role(facts["role"]), str(facts["added"]))
        except (ValueError, KeyError, TypeError) as error:
            problem = f"{path} is damaged ({type(error).__name__}); add the caller again with: bailee caller add"
            raise StorageError(problem) from None
        if found.key != key or found.role is Role.OWNER:
            raise StorageError(f"{path} is about another key or role; remove it and add the caller again")
        return found
