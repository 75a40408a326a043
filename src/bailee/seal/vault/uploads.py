"""Blobs that were uploaded before the version they belong to: S3's multipart uploads, in any order and over days.

Each has a blob key sealed to the owner. `compose` wraps the keys under one version key and the blobs move into it; what
is given up, or was never composed, is deleted like everything else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy import delete, insert, select

from bailee.adapters.catalogue import Unit
from bailee.adapters.catalogue.tables import blobs, loose
from bailee.errors import InputError, NotFoundError
from bailee.seal.vault.deleting import delete_fragments
from bailee.seal.vault.erasing import release
from bailee.seal.vault.facts import Part, Uploaded
from bailee.seal.vault.ground import Ground
from bailee.seal.vault.history import add_blob
from bailee.seal.vault.rows import BLOB

_PAGE = 500


def keep_loose(ground: Ground, part: Part, etag: str, end: Callable[[Unit], None]) -> Uploaded:
    """A finished blob waits for its version."""
    sealed = ground.keyring.seal_upload(part.blob.id, part.key)

    def work(unit: Unit) -> None:
        end(unit)
        created = ground.time.now()
        row = add_blob(unit, ground, part.blob, created)
        unit.connection.execute(insert(loose), {"blob": row, "sealed": sealed, "etag": etag, "created": created})

    ground.catalogue.change(work)
    return Uploaded(part.blob.id.hex(), part.blob.length, etag)


def hold_loose(ground: Ground, uploaded: Sequence[Uploaded]) -> list[Part]:
    """The blobs with their keys, in the order given. NotFoundError where one is not there any more."""
    ids = [_blob_id(one) for one in uploaded]
    if len(set(ids)) != len(ids):
        raise InputError("expected each uploaded part once")
    found: dict[bytes, Part] = {}
    query = select(loose.c.sealed, *BLOB).join_from(loose, blobs, blobs.c.row == loose.c.blob)
    with ground.catalogue.reading() as connection:
        for at in range(0, len(ids), _PAGE):
            for row in connection.execute(query.where(blobs.c.id.in_(ids[at : at + _PAGE]))):
                blob = ground.numbers.to_blob(row)
                found[blob.id] = Part(blob, ground.keyring.open_upload(blob.id, bytes(row.sealed)))
    for one, blob_id in zip(uploaded, ids, strict=True):
        if blob_id not in found:
            raise NotFoundError(f"the uploaded part {one.id} is not there any more; upload it again")
    return [found[blob_id] for blob_id in ids]


def give_up(ground: Ground, uploaded: Sequence[Uploaded]) -> None:
    """Delete what no version will hold; what is not there any more is no error."""
    ids = [_blob_id(one) for one in uploaded]

    def work(unit: Unit) -> list[bytes]:
        rows: list[int] = []
        for at in range(0, len(ids), _PAGE):
            query = select(loose.c.blob).join(blobs, blobs.c.row == loose.c.blob)
            rows += unit.connection.execute(query.where(blobs.c.id.in_(ids[at : at + _PAGE]))).scalars()
        return drop_loose(unit, ground, rows)

    delete_fragments(ground, ground.catalogue.change(work))


def drop_loose(unit: Unit, ground: Ground, blob_rows: Sequence[int]) -> list[bytes]:
    """Their rows of `loose` are gone, and ids of blobs that nobody holds now are returned: they have a task."""
    freed = []
    for row in blob_rows:
        unit.connection.execute(delete(loose).where(loose.c.blob == row))
        blob_id = release(unit, ground, row, ground.time.now())
        freed += [] if blob_id is None else [blob_id]
    return freed


def _blob_id(uploaded: Uploaded) -> bytes:
    try:
        return bytes.fromhex(uploaded.id)
    except ValueError:
        raise NotFoundError(f"there is no uploaded part {uploaded.id[:40]!r}") from None
