"""A read cache of sealed segments on the owner's own disk: what was read once need not come from the stores again.

Only ciphertext lies there, under names that nobody links without the naming key, so the folder may be lost, copied or
damaged: a reader believes none of it, AES-GCM decides, and what does not open is dropped and fetched again. Several
processes may share the folder. A cache that cannot be written is no error: reads go on without it.

HOME/cache.json         how large it may be; a home without it has no cache
HOME/cache/ab/cdef...   one segment's ciphertext, its time of change the last use
HOME/cache/size         bytes in all, 8 bytes big endian, under a lock; counted anew whenever room is made
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from blake3 import blake3

from bailee import tags
from bailee.adapters.files import read_bytes, storage_errors, write_all, write_atomic
from bailee.errors import InputError
from bailee.seal.vault.blobs.fragments import NamingKey
from bailee.seal.vault.blobs.layout import SEGMENT

SETTINGS, FOLDER = "cache.json", "cache"
LEAST = 16 * SEGMENT
"""Bytes below which a cache would hold less than one object."""
_KEPT = 7 / 8
"""Of the limit that stays when room is made, so that it is not made for each segment."""
_DRAFT = ".draft-"


@dataclass(frozen=True)
class _Entry:
    path: str
    size: int
    used: int


def open_cache(home: Path, naming: NamingKey) -> DiskCache | None:
    """The cache of a vault's home, None where it has none. InputError for settings that are none."""
    path = home / SETTINGS
    if not path.exists():
        return None
    try:
        facts = json.loads(read_bytes(path, 1 << 10, "settings of the cache"))
        limit = facts["bytes"]
        if facts["version"] != 1 or not isinstance(limit, int):
            raise ValueError
    except (ValueError, KeyError, TypeError):
        raise InputError(f"{path} is not the settings of a cache of version 1; set it again, or delete it") from None
    return DiskCache(home / FOLDER, limit, naming)


def set_cache(home: Path, limit: int | None) -> None:
    """The home has a cache of at most `limit` bytes from now on; None: it has none, and what was in it is deleted."""
    with storage_errors(home):
        if limit is None:
            (home / SETTINGS).unlink(missing_ok=True)
            shutil.rmtree(home / FOLDER, ignore_errors=True)
            return
        _check_limit(limit)
        (home / FOLDER).mkdir(mode=0o700, exist_ok=True)
    write_atomic(home / SETTINGS, json.dumps({"version": 1, "bytes": limit}).encode() + b"\n", 0o600)


def _check_limit(limit: int) -> None:
    if limit < LEAST:
        raise InputError(f"expected a cache of at least {LEAST} bytes, got {limit}")


class DiskCache:
    """At most `limit` bytes of segments in `folder`. Safe to use from several threads and processes.

    No failure of the disk is an error: what cannot be kept is read from the stores.
    """

    def __init__(self, folder: Path, limit: int, naming: NamingKey) -> None:
        _check_limit(limit)
        self._folder, self._limit = folder, limit
        self._key = blake3(naming.secret.reveal(), derive_key_context=tags.VAULT_CACHE).digest()
        with suppress(OSError):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    @property
    def limit(self) -> int:
        return self._limit

    def has(self, blob_id: bytes, segment: int) -> bool:
        """It was there a moment ago."""
        return os.path.exists(self._path(blob_id, segment))

    def get(self, blob_id: bytes, segment: int) -> bytes | None:
        """What is kept, unchecked; None where nothing is."""
        path = self._path(blob_id, segment)
        try:
            handle = os.open(path, os.O_RDONLY)
        except OSError:
            return None
        try:
            found = os.read(handle, SEGMENT + 1)
            with suppress(OSError):
                os.utime(handle)
            return found
        except OSError:
            return None
        finally:
            os.close(handle)

    def put(self, blob_id: bytes, segment: int, ciphertext: bytes | memoryview) -> None:
        """Keep a segment, if the disk takes it; a reader sees all of it or nothing."""
        path = self._path(blob_id, segment)
        size = memoryview(ciphertext).nbytes
        if size > SEGMENT or os.path.exists(path):
            return
        with suppress(OSError), self._counting() as handle:
            # Counted first: a process that is killed here leaves a count that is too high, never a folder too big.
            self._make_room(handle, size)
            os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
            self._write(path, ciphertext)

    def drop(self, blob_id: bytes, segment: int) -> None:
        with suppress(OSError):
            os.unlink(self._path(blob_id, segment))

    def forget(self, blob_id: bytes, segments: int) -> None:
        """Nothing of an erased blob stays here."""
        for segment in range(segments):
            self.drop(blob_id, segment)

    def size(self) -> int:
        """Bytes that lie in the folder now."""
        return sum(entry.size for entry in self._entries())

    def clear(self) -> None:
        for entry in self._entries():
            with suppress(OSError):
                os.unlink(entry.path)

    def _path(self, blob_id: bytes, segment: int) -> str:
        name = blake3(blob_id + segment.to_bytes(8, "big"), key=self._key).hexdigest()
        return f"{self._folder}/{name[:2]}/{name[2:32]}"

    def _make_room(self, handle: int, size: int) -> None:
        held = int.from_bytes(os.pread(handle, 8, 0), "big")
        if held + size > self._limit:
            held = self._evict(int(self._limit * _KEPT) - size)
        os.pwrite(handle, (held + size).to_bytes(8, "big"), 0)

    def _write(self, path: str, ciphertext: bytes | memoryview) -> None:
        draft = f"{self._folder}/{_DRAFT}{secrets.token_hex(8)}"
        try:
            handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            try:
                write_all(handle, memoryview(ciphertext))
            finally:
                os.close(handle)
            os.replace(draft, path)  # not synced: what a power cut tears does not open
        except OSError:
            with suppress(OSError):
                os.unlink(draft)
            raise

    def _evict(self, target: int) -> int:
        """Unlink what was used longest ago until `target` bytes are left; returns how many are."""
        for draft in self._folder.glob(f"{_DRAFT}*"):  # of killed processes: whoever writes holds the lock
            draft.unlink(missing_ok=True)
        entries = sorted(self._entries(), key=lambda entry: entry.used)
        held = sum(entry.size for entry in entries)
        for entry in entries:
            if held <= target:
                break
            with suppress(OSError):
                os.unlink(entry.path)
            held -= entry.size
        return held

    def _entries(self) -> Iterator[_Entry]:
        for folder in self._folder.glob("[0-9a-f][0-9a-f]"):
            with suppress(OSError), os.scandir(folder) as found:
                for entry in found:
                    with suppress(OSError):
                        state = entry.stat(follow_symlinks=False)
                        yield _Entry(entry.path, state.st_size, state.st_mtime_ns)

    @contextmanager
    def _counting(self) -> Iterator[int]:
        handle = os.open(self._folder / "size", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield handle
        finally:
            os.close(handle)
