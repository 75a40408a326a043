"""Sweep: fragments that lie on a store and that no row says to be there are found by listing it, and deleted.

They are left by crashes, by repairs onto another store, by stores that were away when something was erased. What is
deleted looks like a fragment's name, is older than a day by the store's own clock, is of no blob under way, and is
looked up twice. A store is *claimed* by a file with the vault's mark, so that no vault sweeps away another's fragments;
and where much of a store is unknown, nothing is deleted: then the catalogue is the wrong one sooner than the store.
"""

from __future__ import annotations

import re
import secrets
from array import array
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from bailee.adapters.catalogue.keeping import packed_blobs, store_numbers, under_way
from bailee.adapters.stores.store import Store, Stored
from bailee.errors import ConflictError, MissingError, StorageError
from bailee.seal.vault.facts import MAX_FRAGMENTS
from bailee.seal.vault.ground import Ground
from bailee.seal.vault.keep.keeping import Keeping
from bailee.seal.vault.keyring import Keyring

DAY = 86_400.0
MARK = "vault"
"""Where a claimed store keeps the vault's mark: 64 hex digits, which tell nothing but that it is the same vault."""
_MARK_LENGTH = 64
_FRAGMENT = re.compile(r"[0-9a-f]{2}/[0-9a-f]{30}")
_FEW, _PART = 16, 0.1
"""So many unknown fragments, or such a part of the known ones, are deleted without asking."""
_PAGE = 2000
_Prints = NDArray[np.uint64]


@dataclass
class Swept:
    """orphans, bytes: deleted, by store. kept: stores of which nothing was deleted, and why."""

    orphans: dict[str, int] = field(default_factory=dict)
    bytes: dict[str, int] = field(default_factory=dict)
    kept: dict[str, str] = field(default_factory=dict)


def claim(keyring: Keyring, store: Store) -> None:
    """Mark the store as this vault's. ConflictError where it is another's. Claiming twice is no error."""
    mark = keyring.log_name("\0mark of the vault on its stores").encode()
    found = _mark_on(store)
    if found is None:
        writing = store.write(MARK)
        writing.write(mark)
        writing.finish()
    elif found != mark:
        raise _claimed(store)


def require_unclaimed(store: Store) -> None:
    """For a vault that is about to be made: ConflictError where any vault has marked the store."""
    if _mark_on(store) is not None:
        raise _claimed(store)


def _mark_on(store: Store) -> bytes | None:
    try:
        return store.read(MARK, 0, _MARK_LENGTH)  # no more than that: a store may answer without end
    except MissingError:
        return None


def _claimed(store: Store) -> ConflictError:
    return ConflictError(
        f"store {store.name} is another vault's; give each vault a folder or prefix of its own: "
        "a shared one would be swept by both"
    )


def sweep(keeping: Keeping | Ground, *, older_than: float = DAY, even_many: bool = False) -> Swept:
    """Delete what no row names from all stores that answer. even_many: also where much is unknown."""
    done = Swept()
    known = {name: _sorted(prints) for name, prints in _known(keeping).items()}
    suspects: dict[str, list[Stored]] = {}
    for name, store in keeping.stores.items():
        try:
            suspects[name] = list(_suspects(store, known.get(name, _sorted(array("Q"))), older_than))
        except StorageError as error:
            done.kept[name] = str(error)
    if not any(suspects.values()):
        return done
    # Again: what was committed since the first look is known now.
    known = {name: _sorted(prints) for name, prints in _known(keeping).items()}
    for name, found in suspects.items():
        here = known.get(name, _sorted(array("Q")))
        unknown = [one for one in found if not _has(here, _print(one.path))]
        if not unknown:
            continue
        try:
            _refuse_many(name, len(unknown), len(here), even_many)
            claim(keeping.keyring, keeping.stores[name])
            _delete(keeping.stores[name], unknown, done)
        except StorageError as error:
            done.kept[name] = str(error)
    return done


def _suspects(store: Store, known: _Prints, older_than: float) -> Iterator[Stored]:
    before = _clock(store) - older_than
    for one in store.paths():
        if _FRAGMENT.fullmatch(one.path) and one.modified <= before and not _has(known, _print(one.path)):
            yield one


def _clock(store: Store) -> float:
    """What time it is for the store: its clock may be another than ours, and its listing goes by it."""
    path = f"clock/{secrets.token_hex(8)}"
    writing = store.write(path)
    writing.write(b"?")
    writing.finish()
    try:
        return next(one.modified for one in store.paths(path) if one.path == path)
    except StopIteration:
        raise StorageError(f"store {store.name} does not list what was just written; nothing is swept") from None
    finally:
        with suppress(StorageError):
            store.delete(path)


def _known(keeping: Keeping | Ground) -> Mapping[str, array[int]]:
    """For each store the fragments that are to be there, as the first 64 bits of their names.

    A name that happens to begin like another would be kept: one in 2^64 for each pair.
    """
    naming, after = keeping.keyring.naming, -1
    with keeping.catalogue.reading() as connection:
        names = store_numbers(connection)
        found = {name: array("Q") for name in names.values()}
        for blob_id in under_way(connection):
            prints = [_print(naming.path(blob_id, index)) for index in range(MAX_FRAGMENTS)]
            for of_store in found.values():
                of_store.extend(prints)
        while page := packed_blobs(connection, after, _PAGE):
            for blob in page:
                for index in range(blob.n):
                    number = int.from_bytes(blob.fragments[34 * index : 34 * index + 2], "big")
                    if number in names:
                        found[names[number]].append(_print(naming.path(bytes(blob.id), index)))
            after = page[-1].row
    return found


def _print(path: str) -> int:
    return int(path[:2] + path[3:17], 16)


def _sorted(prints: array[int]) -> _Prints:
    return np.sort(np.frombuffer(prints, np.uint64)) if len(prints) else np.empty(0, np.uint64)


def _has(prints: _Prints, wanted: int) -> bool:
    at = int(np.searchsorted(prints, np.uint64(wanted)))
    return at < len(prints) and int(prints[at]) == wanted


def _refuse_many(name: str, unknown: int, known: int, even_many: bool) -> None:
    if not even_many and unknown > max(_FEW, _PART * known):
        raise ConflictError(
            f"store {name} has {unknown} fragments that this vault does not know, beside {known} that it does; "
            "if it holds nothing else and the catalogue is the right one, sweep with even_many"
        )


def _delete(store: Store, unknown: Sequence[Stored], done: Swept) -> None:
    for one in unknown:
        store.delete(one.path)
        done.orphans[store.name] = done.orphans.get(store.name, 0) + 1
        done.bytes[store.name] = done.bytes.get(store.name, 0) + one.size
