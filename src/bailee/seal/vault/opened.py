"""A version with all that reading its bytes takes, in one look-up: what a small read does most of its time.

`history.hold` does the same in a transaction, for versions of several parts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import Select, and_, bindparam, exists, select

from bailee.adapters.catalogue.prepared import Prepared
from bailee.adapters.catalogue.tables import blobs, keys, objects, parts, versions
from bailee.errors import DamageError, InputError, NotFoundError
from bailee.seal.vault import history
from bailee.seal.vault.blobs.gathering import OnFault
from bailee.seal.vault.blobs.pace import Pace
from bailee.seal.vault.blobs.reading import SegmentCache, lend_blob, read_at_hand, read_blob
from bailee.seal.vault.facts import Part, Version
from bailee.seal.vault.ground import Ground
from bailee.seal.vault.keyring import unwrap
from bailee.seal.vault.rows import BLOB, VERSION_COLUMNS, VersionRow, check_name, to_version, version_bytes


@dataclass(frozen=True)
class Opened:
    """read: bytes from start to stop, as `Vault.get`; NotFoundError for a marker. lend: the same in memory that is used
    again: a chunk is good until the next but one is asked for."""

    version: Version
    read: Callable[[int, int], Iterator[bytes]]
    lend: Callable[[int, int], Iterator[bytes | memoryview]]


@dataclass(frozen=True)
class AtOnce:
    """A version that can be told without waiting. read: bytes from start to stop; None where they are not at hand."""

    version: Version
    read: Callable[[int, int], bytes | None]


class _PartRow(NamedTuple):
    """The version's key, whether it has parts beside the first, and the first: columns as `to_blob` reads them."""

    sealed: bytes | None
    has_more: bool
    wrapped: bytes
    part_name: str
    blob_row: int
    blob_id: bytes | None
    k: int
    n: int
    blob_length: int
    commitment: bytes
    fragments: bytes


def _where(is_current: bool) -> Any:
    if is_current:
        return and_(objects.c.name == bindparam("wanted"), versions.c.row == objects.c.current)
    return and_(objects.c.name == bindparam("wanted"), versions.c.id == bindparam("version_id"))


def _found(is_current: bool) -> Prepared:
    return Prepared(_versions(select(*VERSION_COLUMNS)).where(_where(is_current)))


def _whole(is_current: bool) -> Prepared:
    other = parts.alias("other")
    has_more = exists().where(other.c.version == versions.c.row, other.c.position == 1)
    query = _versions(select(*VERSION_COLUMNS, keys.c.sealed, has_more, parts.c.wrapped, parts.c.name, *BLOB))
    query = query.outerjoin(keys, keys.c.version == versions.c.row)
    query = query.outerjoin(parts, and_(parts.c.version == versions.c.row, parts.c.position == 0))
    return Prepared(query.outerjoin(blobs, blobs.c.row == parts.c.blob).where(_where(is_current)))


def _versions(query: Select[Any]) -> Select[Any]:
    return query.select_from(objects).join(versions, versions.c.object == objects.c.row)


_FOUND = {is_current: _found(is_current) for is_current in (True, False)}
_WHOLE = {is_current: _whole(is_current) for is_current in (True, False)}
_WIDTH = len(VERSION_COLUMNS)


def find(ground: Ground, name: str, version: str | None = None) -> Version:
    """The current version (NotFoundError where that is a marker), or one by its id, markers too."""
    rows = ground.catalogue.look_up(_FOUND[version is None], _values(name, version))
    return to_version(VersionRow(*_wanted(rows, name, version)))


def find_at_once(ground: Ground, name: str, version: str | None = None) -> Version | None:
    """As `find`, without waiting; None where that cannot be, or nothing is there."""
    rows = ground.catalogue.look_up_at_once(_FOUND[version is None], _values(name, version))
    return None if not rows else to_version(VersionRow(*rows[0]))


def hold(ground: Ground, name: str, version: str | None = None) -> tuple[Version, tuple[Part, ...]]:
    """As `find`, with its parts and their keys, opened; a marker has none."""
    row = _wanted(ground.catalogue.look_up(_WHOLE[version is None], _values(name, version)), name, version)
    found = to_version(VersionRow(*row[:_WIDTH]))
    if found.is_marker:
        return found, ()
    first = _PartRow(*row[_WIDTH:])
    if first.has_more:
        return history.hold(ground, name, found.id)
    return found, _open(ground, found, first)


