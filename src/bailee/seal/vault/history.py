"""Versions in the catalogue: how one is added, on what conditions, and how they are found again.

Everything that depends on what is there (conditions, numbers, the current version) is decided inside the transaction,
in which no other writer works: of two writers at once both versions stay, one after the other, unless one asked
for less.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, insert, select, update

from bailee.adapters.catalogue import Unit
from bailee.adapters.catalogue.prepared import Prepared
from bailee.adapters.catalogue.tables import blobs, keys, loose, objects, parts, state, tasks, versions
from bailee.errors import ConflictError, InputError, NotFoundError
from bailee.keys import Secret
from bailee.records import Json
from bailee.seal.vault.facts import Blob, Lock, Part, Version
from bailee.seal.vault.ground import Ground
from bailee.seal.vault.journal import content_digest, entry
from bailee.seal.vault.keyring import unwrap, wrap
from bailee.seal.vault.rows import BLOB, VERSION, check_name, to_version, version_bytes

_NOTHING: Mapping[str, str] = MappingProxyType({})
_MAX_METADATA = 1 << 16


@dataclass(frozen=True)
class Wanted:
    """What a put asks for beside the bytes: bailee.seal.vault.options."""

    content_type: str = "application/octet-stream"
    metadata: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    lock: Lock | None = None
    expires: float | None = None
    if_match: str | None = None
    if_none_match: bool = False


@dataclass(frozen=True)
class Content:
    """A version's bytes, ready for the catalogue: keys are sealed and wrapped before a transaction begins."""

    id: bytes
    key: Secret
    sealed: bytes
    blobs: tuple[Blob, ...]
    wrapped: tuple[bytes, ...]
    names: tuple[str, ...]
    etag: str

    @property
    def length(self) -> int:
        return sum(blob.length for blob in self.blobs)


def prepare(ground: Ground, held: Sequence[Part], etag: str) -> Content:
    """Fresh version id and key, the blobs' keys wrapped under it."""
    version_id = secrets.token_bytes(16)
    key, sealed = ground.keyring.new_version_key(version_id)
    wrapped = tuple(wrap(key, version_id, at, part.blob.id, part.key) for at, part in enumerate(held))
    blobs_held, names = tuple(part.blob for part in held), tuple(part.name for part in held)
    return Content(version_id, key, sealed, blobs_held, wrapped, names, etag)


OBJECT = Prepared(
    select(objects.c.row, objects.c.numbered, objects.c.visible, versions.c.etag)
    .select_from(objects.outerjoin(versions, versions.c.row == objects.c.current))
    .where(objects.c.name == bindparam("name"))
)
_NEW_OBJECT = Prepared(insert(objects).returning(objects.c.row))
_NEW_VERSION = Prepared(insert(versions).returning(versions.c.row))
_NEW_BLOB = Prepared(insert(blobs).returning(blobs.c.row))
_NEW_KEY, _NEW_PART = Prepared(insert(keys)), Prepared(insert(parts))
_NEW_CURRENT = Prepared(
    update(objects)
    .where(objects.c.row == bindparam("object_row"))
    .values(numbered=bindparam("numbered"), current=bindparam("current"), visible=bindparam("visible"))
)
ACCEPT_TIME = update(state).values(latest=bindparam("latest"))
_BLOB_ROW = Prepared(select(blobs.c.row).where(blobs.c.id == bindparam("blob_id")))


