"""Pages of names and versions, in order of their UTF-8 bytes, by the index: a page costs its length, not the vault's.

A group (all names with one prefix up to the delimiter) is one entry of a page and is stepped over by a seek to its end.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, Select, bindparam, func, literal_column, select

from bailee.adapters.catalogue import Catalogue
from bailee.adapters.catalogue.prepared import Prepared
from bailee.adapters.catalogue.tables import objects, versions
from bailee.errors import InputError
from bailee.seal.vault.facts import Listing
from bailee.seal.vault.rows import VERSION, after_prefix, to_version

_END = "\0"
"""Between a name and a version's number in `after`: no name holds it."""


_NAMES = Prepared(
    select(objects.c.name)
    .where(objects.c.visible == literal_column("1"), objects.c.name >= bindparam("low"))
    .order_by(objects.c.name)
    .limit(bindparam("most"))
)
_IN = 500


def list_current(catalogue: Catalogue, prefix: str, delimiter: str, after: str, limit: int) -> Listing:
    """Current versions (no markers) and groups above `after`, at most `limit` of both together."""
    _check(limit, prefix, delimiter, after)
    query = VERSION.where(versions.c.row == objects.c.current, objects.c.visible == 1)
    with catalogue.reading() as connection:
        if not delimiter:
            rows = connection.execute(_above(query, prefix, after).order_by(objects.c.name).limit(limit + 1)).all()
            found = tuple(to_version(row) for row in rows[:limit])
            return Listing(found, (), found[-1].name if len(rows) > limit and found else "")
        names, groups, is_more = _grouped(connection, prefix, delimiter, after, limit)
        found = tuple(
            to_version(row)
            for at in range(0, len(names), _IN)
            for row in connection.execute(
                query.where(objects.c.name.in_(names[at : at + _IN])).order_by(objects.c.name)
            )
        )
    return Listing(found, tuple(groups), max(names[-1:] + groups[-1:], default="") if is_more else "")


def _grouped(
    connection: Connection, prefix: str, delimiter: str, after: str, limit: int
) -> tuple[list[str], list[str], bool]:
    """Names and groups of a page, and whether there is more."""
    names: list[str] = []
    groups: list[str] = []
    # No name holds a zero, and PostgreSQL takes none: this is the least string above `after`.
    low, most = max(prefix, after + "\1" if after else ""), 4
    while True:
        page = [row[0] for row in _NAMES.run(connection, {"low": low, "most": most}).fetchall()]
        group = ""
        for name in page:
            if not name.startswith(prefix):
                return names, groups, False
            if group and name.startswith(group):
                continue
            group = _group(name, prefix, delimiter)
            if group and group <= after:
                continue  # it was in an earlier page
            if len(names) + len(groups) == limit:
                return names, groups, True
            (groups if group else names).append(group or name)
        if len(page) < most:
            return names, groups, False
        end = after_prefix(group)
        if group and end is None:
            return names, groups, False
        # A group is stepped over; where there are none, pages grow.
        low, most = (end or "", 4) if group else (page[-1] + "\1", min(1024, 2 * most))


def list_versions(catalogue: Catalogue, prefix: str, after: str, limit: int) -> Listing:
    """All versions and markers, by name, the newest first. after: a name, or what a listing gave."""
    name, separator, number = after.partition(_END)
    _check(limit, prefix, name)
    order = (objects.c.name, versions.c.number.desc())
    rows: list[Row[Any]] = []
    with catalogue.reading() as connection:
        if separator:
            below = VERSION.where(objects.c.name == name, versions.c.number < _number(number))
            rows += connection.execute(below.order_by(*order).limit(limit + 1)).all()
        if len(rows) <= limit:
            rows += _versions_above(connection, prefix, name, limit + 1 - len(rows))
    page = tuple(to_version(row) for row in rows[:limit])
    return Listing(page, (), f"{page[-1].name}{_END}{page[-1].number}" if len(rows) > limit and page else "")


def _versions_above(connection: Connection, prefix: str, name: str, limit: int) -> list[Row[Any]]:
    # Names first, by their index: joined at once, a database may read and sort every version there is.
    rows: list[Row[Any]] = []
    seek = name
    while len(rows) < limit:
        names = _above(select(objects.c.row, objects.c.name), prefix, seek).order_by(objects.c.name)
        page = connection.execute(names.limit(limit - len(rows))).all()
        if not page:
            break
        query = VERSION.where(versions.c.object.in_([row.row for row in page]))
        rows += connection.execute(query.order_by(objects.c.name, versions.c.number.desc())).all()
        seek = page[-1].name
    return rows[:limit]


def count(catalogue: Catalogue) -> tuple[int, int]:
    """Objects that are visible and their bytes."""
    query = select(func.count(), func.coalesce(func.sum(versions.c.length), 0)).join_from(
        versions, objects, versions.c.row == objects.c.current
    )
    with catalogue.reading() as connection:
        number, length = connection.execute(query.where(objects.c.visible == 1)).one()
    return int(number), int(length)


def _above(query: Select[Any], prefix: str, seek: str) -> Select[Any]:
    """Names of the prefix above `seek`."""
    if seek and seek >= prefix:
        query = query.where(objects.c.name > seek)
    elif prefix:
        query = query.where(objects.c.name >= prefix)
    end = after_prefix(prefix)
    return query if end is None else query.where(objects.c.name < end)


def _group(name: str, prefix: str, delimiter: str) -> str:
    if not delimiter:
        return ""
    at = name.find(delimiter, len(prefix))
    return "" if at < 0 else name[: at + len(delimiter)]


def _number(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or len(text) > 18:
        raise InputError("expected `after` as a listing gave it")
    return int(text)


def _check(limit: int, *texts: str) -> None:
    if any("\0" in text or (not text.isascii() and _is_broken(text)) for text in texts):
        raise InputError("expected a prefix, a delimiter and a start in UTF-8, without zeros")
    if not 0 <= limit <= 100_000:
        raise InputError(f"expected a page of 0 to 100000 entries, got {limit}")


def _is_broken(text: str) -> bool:
    return any(0xD800 <= ord(letter) < 0xE000 for letter in text)
