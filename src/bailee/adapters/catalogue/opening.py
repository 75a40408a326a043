"""A catalogue by URL: `sqlite:////path/catalogue.db` or `postgresql://user@host/name`.

Both databases are set up so that a commit is on disk when it returns. SQLite: write-ahead log, `synchronous=FULL`,
and `secure_delete`, which overwrites what is deleted with zeros; the file is readable by its owner only. One writer at
a time is let in by the database itself (BEGIN IMMEDIATE, or a lock on the row of `state`), from any process.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, inspect, select, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from bailee.adapters.catalogue.committing import Committer, Ticket, Unit, failure
from bailee.adapters.catalogue.looking import Looking
from bailee.adapters.catalogue.prepared import Prepared
from bailee.adapters.catalogue.tables import REVISION
from bailee.adapters.files import storage_errors
from bailee.errors import InputError, StorageError

T = TypeVar("T")
_PATIENCE = 60.0
"""Seconds that a writer waits for another process."""
_MIGRATION_LOCK = 0x6261696C6565
"""PostgreSQL's advisory lock that lets one process migrate."""


class Catalogue:
    """An open catalogue. Safe to use from several threads; several processes may have it open at once."""

    def __init__(self, readers: Engine, writers: Engine, committer: Committer) -> None:
        self._readers, self._writers, self._committer = readers, writers, committer
        self._looking = Looking(readers) if readers.dialect.name == "sqlite" else None

    @property
    def is_sqlite(self) -> bool:
        return self._readers.dialect.name == "sqlite"

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection that sees one state of the catalogue. StorageError for every failure of the database."""
        try:
            with self._readers.begin() as connection:
                yield connection
        except SQLAlchemyError as error:
            raise failure(error) from None

    def look_up(self, statement: Prepared, values: Mapping[str, Any]) -> list[Any]:
        """The rows of one statement, as tuples: a statement alone sees one state, without a transaction around it.

        StorageError for every failure of the database.
        """
        found = self.look_up_at_once(statement, values)
        if found is not None:
            return found
        try:
            with self.reading() as connection:
                return list(statement.run(connection, values).fetchall())
        except self._readers.dialect.loaded_dbapi.Error as error:
            raise failure(error) from None

    def look_up_at_once(self, statement: Prepared, values: Mapping[str, Any]) -> list[Any] | None:
        """As `look_up`, without waiting for anybody but the disk; None where that cannot be: on a database server."""
        return None if self._looking is None else self._looking.rows(statement, values)

    def change(self, work: Callable[[Unit], T]) -> T:
        """Run `work` in a transaction shared with whoever else writes now; returns once it is on disk."""
        return self._committer.run(work)

    def change_all(self, works: Sequence[Callable[[Unit], T]]) -> list[T | BaseException]:
        """As `change` for each, in this order; what it would raise, of each."""
        return self._committer.run_all(works)

    def forget_deleted(self, patience: float = 5.0) -> bool:
        """Make deleted values vanish from the database's own files as far as it can; False where readers hindered it.

        SQLite: the write-ahead log is copied into the file (where deleted rows are zeros) and cut to nothing.
        PostgreSQL: the tables that held keys are vacuumed; its own log, replicas and backups are beyond us.
        """
        if not self.is_sqlite:
            with self._writers.connect() as connection:
                outside = connection.execution_options(isolation_level="AUTOCOMMIT")
                outside.exec_driver_sql("VACUUM versions, keys, parts, blobs, objects, tags, loose")
            return True
        until = time.monotonic() + patience
        while True:
            with self._readers.connect() as connection:
                cursor = connection.connection.cursor()
                # Writers stand still while it waits for readers: often and briefly, not once for long.
                cursor.execute("PRAGMA busy_timeout=50")
                try:
                    busy = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
                finally:
                    cursor.execute(f"PRAGMA busy_timeout={int(_PATIENCE * 1000)}")
            if not busy:
                return True
            if time.monotonic() > until:
                return False
            time.sleep(0.02)

    def close(self) -> None:
        self._committer.close()
        if self._looking is not None:
            self._looking.close()
        self._readers.dispose()
        self._writers.dispose()


def open_catalogue(url: str, finish: Callable[[Connection, list[Ticket]], None]) -> Catalogue:
    """The catalogue at `url`, made or migrated if need be. `finish` writes the log at the end of each transaction.

    Raises InputError for a URL of another kind, StorageError where it cannot be opened or is newer than this program.
    """
    parsed = _parse(url)
    engines = [_engine(parsed, begin) for begin in ("BEGIN", "BEGIN IMMEDIATE")]
    try:
        _migrate(engines[1])
    except SQLAlchemyError as error:
        raise StorageError(
            f"cannot open the catalogue at {parsed.render_as_string(hide_password=True)}: "
            f"{str(getattr(error, 'orig', None) or error).splitlines()[0]}; check the URL, the file or the server"
        ) from None
    return Catalogue(engines[0], engines[1], Committer(engines[1], _take_turn, finish))


def _parse(url: str) -> URL:
    wanted = "expected a catalogue as sqlite:////path/file.db or postgresql://user@host/name"
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise InputError(f"{wanted}, got something that is no URL") from None
    if parsed.drivername in ("postgresql", "postgresql+psycopg"):
        try:
            import psycopg  # noqa: F401
        except ImportError:
            raise InputError("a catalogue in PostgreSQL needs: pip install 'bailee[postgresql]'") from None
        return parsed.set(drivername="postgresql+psycopg")
    if parsed.drivername != "sqlite" or not parsed.database or parsed.database == ":memory:":
        raise InputError(f"{wanted}, got {parsed.drivername}")
    return parsed


def _engine(url: URL, begin: str) -> Engine:
    if url.drivername != "sqlite":
        return create_engine(url, pool_pre_ping=True, hide_parameters=True)
    path = Path(url.database or "")
    with storage_errors(path):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    engine = create_engine(url, hide_parameters=True, connect_args={"timeout": _PATIENCE, "check_same_thread": False})

    @event.listens_for(engine, "connect")
    def _set_up(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # the module must not begin transactions of its own
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "secure_delete=ON",
            "foreign_keys=ON",
            "temp_store=MEMORY",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine


def _take_turn(connection: Connection) -> None:
    """Before anything is read: what is decided after this is decided on the newest state, by one process at a time."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SELECT one FROM state FOR UPDATE")


def _migrate(engine: Engine) -> None:
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(select(text(f"pg_advisory_xact_lock({_MIGRATION_LOCK})")))
        found = None
        if inspect(connection).has_table("alembic_version"):
            found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
        if found == REVISION:
            return
        # Only here: Alembic takes longer to import than a catalogue to open.
        from alembic import command
        from alembic.config import Config
        from alembic.script import ScriptDirectory

        config = Config()
        config.set_main_option("script_location", "bailee.adapters.catalogue:migrations")
        config.attributes["connection"] = connection
        known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
        if found is not None and found not in known:
            raise StorageError(
                f"the catalogue has schema {found}, this program knows schemas up to {REVISION}; "
                "it was written by a newer Bailee: install that one"
            )
        command.upgrade(config, "head")
