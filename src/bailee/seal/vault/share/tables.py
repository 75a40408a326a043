"""Tables in a vault: a version with a blob for each column, put and read column by column."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pyarrow as pa

from bailee.adapters.catalogue import Unit
from bailee.errors import InputError
from bailee.records.share import FACE, SCHEMA
from bailee.seal.vault import history, uploads
from bailee.seal.vault.blobs.reading import read_blob
from bailee.seal.vault.facts import Part, Uploaded, Version
from bailee.seal.vault.history import Wanted
from bailee.seal.vault.objects import Writer
from bailee.seal.vault.share.columns import (
    CONTENT_TYPE,
    Face,
    Table,
    check_columns,
    chosen,
    face_of,
    is_column,
    read_columns,
    read_schema,
    schema_bytes,
    write_columns,
)
from bailee.seal.vault.vault import Vault

PUBLIC = "bailee-public-columns"
"""Where a version's metadata say, as a JSON list, which columns every share of the table opens."""


def put_table(
    vault: Vault,
    name: str,
    table: Table,
    public: Sequence[str] = (),
    *,
    hide_names: bool = False,
    if_match: str | None = None,
    if_none_match: bool = False,
) -> Version:
    """A new version of `name`, a blob for each column. table: a pyarrow.Table, or a reader that is read once.

    public: columns that every share of the table opens too. hide_names: shares tell names of other columns only to
    those they open them to. Memory: measured 13 to 19 MB for each column of a reader, for one column of a table.
    Raises InputError for columns without a name of their own, StoreError where too few stores take them.
    """
    check_columns(table.schema, public)
    metadata = {PUBLIC: json.dumps(list(public))}
    wanted = Wanted(CONTENT_TYPE, metadata, if_match=if_match, if_none_match=if_none_match)
    history.check_wanted(vault.ground, name, wanted)
    columns = _Columns(vault)
    try:
        rows = write_columns(table, columns.open, columns.close)
        columns.whole(FACE, face_of(table.schema, rows, public, hide_names).to_bytes())
        columns.whole(SCHEMA, schema_bytes(table.schema))
        return _keep(vault, name, wanted, [(part, columns.done[part]) for part in (FACE, SCHEMA, *table.schema.names)])
    except BaseException:
        columns.give_up()
        raise


def get_table(vault: Vault, name: str, columns: Sequence[str] | None = None, version: str | None = None) -> pa.Table:
    """A table, or some of its columns: only their blobs are read."""
    return read_table(vault, name, columns, version).read_all()


def read_table(
    vault: Vault, name: str, columns: Sequence[str] | None = None, version: str | None = None
) -> pa.RecordBatchReader:
    """As `get_table`, group by group in constant memory. NotFoundError for columns that are not there."""
    held = _parts(vault, name, version)
    wanted = chosen(columns, [part for part in held if is_column(part)])
    schema = read_schema(_bytes(vault, held[SCHEMA]))
    return read_columns(wanted, lambda column: _read(vault, held[column]), schema)


def table_face(vault: Vault, name: str, version: str | None = None) -> Face:
    """What all shares of a table tell of it."""
    return Face.from_bytes(_bytes(vault, _parts(vault, name, version)[FACE]))


def public_columns(version: Version, parts: Sequence[Part]) -> tuple[str, ...] | None:
    """Columns that every share opens; None where the version is no table."""
    names = {part.name for part in parts}
    if FACE not in names:
        return None
    try:
        told = json.loads(version.metadata.get(PUBLIC, "[]"))
    except ValueError:
        told = []
    # Somebody may have changed the metadata in a copy: only what is a column is public, and nothing is by accident.
    return tuple(one for one in told if one in names and is_column(one)) if isinstance(told, list) else ()


def _read(vault: Vault, part: Part) -> Iterator[bytes]:
    stores, naming = vault.ground.stores, vault.ground.keyring.naming
    return read_blob(part.blob, part.key, stores, naming, pace=vault.pace, cache=vault.cache)


class _Columns:
    """The writers of a table's parts, and what became of them."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._open: dict[str, Writer[Uploaded]] = {}
        self.done: dict[str, Uploaded] = {}

    def open(self, name: str) -> Writer[Uploaded]:
        self._open[name] = writer = self._vault.part_writer()
        return writer

    def close(self, name: str) -> None:
        self.done[name] = self._open.pop(name).finish()

    def whole(self, name: str, data: bytes) -> None:
        self.open(name).write(data)
        self.close(name)

    def give_up(self) -> None:
        for writer in self._open.values():
            writer.abandon()
        self._vault.give_up(list(self.done.values()))


def _keep(vault: Vault, name: str, wanted: Wanted, columns: Sequence[tuple[str, Uploaded]]) -> Version:
    ground, uploaded = vault.ground, [one for _, one in columns]
    found = uploads.hold_loose(ground, uploaded)
    held = [replace(part, name=column) for part, (column, _) in zip(found, columns, strict=True)]
    sums = b"".join(bytes.fromhex(one.etag) for one in uploaded)
    etag = f"{hashlib.md5(sums, usedforsecurity=False).hexdigest()}-{len(uploaded)}"
    content = history.prepare(ground, held, etag)

    def work(unit: Unit) -> Version:
        history.take_loose(unit, [part.blob.id for part in held])
        return history.add(unit, ground, name, wanted, content, "put")

    return ground.catalogue.change(work)


def _parts(vault: Vault, name: str, version: str | None) -> dict[str, Part]:
    found, held = history.hold(vault.ground, name, version)
    parts = {part.name: part for part in held}
    if FACE not in parts or SCHEMA not in parts:
        raise InputError(f"{name!r} is no table (version {found.id}); read its bytes")
    return parts


def _bytes(vault: Vault, part: Part) -> bytes:
    return b"".join(_read(vault, part))
