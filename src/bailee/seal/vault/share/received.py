"""Reading what was shared: from the share and the stores alone, without the owner's catalogue.

Terms are checked at every reading, and again before each blob: a share that ends while it is read stops there. The
end of a share is kept by the honest reader's own clock; docs/vault.md, section 9, says what keeps the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import pyarrow as pa

from bailee.adapters.stores.store import Store
from bailee.errors import DamageError, GrantError, InputError, MissingError, NotFoundError, StorageError
from bailee.keys import Secret
from bailee.records import Signed
from bailee.records.passing import Chain, check_chain, check_columns, names, read_chain
from bailee.records.share import FACE, SCHEMA, Item, SharedBlob, SharedVersion, ShareRevocation, Terms
from bailee.seal.vault.blobs.gathering import OnFault
from bailee.seal.vault.blobs.reading import read_blob
from bailee.seal.vault.blobs.segments import check_key
from bailee.seal.vault.facts import Blob, Code, Placed
from bailee.seal.vault.share.columns import Face, chosen, read_columns, read_schema
from bailee.seal.vault.share.recipients import Unsealer
from bailee.seal.vault.share.sharing import open_keys


def _now() -> datetime:
    return datetime.now(UTC)


def open_share(
    share: bytes | Chain,
    reader: Unsealer | None,
    stores: Mapping[str, Store],
    *,
    owner: bytes | None = None,
    revocations: Sequence[Signed[ShareRevocation]] = (),
    clock: Callable[[], datetime] = _now,
    on_fault: OnFault | None = None,
) -> Received:
    """What a share opens. share: its file's bytes; reader: whom it was given to (None: a public one); stores: by name.

    owner: raw Ed25519 key of whom it must come from; without it anybody's share is opened, so say it where it matters.
    Raises RecordError and SignatureError for what is no share, GrantError where it does not hold or is for another.
    """
    chain = read_chain(share) if isinstance(share, bytes) else share
    check_chain(chain, revocations, clock(), owner)
    return _received(chain, open_keys(chain, reader), stores, tuple(revocations), clock, on_fault)


@dataclass(frozen=True)
class Opened:
    """One version of a share, with the keys of the blobs that are covered."""

    version: SharedVersion
    item: Item
    parts: tuple[tuple[SharedBlob, Secret], ...]


@dataclass(frozen=True)
class Readable:
    """One string of bytes that a share opens: those of a version (or a span of them), or a column of a table, which is
    an Arrow IPC stream. first: where it begins in the version; column: "" for bytes."""

    version: SharedVersion
    column: str
    first: int
    length: int


class Received:
    """Reads the versions of a share. Made by `open_share`."""

    def __init__(
        self,
        chain: Chain,
        opened: Mapping[str, Opened],
        stores: Mapping[str, Store],
        check: Callable[[], None],
        on_fault: OnFault | None,
    ) -> None:
        self.chain, self._opened, self._stores, self._check, self._on_fault = chain, opened, stores, check, on_fault

    @property
    def terms(self) -> Terms:
        return self.chain.terms

    @property
    def versions(self) -> tuple[SharedVersion, ...]:
        """Ids and names of what can be read."""
        return tuple(one.version for one in self._opened.values())

    def read(self, version: str | None = None, start: int | None = None, stop: int | None = None) -> Iterator[bytes]:
        """Bytes of a version, by default all that the share covers. version: its id, where there are several.

        Raises GrantError at once for bytes that are not covered or a share that has ended; DamageError as `read_blob`.
        """
        one = self._one(version)
        if one.version.public is not None:
            raise GrantError("this version is a table; read its columns")
        low, high = self._span(one)
        begin, until = low if start is None else start, high if stop is None else stop
        if not low <= begin <= until <= high:
            raise GrantError(f"bytes {begin} to {until} are not in this share; it has {low} to {high}")
        self._check()
        return self._parts(one, begin, until)

    def readables(self) -> tuple[Readable, ...]:
        """All that can be read as bytes, for doors that know no tables."""
        found = []
        for one in self._opened.values():
            if one.version.public is None:
                low, high = self._span(one)
                found.append(Readable(one.version, "", low, high - low))
            else:
                columns = [blob for blob, _ in one.parts if names({blob.name})]
                found += [Readable(one.version, blob.name, 0, blob.length) for blob in columns]
        return tuple(found)

    def read_bytes(self, what: Readable, start: int, stop: int) -> Iterator[bytes]:
        """Bytes `start` to `stop` of one of `readables`. Raises GrantError at once where the share has ended."""
        if not 0 <= start <= stop <= what.length:
            raise InputError(f"expected a range within {what.length} bytes, got {start} to {stop}")
        if not what.column:
            return self.read(what.version.id, what.first + start, what.first + stop)
        self.check()
        return self._part(self._table(what.version.id), what.column, start, stop)

    def check(self) -> None:
        """Raises GrantError where the share has ended, or a revocation is known."""
        self._check()

    def face(self, version: str | None = None) -> Face:
        """What the owner tells of a table to all it shares any of it with."""
        return Face.from_bytes(b"".join(self._part(self._table(version), FACE)))

    def columns(self, version: str | None = None) -> tuple[str, ...]:
        """Names of a table's columns that this share opens, in the table's order."""
        one = self._table(version)
        return tuple(blob.name for blob, _ in one.parts if names({blob.name}))

    def batches(self, columns: Sequence[str] | None = None, version: str | None = None) -> pa.RecordBatchReader:
        """Columns of a table, group by group, in constant memory; None: all that the share opens.

        Raises GrantError for a column that is not covered, whether or not the table has it.
        """
        one = self._table(version)
        if columns is not None:
            check_columns(one.item, one.version, columns)
        known = [blob.name for blob, _ in one.parts]
        wanted = chosen(columns, [name for name in known if names({name})])
        self._check()
        schema = read_schema(b"".join(self._part(one, SCHEMA))) if SCHEMA in known else None
        return read_columns(wanted, lambda name: self._part(one, name), schema)

    def table(self, columns: Sequence[str] | None = None, version: str | None = None) -> pa.Table:
        """`batches`, all at once."""
        return self.batches(columns, version).read_all()

    def _one(self, version: str | None) -> Opened:
        if version is None:
            if len(self._opened) != 1:
                raise NotFoundError(
                    f"this share has {len(self._opened)} versions; say which: {', '.join(self._opened)}"
                )
            return next(iter(self._opened.values()))
        found = self._opened.get(version)
        if found is None:
            raise GrantError(f"the version {version[:40]!r} is not in this share; it has {', '.join(self._opened)}")
        return found

    def _table(self, version: str | None) -> Opened:
        one = self._one(version)
        if one.version.public is None:
            raise GrantError("this version is no table; read its bytes")
        return one

    @staticmethod
    def _span(one: Opened) -> tuple[int, int]:
        """Of a version's bytes, what the share covers."""
        if one.item.span is not None:
            return one.item.span.start, one.item.span.stop
        return 0, one.parts[-1][0].start + one.parts[-1][0].length

    def _parts(self, one: Opened, start: int, stop: int) -> Iterator[bytes]:
        for blob, key in one.parts:
            first, last = max(start - blob.start, 0), min(stop - blob.start, blob.length)
            if first < last:
                yield from self._bytes(blob, key, first, last)

    def _part(self, one: Opened, name: str, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        blob, key = next(part for part in one.parts if part[0].name == name)
        return self._bytes(blob, key, start, blob.length if stop is None else stop)

    def _bytes(self, blob: SharedBlob, key: Secret, start: int, stop: int) -> Iterator[bytes]:
        self._check()
        try:
            yield from read_blob(_blob(blob), key, self._stores, _Paths(blob), start, stop, on_fault=self._on_fault)
        except DamageError:
            if self._is_gone(blob):
                raise GrantError(
                    "what this share tells of is on none of its stores any more, and all of them answer: it was "
                    "revoked or given anew, or the object was erased; ask who gave it"
                ) from None
            raise

    def _is_gone(self, blob: SharedBlob) -> bool:
        """Every store of the blob says that nothing is there: a store that is away says nothing of the kind."""
        for fragment in blob.fragments:
            store = self._stores.get(fragment.store)
            try:
                if store is None or store.read(fragment.path, 0, 1):
                    return False
            except MissingError:
                continue
            except StorageError:
                return False
        return True


class _Paths:
    """Names of fragments as a share tells them; the owner's naming key stays with the owner."""

    def __init__(self, blob: SharedBlob) -> None:
        self._paths = {fragment.index: fragment.path for fragment in blob.fragments}

    def path(self, blob_id: bytes, index: int) -> str:
        # A fragment that was nowhere when the share was made has no path; its store is "" and it is not asked for.
        return self._paths.get(index, "")


def _received(
    chain: Chain,
    keys: Sequence[Secret],
    stores: Mapping[str, Store],
    revocations: Sequence[Signed[ShareRevocation]],
    clock: Callable[[], datetime],
    on_fault: OnFault | None,
) -> Received:
    left, opened = iter(keys), {}
    for version, item, places in chain.opened():
        parts = tuple((version.blobs[place], next(left)) for place in places)
        for blob, key in parts:
            try:
                check_key(key, bytes.fromhex(blob.commitment))
            except DamageError:
                raise GrantError(
                    f"the key of blob {blob.id} in this share does not fit it; ask whoever gave you the share"
                ) from None
        opened[version.id] = Opened(version, item, parts)
    return Received(chain, opened, stores, lambda: check_chain(chain, revocations, clock()), on_fault)


def _blob(blob: SharedBlob) -> Blob:
    placed = {one.index: Placed(one.index, one.store, bytes.fromhex(one.root)) for one in blob.fragments}
    return Blob(
        bytes.fromhex(blob.id),
        Code(blob.k, blob.n),
        blob.length,
        bytes.fromhex(blob.commitment),
        tuple(placed.get(index, Placed(index, "", bytes(32))) for index in range(blob.n)),
    )
