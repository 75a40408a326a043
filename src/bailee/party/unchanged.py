"""What names a file's state, so that what was read of it, and its signature checked, need not be again."""

from __future__ import annotations

from pathlib import Path
from typing import TypeAlias

Stamp: TypeAlias = tuple[int, int, int]
"""Time of the last change in nanoseconds, bytes, inode."""


def stamp_of(path: Path) -> Stamp:
    """Zeros where nothing is there. Files here are replaced, never written into, so that a change has another inode."""
    try:
        found = path.stat()
    except OSError:
        return 0, 0, 0
    return found.st_mtime_ns, found.st_size, found.st_ino
