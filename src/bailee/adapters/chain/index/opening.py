"""An index by URL: `sqlite:////path/index.db` or `postgresql://user@host/name`. Several ledgers may share one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from bailee.adapters.chain.index.tables import metadata
from bailee.adapters.files import storage_errors
from bailee.errors import InputError, StorageError

_PATIENCE = 60.0
"""Seconds that a writer waits for another."""
_WANTED = "expected an index as sqlite:////path/file.db or postgresql://user@host/name"
_TABLES_LOCK = 0x6261696C65656964
"""PostgreSQL's advisory lock that lets one process make the tables."""


class Index:
    """An open index. Safe in several threads and processes; one of them writes at a time."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @contextmanager
    def using(self) -> Iterator[Connection]:
        """One transaction, written when the block ends well. StorageError for every failure of the database."""
        try:
            with self._engine.begin() as connection:
                yield connection
        except SQLAlchemyError as error:
            raise _failure(error) from None

    def close(self) -> None:
        self._engine.dispose()

    def __enter__(self) -> Index:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_index(url: str) -> Index:
    """Its tables are made if they are not there. InputError for another kind of URL, StorageError."""
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise InputError(f"{_WANTED}, got something that is no URL") from None
    if parsed.drivername in ("postgresql", "postgresql+psycopg"):
        try:
            import psycopg  # noqa: F401
        except ImportError:
            raise InputError("an index in PostgreSQL needs: pip install 'bailee[postgresql]'") from None
        engine = create_engine(parsed.set(drivername="postgresql+psycopg"), pool_pre_ping=True, hide_parameters=True)
    elif parsed.drivername == "sqlite" and parsed.database and parsed.database != ":memory:":
        engine = _sqlite(str(parsed.database))
    else:
        raise InputError(f"{_WANTED}, got {parsed.drivername}")
    try:
        with engine.begin() as connection:
            if engine.dialect.name == "postgresql":
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_TABLES_LOCK})")
            metadata.create_all(connection)
    except SQLAlchemyError as error:
        raise _failure(error) from None
    return Index(engine)


def _sqlite(database: str) -> Engine:
    path = Path(database)
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    engine = create_engine(f"sqlite:///{database}", connect_args={"timeout": _PATIENCE, "check_same_thread": False})

    @event.listens_for(engine, "connect")
    def _set_up(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # the module must not begin transactions of its own
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL"):  # what is lost is read from the chain again
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def _failure(error: SQLAlchemyError) -> StorageError:
    words = str(getattr(error, "orig", None) or error).splitlines()[0]
    return StorageError(f"the index cannot be used: {words}; check its URL, the file or the server")
