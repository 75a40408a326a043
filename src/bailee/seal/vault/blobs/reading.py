"""Reading a blob: the segments that a range needs, from the fastest k stores, right or not at all (docs/vault.md, 4).

Pieces are joined and opened as they come: AES-GCM decides. Only where a segment does not open are its pieces checked
against the leaves of their fragments, and the leaves against the roots in the catalogue; that names whoever lied.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property, partial
from typing import Protocol, cast

import numpy as np

from bailee.adapters.stores.store import Store
from bailee.errors import DamageError, InputError, StorageError
from bailee.keys import Secret
from bailee.seal.vault.blobs import pieces
from bailee.seal.vault.blobs.at_hand import AtHand
from bailee.seal.vault.blobs.fragments import Naming, leaf, read_leaves
from bailee.seal.vault.blobs.gathering import LATE, Gathering, OnFault, Source
from bailee.seal.vault.blobs.kernel import Bytes
from bailee.seal.vault.blobs.layout import LEAF, PLAIN, TAG, Layout
from bailee.seal.vault.blobs.pace import Pace
from bailee.seal.vault.blobs.segments import Cipher, check_key
from bailee.seal.vault.facts import Blob

BATCHES = (1, 2, 4)
"""Segments asked for at once: the first comes soon, the later ones cost few requests."""


class SegmentCache(Protocol):
    """Sealed segments kept near (`bailee.seal.vault.cache`). What it gives is not believed: it opens, or is dropped."""

    def has(self, blob_id: bytes, segment: int) -> bool: ...

    def get(self, blob_id: bytes, segment: int) -> bytes | None: ...

    def put(self, blob_id: bytes, segment: int, ciphertext: memoryview) -> None: ...

    def drop(self, blob_id: bytes, segment: int) -> None: ...


def read_blob(
    blob: Blob,
    key: Secret,
    stores: Mapping[str, Store],
    naming: Naming,
    start: int = 0,
    stop: int | None = None,
    *,
    on_fault: OnFault | None = None,
    pace: Pace | None = None,
    cache: SegmentCache | None = None,
) -> Iterator[bytes]:
    """Bytes `start` to `stop` of the plaintext, in parts of at most a segment.

    Raises InputError at once for a range outside the blob, and DamageError where the key does not fit or fewer than k
    fragments can be had right: it says which are missing where, and no byte after that place is given. on_fault is
    called from any thread, once for each fragment that did not come or was wrong, also when the read goes well.
    """
    stop = blob.length if stop is None else stop
    if not 0 <= start <= stop <= blob.length:
        raise InputError(f"expected a range within {blob.length} bytes, got {start} to {stop}")
    check_key(key, blob.commitment)
    found = _Reader(blob, key, stores, naming, on_fault, pace or Pace(), cache, False).parts(start, stop)
    return cast(Iterator[bytes], found)  # only what is lent is anything else


def lend_blob(
    blob: Blob,
    key: Secret,
    stores: Mapping[str, Store],
    naming: Naming,
    start: int,
    stop: int,
    *,
    pace: Pace,
    cache: SegmentCache | None,
) -> Iterator[bytes | memoryview]:
    """As `read_blob`, in memory that is used again: a part is good until the next but one is asked for."""
    check_key(key, blob.commitment)
    return _Reader(blob, key, stores, naming, None, pace, cache, True).parts(start, stop)


def read_at_hand(
    blob: Blob, key: Secret, stores: Mapping[str, Store], naming: Naming, start: int, stop: int
) -> bytes | None:
    """As `read_blob`, of a blob of one segment, without waiting; None where that cannot be, or does not open."""
    layout = Layout(blob.code, blob.length)
    if layout.segments > 1 or not 0 <= start <= stop <= blob.length:
        return None
    check_key(key, blob.commitment)
    ciphertext = AtHand(blob, layout, stores, naming).segment(0)
    plain = None if ciphertext is None else Cipher(blob.id, key, blob.code).open(0, True, ciphertext)
    return None if plain is None else plain[start:stop]


class Fragments:
    """Where a blob's fragments are, the order to ask them in, and what was seen of them during one read."""

    def __init__(
        self,
        blob: Blob,
        stores: Mapping[str, Store],
        naming: Naming,
        on_fault: OnFault | None,
        pace: Pace,
    ) -> None:
        self.blob, self.layout = blob, Layout(blob.code, blob.length)
        self._naming, self._pace, self._tell = naming, pace, on_fault
        self._sources: list[Source] = []
        self._nowhere: list[str] = []
        for placed in blob.fragments:
            store = stores.get(placed.store)
            if store is not None:
                self._sources.append(Source(placed.index, store, naming.path(blob.id, placed.index)))
            else:
                where = f"store {placed.store} is not known here" if placed.store else "on no store"
                self._nowhere.append(f"fragment {placed.index}: {where}")
        self._told: set[int] = set()
        self._leaves: dict[int, bytes] = {}

    def _others(self, indexes: set[int], is_checked: bool) -> list[Source]:
        """All but these, those that should be asked first first: no recent fault, then the fastest, then data pieces.

        Where pieces are checked, fragments whose leaves are here already come before those that are faster.
        """
        left = [source for source in self._sources if source.index not in indexes]
        expected = {source.index: self._pace.expected(source.store.name) for source in left}
        fastest = min(expected.values(), default=0.0)

        def order(source: Source) -> tuple[bool, bool, int, bool, int]:
            resting = source.index in self._told or self._pace.is_resting(source.store.name)
            # Twice as fast counts, a little faster does not: data pieces need no decoding.
            steps = int(math.log2(max(expected[source.index], 0.001) / max(fastest, 0.001)))
            is_new = is_checked and source.index not in self._leaves
            return resting, is_new, steps, source.index >= self.blob.code.k, source.index

        return sorted(left, key=order)

    def gather(self, first: int, stop: int) -> Gathering:
        """Begin to get pieces `first` to `stop` of k fragments."""
        offset, length = self.layout.pieces(first, stop)
        return Gathering(self._others(set(), False), self.blob.code.k, offset, length, self._pace, self.on_fault)

    def gather_checked(self, first: int, stop: int, need: int, without: set[int], late: float = LATE) -> Gathering:
        """As `gather`, of `need` fragments that are none of `without`, and pieces that fit their leaves only."""
        offset, length = self.layout.pieces(first, stop)
        check = partial(self._check, first, stop)
        return Gathering(self._others(without, True), need, offset, length, self._pace, self.on_fault, check, late)

    def _check(self, first: int, stop: int, source: Source, data: bytes) -> None:
        self.check(source, first, stop, data)

    def result(self, gathering: Gathering, first: int, known: Sequence[str] = ()) -> dict[int, bytes]:
        """known: what is wrong with fragments that were not asked for again."""
        try:
            return gathering.result()
        except DamageError as error:
            reasons = "; ".join(filter(None, [*self._nowhere, *known, str(error)]))
            raise DamageError(
                f"blob {self.blob.id.hex()}, segment {first}: {self.blob.code.k} fragments are needed and fewer can be "
                f"had ({reasons}); bring stores back, or restore a copy"
            ) from None

    def check(self, source: Source, first: int, stop: int, data: bytes | memoryview) -> None:
        """DamageError where pieces are not what was stored there; other StorageErrors where that cannot be told."""
        leaves = self._leaves.get(source.index)
        if leaves is None:
            leaves = read_leaves(self.blob, source.index, source.store, self._naming)
            self._leaves[source.index] = leaves
        view = memoryview(data)
        for segment in range(first, stop):
            at = (segment - first) * self.layout.piece
            piece = view[at : at + self.layout.piece_of(segment)]
            if leaf(piece) != leaves[segment * LEAF : (segment + 1) * LEAF]:
                raise DamageError(
                    f"store {source.store.name}: piece {segment} of fragment {source.index} of blob "
                    f"{self.blob.id.hex()} is not what was stored; rebuild the fragment"
                )

    def source(self, index: int) -> Source:
        return next(source for source in self._sources if source.index == index)

    def on_fault(self, store: Store, index: int, error: StorageError) -> None:
        is_new = index not in self._told
        self._told.add(index)
        if is_new and self._tell is not None:
            self._tell(store, index, error)


