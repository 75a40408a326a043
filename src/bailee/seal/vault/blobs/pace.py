"""How fast stores answer: what a reader remembers of them, so that it asks the fastest first."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

_WEIGHT = 0.3
_REST = 30.0
"""Seconds for which a store that failed is asked last."""


class Pace:
    """Recent answer times by store name, shared by all reads of a vault. Safe from several threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seconds: dict[str, float] = {}
        self._failed: dict[str, float] = {}
        self._lock = threading.Lock()

    def expected(self, store: str) -> float:
        """Seconds that an answer will take; 0 for a store never asked, so that it is tried."""
        with self._lock:
            return self._seconds.get(store, 0.0)

    def is_resting(self, store: str) -> bool:
        """It failed a moment ago."""
        with self._lock:
            failed = self._failed.get(store)
            return failed is not None and self._clock() - failed < _REST

    def answered(self, store: str, seconds: float) -> None:
        with self._lock:
            before = self._seconds.get(store, seconds)
            self._seconds[store] = before + _WEIGHT * (seconds - before)
            self._failed.pop(store, None)

    def late(self, store: str, seconds: float) -> None:
        """It was asked so long ago and has not answered."""
        with self._lock:
            self._seconds[store] = max(self._seconds.get(store, 0.0), seconds)

    def failed(self, store: str) -> None:
        with self._lock:
            self._failed[store] = self._clock()
