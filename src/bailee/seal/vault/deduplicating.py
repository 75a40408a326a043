"""Puts that share what the vault holds already: a chunk is a blob, and equal chunks are one blob (docs/decisions/0018).

A chunk that is new waits in the catalogue as an uploaded part does, at once known to other puts: a put that was cut
short and is done again within a day goes on with what is there. A chunk that is shared is counted by the rows of the
versions that hold it; erasing the last of them deletes it.
"""

from __future__ import annotations

import hashlib
import secrets
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from types import TracebackType

from sqlalchemy import Connection, delete, insert, select

from bailee.adapters.catalogue import Unit
from bailee.adapters.catalogue.tables import blobs, chunks, keys, loose, parts, settings, versions
from bailee.adapters.stores.store import Store
from bailee.errors import ConflictError, NotFoundError, StorageError
from bailee.keys import Secret
from bailee.seal.vault.blobs.writing import BlobWriter
from bailee.seal.vault.chunking import Chunker
from bailee.seal.vault.facts import Part, Policy, Version
from bailee.seal.vault.ground import Ground
from bailee.seal.vault.history import add_blob, find_blob_row, require_blobs
from bailee.seal.vault.journal import entry
from bailee.seal.vault.keyring import new_blob_key, unwrap
from bailee.seal.vault.rows import BLOB, StoreNumbers
from bailee.seal.vault.timekeeping import since_boot

_WRITERS = 4
"""Chunks on their way at once: each ends with a wait for the slowest store that is needed."""
_KEPT_TOGETHER = 64
"""New chunks in one transaction."""
_AT_LEAST_EVERY, _TOO_LATE = 3600.0, 43_200.0
"""Seconds after which a chunk's row is written however few wait with it; and after which it is not written any more:
fragments that no row names are swept away after a day."""
_PAGE = 500
_SETTING = "deduplicate"

Keep = Callable[[Sequence[Part], str, Mapping[str, str] | None, Callable[[Unit], None]], Version]


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_WRITERS, thread_name_prefix="bailee-chunk")


class DeduplicatingWriter:
    """`write` takes bytes, `finish` gives the version, `abandon` gives up. Not for several threads.

    keep: called once with the parts, their MD5 and metadata, and with `end`, which its transaction must call first.
    """

    def __init__(
        self,
        ground: Ground,
        policy: Policy,
        choose: Callable[[bytes], Sequence[Store | None]],
        keep: Keep,
        progress: Callable[[int], None] | None = None,
    ) -> None:
        self._ground, self._policy, self._choose, self._keep, self._progress = ground, policy, choose, keep, progress
        self._chunker = Chunker(ground.keyring.naming)
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._parts: list[Part | None] = []
        self._places: dict[bytes, int] = {}
        """The first place of each print in this put."""
        self._same: list[tuple[int, int]] = []
        """Places that hold what an earlier place holds."""
        self._writing: deque[tuple[int, bytes, float, Future[Part]]] = deque()
        self._new: list[tuple[bytes, float, Part]] = []
        """What has no row yet, the oldest first; since when, in seconds since boot."""
        self._length = self.stored = 0
        self._is_over = False

    def __enter__(self) -> DeduplicatingWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.abandon()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """More bytes. StoreError where too few stores take a chunk that is new: then it is abandoned."""
        try:
            self._md5.update(data)
            self._take(list(self._chunker.feed(data)))
        except BaseException:
            self.abandon()
            raise
        self._length += memoryview(data).nbytes
        if self._progress is not None:
            self._progress(self._length)

    def finish(self, *, metadata: Mapping[str, str] | None = None) -> Version:
        """Everything is safe and visible when this returns. ConflictError where a chunk that was to be shared was
        erased meanwhile: put it again."""
        try:
            self._take(list(self._chunker.rest()))
            while self._writing:
                self._collect()
            self._keep_new()
            for place, first in self._same:
                self._parts[place] = self._parts[first]
            held = [part for part in self._parts if part is not None]
            return self._keep(held, self._md5.hexdigest(), metadata, lambda unit: self._end(unit, held))
        finally:
            self.abandon()

    def abandon(self) -> None:
        """No version comes of it. Chunks that are safe stay for a day, should it be put again; `tidy` deletes them."""
        if self._is_over:
            return
        self._is_over = True
        while self._writing:
            with suppress(StorageError):  # what failed first was told
                self._collect()
        with suppress(StorageError):
            self._keep_new()

    def _take(self, found: list[bytes]) -> None:
        prints = [self._chunker.print_of(chunk) for chunk in found]
        unknown = [one for one in dict.fromkeys(prints) if one not in self._places]
        known = _known(self._ground, self._policy, unknown)
        for chunk, its_print in zip(found, prints, strict=True):
            place = len(self._parts)
            first = self._places.setdefault(its_print, place)
            self._parts.append(known.get(its_print) if first == place else None)
            if first != place:
                self._same.append((place, first))
            elif self._parts[place] is None:
                self.stored += len(chunk)
                while len(self._writing) >= _WRITERS:
                    self._collect()
                self._writing.append((place, its_print, since_boot(), _pool().submit(self._store, chunk)))

    def _store(self, chunk: bytes) -> Part:
        blob_id, key, policy = secrets.token_bytes(16), new_blob_key(), self._policy
        targets, naming = self._choose(blob_id), self._ground.keyring.naming
        with BlobWriter(blob_id, key, policy.code, targets, naming, policy.enough) as writer:
            writer.write(chunk)
            return Part(writer.finish(), key)

    def _collect(self) -> None:
        place, its_print, since, written = self._writing.popleft()
        part = written.result()
        self._parts[place] = part
        self._new.append((its_print, since, part))
        if len(self._new) >= _KEPT_TOGETHER or since_boot() - self._new[0][1] > _AT_LEAST_EVERY:
            self._keep_new()

    def _keep_new(self) -> None:
        ground, new = self._ground, self._new
        self._new = []
        if new and since_boot() - new[0][1] > _TOO_LATE:
            raise ConflictError("this put came to a stand for so long that it was given up; put it again")
        sealed = [ground.keyring.seal_upload(part.blob.id, part.key) for _, _, part in new]

        def work(unit: Unit) -> None:
            created = ground.time.now()
            for (its_print, _, part), key in zip(new, sealed, strict=True):
                row = add_blob(unit, ground, part.blob, created)
                unit.connection.execute(insert(loose), {"blob": row, "sealed": key, "etag": "", "created": created})
                # Another put may have been first, or an older one with another code; the newest is found from now on.
                unit.connection.execute(delete(chunks).where(chunks.c.print == its_print))
                unit.connection.execute(insert(chunks), {"print": its_print, "blob": row})

        if new:
            ground.catalogue.change(work)

    def _end(self, unit: Unit, held: Sequence[Part]) -> None:
        ids = sorted({part.blob.id for part in held})
        try:
            require_blobs(unit, ids)
        except NotFoundError:
            raise ConflictError("a chunk that was to be shared was erased meanwhile; put it again") from None
        for blob_id in ids:  # uploaded by this put, or by another one: this version holds them now
            row = find_blob_row(unit.connection, blob_id)
            unit.connection.execute(delete(loose).where(loose.c.blob == row, loose.c.upload.is_(None)))


