"""A party's folder of one session: every message it must be able to say again, on disk before it is said.

A file is written once; writing it again with the same bytes does nothing, with other bytes is a SessionError. So a
party that was killed at any moment comes back and says exactly what it said before, or nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bailee.adapters.files import read_bytes, storage_errors, write_atomic
from bailee.errors import SessionError, StorageError
from bailee.keys import Identity, Secret

_LIMIT = 1 << 30


@dataclass(frozen=True)
class Folder:
    path: Path

    @classmethod
    def open(cls, parent: Path, session: str, resume: bool) -> Folder:
        """The folder of `session` (hex) in `parent`. Raises SessionError for an old one without `resume`."""
        path = parent / session
        with storage_errors(path):
            if path.exists() and not resume:
                raise SessionError(f"session {session[:16]} was begun already; continue it with --resume")
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
        return cls(path)

    def get(self, name: str) -> bytes | None:
        path = self.path / name
        return read_bytes(path, _LIMIT, "session file") if path.exists() else None

    def need(self, name: str) -> bytes:
        found = self.get(name)
        if found is None:
            raise StorageError(f"{self.path / name} is missing: the session folder is damaged; start a new session")
        return found

    def put(self, name: str, data: bytes, said: str) -> bytes:
        """Keep `data` (`said` names it in errors), or find that it is kept. Returns `data`."""
        kept = self.get(name)
        if kept is None:
            (self.path / name).parent.mkdir(mode=0o700, exist_ok=True)
            write_atomic(self.path / name, data, 0o600)
        elif kept != data:
            raise SessionError(f"{said} differs from what was said in this session before; nothing was answered")
        return data

    def put_secret(self, name: str, secret: Secret, identity: Identity) -> None:
        """Keep a secret so that only `identity` reads it."""
        write_atomic(self.path / name, identity.public.seal(secret, self._info(name)), 0o600)

    def get_secret(self, name: str, identity: Identity) -> Secret | None:
        sealed = self.get(name)
        return None if sealed is None else identity.unseal(sealed, self._info(name))

    def _info(self, name: str) -> bytes:
        return f"bailee/train/folder/v1/{self.path.name}/{name}".encode()
