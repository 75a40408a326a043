"""A folder as a store: drafts that are synced and renamed, so that a string is there whole, on disk, or not at all.

A file `.bailee-store` marks the folder. Where it is missing (the disk is not mounted, the path is wrong) nothing is
read or written: an empty mount point must not look like a store that lost everything, nor fill the wrong disk.
"""

from __future__ import annotations

import ctypes
import errno
import os
import secrets
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

from bailee.adapters.files import sync_directory, write_all, write_atomic
from bailee.adapters.stores.at_hand import read_cached
from bailee.adapters.stores.paths import checked, checked_range
from bailee.adapters.stores.store import Stored
from bailee.errors import MissingError, StorageError, StoreError

MARK = ".bailee-store"
DRAFTS = ".drafts"
_FORGOTTEN = 86_400.0
"""A draft untouched for so many seconds was left by a process that is gone."""
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
_EACH = 4
"""Up to so many strings are synced one by one: `syncfs` also waits for what others write to the same disk."""


class FolderStore:
    """sync=False leaves it to the system when bytes reach the disk: what was finished may be lost in a power cut."""

    def __init__(self, name: str, root: Path, sync: bool = True) -> None:
        self.name, self._root, self._sync = name, root, sync
        self._real: str | None = None

    @classmethod
    def create(cls, name: str, root: Path, sync: bool = True) -> FolderStore:
        """The store in `root`, made and marked if need be; forgotten drafts are swept."""
        store = cls(name, root, sync)
        with store._errors("its folder"):
            (root / DRAFTS).mkdir(mode=0o700, parents=True, exist_ok=True)
        if not (root / MARK).exists():
            try:
                write_atomic(root / MARK, b"fragments of a Bailee vault\n")
            except StorageError as error:
                raise StoreError(f"store {name}: {error}") from None
        store.sweep()
        return store

    def __repr__(self) -> str:
        return f"FolderStore({self.name}, {self._root})"

    def write(self, path: str) -> _Draft:
        checked(path)
        with self._errors(path):
            self._present()
            return _Draft(self, path, self._root / DRAFTS / secrets.token_hex(16))

    def write_many(self, strings: Sequence[tuple[str, bytes | memoryview]]) -> None:
        """As `TakesMany`: without drafts, and where the system has `syncfs` with one sync for all."""
        sync_all = _syncfs() if self._sync and len(strings) > _EACH else None
        with self._errors(f"{len(strings)} strings"):
            self._present()
            for path, data in strings:
                self._write_new(checked(path), data, self._sync and sync_all is None)
            if sync_all is not None:
                root = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY)
                try:
                    sync_all(root)
                finally:
                    os.close(root)

    def read(self, path: str, offset: int = 0, length: int | None = None) -> bytes:
        checked_range(checked(path), offset, length)
        with self._errors(path):
            handle = self._open(path)
            try:
                found = os.fstat(handle)
                if not stat.S_ISREG(found.st_mode):
                    raise StoreError(f"store {self.name}: {path} is no file; remove it")
                size = found.st_size
                stop = size if length is None else offset + length
                if max(offset, stop) > size:
                    raise StoreError(f"store {self.name}: {path} has {size} bytes, asked for {offset} to {stop}")
                data = os.pread(handle, stop - offset, offset)
                while len(data) < stop - offset:
                    more = os.pread(handle, stop - offset - len(data), offset + len(data))
                    if not more:
                        raise StoreError(f"store {self.name}: {path} ended while it was read")
                    data += more
                return data
            finally:
                os.close(handle)

    def read_at_hand(self, path: str, offset: int, target: memoryview) -> bool:
        """As `Near`."""
        if self._real is None:
            self._real = os.path.realpath(self._root)  # links in the way to the folder are the owner's; inside are none
        return read_cached(f"{self._real}/{checked(path)}", offset, target)

    def delete(self, path: str) -> None:
        target = self._root / checked(path)
        with self._errors(path):
            self._present()
            with suppress(FileNotFoundError, NotADirectoryError), self._folder(path) as folder:
                os.unlink(target.name, dir_fd=folder)
                if self._sync:
                    os.fsync(folder)

    def paths(self, prefix: str = "") -> Iterator[Stored]:
        with self._errors("its folder"):
            self._present()
            for folder, folders, names in os.walk(self._root, onerror=_raise):
                # A prefix ends anywhere in a name; whole folders that cannot fit are not walked.
                here = os.path.relpath(folder, self._root)
                start = "" if here == "." else f"{here}/"
                folders[:] = [name for name in folders if name != DRAFTS and _may_hold(f"{start}{name}/", prefix)]
                for name in names:
                    if name != MARK and f"{start}{name}".startswith(prefix):
                        with suppress(FileNotFoundError):
                            found = os.lstat(os.path.join(folder, name))
                            yield Stored(f"{start}{name}", found.st_size, found.st_mtime)

    def sweep(self) -> None:
        """Remove drafts that processes which are gone have left."""
        with self._errors("its drafts"):
            oldest = time.time() - _FORGOTTEN
            for draft in (self._root / DRAFTS).iterdir():
                with suppress(FileNotFoundError):
                    if draft.lstat().st_mtime < oldest:
                        draft.unlink()

    def _present(self) -> None:
        if not os.path.lexists(self._root / MARK):
            raise StoreError(
                f"store {self.name}: {self._root} is not marked as a store ({MARK} is missing); "
                "mount its disk; if it is gone for good, add another store and drain this one"
            )

    @contextmanager
    def _folder(self, path: str) -> Iterator[int]:
        """The directory that holds `path`, opened without following links."""
        handle = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY)
        try:
            for part in path.split("/")[:-1]:
                inner = os.open(part, _FOLDER, dir_fd=handle)
                os.close(handle)
                handle = inner
            yield handle
        finally:
            os.close(handle)

    def _open(self, path: str) -> int:
        try:
            with self._folder(path) as folder:
                # O_NONBLOCK: somebody may have put a pipe there, which would be waited for.
                return os.open(path.rpartition("/")[2], os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
        except FileNotFoundError:
            self._present()
            raise MissingError(f"store {self.name}: nothing is under {path}") from None

    def _finish(self, draft: Path, handle: int, path: str) -> None:
        if self._sync:
            os.fsync(handle)
        name = path.rpartition("/")[2]
        try:
            with self._folder(path) as folder:
                os.rename(draft, name, dst_dir_fd=folder)
                if self._sync:
                    os.fsync(folder)
        except FileNotFoundError:
            self._present()
            self._make_folders(path)
            with self._folder(path) as folder:
                os.rename(draft, name, dst_dir_fd=folder)
                if self._sync:
                    os.fsync(folder)

    def _write_new(self, path: str, data: bytes | memoryview, sync: bool) -> None:
        name = path.rpartition("/")[2]
        try:
            with self._folder(path) as folder:
                _write_in(folder, name, data, sync)
        except FileNotFoundError:
            self._present()
            self._make_folders(path)
            with self._folder(path) as folder:
                _write_in(folder, name, data, sync)

    def _make_folders(self, path: str) -> None:
        folder = self._root
        for part in path.split("/")[:-1]:
            with suppress(FileExistsError):
                (folder / part).mkdir(mode=0o700)
            if self._sync:
                sync_directory(folder)
            folder = folder / part

    @contextmanager
    def _errors(self, what: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if error.errno in _FULL:
                raise StoreError(
                    f"store {self.name}: no space left in {self._root} for {what} ({error.strerror}); free some, or "
                    "switch the store off"
                ) from None
            raise StoreError(f"store {self.name}: cannot use {what}: {error.strerror or error}") from None


class _Draft:
    """A file in `.drafts` until it is finished. Not for several threads at once."""

    def __init__(self, store: FolderStore, path: str, draft: Path) -> None:
        self._store, self._path, self._draft = store, path, draft
        self._handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)

    def write(self, data: bytes | memoryview) -> None:
        with self._store._errors(self._path):
            write_all(self._handle, data)

    def finish(self) -> None:
        try:
            with self._store._errors(self._path):
                self._store._finish(self._draft, self._handle, self._path)
        except StoreError:
            self.abandon()
            raise
        self._close()

    def abandon(self) -> None:
        self._close()
        with suppress(OSError):
            self._draft.unlink(missing_ok=True)

    def _close(self) -> None:
        if self._handle >= 0:
            handle, self._handle = self._handle, -1
            with suppress(OSError):
                os.close(handle)


def _write_in(folder: int, name: str, data: bytes | memoryview, sync: bool) -> None:
    handle = os.open(name, _NEW, 0o600, dir_fd=folder)
    try:
        write_all(handle, data)
        if sync:
            os.fsync(handle)
            os.fsync(folder)
    except OSError:
        with suppress(OSError):
            os.unlink(name, dir_fd=folder)
        raise
    finally:
        os.close(handle)


@cache
def _syncfs() -> Callable[[int], None] | None:
    """Syncs all of the file system that an open file is on; None where the system cannot."""
    try:
        call = ctypes.CDLL(None, use_errno=True).syncfs
    except (AttributeError, OSError, TypeError):
        return None

    def syncfs(handle: int) -> None:
        if call(handle) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))

    return syncfs


def _may_hold(folder: str, prefix: str) -> bool:
    return folder.startswith(prefix) or prefix.startswith(folder)


def _raise(error: OSError) -> None:
    raise error