def add(
    unit: Unit, ground: Ground, name: str, wanted: Wanted, content: Content | None, event: str, *, of: str = ""
) -> Version:
    """One version more, the new current one; without content a delete marker. of: the version it was made from.

    Blobs that the catalogue knows are shared, others are new. Raises ConflictError, or NotFoundError where `if_match`
    asks for what is not there.
    """
    connection, created = unit.connection, ground.time.now()
    object_row, numbered, is_shown, etag = OBJECT.first(connection, {"name": name}) or (None, 0, 0, None)
    _check_conditions(name, wanted, etag if is_shown else None)
    number = numbered + 1
    shown = int(content is not None)
    if object_row is None:
        row = {"name": name, "numbered": number, "current": None, "visible": shown}
        object_row = _NEW_OBJECT.number(connection, row)
    version_id = secrets.token_bytes(16) if content is None else content.id
    version_row = _NEW_VERSION.number(
        connection,
        {
            "id": version_id,
            "object": object_row,
            "number": number,
            "created": created,
            "length": 0 if content is None else content.length,
            "etag": "" if content is None else content.etag,
            "is_marker": content is None,
            "content_type": wanted.content_type,
            "metadata": json.dumps(dict(wanted.metadata)) if wanted.metadata else "",
            "lock_mode": None if wanted.lock is None else wanted.lock.mode.value,
            "lock_until": None if wanted.lock is None else wanted.lock.until,
            "on_hold": False,
            "expires": wanted.expires,
        },
    )
    change = {"object_row": object_row, "numbered": number, "current": version_row, "visible": shown}
    _NEW_CURRENT.run(connection, change)
    if content is not None:
        _NEW_KEY.run(connection, {"version": version_row, "sealed": content.sealed})
        _add_parts(unit, ground, version_row, content, created)
    told: dict[str, Json] = {} if content is None else {"content": content_digest(content.blobs)}
    if of:
        told["of"] = of
    unit.log(entry(event, created, name=ground.keyring.log_name(name), version=version_id.hex(), **told))
    return Version(
        id=version_id.hex(),
        name=name,
        number=number,
        created=created,
        length=0 if content is None else content.length,
        etag="" if content is None else content.etag,
        is_marker=content is None,
        content_type=wanted.content_type,
        metadata=MappingProxyType(dict(wanted.metadata)),
        lock=wanted.lock,
        expires=wanted.expires,
    )


def add_blob(unit: Unit, ground: Ground, blob: Blob, created: float) -> int:
    """The row of a new blob; what could not be placed is a task."""
    row = {
        "id": blob.id,
        "k": blob.code.k,
        "n": blob.code.n,
        "length": blob.length,
        "commitment": blob.commitment,
        "fragments": ground.numbers.pack(blob.fragments),
        "created": created,
    }
    number = _NEW_BLOB.number(unit.connection, row)
    missing = [placed.index for placed in blob.fragments if not placed.store]
    if missing:
        faults = json.dumps({"faults": {str(index): "its store did not take it" for index in missing}})
        task = {"kind": "repair", "subject": blob.id, "detail": faults, "due": created, "attempts": 0, "problem": ""}
        unit.connection.execute(insert(tasks), task)
    return number


def _add_parts(unit: Unit, ground: Ground, version_row: int, content: Content, created: float) -> None:
    for position, blob in enumerate(content.blobs):
        number = find_blob_row(unit.connection, blob.id)
        if number is None:
            number = add_blob(unit, ground, blob, created)
        row = {"version": version_row, "position": position, "blob": number}
        _NEW_PART.run(unit.connection, {**row, "wrapped": content.wrapped[position], "name": content.names[position]})


def find_blob_row(connection: Connection, blob_id: bytes) -> int | None:
    """By id, because row numbers do not last: SQLite gives the row of an erased blob to the next one."""
    found = _BLOB_ROW.first(connection, {"blob_id": blob_id})
    return None if found is None else int(found[0])


def require_blobs(unit: Unit, needed: Sequence[bytes]) -> None:
    """NotFoundError where a blob to share was erased since it was looked up."""
    for blob_id in needed:
        if find_blob_row(unit.connection, blob_id) is None:
            raise NotFoundError("what was to be copied was erased meanwhile")


def _check_conditions(name: str, wanted: Wanted, current: str | None) -> None:
    """current: the etag of the current version, None where there is none."""
    if wanted.if_none_match and current is not None:
        raise ConflictError(f"{name!r} exists already (etag {current}); it was to be new")
    if wanted.if_match is not None:
        if current is None:
            raise NotFoundError(f"there is no {name!r} that could have etag {wanted.if_match}")
        if wanted.if_match not in ("*", current):
            raise ConflictError(
                f"{name!r} has changed: expected etag {wanted.if_match}, got {current}; read it again and decide"
            )


