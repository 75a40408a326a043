"""What the system has in memory of a file is read at once, in the caller's thread; all else is left to ordinary reads.

A read that may wait for a disk needs a thread of its own, so that a slow store holds nobody up. For a few KiB that are
in memory the thread costs more than the read. Linux says which is which: `openat2` with RESOLVE_CACHED opens only what
it need not look up on the disk, and a read with RWF_NOWAIT gives only what is in its page cache. Elsewhere, and where
a sandbox forbids it, nothing is at hand.
"""

from __future__ import annotations

import ctypes
import errno
import os
import sys
from functools import cache
from typing import Any, Protocol, runtime_checkable

_OPENAT2 = 437  # the same number on every architecture
_FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC
_NO_SYMLINKS, _CACHED = 0x04, 0x20
_HERE = -100


@runtime_checkable
class Near(Protocol):
    """A store that may have a string in memory."""

    def read_at_hand(self, path: str, offset: int, target: memoryview) -> bool:
        """Fill `target` from `offset` on. False, at once, where that would take waiting or is not possible."""


def read_cached(path: str, offset: int, target: memoryview) -> bool:
    """As `Near`, of a file by its absolute path, in which no link is followed."""
    how = _how()
    if how is None:
        return False
    handle = how.open(path)
    if handle < 0:
        return False
    try:
        return os.preadv(handle, [target], offset, os.RWF_NOWAIT) == len(target)
    except OSError:  # would wait, or is no file
        return False
    finally:
        os.close(handle)


class _How(ctypes.Structure):
    _fields_ = (("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64))


class _Opening:
    """The call, made with the interpreter held: it never waits."""

    def __init__(self, call: Any) -> None:
        self._how = _How(_FLAGS, 0, _NO_SYMLINKS | _CACHED)
        self._call, self._size = call, ctypes.sizeof(self._how)
        self._address = ctypes.addressof(self._how)

    def open(self, path: str) -> int:
        return int(self._call(_OPENAT2, _HERE, os.fsencode(path), self._address, self._size))


@cache
def _how() -> _Opening | None:
    if sys.platform != "linux" or not hasattr(os, "RWF_NOWAIT"):
        return None
    try:
        call = ctypes.PyDLL(None, use_errno=True).syscall
    except (AttributeError, OSError, TypeError):
        return None
    call.restype = ctypes.c_long
    call.argtypes = [ctypes.c_long, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p, ctypes.c_size_t]
    opening = _Opening(call)
    handle = opening.open("/")
    if handle >= 0:
        os.close(handle)
    elif ctypes.get_errno() != errno.EAGAIN:  # not known to this system, or forbidden
        return None
    return opening
