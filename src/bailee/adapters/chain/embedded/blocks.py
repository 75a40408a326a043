"""Blocks, transactions, receipts and logs in SQLite. A block that is in here is acknowledged: this is the truth.

Write-ahead log and `synchronous=FULL`: a block is on disk when `append` returns. Hashes, addresses, topics are bytes.
One process has the file open (`ledger.py` holds the lock); the caller lets in one thread at a time.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ethereum_rlp import rlp

from bailee.adapters.chain.embedded import specification as spec
from bailee.adapters.chain.embedded.execution import Sealed
from bailee.errors import StorageError

FORMAT = 1
LOGS_AT_ONCE = 10_000
_SCHEMA = """
CREATE TABLE facts (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE blocks (
    number INTEGER PRIMARY KEY, hash BLOB NOT NULL UNIQUE, header BLOB NOT NULL, withdrawals BLOB NOT NULL);
CREATE TABLE transactions (
    block INTEGER NOT NULL, position INTEGER NOT NULL, hash BLOB NOT NULL UNIQUE, raw BLOB NOT NULL,
    sender BLOB NOT NULL, succeeded INTEGER NOT NULL, gas_used INTEGER NOT NULL, cumulative_gas INTEGER NOT NULL,
    price TEXT NOT NULL, contract BLOB, output BLOB NOT NULL, PRIMARY KEY (block, position)) WITHOUT ROWID;
CREATE TABLE logs (
    block INTEGER NOT NULL, position INTEGER NOT NULL, in_transaction INTEGER NOT NULL, address BLOB NOT NULL,
    topic0 BLOB, topic1 BLOB, topic2 BLOB, topic3 BLOB, data BLOB NOT NULL,
    PRIMARY KEY (block, position)) WITHOUT ROWID;
CREATE INDEX logs_of_address ON logs (address, topic0, block);
CREATE INDEX logs_of_topic0 ON logs (topic0, block);
CREATE INDEX logs_of_topic1 ON logs (topic1, block) WHERE topic1 IS NOT NULL;
CREATE INDEX logs_of_topic2 ON logs (topic2, block) WHERE topic2 IS NOT NULL;
"""


@dataclass(frozen=True)
class KeptBlock:
    header: Any
    hash: bytes
    withdrawals: tuple[Any, ...]

    @property
    def number(self) -> int:
        return int(self.header.number)


@dataclass(frozen=True)
class KeptTransaction:
    """A transaction and the facts of its receipt."""

    block: int
    position: int
    hash: bytes
    raw: bytes
    sender: bytes
    succeeded: bool
    gas_used: int
    cumulative_gas: int
    price: int
    contract: bytes | None
    output: bytes


@dataclass(frozen=True)
class KeptLog:
    """`position` counts in its block, `in_transaction` is its transaction's position there."""

    block: int
    position: int
    in_transaction: int
    address: bytes
    topics: tuple[bytes, ...]
    data: bytes


class Blocks:
    """An open store. Every failure of SQLite is a StorageError."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._sql = connection

    @classmethod
    def open(cls, path: Path | None) -> Blocks:
        """The store in the file at `path`, made if absent; None: one in memory."""
        with _failures(path):
            if path is not None:
                os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
            sql = sqlite3.connect(path or ":memory:", isolation_level=None, check_same_thread=False)
            sql.execute("PRAGMA journal_mode=WAL")
            sql.execute("PRAGMA synchronous=FULL")
            if not sql.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                sql.executescript(f"BEGIN; {_SCHEMA} PRAGMA user_version={FORMAT}; COMMIT;")
            found = sql.execute("PRAGMA user_version").fetchone()[0]
        if found != FORMAT:
            raise StorageError(f"{path} is of format {found}, this Bailee reads {FORMAT}; use the one that wrote it")
        return cls(sql)

    def close(self) -> None:
        self._sql.close()

    def fact(self, name: str) -> bytes | None:
        row = self._one("SELECT value FROM facts WHERE name = ?", name)
        return None if row is None else bytes(row[0])

    def head(self) -> KeptBlock | None:
        row = self._one("SELECT header, hash, withdrawals FROM blocks ORDER BY number DESC LIMIT 1")
        return None if row is None else _block(row)

    def block(self, which: int | bytes) -> KeptBlock | None:
        """By number, or by hash."""
        column = "hash" if isinstance(which, bytes) else "number"
        row = self._one(f"SELECT header, hash, withdrawals FROM blocks WHERE {column} = ?", which)  # noqa: S608
        return None if row is None else _block(row)

    def hashes_before(self, number: int, count: int = 256) -> list[bytes]:
        """Of the `count` blocks before that number at most, oldest first."""
        rows = self._all(
            "SELECT hash FROM blocks WHERE number >= ? AND number < ? ORDER BY number", max(0, number - count), number
        )
        return [bytes(row[0]) for row in rows]

    def transactions(self, block: int) -> list[KeptTransaction]:
        return [_transaction(row) for row in self._all(f"{_TRANSACTION} WHERE block = ? ORDER BY position", block)]

    def transaction(self, hash_: bytes) -> KeptTransaction | None:
        row = self._one(f"{_TRANSACTION} WHERE hash = ?", hash_)
        return None if row is None else _transaction(row)

    def transaction_at(self, block: int, position: int) -> KeptTransaction | None:
        row = self._one(f"{_TRANSACTION} WHERE block = ? AND position = ?", block, position)
        return None if row is None else _transaction(row)

    def logs_of_block(self, block: int) -> list[KeptLog]:
        return [_log(row) for row in self._all(f"{_LOG} WHERE block = ? ORDER BY position", block)]

    def logs_of_transaction(self, block: int, position: int) -> list[KeptLog]:
        asked = f"{_LOG} WHERE block = ? AND in_transaction = ? ORDER BY position"
        return [_log(row) for row in self._all(asked, block, position)]

    def logs(
        self, first: int, last: int, addresses: Sequence[bytes], topics: Sequence[Sequence[bytes]]
    ) -> list[KeptLog]:
        """Of blocks `first` to `last`, from any of `addresses` (all if none), in order. At most LOGS_AT_ONCE + 1.

        topics: for each place the alternatives; an empty list lets anything through, also no topic there.
        """
        where, values = ["block BETWEEN ? AND ?"], [first, last]  # type: list[str], list[Any]
        if addresses:
            where.append(f"address IN ({_marks(addresses)})")
            values += addresses
        for place, alternatives in enumerate(topics):
            if alternatives:
                where.append(f"topic{place} IN ({_marks(alternatives)})")
                values += alternatives
        # A filter of n places matches only logs of n topics or more (the JSON-RPC specification).
        if topics:
            where.append(f"topic{len(topics) - 1} IS NOT NULL")
        asked = f"{_LOG} WHERE {' AND '.join(where)} ORDER BY block, position LIMIT {LOGS_AT_ONCE + 1}"
        return [_log(row) for row in self._all(asked, *values)]

    def withdrawals_made(self) -> int:
        found = self.fact("withdrawals")
        return 0 if found is None else int.from_bytes(found, "big")

    def append(self, sealed: Sealed, facts: dict[str, bytes] | None = None) -> None:
        """The next block, and facts beside it, on disk when this returns: all of it or, on failure, nothing."""
        number = int(sealed.header.number)
        with self._writing():
            self._sql.execute(
                "INSERT INTO blocks VALUES (?, ?, ?, ?)",
                (number, sealed.hash, rlp.encode(sealed.header), rlp.encode(sealed.withdrawals)),
            )
            logs = 0
            for position, one in enumerate(sealed.outcomes):
                self._sql.execute(
                    "INSERT INTO transactions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (
                        number, position, one.hash, one.raw, one.sender, one.succeeded, one.gas_used,
                        one.cumulative_gas, str(one.price), one.contract, one.output,
                    ),
                )  # fmt: skip
                for log in one.logs:
                    topics = [bytes(topic) for topic in log.topics] + [None] * (4 - len(log.topics))
                    row = (number, logs, position, bytes(log.address), *topics, bytes(log.data))
                    self._sql.execute("INSERT INTO logs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
                    logs += 1
            made = self.withdrawals_made() + len(sealed.withdrawals)
            for name, value in {**(facts or {}), "withdrawals": made.to_bytes(8, "big")}.items():
                self._sql.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, value))

    def drop_after(self, number: int, withdrawals: int) -> None:
        """Forget the blocks after that number: only chains in memory, for tests, ever go back."""
        with self._writing():
            for table, column in (("blocks", "number"), ("transactions", "block"), ("logs", "block")):
                self._sql.execute(f"DELETE FROM {table} WHERE {column} > ?", (number,))  # noqa: S608
            self._sql.execute(
                "UPDATE facts SET value = ? WHERE name = 'withdrawals'", (withdrawals.to_bytes(8, "big"),)
            )

    @contextmanager
    def _writing(self) -> Iterator[None]:
        with _failures(None):
            self._sql.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._sql.execute("COMMIT")
            except BaseException:
                if self._sql.in_transaction:
                    self._sql.execute("ROLLBACK")
                raise

    def _one(self, asked: str, *values: Any) -> Any:
        with _failures(None):
            return self._sql.execute(asked, values).fetchone()

    def _all(self, asked: str, *values: Any) -> list[Any]:
        with _failures(None):
            return self._sql.execute(asked, values).fetchall()


_TRANSACTION = (
    "SELECT block, position, hash, raw, sender, succeeded, gas_used, cumulative_gas, price, contract, output "
    "FROM transactions"
)
_LOG = "SELECT block, position, in_transaction, address, topic0, topic1, topic2, topic3, data FROM logs"


def _marks(values: Sequence[bytes]) -> str:
    return ", ".join("?" * len(values))


def _block(row: Any) -> KeptBlock:
    withdrawals = tuple(rlp.decode_to(spec.blocks.Withdrawal, rlp.encode(one)) for one in _sequence(row[2]))
    return KeptBlock(rlp.decode_to(spec.blocks.Header, bytes(row[0])), bytes(row[1]), withdrawals)


def _sequence(data: bytes) -> Sequence[Any]:
    found = rlp.decode(bytes(data))
    return found if not isinstance(found, bytes) else ()


def _transaction(row: Any) -> KeptTransaction:
    values: list[Any] = list(row)
    values[5], values[8] = bool(row[5]), int(row[8])
    return KeptTransaction(*values)


def _log(row: Any) -> KeptLog:
    topics = tuple(topic for topic in row[4:8] if topic is not None)
    return KeptLog(row[0], row[1], row[2], row[3], topics, row[8])


@contextmanager
def _failures(path: Path | None) -> Iterator[None]:
    about = "the chain's blocks" if path is None else str(path)
    try:
        yield
    except sqlite3.Error as error:
        raise StorageError(f"cannot use {about}: {error}; free space, or restore the file from a backup") from None
    except OSError as error:
        raise StorageError(f"cannot use {about}: {error.strerror or error}") from None
