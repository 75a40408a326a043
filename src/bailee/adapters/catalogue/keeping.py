"""Queries of those who keep the vault in order: what is to be done, how far a walk came, what audits found."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from bailee.adapters.catalogue.tables import audits, blobs, settings, stores, tasks, writing


@dataclass(frozen=True)
class Task:
    """Something to be done. subject: id of a blob or version; detail: JSON; due: seconds since 1970."""

    row: int
    kind: str
    subject: bytes
    detail: Mapping[str, Any]
    due: float
    attempts: int
    problem: str


@dataclass(frozen=True)
class Audited:
    """A line of the ledger. envelope: the signed `audit` record."""

    row: int
    store: str
    created: float
    passed: bool
    envelope: bytes


class Packed(NamedTuple):
    """A blob as its row has it: fragments are n times the number of a store, 2 bytes, and a root, 32 bytes."""

    row: int
    id: bytes
    k: int
    n: int
    length: int
    fragments: bytes


def packed_blobs(connection: Connection, after: int, limit: int) -> list[Packed]:
    """For those who look at all blobs and need little of each: the next ones above row `after`."""
    columns = (blobs.c.row, blobs.c.id, blobs.c.k, blobs.c.n, blobs.c.length, blobs.c.fragments)
    query = select(*columns).where(blobs.c.row > after).order_by(blobs.c.row).limit(limit)
    return [Packed(*row) for row in connection.execute(query)]


def store_numbers(connection: Connection) -> dict[int, str]:
    """Names of stores by the numbers that rows of blobs have; 0 is nowhere."""
    return {row.number: row.name for row in connection.execute(select(stores.c.number, stores.c.name))}


def under_way(connection: Connection) -> list[bytes]:
    """Ids of blobs that are being written, or of which fragments are being made."""
    repairs = connection.execute(select(tasks.c.subject).where(tasks.c.kind == "repair")).scalars()
    return [bytes(one) for one in (*connection.execute(select(writing.c.blob)).scalars(), *repairs)]


def find_task(connection: Connection, kind: str, subject: bytes) -> Task | None:
    found = connection.execute(select(tasks).where(tasks.c.kind == kind, tasks.c.subject == subject).limit(1)).first()
    return None if found is None else _task(found)


def add_task(connection: Connection, kind: str, subject: bytes, detail: Mapping[str, Any], due: float) -> None:
    values = {"kind": kind, "subject": subject, "detail": _json(detail), "due": due, "attempts": 0, "problem": ""}
    connection.execute(insert(tasks).values(**values))


def change_task(connection: Connection, row: int, detail: Mapping[str, Any], due: float) -> None:
    connection.execute(update(tasks).where(tasks.c.row == row).values(detail=_json(detail), due=due))


def due_tasks(connection: Connection, kind: str, now: float, limit: int) -> list[Task]:
    """The longest overdue first."""
    wanted = select(tasks).where(tasks.c.kind == kind, tasks.c.due <= now).order_by(tasks.c.due, tasks.c.row)
    return [_task(row) for row in connection.execute(wanted.limit(limit))]


def take_task(connection: Connection, task: Task, until: float) -> bool:
    """Nobody else takes it before `until`. False where somebody did, or it is done."""
    mine = (tasks.c.row == task.row, tasks.c.attempts == task.attempts, tasks.c.due == task.due)
    taken = update(tasks).where(*mine).values(due=until, attempts=task.attempts + 1)
    return connection.execute(taken).rowcount == 1


def hold_task(connection: Connection, task: Task, until: float) -> bool:
    """Who took the task keeps it until then; `task` says what taking it made of it. False where it is not theirs."""
    mine = (tasks.c.row == task.row, tasks.c.attempts == task.attempts, tasks.c.due == task.due)
    return connection.execute(update(tasks).where(*mine).values(due=until)).rowcount == 1


def put_back(connection: Connection, row: int, due: float, problem: str) -> None:
    """It did not work; try again at `due`."""
    connection.execute(update(tasks).where(tasks.c.row == row).values(due=due, problem=problem))


def end_task(connection: Connection, row: int) -> None:
    connection.execute(delete(tasks).where(tasks.c.row == row))


def count_tasks(connection: Connection) -> dict[str, int]:
    rows = connection.execute(select(tasks.c.kind, func.count()).group_by(tasks.c.kind))
    return {row[0]: row[1] for row in rows}


def cursor(connection: Connection, name: str) -> dict[str, Any] | None:
    """How far a walk came; None where none is under way."""
    found = connection.execute(select(settings.c.value).where(settings.c.key == f"cursor/{name}")).scalar()
    return None if found is None else dict(json.loads(found))


def set_cursor(connection: Connection, name: str, value: Mapping[str, Any] | None) -> None:
    """None: the walk is at its end."""
    key = f"cursor/{name}"
    connection.execute(delete(settings).where(settings.c.key == key))
    if value is not None:
        connection.execute(insert(settings).values(key=key, value=_json(value).encode()))


def add_audit(connection: Connection, store: str, created: float, passed: bool, envelope: bytes) -> None:
    values = {"store": store, "created": created, "passed": passed, "envelope": envelope}
    connection.execute(insert(audits).values(**values))


def list_audits(connection: Connection, store: str | None = None, limit: int = 1000) -> list[Audited]:
    """The newest first."""
    wanted = select(audits).order_by(audits.c.row.desc()).limit(limit)
    wanted = wanted if store is None else wanted.where(audits.c.store == store)
    return [
        Audited(row.row, row.store, row.created, row.passed, bytes(row.envelope)) for row in connection.execute(wanted)
    ]


def _task(row: Row[Any]) -> Task:
    detail = json.loads(row.detail) if row.detail else {}
    return Task(row.row, row.kind, bytes(row.subject), detail, row.due, row.attempts, row.problem)


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))
