"""What the catalogue keeps for the S3 door: buckets with their settings, and multipart uploads under way.

A bucket is the prefix `BUCKET/` of the vault's names. A part of an upload is a loose blob of the vault with a number.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, bindparam, delete, insert, select, tuple_, update

from bailee.adapters.catalogue import Unit
from bailee.adapters.catalogue.prepared import Prepared
from bailee.adapters.catalogue.tables import blobs, buckets, loose, objects, uploads, versions
from bailee.errors import ConflictError, NotFoundError
from bailee.seal.vault.facts import Uploaded
from bailee.seal.vault.journal import entry
from bailee.seal.vault.rows import after_prefix
from bailee.seal.vault.vault import Vault
from bailee.server.s3.quotas import SETTING as QUOTA
from bailee.server.s3.quotas import Held, Quotas, count

_PAGE = 1000
"""Uploads that are read at once."""
NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class Bucket:
    """settings: documents by kind: `policy` and `quota` (JSON), `acl` (a canned name), `cors`, `lifecycle`, `tagging`
    and `lock` (XML as S3 has it)."""

    name: str
    created: float
    is_versioned: bool = False
    has_locks: bool = False
    settings: Mapping[str, str] = field(default_factory=lambda: NOTHING)


@dataclass(frozen=True)
class Upload:
    """A multipart upload. options: what its object is to have, as the headers of its start said it."""

    id: str
    bucket: str
    key: str
    created: float
    options: Mapping[str, str] = field(default_factory=lambda: NOTHING)


@dataclass(frozen=True)
class UploadedPart:
    """number: 1 to 10,000; checksum: `ALGORITHM BASE64`, "" for none."""

    number: int
    uploaded: Uploaded
    modified: float
    checksum: str = ""


class Registry:
    """Durable when a call returns; safe to use from several threads. NotFoundError for what is not there."""

    def __init__(self, vault: Vault) -> None:
        self._vault, self._ground, self._catalogue = vault, vault.ground, vault.ground.catalogue
        self._quotas = Quotas(self._catalogue)

    def buckets(self) -> list[Bucket]:
        with self._catalogue.reading() as connection:
            return [_to_bucket(row) for row in connection.execute(select(*_COLUMNS).order_by(buckets.c.name))]

    def bucket(self, name: str) -> Bucket:
        with self._catalogue.reading() as connection:
            return _find_bucket(connection, name)

    def bucket_at_once(self, name: str) -> Bucket | None:
        """As `bucket`, without waiting for anything but the catalogue's own disk; None where that cannot be."""
        rows = self._catalogue.look_up_at_once(_BUCKET, {"wanted": name})
        return _to_bucket(rows[0]) if rows else None

    def admit(self, bucket: Bucket, size: int, number: int = 1) -> None:
        """So many bytes and objects are to come. Raises S3Error where the bucket's quota does not allow them."""
        self._quotas.admit(bucket.name, bucket.settings.get(QUOTA), size, number)

    def held(self, bucket: str) -> Held:
        return count(self._catalogue, bucket)

    def add_bucket(self, bucket: Bucket) -> None:
        """Raises ConflictError where one of that name is."""

        def work(unit: Unit) -> None:
            if unit.connection.execute(select(buckets.c.name).where(buckets.c.name == bucket.name)).first() is not None:
                raise ConflictError(f"there is a bucket {bucket.name} already; choose another name")
            row = {"name": bucket.name, "created": bucket.created, **_changeable(bucket)}
            unit.connection.execute(insert(buckets), row)
            self._log(unit, bucket.name, "created")

        self._catalogue.change(work)

    def change_bucket(self, name: str, change: Callable[[Bucket], Bucket], what: str) -> None:
        """Settings and switches become what `change` makes of them, with no other change in between."""

        def work(unit: Unit) -> None:
            changed = change(_find_bucket(unit.connection, name))
            unit.connection.execute(update(buckets).where(buckets.c.name == name).values(**_changeable(changed)))
            self._log(unit, name, what)

        self._catalogue.change(work)

    def remove_bucket(self, name: str) -> None:
        """Raises ConflictError while a version, a marker or an upload is in it."""

        def work(unit: Unit) -> None:
            connection = unit.connection
            _find_bucket(connection, name)
            inside = (objects.c.name >= f"{name}/", objects.c.name < f"{name}0")  # 0 follows / in ASCII
            held = select(versions.c.row).join(objects, versions.c.object == objects.c.row).where(*inside).limit(1)
            begun = select(uploads.c.row).where(uploads.c.bucket == name).limit(1)
            if connection.execute(held).first() is not None or connection.execute(begun).first() is not None:
                raise ConflictError(f"bucket {name} is not empty; remove its versions and uploads first")
            connection.execute(delete(buckets).where(buckets.c.name == name))
            self._log(unit, name, "removed")

        self._catalogue.change(work)

    def add_upload(self, upload: Upload) -> None:
        row = {"id": upload.id, "bucket": upload.bucket, "key": upload.key, "created": upload.created}
        values = {**row, "options": json.dumps(dict(upload.options))}
        self._catalogue.change(lambda unit: unit.connection.execute(insert(uploads), values) and None)

    def upload(self, upload_id: str) -> Upload:
        with self._catalogue.reading() as connection:
            return _to_upload(_find_upload(connection, upload_id))

    def uploads(self, bucket: str, prefix: str = "", after: str = "", after_id: str = "") -> Iterator[Upload]:
        """In order of key, then of start, read in pages. after: keys above it, and those of uploads of this very key
        that began later than `after_id`, where that is one of them."""
        order = (uploads.c.key, uploads.c.created, uploads.c.row)
        inside = select(uploads).where(uploads.c.bucket == bucket).order_by(*order).limit(_PAGE)
        stop = after_prefix(prefix)
        if prefix:
            inside = inside.where(uploads.c.key >= prefix)
        if stop is not None:
            inside = inside.where(uploads.c.key < stop)
        above: ColumnElement[bool] = uploads.c.key > after
        if after_id:
            same = (uploads.c.bucket == bucket, uploads.c.key == after, uploads.c.id == after_id)
            with self._catalogue.reading() as connection:
                last = connection.execute(select(*order).where(*same)).first()
            above = above if last is None else tuple_(*order) > tuple_(*last)
        while True:
            with self._catalogue.reading() as connection:
                page = connection.execute(inside.where(above)).all()
            yield from map(_to_upload, page)
            if len(page) < _PAGE:
                return
            above = tuple_(*order) > tuple_(page[-1].key, page[-1].created, page[-1].row)

    def add_part(self, upload_id: str, part: UploadedPart) -> None:
        """A part of the same number is replaced and given up; so is this one where the upload has ended."""

        def work(unit: Unit) -> list[Uploaded]:
            connection = unit.connection
            row = _find_upload(connection, upload_id).row
            here = (loose.c.upload == row, loose.c.number == part.number)
            old = [_to_part(found).uploaded for found in connection.execute(_PARTS.where(*here))]
            connection.execute(update(loose).where(*here).values(upload=None, number=None))
            blob = select(blobs.c.row).where(blobs.c.id == bytes.fromhex(part.uploaded.id)).scalar_subquery()
            values = {"upload": row, "number": part.number, "checksum": part.checksum, "created": part.modified}
            connection.execute(update(loose).where(loose.c.blob == blob).values(**values))
            return old

        try:
            old = self._catalogue.change(work)
        except NotFoundError:
            self._vault.give_up([part.uploaded])
            raise
        if old:
            self._vault.give_up(old)

    def parts(self, upload_id: str) -> list[UploadedPart]:
        """In order of number."""
        with self._catalogue.reading() as connection:
            row = _find_upload(connection, upload_id).row
            return [_to_part(part) for part in connection.execute(_PARTS.where(loose.c.upload == row))]

    def remove_upload(self, upload_id: str) -> None:
        """Ends it; parts that no version holds are given up."""

        def work(unit: Unit) -> list[Uploaded]:
            connection = unit.connection
            row = _find_upload(connection, upload_id).row
            left = [_to_part(part).uploaded for part in connection.execute(_PARTS.where(loose.c.upload == row))]
            connection.execute(update(loose).where(loose.c.upload == row).values(upload=None, number=None))
            connection.execute(delete(uploads).where(uploads.c.row == row))
            return left

        left = self._catalogue.change(work)
        if left:
            self._vault.give_up(left)

    def _log(self, unit: Unit, bucket: str, what: str) -> None:
        name = self._ground.keyring.log_name(f"{bucket}/")
        unit.log(entry("setting", self._ground.time.now(), name=name, what=f"bucket {what}"))


