"""A small vault's ground for the tests of those who keep it: a real catalogue, stores in memory that misbehave."""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from bailee.adapters.catalogue import Catalogue, open_catalogue
from bailee.adapters.stores.entry import StoreEntry
from bailee.adapters.stores.memory import MemoryStore
from bailee.adapters.stores.store import Store, Stored, Writing
from bailee.errors import StoreError
from bailee.keys import Identity, Secret
from bailee.seal.vault.blobs.reading import read_blob
from bailee.seal.vault.blobs.writing import BlobWriter
from bailee.seal.vault.facts import Blob, Code, Placed, Policy
from bailee.seal.vault.ground import Ground
from bailee.seal.vault.history import add_blob
from bailee.seal.vault.home import put_entries
from bailee.seal.vault.journal import Journal, finishing
from bailee.seal.vault.keep.keeping import Keeping, best_places, find_blob
from bailee.seal.vault.keyring import Keyring
from bailee.seal.vault.rows import StoreNumbers
from bailee.seal.vault.timekeeping import Timekeeper

IDENTITY = Identity.generate("Ann")
SIX = Code(3, 6)


class Troubled:
    """A store in memory with a trouble: down, lying, full, flapping (every second call fails), truncating, short."""

    def __init__(self, name: str) -> None:
        self.inner, self.trouble, self.calls = MemoryStore(name), "", 0
        self.read_bytes = self.written_bytes = 0
        self._guard = threading.Lock()

    @property
    def name(self) -> str:
        return self.inner.name

    def _call(self) -> None:
        with self._guard:
            self.calls += 1
            fails = self.trouble == "down" or (self.trouble == "flapping" and self.calls % 2)
        if fails:
            raise StoreError(f"store {self.name}: does not answer")

    def write(self, path: str) -> Writing:
        self._call()
        if self.trouble == "full":
            raise StoreError(f"store {self.name}: no space left")
        return _Counted(self, self.inner.write(path))

    def read(self, path: str, offset: int = 0, length: int | None = None) -> bytes:
        self._call()
        data = self.inner.read(path, offset, length)
        with self._guard:
            self.read_bytes += len(data)
        match self.trouble:
            case "lying":
                return bytes(len(data)) if any(data) else b"\1" * len(data)
            case "truncating":
                return data[:-1]
            case "short":
                raise StoreError(f"store {self.name}: expected {len(data)} bytes, got {len(data) - 1}")
        return data

    def delete(self, path: str) -> None:
        self._call()
        self.inner.delete(path)

    def paths(self, prefix: str = "") -> Iterator[Stored]:
        self._call()
        yield from self.inner.paths(prefix)


class _Counted:
    def __init__(self, store: Troubled, writing: Writing) -> None:
        self._store, self._writing = store, writing

    def write(self, data: bytes | memoryview) -> None:
        if self._store.trouble == "full":
            raise StoreError(f"store {self._store.name}: no space left")
        self._store.written_bytes += len(data)
        self._writing.write(data)

    def finish(self) -> None:
        self._writing.finish()

    def abandon(self) -> None:
        self._writing.abandon()


@dataclass
class World:
    keeping: Keeping
    stores: dict[str, Troubled]
    clock: list[float]
    blobs: dict[bytes, tuple[Blob, Secret, bytes]] = field(default_factory=dict)

    @property
    def catalogue(self) -> Catalogue:
        return self.keeping.catalogue

    def ground(self) -> Ground:
        keeping = self.keeping
        with self.catalogue.reading() as connection:
            numbers = StoreNumbers(connection)
        journal = Journal(self.catalogue, keeping.keyring, keeping.time)
        return Ground(keeping.keyring, self.catalogue, keeping.time, journal, numbers, keeping.stores)

    def put(self, size: int = 5000) -> Blob:
        """A blob of `size` random bytes, as a put stores it; stores that are in trouble do not get theirs."""
        blob_id, key, data = secrets.token_bytes(16), Secret(secrets.token_bytes(32)), secrets.token_bytes(size)
        code, ground = self.keeping.policy.code, self.ground()
        unplaced = Blob(blob_id, code, 0, bytes(32), tuple(Placed(j, "", bytes(32)) for j in range(code.n)))
        targets: list[Store | None] = [self.keeping.stores[one.name] for one in best_places(self.keeping, unplaced)]
        writer = BlobWriter(
            blob_id, key, code, targets + [None] * (code.n - len(targets)), self.keeping.keyring.naming,
            self.keeping.policy.enough,
        )  # fmt: skip
        writer.write(data)
        blob = writer.finish()
        self.catalogue.change(lambda unit: add_blob(unit, ground, blob, self.clock[0]))
        self.blobs[blob_id] = blob, key, data
        return blob

    def now(self, blob: Blob) -> Blob:
        with self.catalogue.reading() as connection:
            found = find_blob(connection, blob.id)
        assert found is not None
        return found

    def path(self, blob: Blob, index: int) -> str:
        return self.keeping.keyring.naming.path(blob.id, index)

    def fragment(self, blob: Blob, index: int) -> bytearray:
        """The bytes of a fragment where it lies, to be changed."""
        return self.stores[self.now(blob).fragments[index].store].inner.strings[self.path(blob, index)]

    def lose(self, blob: Blob, index: int) -> None:
        del self.stores[self.now(blob).fragments[index].store].inner.strings[self.path(blob, index)]

    def check(self) -> None:
        """Every blob reads back, and every fragment lies whole where the catalogue says, on a store of its own."""
        for blob, key, data in self.blobs.values():
            found = self.now(blob)
            names = [one.store for one in found.fragments]
            assert "" not in names
            assert len(set(names)) == len(names)
            assert b"".join(read_blob(found, key, self.keeping.stores, self.keeping.keyring.naming)) == data

    def change_stores(self, entries: Sequence[StoreEntry]) -> None:
        """The stores are these from now on; those that are new are empty."""
        self.catalogue.change(lambda unit: put_entries(unit.connection, entries))
        for one in entries:
            self.stores.setdefault(one.name, Troubled(one.name))
        self.keeping = replace(self.keeping, entries=tuple(entries), stores=dict(self.stores))

    def events(self) -> list[str]:
        return [json.loads(event.entry)["event"] for event in self.ground().journal.events()]


def world(folder: Path, code: Code = SIX, stores: int = 8, providers: int = 8) -> World:
    clock = [1_800_000_000.0]
    time = Timekeeper(lambda: clock[0], lambda: clock[0])
    catalogue = open_catalogue(f"sqlite:///{folder}/catalogue.db", finishing(time))
    entries = [StoreEntry(f"s{j}", f"/nowhere/s{j}", provider=f"p{j % providers}") for j in range(stores)]
    keyring = Keyring(IDENTITY, bytes(16), Secret(secrets.token_bytes(32)))
    made = World(Keeping(catalogue, keyring, time, (), {}, Policy(code, min(code.n, code.k + 1))), {}, clock)
    made.change_stores(entries)
    return made
