"""How a vault is: what each store holds, how many losses each blob survives, what is still to do. Reads the catalogue
and asks each store once; fragments themselves are looked at by `scrubbing` and `auditing`."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from sqlalchemy import Connection, select

from bailee.adapters.catalogue.keeping import count_tasks, list_audits, packed_blobs, store_numbers
from bailee.adapters.catalogue.tables import tasks
from bailee.adapters.stores.store import Store
from bailee.errors import MissingError, StorageError
from bailee.seal.vault.facts import Code
from bailee.seal.vault.keeping import REPAIR, Keeping
from bailee.seal.vault.layout import Layout
from bailee.seal.vault.sweeping import MARK

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


def health(keeping: Keeping) -> Health:
    with ThreadPoolExecutor(max(1, len(keeping.entries))) as pool:
        asked = pool.map(lambda entry: _ask(keeping.stores.get(entry.name)), keeping.entries)
        problems = dict(zip((entry.name for entry in keeping.entries), asked, strict=True))
    domains = {entry.name: entry.domain for entry in keeping.entries}
    held, sizes, survives = Counter[str](), Counter[str](), Counter[int]()
    lengths: dict[tuple[int, int, int], int] = {}
    blobs = crowded = 0
    after = -1
    with keeping.catalogue.reading() as connection:
        names, wrong, open_tasks = store_numbers(connection), _wrong(connection), count_tasks(connection)
        while page := packed_blobs(connection, after, _PAGE):
            for blob in page:
                shape = (blob.k, blob.n, blob.length)
                if shape not in lengths:
                    lengths[shape] = Layout(Code(blob.k, blob.n), blob.length).fragment
                faults, good = wrong.get(bytes(blob.id), frozenset()), Counter[str]()
                data = blob.fragments
                for index in range(blob.n):
                    name = names.get(data[34 * index] << 8 | data[34 * index + 1], "")
                    if name:
                        held[name] += 1
                        sizes[name] += lengths[shape]
                        if not problems.get(name, "no") and index not in faults:
                            good[domains[name]] += 1
                left = good.total() - blob.k
                survives[left] += 1
                crowded += good.total() > 0 and max(good.values()) > max(left, 0)
            blobs += len(page)
            after = page[-1].row
        last = {entry.name: list_audits(connection, entry.name, 1) for entry in keeping.entries}
    return Health(
        stores=tuple(
            StoreHealth(
                one.name, one.provider, one.region, one.enabled, problems[one.name], held[one.name], sizes[one.name],
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


def _ask(store: Store | None) -> str:
    """Why a store does not answer, "" where it does."""
    if store is None:
        return "it cannot be opened"
    try:
        store.read(MARK)
    except MissingError:
        return ""
    except StorageError as error:
        return str(error)
    return ""


def _wrong(connection: Connection) -> dict[bytes, frozenset[int]]:
    """Fragments that wait for repair."""
    rows = connection.execute(select(tasks.c.subject, tasks.c.detail).where(tasks.c.kind == REPAIR))
    return {bytes(row.subject): frozenset(map(int, json.loads(row.detail).get("faults", {}))) for row in rows}
