"""Access keys of the S3 door: a file of the home, mode 0600, that `new_access_key` makes and the server reads.

One line a key, JSON. The file is read again when it changes, so a key that was removed is refused at the next request.
A file that others may read, or that does not parse, lets nobody in.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import stat
import string
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from bailee.adapters.files import read_bytes, storage_errors, write_atomic
from bailee.errors import InputError, StorageError
from bailee.keys import Secret

KEYS_FILE = "s3-keys.jsonl"
_LIMIT = 1 << 20
_LETTERS = string.ascii_uppercase + "234567"
_SECRET_LETTERS = string.ascii_letters + string.digits


class Role(StrEnum):
    """What a key may do where no bucket policy says otherwise."""

    OWNER = "owner"
    WRITER = "writer"
    READER = "reader"
    GUEST = "guest"
    """Nothing but what a policy or an ACL allows."""


@dataclass(frozen=True)
class AccessKey:
    """id: 20 characters; secret: 40 ASCII characters; expires: seconds since 1970, None for never."""

    id: str
    secret: Secret
    role: Role
    expires: float | None = None
    created: float = field(default=0.0, compare=False)


def new_access_key(home: Path, role: str, expires: float | None = None) -> AccessKey:
    """A fresh key, in the home's file when this returns. Raises InputError for a role there is not."""
    if role not in list(Role):
        raise InputError(f"expected a role of {', '.join(Role)}; got {role!r}")
    key_id = "BK" + "".join(secrets.choice(_LETTERS) for _ in range(18))
    secret = "".join(secrets.choice(_SECRET_LETTERS) for _ in range(40))
    key = AccessKey(key_id, Secret(secret.encode()), Role(role), expires, time.time())
    _change(home, lambda kept: [*kept, key])
    return key


def access_keys(home: Path) -> tuple[AccessKey, ...]:
    """All keys of the home, oldest first."""
    path = home / KEYS_FILE
    return tuple(_read(path)) if path.exists() else ()


def remove_access_key(home: Path, key_id: str) -> None:
    """The door refuses the key from its next request on. Raises InputError where there is no such key."""
    if all(key.id != key_id for key in access_keys(home)):
        raise InputError(f"{home / KEYS_FILE} holds no access key {key_id}; list those there are")
    _change(home, lambda kept: [key for key in kept if key.id != key_id])


class KeyRing:
    """The keys of a home as the server asks for them: a look at the file's stamp, a read when it changed."""

    def __init__(self, home: Path) -> None:
        self._path = home / KEYS_FILE
        self._stamp: tuple[int, int, int] | None = None
        self._keys: dict[str, AccessKey] = {}

    def find(self, key_id: str) -> AccessKey | None:
        """Raises StorageError where the file cannot be trusted; no file is no keys."""
        try:
            found = os.stat(self._path)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StorageError(f"cannot read {self._path}: {error.strerror}") from None
        stamp = (found.st_mtime_ns, found.st_ino, found.st_ctime_ns)
        if stamp != self._stamp:
            self._stamp, self._keys = None, {}
            try:
                self._keys = {key.id: key for key in _read(self._path)}
            except InputError as error:
                raise StorageError(str(error)) from None  # for the log: who asks is not told where the home is
            self._stamp = stamp
        return self._keys.get(key_id)


def _read(path: Path) -> list[AccessKey]:
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except OSError as error:
        raise StorageError(f"cannot read {path}: {error.strerror}") from None
    if mode & 0o077:
        raise StorageError(f"{path} can be read by others (mode {mode:04o}); run: chmod 600 {path}")
    keys = []
    for line in read_bytes(path, _LIMIT, "access keys").splitlines():
        try:
            fields = json.loads(line)
            keys.append(
                AccessKey(
                    fields["id"],
                    Secret(fields["secret"].encode("ascii")),
                    Role(fields["role"]),
                    None if fields["expires"] is None else float(fields["expires"]),
                    float(fields["created"]),
                )
            )
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise InputError(
                f"expected an access key on each line of {path}, line {len(keys) + 1} is none; restore the file"
            ) from None
    return keys


def _change(home: Path, change: Callable[[list[AccessKey]], list[AccessKey]]) -> None:
    # A lock of its own: keys come and go while a server holds the lock of the home.
    path = home / KEYS_FILE
    with storage_errors(path):
        handle = os.open(home / f".{KEYS_FILE}.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        with storage_errors(path):
            fcntl.flock(handle, fcntl.LOCK_EX)
        kept = _read(path) if path.exists() else []
        write_atomic(path, b"".join(_line(key) for key in change(kept)), 0o600)
    finally:
        os.close(handle)


def _line(key: AccessKey) -> bytes:
    fields = {"id": key.id, "secret": key.secret.reveal().decode(), "role": key.role}
    return json.dumps({**fields, "expires": key.expires, "created": key.created}).encode() + b"\n"
