"""Fragments that are to vanish: the tasks that say so, each store on its own, until nothing is left to do; first their
segments in the read cache.

A task outlives the blob's row: it holds the id, from which fragments have their names, and where they lay.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from sqlalchemy import Row, delete, select, update

from bailee.adapters.catalogue import Unit
from bailee.adapters.catalogue.tables import tasks
from bailee.adapters.stores.store import Store
from bailee.errors import StorageError
from bailee.seal.vault.blobs.fragments import NamingKey
from bailee.seal.vault.ground import Ground

DELETE = "delete"
"""The kind of task whose subject is a blob that nobody holds; its detail says {"places": [[index, store] ...],
"segments": how many a read cache may hold}."""
FIRST_WAIT, LONGEST_WAIT = 60.0, 6 * 3600.0
_PAGE = 500


def delete_fragments(ground: Ground, blob_ids: Sequence[bytes]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Do the tasks of these blobs now. Returns the stores that did all of it, and those that did not."""
    reached: set[str] = set()
    missed: set[str] = set()
    for at in range(0, len(blob_ids), _PAGE):
        with ground.catalogue.reading() as connection:
            wanted = tasks.c.subject.in_(blob_ids[at : at + _PAGE])
            rows = connection.execute(select(tasks).where(tasks.c.kind == DELETE, wanted)).all()
        found, failed = _do(ground, rows)
        reached |= found
        missed |= failed
    return tuple(sorted(reached - missed)), tuple(sorted(missed))


def run_due(ground: Ground) -> tuple[int, int]:
    """Do what is due. Returns the tasks that are done, and those that remain (due later)."""
    done = remain = 0
    now = ground.time.now()
    while True:
        with ground.catalogue.reading() as connection:
            query = select(tasks).where(tasks.c.kind == DELETE, tasks.c.due <= now).order_by(tasks.c.due, tasks.c.row)
            rows = connection.execute(query.limit(_PAGE)).all()
        if not rows:
            return done, remain
        _, failed = _do(ground, rows)
        left = sum(any(store in failed for _, store in _places(row)) for row in rows)
        done, remain = done + len(rows) - left, remain + left


def _do(ground: Ground, rows: Sequence[Row[Any]]) -> tuple[set[str], set[str]]:
    _clear_cache(ground, rows)
    by_store: dict[str, list[tuple[bytes, int]]] = defaultdict(list)
    for row in rows:
        for index, store in _places(row):
            by_store[store].append((bytes(row.subject), index))
    if not by_store:
        _settle(ground, rows, {})
        return set(), set()
    with ThreadPoolExecutor(min(16, len(by_store)), thread_name_prefix="bailee-delete") as pool:
        answers = {
            name: pool.submit(_delete_all, ground.stores.get(name), ground.keyring.naming, fragments)
            for name, fragments in by_store.items()
        }
    problems = {name: answer.result() for name, answer in answers.items()}
    failed = {name: problem for name, problem in problems.items() if problem}
    _settle(ground, rows, failed)
    return set(by_store) - set(failed), set(failed)


def _clear_cache(ground: Ground, rows: Sequence[Row[Any]]) -> None:
    # A reader that had opened the version before may keep a segment a moment later: nothing opens it, it goes by age.
    if ground.cache is not None:
        for row in rows:
            ground.cache.forget(bytes(row.subject), json.loads(row.detail).get("segments", 0))


def _delete_all(store: Store | None, naming: NamingKey, fragments: Sequence[tuple[bytes, int]]) -> str:
    """What went wrong, "" for nothing. A store that fails once is not asked for the rest: it is tried again later."""
    if store is None:
        return "not known here, or switched off"
    try:
        for blob_id, index in fragments:
            store.delete(naming.path(blob_id, index))
    except StorageError as error:
        return str(error)[:500]
    return ""


def _settle(ground: Ground, rows: Sequence[Row[Any]], failed: Mapping[str, str]) -> None:
    """Tasks end, or say what is left of them and wait longer each time."""

    def work(unit: Unit) -> None:
        now = ground.time.now()
        for row in rows:
            left = [(index, store) for index, store in _places(row) if store in failed]
            mine = tasks.c.row == row.row, tasks.c.subject == row.subject
            if not left:
                unit.connection.execute(delete(tasks).where(*mine))
                continue
            values = {
                "detail": json.dumps({**json.loads(row.detail), "places": left}),
                "due": now + min(LONGEST_WAIT, FIRST_WAIT * 2 ** min(row.attempts, 20)),
                "attempts": row.attempts + 1,
                "problem": "; ".join(sorted(f"{store}: {failed[store]}" for store in {place[1] for place in left}))[
                    :2000
                ],
            }
            unit.connection.execute(update(tasks).where(*mine).values(**values))

    ground.catalogue.change(work)


def _places(row: Row[Any]) -> list[tuple[int, str]]:
    return [(index, store) for index, store in json.loads(row.detail)["places"]]