def hold_at_once(ground: Ground, name: str, version: str | None = None) -> tuple[Version, Part] | None:
    """As `hold`, without waiting, of a version with one part; None for all else."""
    rows = ground.catalogue.look_up_at_once(_WHOLE[version is None], _values(name, version))
    if not rows:
        return None
    found, first = to_version(VersionRow(*rows[0][:_WIDTH])), _PartRow(*rows[0][_WIDTH:])
    if found.is_marker or first.has_more or first.blob_id is None:
        return None
    return found, _open(ground, found, first)[0]


def open_version(ground: Ground, name: str, version: str | None, pace: Pace, cache: SegmentCache | None) -> Opened:
    """`Vault.open_version`."""
    found, held = hold(ground, name, version)
    return Opened(
        found,
        lambda start, stop: read(ground, found, held, start, stop, pace, cache),
        lambda start, stop: lend(ground, found, held, start, stop, pace, cache),
    )


def open_at_once(ground: Ground, name: str, version: str | None = None) -> AtOnce | None:
    """What can be told of a version without waiting: `Vault.open_at_once`."""
    held = hold_at_once(ground, name, version)
    if held is None:
        return None
    blob, key, naming = held[1].blob, held[1].key, ground.keyring.naming
    return AtOnce(held[0], lambda start, stop: read_at_hand(blob, key, ground.stores, naming, start, stop))


def read(
    ground: Ground,
    found: Version,
    held: Sequence[Part],
    start: int,
    stop: int,
    pace: Pace,
    cache: SegmentCache | None,
    on_fault: OnFault | None = None,
) -> Iterator[bytes]:
    """NotFoundError for a marker, InputError for a range outside, at once."""
    _check_range(found, start, stop)

    def parts() -> Iterator[bytes]:
        naming = ground.keyring.naming
        for part, (first, last) in _spans(held, start, stop):
            yield from read_blob(
                part.blob, part.key, ground.stores, naming, first, last, on_fault=on_fault, pace=pace, cache=cache
            )

    return parts()


def lend(
    ground: Ground,
    found: Version,
    held: Sequence[Part],
    start: int,
    stop: int,
    pace: Pace,
    cache: SegmentCache | None,
) -> Iterator[bytes | memoryview]:
    """As `read`, in memory that is used again."""
    _check_range(found, start, stop)

    def parts() -> Iterator[bytes | memoryview]:
        naming = ground.keyring.naming
        for part, (first, last) in _spans(held, start, stop):
            yield from lend_blob(part.blob, part.key, ground.stores, naming, first, last, pace=pace, cache=cache)

    return parts()


def _check_range(found: Version, start: int, stop: int) -> None:
    if found.is_marker:
        raise NotFoundError(f"version {found.id} of {found.name!r} is a delete marker; it has no bytes")
    if not 0 <= start <= stop <= found.length:
        raise InputError(f"expected a range within {found.length} bytes, got {start} to {stop}")


def _spans(held: Sequence[Part], start: int, stop: int) -> Iterator[tuple[Part, tuple[int, int]]]:
    """Parts and what is wanted of each, of bytes `start` to `stop` of all."""
    before = 0
    for part in held:
        first, last = max(start - before, 0), min(stop - before, part.blob.length)
        if first < last:
            yield part, (first, last)
        before += part.blob.length


def _open(ground: Ground, found: Version, first: _PartRow) -> tuple[Part, ...]:
    if first.sealed is None:
        raise DamageError(f"the catalogue lacks the key of version {found.id}; restore a copy of it")
    if first.blob_id is None:
        return ()
    version_id = bytes.fromhex(found.id)
    key, blob = ground.keyring.open_version_key(version_id, bytes(first.sealed)), ground.numbers.to_blob(first)
    return (Part(blob, unwrap(key, version_id, 0, blob.id, bytes(first.wrapped)), first.part_name),)


def _values(name: str, version: str | None) -> dict[str, Any]:
    check_name(name)
    return {"wanted": name} if version is None else {"wanted": name, "version_id": version_bytes(version)}


def _wanted(rows: list[Any], name: str, version: str | None) -> Any:
    if not rows or (version is None and VersionRow(*rows[0][:_WIDTH]).is_marker):
        raise history.not_there(name, version, bool(rows))
    return rows[0]
