"""Proves chunks in a thread of its own, in order, while the trainer goes on; the kernels release the interpreter lock.

The thread is a daemon: a trainer that is stopped does not wait for a proof, and what is on disk is whole or absent.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")

_AHEAD = 2
"""Chunks that may wait to be proved: their boundaries lie in memory."""


class Proving(Generic[T]):
    """`work(item)` for each item put in, one after the other. What it raises, the next `put` or `finish` raises."""

    def __init__(self, work: Callable[[T], None]) -> None:
        self._work = work
        self._items: queue.Queue[T | None] = queue.Queue(_AHEAD)
        self._failed: BaseException | None = None
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="proving", daemon=True)
        self._thread.start()

    def put(self, item: T) -> None:
        """Waits while too many items wait already."""
        self._offer(item)

    def finish(self) -> None:
        """Waits until everything put in is done."""
        self._offer(None)
        self._thread.join()
        self._check()

    def stop(self) -> None:
        """Nothing more is begun; what is under way ends with the process at the latest."""
        self._stopped = True

    def _offer(self, item: T | None) -> None:
        while True:
            self._check()
            try:
                return self._items.put(item, timeout=0.2)
            except queue.Full:
                continue

    def _run(self) -> None:
        while True:
            item = self._items.get()
            if item is None or self._stopped:
                return
            try:
                self._work(item)
            except BaseException as error:
                self._failed = error
                return

    def _check(self) -> None:
        if self._failed is not None:
            raise self._failed
