"""Word of a changed bucket, from the worker that changed it to the others: eight bytes in memory that they share.

Settings of buckets are kept for a moment by each worker. A worker that switches versions on must be known to have done
so before its client is answered, or another worker would still drop older versions.
"""

from __future__ import annotations

import mmap
import secrets

_SIZE = 8


class Changes:
    """Shared with all processes that are forked from the one that made it."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, _SIZE)

    def seen(self) -> bytes:
        """Differs from what it was before any `tell`."""
        return self._memory[:]

    def tell(self) -> None:
        """After the change, before anybody is told of it."""
        self._memory[:] = secrets.token_bytes(_SIZE)
