"""The fingerprints of one kind as arrays, and which of them a new one may be near: a coarse, fast look.

Codes are scanned whole: a million of 256 bits are 32 MB. The sketches of a million tables are not: they are found by
*bands*, pairs of neighbouring cells that must both be equal (Indyk, Motwani, STOC 1998), 8 for each of 16 probes. Up to
EXHAUSTIVE tables are compared one by one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from bailee.own.near_copies.scanning import nearest
from bailee.own.near_copies.scores import agreement_of, contained, distance_of, least_jaccard, table_subject
from bailee.own.near_copies.verdict import THRESHOLDS
from bailee.records.fingerprint import (
    BINS,
    BYTES,
    CODE,
    CONTENT,
    DATA,
    IMAGE,
    INSTANCE,
    META,
    PROBE_BYTES,
    PROBES,
    SCHEMA,
    TABLE,
    TEXT,
    VIEW,
    VIEW_COUNT,
    VIEWS,
    WORDS,
    Fingerprint,
)

Arrays: TypeAlias = Mapping[str, NDArray[np.generic]]
Rows: TypeAlias = NDArray[np.int64]
Codes: TypeAlias = NDArray[np.uint64]

EXHAUSTIVE = 5_000
MOST = 96
"""Most candidates that any one look gives."""
_FARTHEST_VIEW = 13
"""Bits of the first 64 of a view: met by chance some 26 times among a million pictures."""
_DEVIATION = 1 / 16
_BANDS_A_PROBE = 8
_BANDS = len(BINS) * _BANDS_A_PROBE
_AT_ONCE = 4096
_BUCKET = 2048
"""Tables that share a band with more than so many others are not found by it."""
_FIRST = np.cumsum((0, *BINS[:-1]))
_PLACES = (_FIRST[:, None] + np.arange(_BANDS_A_PROBE) * 8).ravel()


def _codes_of(kind: str) -> tuple[str, ...]:
    if kind == TABLE:
        return SCHEMA, META
    if kind == BYTES:
        return DATA, META
    return (DATA, META, CONTENT, WORDS) if kind == TEXT else (DATA, META, CONTENT)


def _farthest(kind: str, name: str) -> int:
    """Bits of 256 that may differ where the verdict would still be more than `unrelated`."""
    least = THRESHOLDS[kind]
    if name == CONTENT and kind == IMAGE:  # whose subject is judged by half of these bits
        return distance_of(least.subject - 2 * _DEVIATION)
    if name == CONTENT:
        return distance_of(least_jaccard(least.subject) if kind == TEXT else least.subject)
    if name == DATA:  # which is the subject too where there is no code of the content
        return distance_of(min(least.structural, least.subject))
    return distance_of(least.structural if name == SCHEMA else least.semantic)


def packed(kind: str, fingerprints: Iterable[Fingerprint]) -> dict[str, NDArray[np.generic]]:
    """Arrays of the fingerprints (none withheld): what `Shelf` reads, and what is kept on disk. A few hundred bytes of
    memory a fingerprint, for tables about 2,000."""
    pieces: list[dict[str, NDArray[np.generic]]] = []
    rest = iter(fingerprints)
    while some := list(islice(rest, _AT_ONCE)):
        pieces.append(_columns(kind, some))
    arrays = {name: np.concatenate([piece[name] for piece in pieces], axis=0) for name in pieces[0]}
    order = np.argsort(arrays["instance"], kind="stable")
    arrays["instance"] = np.stack([arrays["instance"][order], order.astype(np.uint64)], axis=1)
    if kind == IMAGE:
        arrays["views"] = np.ascontiguousarray(arrays["views"].T)
        arrays["heads"] = np.ascontiguousarray(arrays[CONTENT][:, 0])
    if kind == TABLE and len(order) > EXHAUSTIVE:
        arrays |= _banded(arrays["probes"])
    return arrays


def _columns(kind: str, fingerprints: list[Fingerprint]) -> dict[str, NDArray[np.generic]]:
    """The same before anything is sorted: row i of each array is of fingerprint i."""
    arrays: dict[str, NDArray[np.generic]] = {
        "extent": np.array([one.extent for one in fingerprints], np.uint64),
        "instance": np.array([_head(one.parts.get(INSTANCE, bytes(8))) for one in fingerprints], np.uint64),
    }
    for name in _codes_of(kind):
        arrays[name] = _stack([one.parts.get(name, bytes(CODE)) for one in fingerprints]).view(np.uint64)
    if kind == IMAGE:
        views = _stack([one.parts.get(VIEWS, b"").ljust(VIEW * VIEW_COUNT, b"\0") for one in fingerprints])
        firsts = views.reshape(-1, VIEW_COUNT, VIEW)[:, :, :8]
        arrays["views"] = np.ascontiguousarray(firsts).view(np.uint64)[:, :, 0]
    if kind == TABLE:
        arrays["probes"] = _stack([one.parts.get(PROBES, bytes(PROBE_BYTES)) for one in fingerprints])
    return arrays


def _head(instance: bytes) -> int:
    return int.from_bytes(instance[:8], "big")


def _stack(bodies: list[bytes]) -> NDArray[np.uint8]:
    return np.frombuffer(b"".join(bodies), np.uint8).reshape(len(bodies), -1)


def _banded(probes: NDArray[np.uint8]) -> dict[str, NDArray[np.generic]]:
    orders = np.empty((_BANDS, len(probes)), np.uint32)
    starts = np.empty((_BANDS, (1 << 16) + 1), np.uint32)
    for band, at in enumerate(_PLACES):
        keys = probes[:, at].astype(np.uint16) << 8 | probes[:, at + 1]
        orders[band] = np.argsort(keys, kind="stable")
        starts[band] = np.concatenate(([0], np.cumsum(np.bincount(keys, minlength=1 << 16))))
    return {"band_orders": orders, "band_starts": starts}


class Shelf:
    """Finds rows of its arrays that a fingerprint of the same kind may be near."""

    def __init__(self, kind: str, arrays: Arrays) -> None:
        self.kind, self._arrays = kind, arrays

    def candidates(self, asked: Fingerprint) -> Rows:
        """Rows, each once, in no order; what is not near may be among them."""
        found = [self._same_bytes(asked)]
        for name in _codes_of(self.kind):
            if name in asked.parts:
                found.append(self._near(name, asked))
        if self.kind == IMAGE and CONTENT in asked.parts:
            found += self._cropped(asked)
        if self.kind == TABLE:
            found.append(self._tables(asked))
        return np.unique(np.concatenate(found))

    def _near(self, name: str, asked: Fingerprint) -> Rows:
        codes: Codes = self._arrays[name]  # type: ignore[assignment]
        code = np.frombuffer(asked.parts[name], np.uint64)
        farthest = _farthest(self.kind, name)
        if self.kind != TEXT or name != CONTENT:
            return nearest(codes, code, farthest, MOST)
        # How far a text may be depends on its size; the farthest of all would be met by chance among very many.
        extents: NDArray[np.uint64] = self._arrays["extent"]  # type: ignore[assignment]
        rows = nearest(codes, code, farthest, 8 * MOST)
        shared = agreement_of(np.bitwise_count(codes[rows] ^ code).sum(axis=1, dtype=np.int64))
        within = contained(shared, extents[rows].astype(np.float64), asked.extent)
        best = np.argsort(-within, kind="stable")[:MOST]
        return rows[best[within[best] >= THRESHOLDS[TEXT].subject]]

    def _same_bytes(self, asked: Fingerprint) -> Rows:
        if INSTANCE not in asked.parts:
            return np.zeros(0, np.int64)
        sorted_: Codes = self._arrays["instance"]  # type: ignore[assignment]
        head = np.uint64(_head(asked.parts[INSTANCE]))
        low, high = np.searchsorted(sorted_[:, 0], head, "left"), np.searchsorted(sorted_[:, 0], head, "right")
        return sorted_[low : min(high, low + MOST), 1].astype(np.int64)

    def _cropped(self, asked: Fingerprint) -> list[Rows]:
        """Views against wholes, on the first 64 bits."""
        views: Codes = self._arrays["views"]  # type: ignore[assignment]
        heads: Codes = self._arrays["heads"]  # type: ignore[assignment]
        whole = np.frombuffer(asked.parts[CONTENT][:8], np.uint64)
        found = [nearest(views.reshape(-1), whole, _FARTHEST_VIEW, MOST) % len(heads)]
        if asked.items(VIEWS):
            firsts = np.frombuffer(b"".join(view[:8] for view in asked.items(VIEWS)), np.uint64)
            found.append(nearest(heads, firsts, _FARTHEST_VIEW, MOST))
        return found

    def _tables(self, asked: Fingerprint) -> Rows:
        probes: NDArray[np.uint8] = self._arrays["probes"]  # type: ignore[assignment]
        extents: NDArray[np.uint64] = self._arrays["extent"]  # type: ignore[assignment]
        query = np.frombuffer(asked.parts[PROBES], np.uint8)
        rows = np.arange(len(probes)) if len(probes) <= EXHAUSTIVE else self._in_bands(query)
        if not len(rows):
            return rows
        subject = table_subject(probes[rows], query, extents[rows], asked.extent)
        best = np.argsort(-subject)[:MOST]
        return rows[best[subject[best] >= THRESHOLDS[TABLE].subject]]

    def _in_bands(self, query: NDArray[np.uint8]) -> Rows:
        orders: NDArray[np.uint32] = self._arrays["band_orders"]  # type: ignore[assignment]
        starts: NDArray[np.uint32] = self._arrays["band_starts"]  # type: ignore[assignment]
        met = []
        for band, at in enumerate(_PLACES):
            if query[at] and query[at + 1]:
                key = int(query[at]) << 8 | int(query[at + 1])
                low, high = int(starts[band, key]), int(starts[band, key + 1])
                met.append(orders[band, low : min(high, low + _BUCKET)])
        if not met:
            return np.zeros(0, np.int64)
        rows, times = np.unique(np.concatenate(met), return_counts=True)
        best = np.argsort(-times, kind="stable")[: 4 * MOST]
        return rows[best].astype(np.int64)
