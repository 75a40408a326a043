"""The vault: an owner's objects by name, as docs/vault.md promises them. Everything a door needs is a method here.

history   versions      locking   locks, holds    objects   bytes in    erasing   for good         journal   the log
listing   pages         uploads   multipart       keyring   keys        tidying   after crashes    home      its files
opened    bytes out     together  small ones in
"""

from __future__ import annotations

import hashlib
import time as system_time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Unpack

from sqlalchemy import delete, insert, select

from bailee.adapters.catalogue import Unit
from bailee.adapters.catalogue.tables import tags as tags_table
from bailee.adapters.stores.entry import StoreEntry
from bailee.adapters.stores.store import Store
from bailee.errors import InputError, NotFoundError
from bailee.keys import Identity
from bailee.records import Signed
from bailee.records.tree_head import TreeHead
from bailee.seal.vault import deduplicating, erasing, history, listing, locking, opened, tidying, together, uploads
from bailee.seal.vault.blobs.gathering import OnFault
from bailee.seal.vault.blobs.pace import Pace
from bailee.seal.vault.blobs.placement import place
from bailee.seal.vault.deduplicating import DeduplicatingWriter
from bailee.seal.vault.facts import Erasure, Event, Listing, Lock, Part, Policy, Uploaded, Version
from bailee.seal.vault.history import Wanted
from bailee.seal.vault.home import create_home, open_home
from bailee.seal.vault.journal import Journal, entry
from bailee.seal.vault.keep import sweeping
from bailee.seal.vault.keep.keeping import Keeping
from bailee.seal.vault.objects import Writer
from bailee.seal.vault.opened import AtOnce, Opened
from bailee.seal.vault.options import CopyOptions, Options
from bailee.seal.vault.rows import check_name
from bailee.seal.vault.timekeeping import Timekeeper
from bailee.seal.vault.together import Small

_CHUNK = 1 << 20
_MAX_TAGS = 50


