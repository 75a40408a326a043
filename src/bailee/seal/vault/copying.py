"""A sealed copy of what a vault's home holds beside the identity: catalogue, naming key, settings.

Without the catalogue nothing on the stores can be named or opened. The copy opens to the owner's identity alone; it
holds keys, so what is erased after it was made can be opened with it: delete old copies when something must be gone.

file: "bailee vault copy1\\n" | length of the sealed key, 4 bytes | the key, sealed to the owner | segments of a tar,
each AES-256-GCM as a blob's are (segments), the last one marked
"""

from __future__ import annotations

import io
import os
import secrets
import sqlite3
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import BinaryIO

from bailee import tags
from bailee.adapters.files import storage_errors
from bailee.errors import DamageError, InputError
from bailee.keys import Identity, Secret
from bailee.seal.vault.blobs.layout import PLAIN, SEGMENT, TAG
from bailee.seal.vault.blobs.segments import Cipher
from bailee.seal.vault.cache import SETTINGS
from bailee.seal.vault.facts import Code
from bailee.seal.vault.home import CATALOGUE_FILE, VAULT_FILE
from bailee.seal.vault.keyring import KEY_FILE

_MAGIC = b"bailee vault copy1\n"
_ID = b"vault copy, 16 b"
_FILES = (VAULT_FILE, KEY_FILE, CATALOGUE_FILE, SETTINGS)


def make_copy(home: Path, identity: Identity, target: Path) -> int:
    """A consistent copy of the home at `target`, while others use the vault; returns its bytes. InputError for a
    catalogue in PostgreSQL: its own tools copy that."""
    if not (home / CATALOGUE_FILE).exists():
        raise InputError(
            f"the catalogue of {home} is in PostgreSQL: copy it with pg_dump, and keep vault.json and vault.key"
        )
    draft = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    with storage_errors(target), tempfile.TemporaryDirectory(dir=home) as folder:
        snapshot = Path(folder) / CATALOGUE_FILE
        with closing(sqlite3.connect(home / CATALOGUE_FILE)) as source, closing(sqlite3.connect(snapshot)) as copy:
            source.backup(copy, pages=4096)
        try:
            with draft.open("xb") as file:
                os.fchmod(file.fileno(), 0o600)
                sink = _Sealing(file, identity)
                with tarfile.open(fileobj=sink, mode="w|", bufsize=SEGMENT) as archive:
                    for name in _FILES:
                        path = snapshot if name == CATALOGUE_FILE else home / name
                        if path.exists():
                            archive.add(path, name)
                sink.finish()
                file.flush()
                os.fsync(file.fileno())
            os.replace(draft, target)
        finally:
            draft.unlink(missing_ok=True)
    return target.stat().st_size


def open_copy(source: Path, identity: Identity, home: Path) -> tuple[str, ...]:
    """Put back what a copy holds; returns the files' names. InputError where the home has a vault, DamageError for a
    copy that is cut or changed: then nothing is put back."""
    there = [name for name in (VAULT_FILE, KEY_FILE, CATALOGUE_FILE) if (home / name).exists()]
    if there:
        raise InputError(f"{home} holds {', '.join(there)} already; nothing is overwritten: move it away first")
    with storage_errors(home), tempfile.TemporaryDirectory(dir=home) as folder:
        with source.open("rb") as file:
            opened = _Opened(_open_parts(file, identity))
            with tarfile.open(fileobj=opened, mode="r|", bufsize=SEGMENT) as archive:
                for member in archive:
                    if member.name not in _FILES or not member.isfile():
                        raise DamageError(f"{source} holds {member.name!r}; this is not a copy of a vault's home")
                    archive.extract(member, folder, filter="data")
            opened.drain()
        found = [name for name in _FILES if (Path(folder) / name).exists()]
        for name in reversed(found):  # the vault's own file last: it is what makes a vault exist
            (Path(folder) / name).chmod(0o600)
            os.replace(Path(folder) / name, home / name)
    return tuple(found)


class _Sealing(io.RawIOBase):
    """What is written to it is sealed, segment by segment, into `file`."""

    def __init__(self, file: BinaryIO, identity: Identity) -> None:
        key = Secret(secrets.token_bytes(32))
        sealed = identity.public.seal(key, tags.VAULT_COPY.encode())
        file.write(_MAGIC + len(sealed).to_bytes(4, "big") + sealed)
        self._file, self._cipher, self._held, self._segment = file, Cipher(_ID, key, Code(1, 1)), bytearray(), 0

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        view = memoryview(data).cast("B")  # type: ignore[arg-type]
        self._held += view
        while len(self._held) > PLAIN:
            self._put(self._held[:PLAIN], is_last=False)
            del self._held[:PLAIN]
        return len(view)

    def finish(self) -> None:
        self._put(self._held, is_last=True)

    def _put(self, plain: bytearray, is_last: bool) -> None:
        room = bytearray(len(plain) + TAG)
        self._cipher.seal(self._segment, is_last, plain, memoryview(room))
        self._file.write(room)
        self._segment += 1


class _Opened(io.RawIOBase):
    def __init__(self, parts: Iterator[bytes]) -> None:
        self._parts, self._left = parts, b""

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        while size < 0 or len(self._left) < size:
            part = next(self._parts, None)
            if part is None:
                break
            self._left += part
        size = len(self._left) if size < 0 else size
        taken, self._left = self._left[:size], self._left[size:]
        return taken

    def drain(self) -> None:
        """To the end: only then is it sure that nothing was cut off."""
        while self.read(SEGMENT):
            pass


def _open_parts(file: BinaryIO, identity: Identity) -> Iterator[bytes]:
    if file.read(len(_MAGIC)) != _MAGIC:
        raise InputError("expected a copy that `bailee vault backup` made, got something else")
    length = int.from_bytes(file.read(4), "big")
    key = identity.unseal(file.read(min(length, 1 << 16)), tags.VAULT_COPY.encode())
    cipher, segment = Cipher(_ID, key, Code(1, 1)), 0
    here = file.read(SEGMENT)
    while True:
        ahead = file.read(SEGMENT)
        plain = cipher.open(segment, not ahead, memoryview(here)) if len(here) >= TAG else None
        if plain is None:
            raise DamageError(f"segment {segment} of this copy was cut or changed; take another copy")
        yield plain
        if not ahead:
            return
        here, segment = ahead, segment + 1
