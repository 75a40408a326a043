"""Queries on what was shared: a row for each version of a share, and the sealing keys of whom it was given to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, bindparam, insert, select, update

from bailee.adapters.catalogue.tables import blobs, keys, objects, parts, settings, shares, versions

REENCRYPT = "re-encrypt"
"""The kind of task whose subject is a blob whose key is known to somebody who may read it no more."""
_RECIPIENT = "recipient/"


@dataclass(frozen=True)
class ShareRow:
    """One version of a share. told: what is kept of it (`granting`), b"" once the version was erased, with its row."""

    id: bytes
    version: int | None
    grantee: str
    created: float
    expires: float | None
    revoked: float | None
    told: bytes


@dataclass(frozen=True)
class Holder:
    """A place where a version holds a blob, with what opens it."""

    version: int
    version_id: bytes
    name: str
    position: int
    sealed: bytes
    wrapped: bytes


def add_share(
    connection: Connection, share_id: bytes, told: list[tuple[int, bytes]], grantee: str, created: float, expires: float
) -> None:
    """told: of each version, its row and what is kept of the share; no keys, and no names of objects."""
    values = {"grantee": grantee, "created": created, "expires": expires, "revoked": None}
    each = [
        {"id": share_id + at.to_bytes(2, "big"), "version": row, "envelope": data, **values}
        for at, (row, data) in enumerate(told)
    ]
    connection.execute(insert(shares), each)


def find_share(connection: Connection, share_id: bytes) -> list[ShareRow]:
    """Its rows, in order of its versions; none where there is no such share."""
    low, high = share_id + bytes(2), share_id + b"\xff\xff"
    query = select(shares).where(shares.c.id >= low, shares.c.id <= high).order_by(shares.c.id)
    return [_row(row) for row in connection.execute(query)]


def list_shares(connection: Connection, version: int | None = None) -> list[ShareRow]:
    """The oldest first; of one version (by its row), or all."""
    query = select(shares).order_by(shares.c.created, shares.c.id)
    if version is not None:
        query = query.where(shares.c.version == version)
    return [_row(row) for row in connection.execute(query)]


def end_share(connection: Connection, row_id: bytes, revoked: float, told: bytes) -> None:
    """One row of a share is revoked."""
    connection.execute(update(shares).where(shares.c.id == row_id).values(revoked=revoked, envelope=told))


def keep_recipient(connection: Connection, sealing: str, key: bytes) -> None:
    """The raw sealing key whose BLAKE3 is `sealing`, so that its shares can be renewed."""
    if find_recipient(connection, sealing) is None:
        connection.execute(insert(settings), {"key": _RECIPIENT + sealing, "value": key})


def find_recipient(connection: Connection, sealing: str) -> bytes | None:
    found = connection.execute(select(settings.c.value).where(settings.c.key == _RECIPIENT + sealing)).scalar()
    return None if found is None else bytes(found)


def holders(connection: Connection, blob_row: int) -> list[Holder]:
    """Every place where a version holds this blob."""
    query = (
        select(
            versions.c.row, versions.c.id, objects.c.name, parts.c.position, keys.c.sealed, parts.c.wrapped
        )
        .join_from(parts, versions, versions.c.row == parts.c.version)
        .join(objects, objects.c.row == versions.c.object)
        .join(keys, keys.c.version == versions.c.row)
        .where(parts.c.blob == blob_row)
        .order_by(versions.c.row, parts.c.position)
    )  # fmt: skip
    return [
        Holder(row.row, bytes(row.id), row.name, row.position, bytes(row.sealed), bytes(row.wrapped))
        for row in connection.execute(query)
    ]


_SWITCH = (
    update(parts)
    .where(parts.c.version == bindparam("version_row"), parts.c.position == bindparam("at"))
    .values(blob=bindparam("blob_row"), wrapped=bindparam("key"))
)


def switch_part(connection: Connection, version: int, position: int, blob_row: int, wrapped: bytes) -> None:
    """A version holds another blob at this place from now on."""
    connection.execute(_SWITCH, {"version_row": version, "at": position, "blob_row": blob_row, "key": wrapped})


def part_blobs(connection: Connection, version: int) -> list[bytes]:
    """Ids of the blobs of a version (by its row), in order."""
    query = select(blobs.c.id).join_from(parts, blobs, blobs.c.row == parts.c.blob)
    found = connection.execute(query.where(parts.c.version == version).order_by(parts.c.position)).scalars()
    return [bytes(one) for one in found]


def _row(row: Row[Any]) -> ShareRow:
    return ShareRow(bytes(row.id), row.version, row.grantee, row.created, row.expires, row.revoked, bytes(row.envelope))
