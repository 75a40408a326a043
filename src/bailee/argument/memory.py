"""Memory that large arrays had serves again. Prover only.

C's allocator gives every large array back to the system as soon as it is let go, and fresh memory costs more than what
is done with it: 1 to 5 seconds for each gigabyte on virtual machines. So whoever commits or proves does it under
`kept`, and from then on the whole process holds on to what is freed. When nobody has proved for a while it is given
back. Only glibc is told; elsewhere nothing changes.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from threading import Lock, Timer

IDLE = 30.0
"""Seconds after which freed memory goes back to the system: chunks of one training follow each other sooner."""

# malloc.h
_TRIM_THRESHOLD, _MMAP_MAX = -1, -4

_lock = Lock()
_users = 0
_timer: Timer | None = None


@contextmanager
def kept() -> Iterator[None]:
    """Freed memory stays with this process, meanwhile and for `IDLE` seconds more."""
    global _users, _timer
    _told()
    with _lock:
        _users += 1
        if _timer:
            _timer.cancel()
            _timer = None
    try:
        yield
    finally:
        with _lock:
            _users -= 1
            if not _users:
                _timer = Timer(IDLE, release)
                _timer.daemon = True
                _timer.start()


def release() -> None:
    """Give freed memory back now."""
    library = _told()
    if library is not None:
        library.malloc_trim(0)


@lru_cache(maxsize=1)
def _told() -> ctypes.CDLL | None:
    """The C library, told to take large arrays from its heap too and never to shrink it; None if not glibc."""
    if not sys.platform.startswith("linux"):
        return None
    library = ctypes.CDLL(None)
    if not hasattr(library, "gnu_get_libc_version"):
        return None
    library.mallopt(_MMAP_MAX, 0)
    library.mallopt(_TRIM_THRESHOLD, -1)
    return library
