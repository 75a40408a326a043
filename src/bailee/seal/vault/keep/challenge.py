"""A store's holding, and the answer to a challenge from the bytes that it keeps (docs/vault.md, 8).

The answer is made by ranges read from the store: of each fragment asked for its leaves, then the pieces. Whoever reads
them (the owner here; a store's own server could as well) is not believed: `bailee.verify.possession` checks the file.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby, islice

from bailee.adapters.stores.store import Store
from bailee.errors import ConflictError, DamageError, InputError, MissingError, StorageError
from bailee.keys import Identity
from bailee.records import Signed, sign, tree
from bailee.records.possession import Challenge, Entry, Holding, Levels, places
from bailee.records.possession_file import AnswerWriter, Sample
from bailee.seal.vault.blobs.fragments import NamingKey, leaf, read_leaves
from bailee.seal.vault.blobs.layout import LEAF, Layout
from bailee.seal.vault.facts import Blob, Placed

_AHEAD = 16
"""Fragments that are asked for together: a store far away answers many at once."""
_TOGETHER = 16
_GIVEN_UP = 8
"""After so many fragments in a row that could not be asked for, the store is not there."""


@dataclass(frozen=True)
class Held:
    """A fragment in a store's holding. row: of its blob in the catalogue."""

    row: int
    index: int
    pieces: int
    root: bytes


class Stock:
    """All that a store is said to hold, in the order of its holding. About 120 bytes a fragment."""

    def __init__(self, held: Iterable[Held]) -> None:
        self._rows, self._firsts, self._indexes, self._roots = array("q"), array("q"), bytearray(), bytearray()
        first, leaves = 0, []
        for one in held:
            leaves.append(tree.leaf_hash(Entry(first, one.pieces, one.root).to_bytes()))
            self._rows.append(one.row)
            self._firsts.append(first)
            self._indexes.append(one.index)
            self._roots += one.root
            first += one.pieces
        self.pieces = first
        self.levels = Levels(leaves)

    def __len__(self) -> int:
        return len(self._rows)

    def find(self, place: int) -> int:
        """Which entry holds a piece."""
        return bisect_right(self._firsts, place) - 1

    def entry(self, number: int) -> Entry:
        first = self._firsts[number]
        stop = self._firsts[number + 1] if number + 1 < len(self) else self.pieces
        return Entry(first, stop - first, bytes(self._roots[32 * number : 32 * number + 32]))

    def held(self, number: int) -> tuple[int, int]:
        """The row of its blob, and its index."""
        return self._rows[number], self._indexes[number]

    def sign(self, identity: Identity, store: str, created: str) -> Signed[Holding]:
        if not len(self):
            raise InputError(f"store {store} holds nothing, so there is nothing to ask it for")
        return sign(
            Holding(
                owner=identity.public_key.hex(), store=store, fragments=len(self), pieces=self.pieces,
                tree=self.levels.root().hex(), created=created,
            ), identity,
        )  # fmt: skip


@dataclass(frozen=True)
class Fault:
    """A fragment that did not show its pieces. samples: how many of them were asked for."""

    row: int
    index: int
    samples: int
    error: StorageError

    @property
    def is_gone(self) -> bool:
        """The store answered, and has it not, or not right."""
        return isinstance(self.error, MissingError | DamageError)

    @property
    def is_void(self) -> bool:
        """The fragment was moved or erased after the holding was signed: no fault of the store."""
        return isinstance(self.error, ConflictError)


def answer(
    stock: Stock,
    holding: Signed[Holding],
    challenge: Signed[Challenge],
    store: Store,
    naming: NamingKey,
    find: Callable[[int], Blob | None],
    writer: AnswerWriter,
) -> tuple[Fault, ...]:
    """Write the samples that are asked for; `find` gives the blob of a row. What could not be shown is returned: then
    the file is worth nothing. Stops asking a store that is not there."""
    asked = _groups(stock, places(holding, challenge))
    faults: list[Fault] = []
    silent = 0
    shelf = _Shelf(stock, store, naming, find)
    with ThreadPoolExecutor(_AHEAD) as pool:

        def show(group: tuple[int, list[int]]) -> list[Sample] | StorageError:
            try:
                return list(shelf.show(*group))
            except StorageError as error:
                return error

        while batch := list(islice(asked, _AHEAD)):
            if silent >= _GIVEN_UP:
                error = faults[-1].error
                faults += [Fault(*stock.held(number), len(wanted), error) for number, wanted in batch]
                continue
            for (number, wanted), shown in zip(batch, pool.map(show, batch), strict=True):
                if isinstance(shown, StorageError):
                    faults.append(Fault(*stock.held(number), len(wanted), shown))
                    silent = 0 if faults[-1].is_gone else silent + 1
                    continue
                silent = 0
                for sample in shown:
                    writer.add(sample)
    return tuple(faults)


def _groups(stock: Stock, wanted: tuple[int, ...]) -> Iterator[tuple[int, list[int]]]:
    """Places by the entry that holds them, at most _TOGETHER at once: of few large fragments many are asked for."""
    for number, group in groupby(wanted, stock.find):
        while some := list(islice(group, _TOGETHER)):
            yield number, some


class _Shelf:
    """Shows pieces of a store's fragments. Safe to use from several threads."""

    def __init__(self, stock: Stock, store: Store, naming: NamingKey, find: Callable[[int], Blob | None]) -> None:
        self._stock, self._store, self._naming, self._find = stock, store, naming, find
        self._fragment = lru_cache(maxsize=_AHEAD)(self._open)

    def show(self, number: int, wanted: list[int]) -> Iterator[Sample]:
        entry, in_holding = self._stock.entry(number), self._stock.levels.inclusion(number)
        layout, path, leaves, levels = self._fragment(number)
        for place in wanted:
            segment = place - entry.first
            piece = self._store.read(path, *layout.pieces(segment, segment + 1))
            if leaf(piece) != leaves[LEAF * segment : LEAF * segment + LEAF]:
                raise DamageError(f"store {self._store.name}: piece {segment} of {path} is not what was stored")
            yield Sample(number, entry, in_holding, levels.inclusion(segment), piece)

    def _open(self, number: int) -> tuple[Layout, str, bytes, Levels]:
        (row, index), entry = self._stock.held(number), self._stock.entry(number)
        blob = self._find(row)
        if blob is None or blob.fragments[index] != Placed(index, self._store.name, entry.root):
            raise ConflictError(f"store {self._store.name}: fragments were moved or erased meanwhile; audit again")
        leaves = read_leaves(blob, index, self._store, self._naming)
        levels = Levels([tree.leaf_hash(leaves[at : at + LEAF]) for at in range(0, len(leaves), LEAF)])
        return Layout(blob.code, blob.length), self._naming.path(blob.id, index), leaves, levels
