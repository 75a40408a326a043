"""Work in the background that leaves the line to others: bytes are counted, and held to a rate."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

from bailee.adapters.stores.store import Store, Stored, Writing
from bailee.errors import InputError


class Throttle:
    """At most `rate` bytes a second, over any longer while; None: as fast as it goes. Safe to use from several threads.

    passed, sleep: seconds that never jump, and how to wait for some.
    """

    def __init__(
        self,
        rate: float | None = None,
        passed: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        if rate is not None and rate <= 0:
            raise InputError(f"expected a rate of more than 0 bytes a second, got {rate}")
        self._rate, self._passed, self._sleep = rate, passed, sleep
        self._guard = threading.Lock()
        self._free = passed()
        self.read = self.written = 0

    def spend(self, read: int = 0, written: int = 0) -> None:
        """Count bytes that were moved, and wait until so many were due."""
        with self._guard:
            self.read, self.written = self.read + read, self.written + written
            if self._rate is None:
                return
            now = self._passed()
            # Time that was not used is lost: a pause is not followed by a flood.
            self._free = max(self._free, now) + (read + written) / self._rate
            wait = self._free - now
        if wait > 0:
            self._sleep(wait)


class Throttled:
    """A store whose bytes a `Throttle` counts."""

    def __init__(self, store: Store, throttle: Throttle) -> None:
        self._store, self._throttle = store, throttle

    @property
    def name(self) -> str:
        return self._store.name

    def write(self, path: str) -> Writing:
        return _ThrottledWriting(self._store.write(path), self._throttle)

    def read(self, path: str, offset: int = 0, length: int | None = None) -> bytes:
        data = self._store.read(path, offset, length)
        self._throttle.spend(read=len(data))
        return data

    def delete(self, path: str) -> None:
        self._store.delete(path)

    def paths(self, prefix: str = "") -> Iterator[Stored]:
        return self._store.paths(prefix)


class _ThrottledWriting:
    def __init__(self, writing: Writing, throttle: Throttle) -> None:
        self._writing, self._throttle = writing, throttle

    def write(self, data: bytes | memoryview) -> None:
        self._throttle.spend(written=len(data))
        self._writing.write(data)

    def finish(self) -> None:
        self._writing.finish()

    def abandon(self) -> None:
        self._writing.abandon()