_PARTS = (
    select(loose.c.number, loose.c.etag, loose.c.created, loose.c.checksum, blobs.c.id, blobs.c.length)
    .join(blobs, blobs.c.row == loose.c.blob)
    .order_by(loose.c.number)
)


def _changeable(bucket: Bucket) -> dict[str, Any]:
    settings = json.dumps(dict(bucket.settings))
    return {"is_versioned": bucket.is_versioned, "has_locks": bucket.has_locks, "settings": settings}


_COLUMNS = (buckets.c.name, buckets.c.created, buckets.c.is_versioned, buckets.c.has_locks, buckets.c.settings)
_BUCKET = Prepared(select(*_COLUMNS).where(buckets.c.name == bindparam("wanted")))


def _find_bucket(connection: Connection, name: str) -> Bucket:
    row = _BUCKET.first(connection, {"wanted": name})
    if row is None:
        raise NotFoundError(f"there is no bucket {name!r}")
    return _to_bucket(row)


def _to_bucket(row: Any) -> Bucket:
    name, created, is_versioned, has_locks, settings = row
    return Bucket(name, created, bool(is_versioned), bool(has_locks), MappingProxyType(json.loads(settings)))


def _find_upload(connection: Connection, upload_id: str) -> Row[Any]:
    row = connection.execute(select(uploads).where(uploads.c.id == upload_id)).first()
    if row is None:
        raise NotFoundError(f"there is no upload {upload_id[:64]!r}")
    return row


def _to_upload(row: Row[Any]) -> Upload:
    return Upload(row.id, row.bucket, row.key, row.created, MappingProxyType(json.loads(row.options)))


def _to_part(row: Row[*tuple[Any, ...]]) -> UploadedPart:
    uploaded = Uploaded(bytes(row.id).hex(), row.length, row.etag)
    return UploadedPart(row.number, uploaded, row.created, row.checksum or "")
