"""Files that are whole or absent: atomic writes, durable appends, directories that appear at once, a lock per home.

A power cut, `kill -9` or a full disk leaves the last good state. Every failure of the disk is a StorageError that
says what to do.
"""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bailee.errors import InputError, StorageError

LOCK_FILE = ".lock"
_DRAFT = ".draft-"
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Every OSError inside becomes a StorageError about `path`."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise StorageError(
                f"no space left to write {path} ({error.strerror}); free space on the disk that holds "
                f"{path.parent} and run again; what was there before is untouched"
            ) from None
        raise StorageError(f"cannot use {path}: {error.strerror or error}") from None


def write_all(handle: int, data: bytes | memoryview) -> None:
    """All of `data` to an open file descriptor; OSError if the disk does not take it."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(handle, rest) :]


def sync_directory(path: Path) -> None:
    """A rename or a new name inside `path` survives a power cut after this."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_atomic(path: Path, data: bytes, mode: int = 0o644) -> None:
    """`data` at `path`, on disk when this returns; a reader sees the old file or the new one, never a part."""
    draft = path.with_name(f"{_DRAFT}{path.name}-{secrets.token_hex(4)}")
    with storage_errors(path):
        try:
            _write_synced(draft, data, mode)
            os.replace(draft, path)
            sync_directory(path.parent)
        finally:
            draft.unlink(missing_ok=True)


def write_new(path: Path, data: bytes, mode: int = 0o644) -> None:
    """`data` in a file that must not exist yet, on disk when this returns. For files inside a `new_directory`."""
    with storage_errors(path):
        _write_synced(path, data, mode)


def _write_synced(path: Path, data: bytes, mode: int) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        write_all(handle, data)
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def open_journal(path: Path) -> Iterator[Journal]:
    """A file of lines that only grows, held by one process at a time (others wait)."""
    with storage_errors(path):
        try:
            handle = os.open(path, os.O_RDWR)
        except FileNotFoundError:
            raise StorageError(f"{path} is missing; restore it: without it nothing more may be spent") from None
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield Journal(path, handle)
        finally:
            os.close(handle)


class Journal:
    """The lines of an open journal. A last line without its end was cut off by a crash and does not count."""

    def __init__(self, path: Path, handle: int) -> None:
        self._path, self._handle = path, handle

    def lines(self) -> list[bytes]:
        size = os.fstat(self._handle).st_size
        return os.pread(self._handle, size, 0).split(b"\n")[:-1]

    def append(self, line: bytes) -> None:
        """One line more, on disk when this returns. On failure the journal is as it was before."""
        size = sum(len(kept) + 1 for kept in self.lines())
        try:
            os.ftruncate(self._handle, size)
            os.lseek(self._handle, size, os.SEEK_SET)
            write_all(self._handle, line + b"\n")
            os.fsync(self._handle)
        except OSError:
            os.ftruncate(self._handle, size)
            raise


def read_bytes(path: Path, limit: int, what: str) -> bytes:
    """The whole of a file of at most `limit` bytes. InputError where there is none, or it is larger."""
    with storage_errors(path):
        try:
            with path.open("rb") as file:
                data = file.read(limit + 1)
        except FileNotFoundError:
            raise InputError(f"{what} {path} does not exist; check the path") from None
        except IsADirectoryError:
            raise InputError(f"expected {what} at {path}, got a directory") from None
    if len(data) > limit:
        raise InputError(f"{what} {path} is larger than {limit} bytes; this cannot be one")
    return data


@contextmanager
def new_directory(target: Path) -> Iterator[Path]:
    """A draft directory that becomes `target`, whole, when the block ends well, and vanishes when it does not.

    A killed process leaves a draft beside `target`; `sweep` removes it. InputError if `target` exists.
    """
    if target.exists() or target.is_symlink():
        raise InputError(f"{target} exists already; nothing is overwritten: choose another name, or move it away")
    draft = target.with_name(f"{_DRAFT}{target.name}-{secrets.token_hex(4)}")
    with storage_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        draft.mkdir(mode=0o700)
    try:
        yield draft
        with storage_errors(target):
            sync_directory(draft)
            os.rename(draft, target)
            sync_directory(target.parent)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def move_directory(source: Path, target: Path) -> None:
    """`source` becomes `target`, at once, on the same file system. InputError if `target` exists."""
    if target.exists() or target.is_symlink():
        raise InputError(f"{target} exists already; nothing is overwritten: choose another name, or move it away")
    with storage_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        os.rename(source, target)
        sync_directory(target.parent)
        sync_directory(source.parent)


def sweep(parent: Path) -> None:
    """Remove drafts that killed processes left in `parent`. Only under the lock of the home it belongs to."""
    for path in parent.glob(f"{_DRAFT}*"):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


@contextmanager
def lock(home: Path) -> Iterator[None]:
    """Only one process works in `home` at a time; StorageError where another one does. The kernel frees it on exit."""
    with _lock_file(home) as handle:
        with storage_errors(home):
            if not _locked(handle, fcntl.LOCK_EX):
                time.sleep(0.05)  # whoever only looked (`is_at_work`) is gone by then
                if not _locked(handle, fcntl.LOCK_EX):
                    raise StorageError(f"another run is working in {home}; wait for it to end, then run again")
        yield


@contextmanager
def _lock_file(folder: Path) -> Iterator[int]:
    """The open lock file of `folder`, which is made where it is not there. Closing it frees the lock."""
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder / LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        yield handle
    finally:
        os.close(handle)


def _locked(handle: int, how: int) -> bool:
    try:
        fcntl.flock(handle, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_at_work(home: Path) -> bool | None:
    """Whether a process holds the lock of `home`; None where nobody can tell: no lock file, or not ours to read."""
    try:
        handle = os.open(home / LOCK_FILE, os.O_RDONLY)
    except OSError:
        return None
    try:
        return not _locked(handle, fcntl.LOCK_SH)
    except OSError:
        return None
    finally:
        os.close(handle)


@contextmanager
def turns(folder: Path) -> Iterator[None]:
    """Whoever works in `folder` does so one after another: the next waits. The kernel frees it on exit."""
    with _lock_file(folder) as handle:
        with storage_errors(folder):
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def append_line(path: Path, line: bytes) -> None:
    """One line more in the journal at `path`, on disk when this returns. On failure the file is as it was before."""
    with open_journal(path) as journal:
        journal.append(line)
