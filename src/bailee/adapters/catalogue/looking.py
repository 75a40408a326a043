"""Looking things up in SQLite: one statement on a connection of the driver's own, which is kept for the next one.

A pool that resets its connections and a transaction around each look-up took ten times as long as the look-up. Between
two statements a connection holds no lock and sees the newest state. Nobody is waited for: readers of a write-ahead log
need not, but for moments after a crash or while a database is closed.
"""

from __future__ import annotations

import sqlite3
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from bailee.adapters.catalogue.committing import failure
from bailee.adapters.catalogue.prepared import Prepared
from bailee.errors import StorageError


class Looking:
    """Connections that nobody uses now; as many come to be as threads look at once. Safe from several threads."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._idle: deque[Any] = deque()
        self._is_closed = False

    def rows(self, statement: Prepared, values: Mapping[str, Any]) -> list[Any] | None:
        """All rows, as tuples; None where the database is locked for a moment. Raises StorageError."""
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = self._open()
        try:
            found: list[Any] = statement.run_on(connection, self._engine.dialect, values).fetchall()
        except self._engine.dialect.loaded_dbapi.Error as error:
            connection.close()
            if getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                return None
            raise failure(error) from None
        self._idle.append(connection)
        if self._is_closed:
            self.close()
        return found

    def close(self) -> None:
        self._is_closed = True
        with suppress(IndexError):
            while True:
                self._idle.pop().close()

    def _open(self) -> Any:
        if self._is_closed:
            raise StorageError("this catalogue was closed; open the vault again")
        try:
            pooled = self._engine.raw_connection()
        except SQLAlchemyError as error:
            raise failure(error) from None
        direct = pooled.dbapi_connection
        pooled.detach()
        if direct is None:
            raise StorageError("the catalogue gave no connection; open the vault again")
        direct.execute("PRAGMA busy_timeout=0")
        return direct
