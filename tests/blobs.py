"""Blobs on stores in memory, for the tests of the vault's engine."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from bailee.adapters.stores.memory import MemoryStore
from bailee.adapters.stores.store import Store
from bailee.errors import StorageError
from bailee.keys import Secret
from bailee.seal.vault.blobs.fragments import NamingKey
from bailee.seal.vault.blobs.pace import Pace
from bailee.seal.vault.blobs.reading import read_blob
from bailee.seal.vault.blobs.writing import BlobWriter
from bailee.seal.vault.facts import Blob, Code
from faulty import FaultyStore

NAMING = NamingKey(Secret(b"n" * 32))
KEY = Secret(b"k" * 32)


@dataclass
class Shelf:
    """A blob and its stores; stores[j] holds fragment j."""

    blob: Blob
    stores: list[FaultyStore]
    faults: list[tuple[str, int, str]] = field(default_factory=list)

    @property
    def by_name(self) -> dict[str, Store]:
        return {store.name: store for store in self.stores}

    def path(self, index: int) -> str:
        return NAMING.path(self.blob.id, index)

    def string(self, index: int) -> bytearray:
        """The bytes of a fragment as they lie on its store: change them at will."""
        inner = self.stores[index].inner
        assert isinstance(inner, MemoryStore)
        return inner.strings[self.path(index)]

    def read(self, start: int = 0, stop: int | None = None, pace: Pace | None = None) -> bytes:
        found = read_blob(self.blob, KEY, self.by_name, NAMING, start, stop, on_fault=self.on_fault, pace=pace)
        return b"".join(found)

    def on_fault(self, store: Store, index: int, error: StorageError) -> None:
        self.faults.append((store.name, index, str(error)))


def stores(count: int) -> list[FaultyStore]:
    return [FaultyStore(MemoryStore(f"s{number}")) for number in range(count)]


def writer(
    code: Code,
    targets: Sequence[Store | None],
    need: int | None = None,
    *,
    workers: int = 1,
    patience: float = 10.0,
) -> BlobWriter:
    return BlobWriter(
        secrets.token_bytes(16), KEY, code, targets, NAMING, need or code.n, workers=workers, patience=patience
    )


def shelf(code: Code, data: bytes, chunk: int = 1 << 20, *, workers: int = 1) -> Shelf:
    targets = stores(code.n)
    with writer(code, targets, workers=workers) as writing:
        for start in range(0, len(data), chunk):
            writing.write(data[start : start + chunk])
        return Shelf(writing.finish(), targets)


def unhurried(names: Iterable[str]) -> Pace:
    """As if these had always taken 20 seconds: none is late, so who is asked does not depend on a machine's load."""
    pace = Pace()
    for name in names:
        pace.answered(name, 20.0)
    return pace


def each(code: Code, make: Callable[[int], Store]) -> Mapping[int, Store]:
    return {index: make(index) for index in range(code.n)}
