"""Between rows of the catalogue and the facts: names that are names, fragments packed into one value, versions."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from types import MappingProxyType
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, Select, select

from bailee.adapters.catalogue.tables import blobs, objects, stores, versions
from bailee.errors import DamageError, InputError, NotFoundError
from bailee.seal.vault.facts import Blob, Code, Lock, LockMode, Placed, Version

MAX_NAME = 1200
"""Bytes of UTF-8: S3's 1,024 of a key, and its bucket."""
_FRAGMENT = struct.Struct(">H32s")
_NO_METADATA: Mapping[str, str] = MappingProxyType({})


def check_name(name: str) -> None:
    """InputError for what is no object's name."""
    try:
        size = len(name.encode())
    except UnicodeEncodeError:
        raise InputError("expected a name in UTF-8, got one with half a surrogate pair") from None
    if not 0 < size <= MAX_NAME or "\0" in name:
        raise InputError(f"expected a name of 1 to {MAX_NAME} bytes of UTF-8 without zeros, got {size} bytes")


def version_bytes(version: str) -> bytes:
    """NotFoundError for what cannot be the id of a version: whoever asks for it asks for nothing that is there."""
    try:
        found = bytes.fromhex(version)
    except ValueError:
        found = b""
    if len(found) != 16 or found.hex() != version:
        raise NotFoundError(f"there is no version {version[:40]!r}; versions have ids of 32 hex digits")
    return found


def after_prefix(prefix: str) -> str | None:
    """The least string above all that begin with `prefix`, in UTF-8's order; None where there is none."""
    while prefix:
        last = ord(prefix[-1])
        if last < 0x10FFFF:
            return prefix[:-1] + chr(0xE000 if last == 0xD7FF else last + 1)
        prefix = prefix[:-1]
    return None


VERSION: Select[Any] = select(
    objects.c.name, objects.c.current, objects.c.row.label("object"), versions
).join_from(versions, objects, versions.c.object == objects.c.row)  # fmt: skip


class VersionRow(NamedTuple):
    """The columns that `to_version` reads, in the order of VERSION_COLUMNS, as a driver gives them."""

    row: int
    name: str
    current: int | None
    id: bytes
    number: int
    created: float
    length: int
    etag: str
    is_marker: bool
    content_type: str
    metadata: str
    lock_mode: str | None
    lock_until: float | None
    on_hold: bool
    expires: float | None


VERSION_COLUMNS = tuple((objects if name in ("name", "current") else versions).c[name] for name in VersionRow._fields)


def to_version(row: Row[Any] | VersionRow) -> Version:
    """From a row of VERSION."""
    lock = None if row.lock_mode is None else Lock(LockMode(row.lock_mode), row.lock_until or 0.0)
    return Version(
        id=bytes(row.id).hex(),
        name=row.name,
        number=row.number,
        created=row.created,
        length=row.length,
        etag=row.etag,
        is_marker=bool(row.is_marker),
        is_current=row.current == row.row,
        content_type=row.content_type,
        metadata=MappingProxyType(json.loads(row.metadata)) if row.metadata else _NO_METADATA,
        lock=lock,
        on_hold=bool(row.on_hold),
        expires=row.expires,
    )


class StoreNumbers:
    """Names of stores as the catalogue's rows have them: small numbers, never used again for another.

    reread: gives a connection when a number is met that was not there: another process has added a store.
    """

    def __init__(
        self, connection: Connection, reread: Callable[[], AbstractContextManager[Connection]] | None = None
    ) -> None:
        self._reread = reread
        self._read(connection)

    def _read(self, connection: Connection) -> None:
        rows = connection.execute(select(stores.c.number, stores.c.name)).all()
        self._names: dict[int, str] = {0: "", **{row.number: row.name for row in rows}}
        self._numbers = {name: number for number, name in self._names.items()}

    def pack(self, placed: Sequence[Placed]) -> bytes:
        return b"".join(_FRAGMENT.pack(self._numbers[one.store], one.root) for one in placed)

    def unpack(self, data: bytes) -> tuple[Placed, ...]:
        if len(data) % _FRAGMENT.size:
            raise DamageError("the fragments of a blob are cut off in the catalogue; restore a copy of it")
        found = tuple(_FRAGMENT.iter_unpack(data))
        if self._reread is not None and any(number not in self._names for number, _ in found):
            with self._reread() as connection:
                self._read(connection)
        return tuple(Placed(index, self._names[number], root) for index, (number, root) in enumerate(found))

    def to_blob(self, row: Any) -> Blob:
        """From a row with the columns of BLOB."""
        return Blob(
            bytes(row.blob_id), Code(row.k, row.n), row.blob_length, bytes(row.commitment), self.unpack(row.fragments)
        )


BLOB = (
    blobs.c.row.label("blob_row"), blobs.c.id.label("blob_id"), blobs.c.k, blobs.c.n,
    blobs.c.length.label("blob_length"), blobs.c.commitment, blobs.c.fragments,
)  # fmt: skip
"""Columns that `to_blob` reads, by names that meet no others in a join."""
