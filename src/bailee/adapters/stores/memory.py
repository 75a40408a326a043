"""A store in this process's memory: for tests and benchmarks."""

from __future__ import annotations

import time
from collections.abc import Iterator

from bailee.adapters.stores.paths import checked, checked_range
from bailee.adapters.stores.store import Stored, Writing
from bailee.errors import MissingError, StoreError


class MemoryStore:
    """Strings in a dict. Finishing is one assignment, so readers see the old string or the new one."""

    is_at_once = True

    def __init__(self, name: str) -> None:
        self.name = name
        self.strings: dict[str, bytearray] = {}
        self.modified: dict[str, float] = {}

    def __repr__(self) -> str:
        return f"MemoryStore({self.name})"

    def write(self, path: str) -> Writing:
        return _Growing(self, checked(path))

    def read(self, path: str, offset: int = 0, length: int | None = None) -> bytes:
        checked_range(checked(path), offset, length)
        found = self.strings.get(path)
        if found is None:
            raise MissingError(f"store {self.name}: nothing is under {path}")
        stop = len(found) if length is None else offset + length
        if max(offset, stop) > len(found):
            raise StoreError(f"store {self.name}: {path} has {len(found)} bytes, asked for {offset} to {stop}")
        return bytes(memoryview(found)[offset:stop])

    def delete(self, path: str) -> None:
        self.strings.pop(checked(path), None)

    def paths(self, prefix: str = "") -> Iterator[Stored]:
        for path, found in list(self.strings.items()):
            if path.startswith(prefix):
                yield Stored(path, len(found), self.modified[path])


class _Growing:
    def __init__(self, store: MemoryStore, path: str) -> None:
        self._store, self._path, self._data = store, path, bytearray()

    def write(self, data: bytes | memoryview) -> None:
        self._data += data

    def finish(self) -> None:
        self._store.modified[self._path] = time.time()
        self._store.strings[self._path] = self._data

    def abandon(self) -> None:
        self._data = bytearray()
