"""A store around a store that does what stores do at their worst: down, slow, lying, full, flapping, cutting short."""

from __future__ import annotations

import threading
from collections.abc import Iterator

from bailee.adapters.stores.store import Store, Stored, Writing
from bailee.errors import StoreError


class FaultyStore:
    """Each fault is an attribute and may change at any time. Counts what it reads and writes.

    down: every call fails. full: writes fail after so many bytes. lies: reads come back with a bit changed. cuts: reads
    come back one byte short. flaps: every other call fails. gate: while clear, calls hang until it is set.
    """

    def __init__(self, store: Store) -> None:
        self.inner = store
        self.name = store.name
        self.down = self.lies = self.cuts = self.flaps = self.breaks = False
        self.full: int | None = None
        self.gate = threading.Event()
        self.gate.set()
        self.bytes_read = self.bytes_written = self.reads = self.calls = 0
        self._lock = threading.Lock()

    def write(self, path: str) -> _FaultyWriting:
        self._call()
        return _FaultyWriting(self, self.inner.write(path))

    def read(self, path: str, offset: int = 0, length: int | None = None) -> bytes:
        self._call()
        data = self.inner.read(path, offset, length)
        with self._lock:
            self.reads += 1
            self.bytes_read += len(data)
        if self.lies and data:
            middle = len(data) // 2
            data = data[:middle] + bytes([data[middle] ^ 0x10]) + data[middle + 1 :]
        return data[:-1] if self.cuts else data

    def delete(self, path: str) -> None:
        self._call()
        self.inner.delete(path)

    def paths(self, prefix: str = "") -> Iterator[Stored]:
        self._call()
        yield from self.inner.paths(prefix)

    def _call(self) -> None:
        self.gate.wait(30)
        with self._lock:
            self.calls += 1
            turn = self.calls
        if self.breaks:
            raise ZeroDivisionError("a defect in a store's client")
        if self.down or (self.flaps and turn % 2):
            raise StoreError(f"store {self.name}: does not answer")


class _FaultyWriting:
    def __init__(self, store: FaultyStore, inner: Writing) -> None:
        self._store, self._inner, self._size = store, inner, 0

    def write(self, data: bytes | memoryview) -> None:
        self._store._call()
        self._size += len(data)
        if self._store.full is not None and self._size > self._store.full:
            raise StoreError(f"store {self._store.name}: no space left")
        with self._store._lock:
            self._store.bytes_written += len(data)
        self._inner.write(data)

    def finish(self) -> None:
        self._store._call()
        self._inner.finish()

    def abandon(self) -> None:
        self._inner.abandon()
