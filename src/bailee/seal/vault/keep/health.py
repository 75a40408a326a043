"""How a vault is: what each store holds, how many losses each blob survives, what is still to do. Reads the catalogue
and asks each store once; fragments themselves are looked at by `scrubbing` and `auditing`."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from sqlalchemy import Connection, select

from bailee.adapters.catalogue.keeping import Packed, count_tasks, list_audits, packed_blobs, store_numbers
from bailee.adapters.catalogue.tables import tasks
from bailee.adapters.stores.store import Store
from bailee.errors import MissingError, StorageError
from bailee.seal.vault.blobs.layout import Layout
from bailee.seal.vault.facts import Code
from bailee.seal.vault.keep.keeping import REPAIR, Keeping
from bailee.seal.vault.keep.sweeping import MARK

_PAGE = 2000


@dataclass(frozen=True)
class StoreHealth:
    """problem: why it does not answer, "" where it does. fragments, bytes: as the catalogue has it. audited, passed:
    when it was last audited (seconds since 1970), and with what result; None where never."""

    name: str
    provider: str
    region: str
    enabled: bool
    problem: str
    fragments: int
    bytes: int
    audited: float | None
    passed: bool | None


@dataclass(frozen=True)
class Health:
    """survives: numbers of blobs by how many more stores each can lose, counting what is known to be wrong and stores
    that do not answer as lost; below 0 it cannot be read now. tasks: how many of each kind are open."""

    stores: tuple[StoreHealth, ...]
    blobs: int
    survives: Mapping[int, int]
    tasks: Mapping[str, int]
    crowded: int
    """Blobs of which more fragments lie with one provider than may be lost."""

    @property
    def least(self) -> int | None:
        """Of the blob that is worst off; None where there are none."""
        return min(self.survives, default=None)


def silent_stores(keeping: Keeping) -> dict[str, str]:
    """Stores that are switched on and do not answer, and why; each is asked once."""
    enabled = {entry.name for entry in keeping.entries if entry.enabled}
    return {name: problem for name, problem in _problems(keeping).items() if problem and name in enabled}


def _problems(keeping: Keeping) -> dict[str, str]:
    with ThreadPoolExecutor(max(1, len(keeping.entries))) as pool:
        asked = pool.map(lambda entry: _ask(keeping.stores.get(entry.name)), keeping.entries)
        return dict(zip((entry.name for entry in keeping.entries), asked, strict=True))


def health(keeping: Keeping) -> Health:
    problems = _problems(keeping)
    survives = Counter[int]()
    blobs = crowded = 0
    after = -1
    with keeping.catalogue.reading() as connection:
        names, wrong, open_tasks = store_numbers(connection), _wrong(connection), count_tasks(connection)
        places = _Places(keeping, names, {name for name, problem in problems.items() if not problem})
        while page := packed_blobs(connection, after, _PAGE):
            for n, group in _by_code(page).items():
                left, is_crowded = places.add(n, group, wrong)
                survives.update(left)
                crowded += is_crowded
            blobs += len(page)
            after = page[-1].row
        last = {entry.name: list_audits(connection, entry.name, 1) for entry in keeping.entries}
    return Health(
        stores=tuple(
            StoreHealth(
                one.name, one.provider, one.region, one.enabled, problems[one.name], *places.of(one.name),
                last[one.name][0].created if last[one.name] else None,
                last[one.name][0].passed if last[one.name] else None,
            )
            for one in keeping.entries
        ),
        blobs=blobs,
        survives=dict(sorted(survives.items())),
        tasks=open_tasks,
        crowded=crowded,
    )  # fmt: skip


class _Places:
    """Counts fragments, a page of blobs at a time: a vault of a million blobs has many millions."""

    def __init__(self, keeping: Keeping, names: Mapping[int, str], answering: set[str]) -> None:
        size = max(names, default=0) + 1
        self._numbers = {name: number for number, name in names.items()}
        self._held, self._bytes = np.zeros(size, np.int64), np.zeros(size, np.int64)
        self._answers = np.array([names.get(number) in answering for number in range(size)])
        domains = {entry.name: entry.domain for entry in keeping.entries}
        self._domains = sorted(set(domains.values()))
        self._domain = np.array([self._domains.index(domains[names[j]]) if names.get(j) in domains else -1
                                 for j in range(size)])  # fmt: skip

    def add(self, n: int, page: Sequence[Packed], wrong: Mapping[bytes, frozenset[int]]) -> tuple[list[int], int]:
        """How many more losses each blob of the page survives, and how many of them are crowded."""
        data = np.frombuffer(b"".join(blob.fragments for blob in page), np.uint8).reshape(len(page), n, -1)
        stores = data[:, :, 0].astype(np.int64) << 8 | data[:, :, 1]
        lengths = np.array([Layout(Code(blob.k, n), blob.length).fragment for blob in page])
        self._held += np.bincount(stores.reshape(-1), minlength=len(self._held))
        for j in range(n):
            np.add.at(self._bytes, stores[:, j], lengths)
        good = self._answers[stores]
        for row, blob in enumerate(page):
            good[row, [index for index in wrong.get(bytes(blob.id), ()) if index < n]] = False
        left = good.sum(axis=1) - np.array([blob.k for blob in page])
        most = np.zeros(len(page), np.int64)
        for number in range(len(self._domains)):
            most = np.maximum(most, (good & (self._domain[stores] == number)).sum(axis=1))
        return left.tolist(), int((most > np.maximum(left, 0)).sum())

    def of(self, name: str) -> tuple[int, int]:
        """Fragments on a store, and their bytes."""
        number = self._numbers.get(name, 0)
        return (int(self._held[number]), int(self._bytes[number])) if number else (0, 0)


def _by_code(page: Sequence[Packed]) -> dict[int, list[Packed]]:
    found: dict[int, list[Packed]] = {}
    for blob in page:
        found.setdefault(blob.n, []).append(blob)
    return found


def _ask(store: Store | None) -> str:
    """Why a store does not answer, "" where it does."""
    if store is None:
        return "it cannot be opened"
    try:
        store.read(MARK, 0, 1)
    except MissingError:
        return ""
    except StorageError as error:
        return str(error)
    return ""


def _wrong(connection: Connection) -> dict[bytes, frozenset[int]]:
    """Fragments that wait for repair."""
    rows = connection.execute(select(tasks.c.subject, tasks.c.detail).where(tasks.c.kind == REPAIR))
    return {bytes(row.subject): frozenset(map(int, json.loads(row.detail).get("faults", {}))) for row in rows}
