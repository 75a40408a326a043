"""A vault as a folder to be read: the kernel's FUSE asks, the vault answers. Nothing is written here; versions never
change, and programs that write in the middle of files have no place to do it.

A name is a path where it is one: what has empty parts, `.` or `..`, or a part of over 255 bytes is not shown (the S3
door shows it), and where something is a name and the beginning of others it is a folder. An open file stays the
version it was opened at. `mfusepy` and the system's libfuse are needed by `mount` alone; `Tree` runs without.
"""

from __future__ import annotations

import errno
import itertools
import os
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from bailee.errors import BaileeError, InputError, NotFoundError, StorageError
from bailee.seal.vault.facts import Version
from bailee.seal.vault.vault import Vault

_PAGE, _LONGEST = 1000, 255
_AHEAD = 4 << 20
"""Bytes that are opened at once: the kernel asks for 128 KiB, and a segment is opened whole anyway."""
_SIGNALLED = 8
"""What libfuse ends with after Ctrl-C."""


class Tree:
    """The answers, by the names that `mfusepy` gives the kernel's questions. prefix: only names that begin with it."""

    use_ns = True

    def __init__(self, vault: Vault, prefix: str = "") -> None:
        self._vault, self._prefix = vault, f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        self._files: dict[int, _File] = {}
        self._numbers = itertools.count(1)

    def getattr(self, path: str, fh: int | None = None) -> dict[str, Any]:
        del fh
        with _errors():
            found = self._find(path)
        owner = {"st_uid": os.getuid(), "st_gid": os.getgid()}
        if found is None:
            return {"st_mode": stat.S_IFDIR | 0o500, "st_nlink": 2, **owner}
        moment = int(found.created * 1_000_000_000)
        times = {"st_mtime": moment, "st_ctime": moment, "st_atime": moment}
        return {"st_mode": stat.S_IFREG | 0o400, "st_nlink": 1, "st_size": found.length, **times, **owner}

    def readdir(self, path: str, fh: int | None = None) -> list[str]:
        del fh
        with _errors():
            if self._find(path) is not None:
                raise NotADirectoryError(errno.ENOTDIR, path)
            return [".", "..", *dict.fromkeys(self._children(path))]

    def open(self, path: str, flags: int) -> int:
        if flags & (os.O_WRONLY | os.O_RDWR):
            raise OSError(errno.EROFS, path)
        with _errors():
            found = self._find(path)
        if found is None:
            raise IsADirectoryError(errno.EISDIR, path)
        number = next(self._numbers)
        self._files[number] = _File(self._vault, found)
        return number

    def read(self, path: str, size: int, offset: int, fh: int) -> bytes:
        del path
        with _errors():
            return self._files[fh].read(offset, size)

    def release(self, path: str, fh: int) -> int:
        del path
        self._files.pop(fh, None)
        return 0

    def _find(self, path: str) -> Version | None:
        """The version under a path, None for a folder. NotFoundError where nothing is."""
        if path == "/":
            return None
        if not all(map(_is_shown, path[1:].split("/"))):
            raise NotFoundError(f"there is no {path!r}")
        name = self._prefix + path[1:]
        return None if self._vault.list(f"{name}/", limit=1).versions else self._vault.head(name)

    def _children(self, path: str) -> Iterator[str]:
        start = self._prefix + (f"{path[1:]}/" if path != "/" else "")
        after = ""
        while True:
            page = self._vault.list(start, "/", after, _PAGE)
            names = [one.removesuffix("/") for one in page.prefixes] + [one.name for one in page.versions]
            yield from (name[len(start) :] for name in names if _is_shown(name[len(start) :]))
            after = page.after
            if not after:
                return


class _File:
    """One open file: a version, and the bytes around where it was read last."""

    def __init__(self, vault: Vault, version: Version) -> None:
        self._vault, self._version = vault, version
        self._guard = threading.Lock()
        self._start, self._held = 0, b""

    def read(self, offset: int, size: int) -> bytes:
        stop = min(offset + size, self._version.length)
        if offset >= stop:
            return b""
        with self._guard:
            if not self._start <= offset <= stop <= self._start + len(self._held):
                ahead = min(max(stop, offset + _AHEAD), self._version.length)
                self._held = b"".join(self._vault.get(self._version.name, self._version.id, offset, ahead))
                self._start = offset
            return self._held[offset - self._start : stop - self._start]


def mount(vault: Vault, folder: Path, prefix: str = "", ready: Callable[[], None] = lambda: None) -> None:
    """Serve until Ctrl-C or `umount`. ready: called just before. Raises InputError where this system has no FUSE."""
    try:
        fuse: Any = import_module("mfusepy")
    except (ImportError, OSError, AttributeError) as error:
        raise InputError(
            f"a mount needs FUSE: pip install mfusepy, and libfuse of the system ({error}); programs read the same "
            "through bailee:// paths or the S3 door, without it"
        ) from None
    if not folder.is_dir():
        raise InputError(f"expected a folder to mount at, got {folder}; make it first")
    ready()
    operations = type("Operations", (Tree, fuse.Operations), {})(vault, prefix)
    try:
        fuse.FUSE(operations, str(folder), foreground=True, ro=True, fsname="bailee")
    except RuntimeError as error:
        if error.args[0] != _SIGNALLED:
            raise StorageError(
                f"{folder} cannot be mounted (libfuse says {error.args[0]}): is /dev/fuse there, and may you use it?"
            ) from None


def _is_shown(part: str) -> bool:
    return part not in ("", ".", "..") and "/" not in part and len(part.encode()) <= _LONGEST


@contextmanager
def _errors() -> Iterator[None]:
    """The kernel knows numbers, no words."""
    try:
        yield
    except NotFoundError:
        raise FileNotFoundError(errno.ENOENT, "not there") from None
    except BaileeError as error:
        raise OSError(errno.EIO, str(error)) from None
