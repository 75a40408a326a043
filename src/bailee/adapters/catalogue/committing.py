"""Many small transactions in one commit: callers on many threads wait, each for its own event.

A commit costs a sync of the disk, whatever is in it. One thread takes all events that wait, runs each in a savepoint
of one transaction, writes their log entries, and commits; an event that raises is rolled back alone and its caller
gets the error. Nobody is told "done" before the commit. Events see each other's effects, in their order.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from bailee.errors import StorageError

T = TypeVar("T")
MOST = 512
"""Events in one commit."""
_PAUSE = 0.001
"""Seconds without a further event after which those that wait are committed, where there was more than one at once."""
_LONGEST = 0.01


@dataclass
class Ticket:
    """A log entry on its way: `seq` is its leaf once the commit is done."""

    entry: bytes
    seq: int = -1


@dataclass
class Unit:
    """What one event works with, inside the transaction."""

    connection: Connection
    tickets: list[Ticket] = field(default_factory=list)

    def log(self, entry: bytes) -> Ticket:
        """A leaf for the log, written at the end of the transaction."""
        ticket = Ticket(entry)
        self.tickets.append(ticket)
        return ticket


@dataclass
class _Waiting:
    work: Callable[[Unit], Any]
    done: threading.Lock  # held until it is done: what an Event does beside that costs as much as a statement
    result: Any = None
    error: BaseException | None = None


class Committer:
    """The one writer of a process. `finish(connection, tickets)` runs last in every transaction."""

    def __init__(
        self,
        engine: Engine,
        begin: Callable[[Connection], None],
        finish: Callable[[Connection, list[Ticket]], None],
    ) -> None:
        self._engine, self._begin, self._finish = engine, begin, finish
        self._queue: deque[_Waiting] = deque()
        self._wake = threading.Condition()
        self._is_closed = False
        self._thread: threading.Thread | None = None

    def run(self, work: Callable[[Unit], T]) -> T:
        """What `work` returns, once it is committed. Raises what it raises, or StorageError where nothing was kept."""
        (found,) = self.run_all([work])
        if isinstance(found, BaseException):
            raise found
        return found

    def run_all(self, works: Sequence[Callable[[Unit], T]]) -> list[T | BaseException]:
        """As `run` for each, in this order and, where they fit, in one transaction; what it would raise, of each."""
        waiting = [_Waiting(work, threading.Lock()) for work in works]
        for one in waiting:
            one.done.acquire()
        with self._wake:
            if self._is_closed:
                raise StorageError("this catalogue was closed; open the vault again")
            if self._thread is None:
                self._thread = threading.Thread(target=self._serve, name="catalogue", daemon=True)
                self._thread.start()
            self._queue.extend(waiting)
            self._wake.notify()
        for one in waiting:
            one.done.acquire()
        return [one.result if one.error is None else one.error for one in waiting]

    def close(self) -> None:
        """Waits for what was asked; asks after this are refused."""
        with self._wake:
            self._is_closed = True
            self._wake.notify()
        if self._thread is not None:
            self._thread.join()

    def _serve(self) -> None:
        batch: list[_Waiting] = []
        while True:
            with self._wake:
                while not self._queue and not self._is_closed:
                    self._wake.wait()
            if len(batch) > 1 or len(self._queue) > 1:
                self._gather()
            with self._wake:
                batch = [self._queue.popleft() for _ in range(min(len(self._queue), MOST))]
            if not batch:
                return
            try:
                self._commit(batch)
            except Exception as error:
                for waiting in batch:
                    waiting.error = waiting.error or failure(error)
            finally:
                for waiting in batch:
                    waiting.done.release()

    def _gather(self) -> None:
        """Wait while more come: those whom the last commit set free are on their way back."""
        until, known = time.monotonic() + _LONGEST, 0
        while known < len(self._queue) < MOST and time.monotonic() < until and not self._is_closed:
            known = len(self._queue)
            time.sleep(_PAUSE)

    def _commit(self, batch: list[_Waiting]) -> None:
        tickets: list[Ticket] = []
        with self._engine.begin() as connection:
            self._begin(connection)
            direct, dialect = connection.connection.cursor(), connection.dialect
            databases = (SQLAlchemyError, dialect.loaded_dbapi.Error)  # the latter from Prepared
            for waiting in batch:
                unit = Unit(connection)
                direct.execute("SAVEPOINT event")
                try:
                    waiting.result = waiting.work(unit)
                except Exception as error:
                    waiting.error = failure(error) if isinstance(error, databases) else error
                    direct.execute("ROLLBACK TO SAVEPOINT event")
                else:
                    tickets += unit.tickets
                direct.execute("RELEASE SAVEPOINT event")
            self._finish(connection, tickets)


def failure(error: BaseException) -> StorageError:
    """What a failure of the database says to a person; the statement's values (names, keys) are not shown."""
    if isinstance(error, StorageError):
        return error
    cause = getattr(error, "orig", None) or error
    text = str(cause).split("\n")[0]
    return StorageError(
        f"the catalogue did not take this ({type(cause).__name__}: {text}); nothing of it was kept: "
        "look to the disk or the database server and try again"
    )