class Vault:
    """An open vault. Safe to use from several threads; several processes may have it open. Close it, or use `with`."""

    def __init__(
        self,
        home: Path,
        identity: Identity,
        clock: Callable[[], float] = system_time.time,
        passed: Callable[[], float] | None = None,
    ) -> None:
        self.home = home
        self.ground, self.entries, self.policy, self.problems = open_home(home, identity, clock, passed)
        self.pace = Pace()
        self.cache = self.ground.cache
        self.deduplicates = deduplicating.is_default(self.ground)

    @classmethod
    def create(
        cls,
        home: Path,
        identity: Identity,
        stores: Sequence[StoreEntry],
        policy: Policy,
        catalogue_url: str | None = None,
        *,
        clock: Callable[[], float] = system_time.time,
    ) -> Vault:
        """A new vault. InputError where there is one, or the stores are not enough for the policy."""
        place(bytes(16), policy, stores)
        create_home(home, identity, stores, policy, catalogue_url, Timekeeper(clock))
        return cls(home, identity, clock)

    @classmethod
    def open(
        cls,
        home: Path,
        identity: Identity,
        *,
        clock: Callable[[], float] = system_time.time,
        passed: Callable[[], float] | None = None,
    ) -> Vault:
        """The vault of `home`. Stores that cannot be opened now are in `problems`; the others carry on."""
        return cls(home, identity, clock, passed)

    def close(self) -> None:
        self.ground.catalogue.close()

    def __enter__(self) -> Vault:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # Bytes in and out

    def put(
        self,
        name: str,
        source: bytes | bytearray | memoryview | BinaryIO | Iterable[bytes],
        *,
        progress: Callable[[int], None] | None = None,
        deduplicate: bool | None = None,
        **options: Unpack[Options],
    ) -> Version:
        """A new version of `name`, safe when this returns. progress: called with the bytes taken so far."""
        with self.writer(name, progress=progress, deduplicate=deduplicate, **options) as writer:
            for chunk in _chunks(source):
                writer.write(chunk)
            return writer.finish()

    @property
    def puts_together(self) -> bool:
        return not self.deduplicates and together.can_put(self.ground)

    def put_together(self, smalls: Sequence[Small]) -> Sequence[Version | BaseException]:
        """A version of each, safe when this returns, or what `put` would have raised."""
        return together.put(self.ground, self.policy, self._targets, smalls)

    def writer(
        self,
        name: str,
        *,
        progress: Callable[[int], None] | None = None,
        deduplicate: bool | None = None,
        **options: Unpack[Options],
    ) -> Writer[Version] | DeduplicatingWriter:
        """Takes the bytes of a new version one after the other; `finish` gives the version.

        deduplicate: share chunks with what the vault holds; None as the vault was set.
        """
        wanted = Wanted(**options)
        history.check_wanted(self.ground, name, wanted)
        if self.deduplicates if deduplicate is None else deduplicate:

            def keep_parts(
                held: Sequence[Part], etag: str, told: Mapping[str, str] | None, end: Callable[[Unit], None]
            ) -> Version:
                known = wanted if told is None else replace(wanted, metadata=told)
                return self._add(name, known, held, etag, "put", end)

            return DeduplicatingWriter(self.ground, self.policy, self._targets, keep_parts, progress)

        def keep(part: Part, etag: str, end: Callable[[Unit], None]) -> Version:
            return self._add(name, wanted, [part], etag, "put", end)

        return Writer(self.ground, self.policy, self._targets, keep, progress)

    def get(
        self,
        name: str,
        version: str | None = None,
        start: int = 0,
        stop: int | None = None,
        *,
        on_fault: OnFault | None = None,
    ) -> Iterator[bytes]:
        """The bytes from `start` to `stop`. NotFoundError or InputError (range) at once, DamageError while reading."""
        found, held = opened.hold(self.ground, name, version)
        stop = found.length if stop is None else stop
        return opened.read(self.ground, found, held, start, stop, self.pace, self.cache, on_fault)

    def open_version(self, name: str, version: str | None = None) -> Opened:
        """The current version, or one by its id (a marker too), with a way to its bytes. NotFoundError as `head`."""
        return opened.open_version(self.ground, name, version, self.pace, self.cache)

    def open_at_once(self, name: str, version: str | None = None) -> AtOnce | None:
        """As `open_version`, without waiting for anything but the catalogue's own disk: for a small object whose bytes
        the system has in memory. None where that cannot be, or nothing is there."""
        return opened.open_at_once(self.ground, name, version)

    def head_at_once(self, name: str, version: str | None = None) -> Version | None:
        """As `head`, without waiting; None as `open_at_once`."""
        return opened.find_at_once(self.ground, name, version)

    def head(self, name: str, version: str | None = None) -> Version:
        """The current version, or one by its id (a marker too). NotFoundError where there is none."""
        return opened.find(self.ground, name, version)

    def parts(self, name: str, version: str | None = None) -> tuple[Part, ...]:
        """What a version is made of, keys opened."""
        return history.hold(self.ground, name, version)[1]

    # Names and versions

    def list(self, prefix: str = "", delimiter: str = "", after: str = "", limit: int = 1000) -> Listing:
        """Current versions and groups (names up to the delimiter after the prefix) above `after`."""
        return listing.list_current(self.ground.catalogue, prefix, delimiter, after, limit)

    def versions(self, prefix: str = "", after: str = "", limit: int = 1000) -> Listing:
        """All versions and markers by name, the newest first. after: a name, `NAME\\0NUMBER`, or a listing's."""
        return listing.list_versions(self.ground.catalogue, prefix, after, limit)

    def count(self) -> tuple[int, int]:
        """Objects that are there, and their bytes."""
        return listing.count(self.ground.catalogue)

    def copy(self, name: str, new_name: str, version: str | None = None, **options: Unpack[CopyOptions]) -> Version:
        """A new version of `new_name` with the same bytes, which are not stored again. What is not said is copied."""
        return self._copy(name, new_name, version, "copy", options)

    def restore(self, name: str, version: str) -> Version:
        """An older version becomes the newest, as a copy."""
        return self._copy(name, name, version, "restore", {})

    def delete(self, name: str) -> Version:
        """A delete marker: the name is gone from listings, its versions stay. NotFoundError where there are none."""

        check_name(name)

        def work(unit: Unit) -> Version:
            if history.OBJECT.first(unit.connection, {"name": name}) is None:
                raise NotFoundError(f"there is no {name!r}")
            return history.add(unit, self.ground, name, Wanted(content_type=""), None, "delete")

        return self.ground.catalogue.change(work)

    def remove(self, name: str, version: str, bypass: bool = False) -> Erasure:
        """One version or marker goes, with its keys and fragments. bypass: a governance lock does not keep it."""
        return erasing.remove(self.ground, name, version, bypass)

    def erase(self, name: str, version: str | None = None) -> Erasure:
        """One version for good, or all of a name. LockedError, and nothing is done, under a lock or a hold."""
        return erasing.erase(self.ground, name, version)

    def expire(self) -> erasing.Expiry:
        """Erase what was put for a purpose that has ended."""
        return erasing.expire(self.ground)

    def accept_clock(self) -> None:
        """The clock is right now, and was wrong when it was ahead; the log says that somebody decided so."""
        before = self.ground.time.accept()

        def work(unit: Unit) -> None:
            unit.connection.execute(history.ACCEPT_TIME, {"latest": self.ground.time.highest})
            unit.log(entry("clock", self.ground.time.now(), before=repr(before)))

        self.ground.catalogue.change(work)

    def set_deduplicates(self, on: bool) -> None:
        """Whether puts that do not say otherwise share chunks with what the vault holds."""
        deduplicating.set_default(self.ground, on)
        self.deduplicates = on

    # Multipart

    def part_writer(self, *, progress: Callable[[int], None] | None = None) -> Writer[Uploaded]:
        """Bytes that will be a part of a version; `finish` gives what `compose` takes."""

        def keep(part: Part, etag: str, end: Callable[[Unit], None]) -> Uploaded:
            return uploads.keep_loose(self.ground, part, etag, end)

        return Writer(self.ground, self.policy, self._targets, keep, progress)

    def compose(self, name: str, uploaded: Sequence[Uploaded], **options: Unpack[Options]) -> Version:
        """A version of uploaded parts, in this order; each part goes into one version only."""
        wanted = Wanted(**options)
        history.check_wanted(self.ground, name, wanted)
        held = uploads.hold_loose(self.ground, uploaded)
        sums = b"".join(bytes.fromhex(one.etag) for one in uploaded)
        etag = f"{hashlib.md5(sums, usedforsecurity=False).hexdigest()}-{len(uploaded)}"

        def end(unit: Unit) -> None:
            history.take_loose(unit, [part.blob.id for part in held])

        return self._add(name, wanted, held, etag, "put", end)

    def give_up(self, uploaded: Sequence[Uploaded]) -> None:
        """Uploaded parts that no version will hold."""
        uploads.give_up(self.ground, uploaded)

    # Locks, holds, tags

    def lock(self, name: str, version: str, lock: Lock | None, bypass: bool = False) -> None:
        """Nothing destroys the version until the lock ends. Never shortened; bypass loosens a governance lock."""
        locking.lock(self.ground, name, version, lock, bypass)

    def hold(self, name: str, version: str, on: bool) -> None:
        """Nothing destroys the version while a hold is on."""
        locking.hold(self.ground, name, version, on)

    def tags(self, name: str, version: str | None = None) -> Mapping[str, str]:
        with self.ground.catalogue.reading() as connection:
            row = history.find(connection, name, version)
            query = select(tags_table.c.key, tags_table.c.value).where(tags_table.c.version == row.row)
            return {tag.key: tag.value for tag in connection.execute(query.order_by(tags_table.c.key))}

    def set_tags(self, name: str, version: str | None, tags: Mapping[str, str]) -> None:
        """These tags and no others. At most 50, keys of 1 to 128 characters, values of at most 256."""
        if len(tags) > _MAX_TAGS or any(not 0 < len(key) <= 128 or len(value) > 256 for key, value in tags.items()):
            raise InputError(
                f"expected at most {_MAX_TAGS} tags, keys of 1 to 128 and values of at most 256 characters"
            )

        def work(unit: Unit) -> None:
            row = history.find(unit.connection, name, version)
            unit.connection.execute(delete(tags_table).where(tags_table.c.version == row.row))
            rows = [{"version": row.row, "key": key, "value": value} for key, value in tags.items()]
            if rows:
                unit.connection.execute(insert(tags_table), rows)

        self.ground.catalogue.change(work)

    # The log, and order

    @property
    def journal(self) -> Journal:
        return self.ground.journal

    def log(self, start: int = 0, limit: int = 1000) -> tuple[Event, ...]:
        """Events from leaf `start` on."""
        return self.journal.events(start, limit)

    def head_of_log(self) -> Signed[TreeHead]:
        """The log's size and root now, signed by the owner. Whoever keeps it sees later if history was rewritten."""
        return self.journal.head()

    @property
    def keeping(self) -> Keeping:
        """What `audit`, `scrub`, `repair`, `rebalance`, `sweep` and `health` work with, each in its module."""
        ground = self.ground
        return Keeping(ground.catalogue, ground.keyring, ground.time, self.entries, ground.stores, self.policy)

    def tidy(self, older_than: float = sweeping.DAY, stores: bool = True) -> tidying.Tidied:
        """Clean up after crashes and stores that were away."""
        return tidying.tidy(self.ground, older_than, stores)

    def _copy(self, name: str, new_name: str, version: str | None, event: str, options: CopyOptions) -> Version:
        check_name(new_name)
        found, held = history.hold(self.ground, name, version)
        wanted = Wanted(
            content_type=options.get("content_type") or found.content_type,
            metadata=found.metadata if options.get("metadata") is None else options["metadata"] or {},
            lock=options.get("lock"),
            expires=options.get("expires", found.expires),
            if_match=options.get("if_match"),
            if_none_match=options.get("if_none_match", False),
        )
        history.check_wanted(self.ground, new_name, wanted)
        copied_tags = self.tags(name, found.id)

        def end(unit: Unit) -> None:
            history.require_blobs(unit, [part.blob.id for part in held])

        made = self._add(new_name, wanted, held, found.etag, event, end, found.id)
        if copied_tags:
            self.set_tags(new_name, made.id, copied_tags)
        return made

    def _add(
        self,
        name: str,
        wanted: Wanted,
        held: Sequence[Part],
        etag: str,
        event: str,
        end: Callable[[Unit], None],
        of: str = "",
    ) -> Version:
        content = history.prepare(self.ground, held, etag)

        def work(unit: Unit) -> Version:
            end(unit)
            return history.add(unit, self.ground, name, wanted, content, event, of=of)

        return self.ground.catalogue.change(work)

    def _targets(self, blob_id: bytes) -> Sequence[Store | None]:
        return [self.ground.stores.get(one.name) for one in place(blob_id, self.policy, self.entries)]


def _chunks(source: bytes | bytearray | memoryview | BinaryIO | Iterable[bytes]) -> Iterator[bytes | memoryview]:
    if isinstance(source, (bytes, bytearray, memoryview)):
        view = memoryview(source).cast("B")
        if len(view) <= _CHUNK:
            yield view
            return
        for at in range(0, len(view), 4 * _CHUNK):
            yield view[at : at + 4 * _CHUNK]
        return
    read = getattr(source, "read", None)
    if read is None:
        yield from source
        return
    while chunk := read(4 * _CHUNK):
        yield chunk
