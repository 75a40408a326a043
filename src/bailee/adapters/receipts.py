"""Payments and what they were for, in SQLite: a payment is bound to one request before it is cashed, for good.

The primary key is the payment's name (network, currency, payer, nonce), so two requests can never share one; what is
written is on disk when a call returns (write-ahead log, `synchronous=FULL`). Safe from several threads and processes.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bailee.errors import StorageError

_FORMAT = 1
_SCHEMA = """
CREATE TABLE IF NOT EXISTS payments (
    network TEXT NOT NULL, currency TEXT NOT NULL, payer TEXT NOT NULL, nonce TEXT NOT NULL,
    request TEXT NOT NULL, answer BLOB NOT NULL, block INTEGER NOT NULL, valid_before INTEGER NOT NULL,
    cashed TEXT, PRIMARY KEY (network, currency, payer, nonce)) WITHOUT ROWID
"""


@dataclass(frozen=True)
class PaymentName:
    """network: CAIP-2; currency, payer: addresses in lower case; nonce: hex."""

    network: str
    currency: str
    payer: str
    nonce: str

    @property
    def values(self) -> tuple[str, str, str, str]:
        return self.network, self.currency, self.payer, self.nonce


@dataclass(frozen=True)
class BoundPayment:
    """request: digest of what is paid for; block: the chain's newest when it was bound; cashed: hash of the transaction
    that moved the money, hex, None as long as that is not known."""

    request: str
    answer: bytes
    block: int
    cashed: str | None


class Receipts:
    """Opened at a file, made if absent (0600), or in memory for None."""

    def __init__(self, path: Path | None = None) -> None:
        self._path, self._turn = path, threading.Lock()
        with self._errors():
            if path is not None:
                path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
            self._sql = sqlite3.connect(path or ":memory:", isolation_level=None, check_same_thread=False, timeout=60)
            self._sql.execute("PRAGMA journal_mode=WAL")
            self._sql.execute("PRAGMA synchronous=FULL")
            if self._sql.execute("PRAGMA user_version").fetchone()[0] not in (0, _FORMAT):
                raise StorageError(f"{path} was written by a newer Bailee; open it with that one")
            self._sql.execute(_SCHEMA)
            self._sql.execute(f"PRAGMA user_version={_FORMAT}")

    def close(self) -> None:
        self._sql.close()

    def find(self, name: PaymentName) -> BoundPayment | None:
        row = self._run(
            "SELECT request, answer, block, cashed FROM payments"
            " WHERE network=? AND currency=? AND payer=? AND nonce=?",
            *name.values,
        ).fetchone()
        return None if row is None else BoundPayment(*row)

    def bind(self, name: PaymentName, request: str, answer: bytes, block: int, valid_before: int) -> BoundPayment:
        """Bind it to that request, unless it is bound; what it is bound to."""
        self._run(
            "INSERT OR IGNORE INTO payments VALUES (?,?,?,?,?,?,?,?,NULL)",
            *name.values, request, answer, block, min(valid_before, 2**62),
        )  # fmt: skip
        found = self.find(name)
        if found is None:
            raise StorageError(f"{self._path}: what was just written is not there")
        return found

    def cash(self, name: PaymentName, transaction: str) -> None:
        """The money has moved, by that transaction; the first one told stands."""
        self._run(
            "UPDATE payments SET cashed=? WHERE network=? AND currency=? AND payer=? AND nonce=? AND cashed IS NULL",
            transaction, *name.values,
        )  # fmt: skip

    def newest(self, most: int) -> list[tuple[PaymentName, BoundPayment]]:
        """The last `most` by block, without their answers."""
        rows = self._run(
            "SELECT network, currency, payer, nonce, request, block, cashed FROM payments"
            " ORDER BY block DESC, nonce LIMIT ?",
            most,
        ).fetchall()
        return [(PaymentName(*row[:4]), BoundPayment(row[4], b"", row[5], row[6])) for row in rows]

    def forget(self, before: int) -> int:
        """Drop those that were never cashed and can be no more: valid until earlier than `before`. How many."""
        return int(self._run("DELETE FROM payments WHERE cashed IS NULL AND valid_before < ?", before).rowcount)

    def _run(self, statement: str, *values: object) -> sqlite3.Cursor:
        with self._errors(), self._turn:
            return self._sql.execute(statement, values)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise StorageError(f"the receipts at {self._path or 'memory'} cannot be read or written: {error}") from None
