"""A catalogue of many objects, filled past the vault: the rows, keys and log entries that as many puts would leave.

Every object has one version of one blob of the same bytes, so one fragment a store stands for all (`OneString`), and
audits, listings and checks of the log run as they would over stores that hold everything.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from bailee.adapters.catalogue import open_catalogue
from bailee.adapters.stores.entry import StoreEntry
from bailee.adapters.stores.memory import MemoryStore
from bailee.keys import Identity, Secret
from bailee.records import tree
from bailee.seal.vault.blobs.writing import BlobWriter
from bailee.seal.vault.facts import Code, Policy
from bailee.seal.vault.home import put_entries
from bailee.seal.vault.journal import entry, finishing
from bailee.seal.vault.keep.keeping import Keeping
from bailee.seal.vault.keyring import Keyring
from bailee.seal.vault.timekeeping import Timekeeper

CODE = Code(8, 12)
LENGTH = 60_000
_CREATED = 1.7e9
_PAGE = 100_000


class OneString(MemoryStore):
    """Holds one string, under any name; what is written is kept beside it."""

    def __init__(self, name: str, string: bytes) -> None:
        super().__init__(name)
        self._string = string

    def read(self, path: str, offset: int = 0, length: int | None = None) -> bytes:
        return self._string[offset : None if length is None else offset + length]


class FullCatalogue:
    """In `folder`, which is empty. `keeping` is open except while it is filled."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "catalogue.db"
        self._keyring = Keyring(Identity.generate("bench"), bytes(16), Secret(secrets.token_bytes(32)))
        shelf = [MemoryStore(f"s{j}") for j in range(CODE.n)]
        key = Secret(secrets.token_bytes(32))
        with BlobWriter(bytes(16), key, CODE, shelf, self._keyring.naming, CODE.n) as writer:
            writer.write(os.urandom(LENGTH))
            self._blob = writer.finish()
        self._stores = {one.name: OneString(one.name, bytes(*one.strings.values())) for one in shelf}
        self._log = tree.Accumulator()
        self.objects = 0
        self.keeping = self._open()

    def _open(self) -> Keeping:
        time = Timekeeper()
        catalogue = open_catalogue(f"sqlite:///{self._file}", finishing(time))
        entries = tuple(StoreEntry(name, f"/nowhere/{name}", provider=name) for name in self._stores)
        catalogue.change(lambda unit: put_entries(unit.connection, entries))
        return Keeping(catalogue, self._keyring, time, entries, self._stores, Policy(CODE))

    @property
    def bytes(self) -> int:
        return sum(path.stat().st_size for path in self._file.parent.iterdir())

    def close(self) -> None:
        self.keeping.catalogue.close()

    def grow(self, objects: int) -> None:
        """To so many objects. Nobody else has the catalogue open meanwhile."""
        with self.keeping.catalogue.reading() as connection:  # audits have written to the log since
            size, peaks = connection.exec_driver_sql("SELECT size, peaks FROM state").one()
        self._log = tree.Accumulator(size, [peaks[at : at + 32] for at in range(0, len(peaks), 32)])
        self.close()
        connection = sqlite3.connect(self._file, isolation_level=None)
        for pragma in ("synchronous=OFF", "journal_mode=OFF", "cache_size=-500000", "foreign_keys=OFF"):
            connection.execute(f"PRAGMA {pragma}")
        while self.objects < objects:
            stop = min(self.objects + _PAGE, objects)
            connection.execute("BEGIN")
            self._fill(connection, range(self.objects + 1, stop + 1))
            connection.execute("COMMIT")
            self.objects = stop
        connection.execute("PRAGMA journal_mode=WAL")
        connection.close()
        self.keeping = self._open()

    def _fill(self, connection: sqlite3.Connection, rows: range) -> None:
        ids = {row: secrets.token_bytes(16) for row in rows}
        names = {row: f"folder-{row // 100:06d}/object-{row:09d}" for row in rows}
        run = connection.executemany
        run("INSERT INTO objects VALUES (?, ?, 1, ?, 1)", ((row, names[row], row) for row in rows))
        told = (_CREATED, LENGTH, "0" * 32, 0, "application/octet-stream", "", None, None, 0, None)
        run(_insert("versions", 14), ((row, ids[row], row, 1, *told) for row in rows))
        _, sealed = self._keyring.new_version_key(bytes(16))  # one for all: here only its length counts
        run("INSERT INTO keys VALUES (?, ?)", ((row, sealed) for row in rows))
        packed = b"".join((j + 1).to_bytes(2, "big") + one.root for j, one in enumerate(self._blob.fragments))
        shape = (CODE.k, CODE.n, LENGTH, self._blob.commitment, packed, _CREATED)
        run(_insert("blobs", 8), ((row, secrets.token_bytes(16), *shape) for row in rows))
        wrapped = secrets.token_bytes(48)
        run("INSERT INTO parts VALUES (?, 0, ?, ?, '')", ((row, row, wrapped) for row in rows))
        nodes: list[tuple[int, int, bytes]] = []
        run("INSERT INTO leaves VALUES (?, ?)", self._events(rows, names, ids, nodes))
        run("INSERT INTO nodes VALUES (?, ?, ?)", nodes)
        connection.execute("UPDATE state SET size = ?, peaks = ?", (self._log.size, b"".join(self._log.peaks)))

    def _events(
        self, rows: range, names: dict[int, str], ids: dict[int, bytes], nodes: list[tuple[int, int, bytes]]
    ) -> Iterator[tuple[int, bytes]]:
        name, version, content = "n" * 64, "v" * 32, "c" * 64
        like = entry("put", _CREATED, name=name, version=version, content=content)
        for row in rows:
            event = like.replace(name.encode(), self._keyring.log_name(names[row]).encode())
            event = event.replace(version.encode(), ids[row].hex().encode())
            event = event.replace(content.encode(), secrets.token_hex(32).encode())
            seq = self._log.size
            nodes += self._log.append(tree.leaf_hash(event))
            yield seq, event


def _insert(table: str, columns: int) -> str:
    return f"INSERT INTO {table} VALUES ({', '.join('?' * columns)})"