def check_wanted(ground: Ground, name: str, wanted: Wanted) -> None:
    """InputError for what can be told before any bytes are taken."""
    check_name(name)
    if sum(len(key.encode()) + len(value.encode()) for key, value in wanted.metadata.items()) > _MAX_METADATA:
        raise InputError(f"expected metadata of at most {_MAX_METADATA} bytes in all")
    now = ground.time.now()
    if wanted.lock is not None and wanted.lock.until <= now:
        raise InputError("expected a lock that ends in the future")
    if wanted.expires is not None and wanted.expires <= now:
        raise InputError("expected a purpose that ends in the future")
    if wanted.expires is not None and wanted.lock is not None and wanted.lock.until > wanted.expires:
        raise InputError("the lock ends after the purpose: it could not be erased in time; make one of them fit")


_CURRENT = VERSION.where(objects.c.name == bindparam("wanted"), versions.c.row == objects.c.current)
_BY_ID = VERSION.where(objects.c.name == bindparam("wanted"), versions.c.id == bindparam("version_id"))


def find(connection: Connection, name: str, version: str | None = None) -> Row[Any]:
    """The row of VERSION: the current one (NotFoundError where that is a marker), or one by its id, markers too."""
    check_name(name)
    if version is None:
        row = connection.execute(_CURRENT, {"wanted": name}).first()
    else:
        row = connection.execute(_BY_ID, {"wanted": name, "version_id": version_bytes(version)}).first()
    if row is None or (version is None and row.is_marker):
        raise not_there(name, version, row is not None)
    return row


def not_there(name: str, version: str | None, is_marked: bool) -> NotFoundError:
    """is_marked: the current version is a delete marker."""
    if version is not None:
        return NotFoundError(f"{name!r} has no version {version}")
    more = "; it was deleted, an older version can be restored" if is_marked else ""
    return NotFoundError(f"there is no {name!r}{more}")


_PARTS = (
    select(parts.c.position, parts.c.wrapped, parts.c.name.label("part_name"), *BLOB)
    .join_from(parts, blobs, blobs.c.row == parts.c.blob)
    .where(parts.c.version == bindparam("version"))
    .order_by(parts.c.position)
)
_SEALED = select(keys.c.sealed).where(keys.c.version == bindparam("version"))


def hold(ground: Ground, name: str, version: str | None = None) -> tuple[Version, tuple[Part, ...]]:
    """A version with its parts and their keys, opened. NotFoundError for a marker too."""
    with ground.catalogue.reading() as connection:
        row = find(connection, name, version)
        if row.is_marker:
            raise NotFoundError(f"version {version} of {name!r} is a delete marker; it has no bytes")
        found = connection.execute(_PARTS, {"version": row.row}).all()
        sealed = connection.execute(_SEALED, {"version": row.row}).scalar_one()
    version_id = bytes(row.id)
    key = ground.keyring.open_version_key(version_id, bytes(sealed))
    held = []
    for part in found:
        blob = ground.numbers.to_blob(part)
        blob_key = unwrap(key, version_id, part.position, blob.id, bytes(part.wrapped))
        held.append(Part(blob, blob_key, part.part_name))
    return to_version(row), tuple(held)


def take_loose(unit: Unit, blob_ids: Sequence[bytes]) -> None:
    """Uploaded blobs go into a version: they are loose no more. NotFoundError where one was given up meanwhile."""
    for blob_id in blob_ids:
        number = find_blob_row(unit.connection, blob_id)
        gone = None if number is None else unit.connection.execute(delete(loose).where(loose.c.blob == number)).rowcount
        if not gone:
            raise NotFoundError(f"the uploaded part {blob_id.hex()} is not there any more; upload it again")