class _Reader:
    def __init__(
        self,
        blob: Blob,
        key: Secret,
        stores: Mapping[str, Store],
        naming: Naming,
        on_fault: OnFault | None,
        pace: Pace,
        cache: SegmentCache | None,
        is_lent: bool,
    ) -> None:
        self._rooms = [bytearray(), bytearray()] if is_lent else []
        self._blob, self._layout = blob, Layout(blob.code, blob.length)
        self._begin = partial(Fragments, blob, stores, naming, on_fault, pace)
        self._at_hand = AtHand(blob, self._layout, stores, naming)
        self._cache = cache
        self._cipher = Cipher(blob.id, key, blob.code)
        self._scratch: dict[int, Bytes] = {}

    @cached_property
    def _fragments(self) -> Fragments:
        return self._begin()

    def parts(self, start: int, stop: int) -> Iterator[bytes | memoryview]:
        if start == stop:
            return
        first, end = start // PLAIN, -(-stop // PLAIN)
        for segment, plain in self._segments(first, end):
            base = segment * PLAIN
            yield plain[max(start - base, 0) : stop - base]

    def _segments(self, first: int, end: int) -> Iterator[tuple[int, bytes | memoryview]]:
        cache = self._cache
        if cache is None:
            yield from self._fetched(first, end)
            return
        while first < end:
            plain = self._cached(cache, first)
            if plain is not None:
                yield first, plain
                first += 1
                continue
            stop = first + 1
            while stop < end and not cache.has(self._blob.id, stop):
                stop += 1
            yield from self._fetched(first, stop)
            first = stop

    def _cached(self, cache: SegmentCache, segment: int) -> bytes | None:
        ciphertext = cache.get(self._blob.id, segment)
        if ciphertext is None:
            return None
        plain = None
        if len(ciphertext) == self._layout.ciphertext(segment):
            plain = self._opened(segment, memoryview(ciphertext))
        if plain is None:
            cache.drop(self._blob.id, segment)
        return plain

    def _fetched(self, first: int, end: int) -> Iterator[tuple[int, bytes | memoryview]]:
        while first < end and (ciphertext := self._at_hand.segment(first)) is not None:
            plain = self._lent(first, ciphertext) if self._rooms else self._opened(first, ciphertext)
            if plain is None:
                break
            if self._cache is not None:
                self._cache.put(self._blob.id, first, ciphertext)
            yield first, plain
            first += 1
        if first < end:
            yield from self._gathered(first, end)

    def _opened(self, segment: int, ciphertext: memoryview) -> bytes | None:
        return self._cipher.open(segment, segment == self._layout.segments - 1, ciphertext)

    def _lent(self, segment: int, ciphertext: memoryview) -> memoryview | None:
        # New memory for each segment costs a third of opening it.
        self._rooms.reverse()
        size = len(ciphertext) - TAG
        if len(self._rooms[0]) < size:
            self._rooms[0] = bytearray(size)
        room = memoryview(self._rooms[0])[:size]
        is_last = segment == self._layout.segments - 1
        return room if self._cipher.open_into(segment, is_last, ciphertext, room) else None

    def _gathered(self, first: int, end: int) -> Iterator[tuple[int, bytes]]:
        batches = list(_batches(first, end))
        ahead = self._fragments.gather(*batches[0])
        for place, (begin, stop) in enumerate(batches):
            here = self._fragments.result(ahead, begin)
            if place + 1 < len(batches):
                ahead = self._fragments.gather(*batches[place + 1])
            for segment in range(begin, stop):
                at, size = (segment - begin) * self._layout.piece, self._layout.piece_of(segment)
                yield segment, self._open(segment, {j: memoryview(data)[at : at + size] for j, data in here.items()})

    def _open(self, segment: int, given: dict[int, memoryview]) -> bytes:
        plain = self._try(segment, given)
        return plain if plain is not None else self._open_checked(segment, given)

    def _open_checked(self, segment: int, given: dict[int, memoryview]) -> bytes:
        """Somebody lied: find out who, and take pieces that fit."""
        fragments = self._fragments
        good: dict[int, memoryview] = {}
        wrong: list[str] = []
        for index, piece in given.items():
            source = fragments.source(index)
            try:
                fragments.check(source, segment, segment + 1, piece)
                good[index] = piece
            except StorageError as error:
                fragments.on_fault(source.store, index, error)
                wrong.append(f"fragment {index}: {error}")
        if len(good) < self._blob.code.k:
            more = fragments.gather_checked(segment, segment + 1, self._blob.code.k - len(good), set(given))
            good |= {index: memoryview(data) for index, data in fragments.result(more, segment, wrong).items()}
        plain = self._try(segment, good)
        if plain is None:
            raise DamageError(
                f"blob {self._blob.id.hex()}: the pieces of segment {segment} are those that were stored, but they do "
                "not open; the catalogue's entry is not of this blob"
            )
        return plain

    def _try(self, segment: int, given: Mapping[int, memoryview]) -> bytes | None:
        size = self._layout.piece_of(segment)
        scratch = self._scratch.get(size)
        if scratch is None:
            scratch = self._scratch[size] = np.empty((self._blob.code.k, size), np.uint8)
        rows = {j: np.frombuffer(piece, np.uint8) for j, piece in given.items()}
        ciphertext = pieces.join(self._blob.code, rows, scratch)[: self._layout.ciphertext(segment)]
        plain = self._opened(segment, ciphertext)
        if plain is not None and self._cache is not None:
            self._cache.put(self._blob.id, segment, ciphertext)
        return plain


def _batches(first: int, end: int) -> Iterator[tuple[int, int]]:
    turn = 0
    while first < end:
        stop = min(first + BATCHES[min(turn, len(BATCHES) - 1)], end)
        yield first, stop
        first, turn = stop, turn + 1
