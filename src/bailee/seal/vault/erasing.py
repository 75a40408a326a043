"""Erase for good: keys first, then fragments, and plain words about what could not be reached.

One transaction overwrites the sealed and wrapped keys, deletes the rows, writes the log and leaves a task for each
blob nobody holds any more; from its commit on nobody can open those bytes. Then the database's own files are cleaned
and the fragments deleted from the read cache and from each store; the task stays until the last one is gone.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from bailee.adapters.catalogue import Ticket, Unit
from bailee.adapters.catalogue.tables import blobs, keys, loose, objects, parts, shares, tags, tasks, versions
from bailee.errors import NotFoundError
from bailee.seal.vault.blobs.layout import Layout
from bailee.seal.vault.deleting import DELETE, delete_fragments
from bailee.seal.vault.facts import Code, Erasure, Placed
from bailee.seal.vault.ground import Ground
from bailee.seal.vault.history import find
from bailee.seal.vault.journal import entry
from bailee.seal.vault.locking import active_lock, require_free
from bailee.seal.vault.rows import BLOB, VERSION, check_name

_PAGE = 500


@dataclass(frozen=True)
class Expiry:
    """What `expire` did. kept: versions that are due but under a lock or a hold, as (name, id)."""

    erasure: Erasure
    kept: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class _Erased:
    versions: tuple[str, ...]
    tickets: tuple[Ticket, ...]
    blobs: tuple[bytes, ...]
    shared: int


def erase(ground: Ground, name: str, version: str | None = None) -> Erasure:
    """One version for good, or all of a name. LockedError, and nothing is done, where a lock or hold keeps one."""
    check_name(name)

    def work(unit: Unit) -> _Erased:
        if version is not None:
            rows: Sequence[Row[Any]] = [find(unit.connection, name, version)]
        else:
            rows = unit.connection.execute(VERSION.where(objects.c.name == name)).all()
            if not rows:
                raise NotFoundError(f"there is no {name!r}")
        for row in rows:
            require_free(ground, row)
        return _erase_rows(unit, ground, rows, "erase")

    return _complete(ground, ground.catalogue.change(work))


def remove(ground: Ground, name: str, version: str, bypass: bool) -> Erasure:
    """One version or marker, as S3's DELETE of a version: keys and rows are gone and the fragments deleted, but the
    database's own files are not cleaned at once. bypass lifts a governance lock, never a hold."""

    def work(unit: Unit) -> _Erased:
        row = find(unit.connection, name, version)
        require_free(ground, row, bypass)
        return _erase_rows(unit, ground, [row], "remove")

    return _complete(ground, ground.catalogue.change(work), is_thorough=False)


def expire(ground: Ground) -> Expiry:
    """Erase every version whose purpose has ended; an older version of the same name becomes the current one.

    LockedError while the clock is not to be trusted.
    """
    ground.time.check()
    due = versions.c.expires <= ground.time.surely()
    done: list[_Erased] = []
    kept: list[tuple[str, str]] = []
    after = -1
    while True:

        def work(unit: Unit, after: int = after) -> tuple[_Erased, list[tuple[str, str]], int]:
            query = VERSION.where(due, versions.c.row > after).order_by(versions.c.row).limit(_PAGE)
            rows = unit.connection.execute(query).all()
            free = [row for row in rows if not row.on_hold and active_lock(ground, row) is None]
            held = [(row.name, bytes(row.id).hex()) for row in rows if row not in free]
            return _erase_rows(unit, ground, free, "expire"), held, rows[-1].row if rows else -1

        erased, held, after = ground.catalogue.change(work)
        if after < 0:
            break
        done.append(erased)
        kept += held
    together = _Erased(
        tuple(one for erased in done for one in erased.versions),
        tuple(one for erased in done for one in erased.tickets),
        tuple(one for erased in done for one in erased.blobs),
        sum(erased.shared for erased in done),
    )
    return Expiry(_complete(ground, together), tuple(kept))


