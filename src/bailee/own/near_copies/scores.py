"""What two fingerprints say about each other: three scores from 0 to 1. docs/fingerprints.md says what they mean.

    structural   the bytes, or the columns of a table, are arranged alike
    subject      the content is the same, or one contains the other
    semantic     they are called alike, use the same words, or columns hold alike values. Nothing is understood

A score is an estimate from a sketch. Codes of 256 bits are compared by their equal bits, of which half are chance.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from bailee.records.fingerprint import (
    BINS,
    CODE,
    COLUMN_BINS,
    COLUMN_BYTES,
    COLUMNS,
    COMMITMENT,
    CONTENT,
    DATA,
    IMAGE,
    INSTANCE,
    KEY,
    META,
    PROBES,
    SCHEMA,
    TABLE,
    TEXT,
    VIEW,
    VIEWS,
    WORDS,
    Fingerprint,
)

Octets: TypeAlias = NDArray[np.uint8]
Reals: TypeAlias = NDArray[np.float64]
_STARTS = np.concatenate(([0], np.cumsum(BINS)))
"""Where the cells of each probe begin, and where all of them end."""
_CHANCE = 1 / 255
"""Two different smallest hashes are spelt with one byte of 255."""
_DEVIATION = 1 / 16
"""Of an agreement of 256 bits, by chance."""
_CERTAIN = 3 * _DEVIATION
_FARTHEST_SIZES = 4
_NAMED_LIKE = 8
"""Cells of 12 that must agree before columns of different names count as the same."""


@dataclass(frozen=True)
class Scores:
    structural: float
    subject: float
    semantic: float


def comparable(one: Fingerprint, other: Fingerprint) -> bool:
    """Whether scores of the two would mean anything: one kind, nothing withheld, under the same key or none."""
    open_both = not one.withheld and not other.withheld
    return open_both and one.kind == other.kind and one.parts.get(KEY) == other.parts.get(KEY)


def identical(one: Fingerprint, other: Fingerprint) -> bool:
    """Whether both are of the same bytes, or of tables with the same rows and columns as far as the sketches tell."""
    if one.withheld or other.withheld:
        name = COMMITMENT
        return name in one.parts and hmac.compare_digest(one.parts[name], other.parts.get(name, b""))
    if INSTANCE in one.parts and one.parts[INSTANCE] == other.parts.get(INSTANCE):
        return True
    same = all(one.parts.get(name) == other.parts.get(name) for name in (SCHEMA, PROBES, COLUMNS, KEY))
    return one.kind == other.kind == TABLE and one.extent == other.extent and same


def scores(one: Fingerprint, other: Fingerprint) -> Scores:
    """All three; 0 where a part is missing on either side."""
    if not comparable(one, other):
        return Scores(0.0, 0.0, 0.0)
    if one.parts.get(INSTANCE, b"1") == other.parts.get(INSTANCE, b"2"):
        return Scores(1.0, 1.0, max(agreement(one, other, META), 1.0))
    if one.kind == TABLE:
        subject = float(table_subject(_probes(one)[None], _probes(other), np.array([one.extent]), other.extent)[0])
        called = agreement(one, other, META)
        return Scores(agreement(one, other, SCHEMA), subject, max(called, _columns_alike(one, other)))
    structural, meta = agreement(one, other, DATA), agreement(one, other, META)
    if one.kind == IMAGE:
        return Scores(structural, _views_alike(one, other), meta)
    if one.kind == TEXT:
        shared = np.array([agreement(one, other, CONTENT)])
        within = float(contained(shared, np.array([one.extent], np.float64), other.extent)[0])
        return Scores(structural, within, max(meta, agreement(one, other, WORDS)))
    subject = agreement(one, other, CONTENT) if CONTENT in one.parts else structural
    return Scores(structural, subject, meta)


def agreement_of(distance: NDArray[np.int64] | int) -> Reals:
    """0 for as many equal bits as chance gives, 1 for all, of 256."""
    found: Reals = np.maximum(0.0, 1.0 - np.asarray(distance) / (4 * CODE))
    return found


def distance_of(agreement: float) -> int:
    """The most bits of 256 that differ at that agreement."""
    return int((1 - agreement) * 4 * CODE + 1e-9)


def agreement(one: Fingerprint, other: Fingerprint, part: str) -> float:
    """The same of one part of two fingerprints; 0 where either has none."""
    if part not in one.parts or part not in other.parts:
        return 0.0
    return float(agreement_of(_distance(one.parts[part], other.parts[part])))


def _distance(one: bytes, other: bytes) -> int:
    return (int.from_bytes(one, "big") ^ int.from_bytes(other, "big")).bit_count()


def _views_alike(one: Fingerprint, other: Fingerprint) -> float:
    """The whole of one against the whole and each view of the other, both ways, on the first 128 bits."""
    if CONTENT not in one.parts or CONTENT not in other.parts:
        return 0.0
    whole, whole_other = one.parts[CONTENT][:VIEW], other.parts[CONTENT][:VIEW]
    pairs = [(whole, whole_other)]
    pairs += [(whole, view) for view in other.items(VIEWS)] + [(whole_other, view) for view in one.items(VIEWS)]
    return float(agreement_of(min(_distance(*pair) for pair in pairs) * CODE // VIEW))


def contained(jaccard: Reals, sizes: Reals, size: int) -> Reals:
    """How much of the smaller text is in the larger, from |A n B| / |A u B| and the sizes, of many against one: (n,).

    A small share of a large text is amplified, and so would be chance: three standard deviations are taken off first,
    and texts more unlike in size than _FARTHEST_SIZES count as if they were not.
    """
    sure = np.maximum(0.0, jaccard - _CERTAIN * (1 - jaccard))
    larger = np.maximum(sizes, float(size))
    smaller = np.maximum(np.maximum(np.minimum(sizes, float(size)), larger / _FARTHEST_SIZES), 1.0)
    found: Reals = np.maximum(jaccard, np.minimum(1.0, sure / (1 + sure) * (smaller + larger) / smaller))
    return found


def least_jaccard(share: float) -> float:
    """The least |A n B| / |A u B| from which `contained` can give `share`, whatever the sizes."""
    sure = share / (1 + _FARTHEST_SIZES - share)
    return min(share, (sure + _CERTAIN) / (1 + _CERTAIN))


def _probes(table: Fingerprint) -> Octets:
    return np.frombuffer(table.parts[PROBES], np.uint8)


def table_subject(
    tables: Octets, query: Octets, rows: NDArray[np.int64] | NDArray[np.uint64], query_rows: int
) -> Reals:
    """How much of the smaller table's rows the larger one has, by the probe that sees most: (n,) from 0 to 1.

    tables: (n, PROBE_BYTES), query: (PROBE_BYTES,). A probe under which many rows look alike says less: its share
    counts by the square of how many different rows it tells apart. Fewer than six equal cells more than chance count as
    none.
    """
    cells, asked = tables[:, : _STARTS[-1]], query[: _STARTS[-1]]
    used = np.add.reduceat((cells | asked) != 0, _STARTS[:-1], axis=1, dtype=np.int32)
    equal = np.add.reduceat((cells == asked) & (cells != 0), _STARTS[:-1], axis=1, dtype=np.int32)
    jaccard = np.clip((equal / np.maximum(used, 1) - _CHANCE) / (1 - _CHANCE), 0, 1)
    jaccard[equal < np.maximum(1, np.minimum(used, 5 + used // 64))] = 0
    mine, theirs = _sizes(tables[:, _STARTS[-1] :]), _sizes(query[_STARTS[-1] :])
    shared = jaccard * (mine + theirs) / (1 + jaccard)
    within = np.minimum(1.0, shared / np.maximum(1.0, np.minimum(mine, theirs)))
    telling = np.minimum(mine / np.maximum(1.0, rows.astype(np.float64))[:, None], theirs / max(1, query_rows))
    best: Reals = (within * np.minimum(1.0, telling) ** 2).max(axis=1)
    return best


def _sizes(logged: Octets) -> Reals:
    found: Reals = np.exp2(logged.astype(np.float64) / 4) - 1
    return found


def _columns_alike(one: Fingerprint, other: Fingerprint) -> float:
    """Columns that both have, by name or by values, each weighing half by name and half by values; of all columns."""
    mine, theirs = _columns(one), _columns(other)
    if not len(mine) or not len(theirs):
        return 0.0
    values = _values_alike(mine[:, None, 5:], theirs[None, :, 5:])
    named = (mine[:, None, :4] == theirs[None, :, :4]).all(axis=2)
    # Names first, then values that are nearly all the same; each column once.
    worth = np.where(named, 2 + values, np.where(values * COLUMN_BINS >= _NAMED_LIKE, values, 0))
    total = 0.0
    while (found := float(worth.max())) > 0:
        best = int(worth.argmax())
        total += 0.5 + 0.5 * (found - 2) if found >= 2 else 0.5 * found
        row, column = divmod(best, worth.shape[1])
        worth[row], worth[:, column] = 0, 0
    return 2 * total / (len(mine) + len(theirs))


def _columns(table: Fingerprint) -> Octets:
    return np.frombuffer(table.parts.get(COLUMNS, b""), np.uint8).reshape(-1, COLUMN_BYTES)


def _values_alike(one: Octets, other: Octets) -> Reals:
    """Equal cells among those that either uses; along the last axis."""
    used = ((one | other) != 0).sum(axis=-1)
    found: Reals = ((one == other) & (one != 0)).sum(axis=-1) / np.maximum(used, 1)
    return found
