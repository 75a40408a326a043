"""Bytes on their way into the vault: one blob each, its MD5 beside it, and a lease while it takes long.

A blob over one segment is announced in the catalogue before it is finished, so that a crash leaves a lease that runs
out and says where to clean up; a smaller one is found by listing the stores (tidying).
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from types import TracebackType
from typing import Generic, TypeVar

from sqlalchemy import delete, insert, update

from bailee.adapters.catalogue import Unit
from bailee.adapters.catalogue.tables import writing
from bailee.adapters.stores.store import Store
from bailee.errors import ConflictError
from bailee.seal.vault.blobs.layout import SEGMENT
from bailee.seal.vault.blobs.writing import BlobWriter
from bailee.seal.vault.facts import Part, Policy
from bailee.seal.vault.ground import Ground
from bailee.seal.vault.keyring import new_blob_key

T = TypeVar("T")
LEASE = 3600.0
"""Seconds after which a write that was not heard of is given up."""
_ASIDE = 1 << 16
"""Bytes from which on MD5 is worth a thread of its own; it is slower than the rest of the way."""
_WORKERS = min(4, os.cpu_count() or 1)


@cache
def _hashers() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_WORKERS, thread_name_prefix="bailee-md5")


class Writer(Generic[T]):
    """`write` takes bytes, `finish` gives what `keep` made of the blob, `abandon` gives up. Not for several threads.

    keep: called once with the blob, its key and its MD5 in hex, and with `end`, which its transaction must call.
    """

    def __init__(
        self,
        ground: Ground,
        policy: Policy,
        choose: Callable[[bytes], Sequence[Store | None]],
        keep: Callable[[Part, str, Callable[[Unit], None]], T],
        progress: Callable[[int], None] | None = None,
    ) -> None:
        self._ground, self._keep, self._progress = ground, keep, progress
        self._id, self._key = secrets.token_bytes(16), new_blob_key()
        self._targets = choose(self._id)
        self._blob = BlobWriter(
            self._id, self._key, policy.code, self._targets, ground.keyring.naming, policy.enough, workers=_WORKERS
        )
        self._md5 = hashlib.md5(usedforsecurity=False)  # S3's etag; what is kept is bound by AES-GCM and the roots
        self._leased_until: float | None = None

    def __enter__(self) -> Writer[T]:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.abandon()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """More bytes. StoreError where too few stores still take them: then it is abandoned."""
        if self._blob.length + len(data) > SEGMENT:
            self._lease()
        if len(data) < _ASIDE:
            self._md5.update(data)
            self._blob.write(data)
        else:
            hashed = _hashers().submit(self._md5.update, data)
            try:
                self._blob.write(data)
            finally:
                hashed.result()  # the caller may change its buffer afterwards
        if self._progress is not None:
            self._progress(self._blob.length)

    def finish(self) -> T:
        """Everything is safe and visible when this returns; nothing is visible when it raises."""
        try:
            blob = self._blob.finish()
            kept = self._keep(Part(blob, self._key), self._md5.hexdigest(), self._end)
        except BaseException:
            self.abandon()
            raise
        self._leased_until = None
        return kept

    def abandon(self) -> None:
        """Nothing of it stays; after `finish` this does nothing."""
        self._blob.abandon()
        if self._leased_until is not None:
            # Fragments that were finished already go with the lease, at the next tidying.
            self._leased_until = None
            self._ground.catalogue.change(self._expire)

    def _lease(self) -> None:
        now = self._ground.time.now()
        if self._leased_until is not None and now < self._leased_until - LEASE / 2:
            return
        until = now + LEASE

        def work(unit: Unit) -> None:
            if self._leased_until is None:
                places = [[index, store.name] for index, store in enumerate(self._targets) if store is not None]
                row = {"blob": self._id, "until": until, "places": json.dumps(places)}
                unit.connection.execute(insert(writing), row)
            elif not unit.connection.execute(
                update(writing).where(writing.c.blob == self._id).values(until=until)
            ).rowcount:
                raise _given_up()

        self._ground.catalogue.change(work)
        self._leased_until = until

    def _end(self, unit: Unit) -> None:
        if self._leased_until is None:
            return
        if not unit.connection.execute(delete(writing).where(writing.c.blob == self._id)).rowcount:
            raise _given_up()

    def _expire(self, unit: Unit) -> None:
        unit.connection.execute(update(writing).where(writing.c.blob == self._id).values(until=0.0))


def _given_up() -> ConflictError:
    return ConflictError("this write took longer than its lease and was given up; put it again")