def _complete(ground: Ground, erased: _Erased, is_thorough: bool = True) -> Erasure:
    for version in erased.versions:
        ground.keyring.forget(bytes.fromhex(version))
    is_overwritten = ground.catalogue.forget_deleted() if is_thorough and erased.versions else False
    reached, missed = delete_fragments(ground, erased.blobs)
    leaves = tuple(ticket.seq for ticket in erased.tickets)
    return Erasure(erased.versions, leaves, reached, missed, erased.shared, is_overwritten)


def _erase_rows(unit: Unit, ground: Ground, rows: Sequence[Row[Any]], event: str) -> _Erased:
    """Keys, parts, tags and rows of these versions (of VERSION); the objects' current versions are right afterwards."""
    connection, now = unit.connection, ground.time.now()
    freed: list[bytes] = []
    shared = 0
    tickets = []
    for row in rows:
        # Zeros first, then the deletion: secure_delete does it too, but the key must not hang on a setting.
        zeros = bytes(
            connection.execute(select(func.length(keys.c.sealed)).where(keys.c.version == row.row)).scalar() or 0
        )
        connection.execute(update(keys).where(keys.c.version == row.row).values(sealed=zeros))
        connection.execute(delete(keys).where(keys.c.version == row.row))
        held = connection.execute(select(parts.c.blob).where(parts.c.version == row.row).distinct()).scalars().all()
        connection.execute(update(parts).where(parts.c.version == row.row).values(wrapped=bytes(48)))
        connection.execute(delete(parts).where(parts.c.version == row.row))
        connection.execute(delete(tags).where(tags.c.version == row.row))
        connection.execute(
            update(shares).where(shares.c.version == row.row).values(version=None, revoked=now, envelope=b"")
        )
        connection.execute(delete(versions).where(versions.c.row == row.row))
        for blob_row in held:
            freed_id = release(unit, ground, blob_row, now)
            shared += freed_id is None
            freed += [] if freed_id is None else [freed_id]
        tickets.append(unit.log(entry(event, now, name=ground.keyring.log_name(row.name), version=bytes(row.id).hex())))
    for object_row in {row.object for row in rows}:
        _set_current(connection, object_row)
    return _Erased(tuple(bytes(row.id).hex() for row in rows), tuple(tickets), tuple(freed), shared)


def release(unit: Unit, ground: Ground, blob_row: int, now: float) -> bytes | None:
    """A holder of the blob is gone. If it was the last, the blob is to be deleted and its id is returned."""
    connection = unit.connection
    for table in (parts, loose):
        if connection.execute(select(table.c.blob).where(table.c.blob == blob_row).limit(1)).first() is not None:
            return None
    row = connection.execute(select(*BLOB).where(blobs.c.row == blob_row)).one()
    blob_id = bytes(row.blob_id)
    segments = Layout(Code(row.k, row.n), row.blob_length).segments
    placed = ground.numbers.unpack(bytes(row.fragments))
    connection.execute(delete(blobs).where(blobs.c.row == blob_row))
    connection.execute(delete(tasks).where(tasks.c.subject == blob_id))
    connection.execute(insert(tasks), delete_task(blob_id, placed, now, segments))
    return blob_id


def delete_task(blob_id: bytes, placed: Sequence[Placed], now: float, segments: int = 0) -> dict[str, Any]:
    """What is left to do once nobody can open a blob: delete these fragments. segments: that a read cache may hold."""
    places = [[one.index, one.store] for one in placed if one.store]
    detail = json.dumps({"places": places, "segments": segments})
    return {"kind": DELETE, "subject": blob_id, "detail": detail, "due": now, "attempts": 0, "problem": ""}


def _set_current(connection: Connection, object_row: int) -> None:
    query = select(versions.c.row, versions.c.is_marker).where(versions.c.object == object_row)
    newest = connection.execute(query.order_by(versions.c.number.desc()).limit(1)).first()
    if newest is None:
        connection.execute(delete(objects).where(objects.c.row == object_row))
        return
    values = {"current": newest.row, "visible": int(not newest.is_marker)}
    connection.execute(update(objects).where(objects.c.row == object_row).values(**values))