def is_default(ground: Ground) -> bool:
    with ground.catalogue.reading() as connection:
        return connection.execute(select(settings.c.key).where(settings.c.key == _SETTING)).first() is not None


def set_default(ground: Ground, on: bool) -> None:
    def work(unit: Unit) -> None:
        unit.connection.execute(delete(settings).where(settings.c.key == _SETTING))
        if on:
            unit.connection.execute(insert(settings), {"key": _SETTING, "value": b"on"})
        unit.log(entry("setting", ground.time.now(), deduplicate=on))

    ground.catalogue.change(work)


def _known(ground: Ground, policy: Policy, prints: Sequence[bytes]) -> dict[bytes, Part]:
    """Chunks of these prints that the vault holds, under the code that is wanted, with their keys."""
    found: dict[bytes, Part] = {}
    query = select(chunks.c.print, *BLOB).join_from(chunks, blobs, blobs.c.row == chunks.c.blob)
    query = query.where(blobs.c.k == policy.code.k, blobs.c.n == policy.code.n)
    with ground.catalogue.reading() as connection:
        for at in range(0, len(prints), _PAGE):
            rows = connection.execute(query.where(chunks.c.print.in_(prints[at : at + _PAGE]))).all()
            numbers = StoreNumbers(connection) if rows else ground.numbers
            for row in rows:
                key = _key(ground, connection, row.blob_row, bytes(row.blob_id))
                if key is not None:
                    found[bytes(row.print)] = Part(numbers.to_blob(row), key)
    return found


_HOLDER = (
    select(parts.c.position, parts.c.wrapped, versions.c.id, keys.c.sealed)
    .join_from(parts, versions, versions.c.row == parts.c.version)
    .join(keys, keys.c.version == versions.c.row)
)


def _key(ground: Ground, connection: Connection, blob_row: int, blob_id: bytes) -> Secret | None:
    """The key of a blob, from any version that holds it, or from an upload."""
    holder = connection.execute(_HOLDER.where(parts.c.blob == blob_row).limit(1)).first()
    if holder is not None:
        version_id = bytes(holder.id)
        version_key = ground.keyring.open_version_key(version_id, bytes(holder.sealed))
        return unwrap(version_key, version_id, holder.position, blob_id, bytes(holder.wrapped))
    sealed = connection.execute(select(loose.c.sealed).where(loose.c.blob == blob_row)).scalar()
    return None if sealed is None else ground.keyring.open_upload(blob_id, bytes(sealed))
