"""Kernels that find and count rows of look-up tables. References: `algebra.reference`, NumPy's own indexing."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bailee.algebra.field import Words
from bailee.algebra.kernels import parallel
from bailee.algebra.kernels.vectors import in_place, readable, same_length
from bailee.algebra.kernels.words import Word, kernel
from bailee.algebra.kernels.words import sub as f_sub

Indices = NDArray[np.int64]
_INDEX_BITS = 16


@kernel
def _count(index: Indices, counts: Words, start: int, stop: int) -> bool:
    """False when an index is out of range; nothing is counted for it."""
    size, good = np.uint64(counts.shape[0]), True
    for i in range(np.uint64(start), np.uint64(stop)):
        at = np.uint64(index[i])  # a negative one becomes too large
        if at >= size:
            good = False
        else:
            counts[at] += np.uint64(1)
    return good


@kernel
def _agree(index: Indices, given: Words, listed: Words, start: int, stop: int) -> bool:
    good = True
    for i in range(np.uint64(start), np.uint64(stop)):
        good &= listed[np.uint64(index[i])] == given[i]
    return good


@kernel
def _stepped(
    kind: Words, value: Words, first: Indices, low: Words, step: Words, span: Words, out: Indices, start: int, stop: int
) -> None:
    one = np.uint64(1)
    for i in range(np.uint64(start), np.uint64(stop)):
        k, row = kind[i], np.int64(-1)
        if k < np.uint64(low.shape[0]):
            away = f_sub(value[i], low[k])
            if away < span[k]:
                if step[k] != one:
                    away //= step[k]
                row = first[k] + np.int64(away)
        out[i] = row


@kernel
def _index(sorted_words: Words, shift: Word, out: Words) -> None:
    """out[b] becomes the number of words with less than b above `shift`."""
    at, count = np.uint64(0), np.uint64(sorted_words.shape[0])
    for b in range(np.uint64(out.shape[0])):
        while at < count and sorted_words[at] >> shift < b:
            at += np.uint64(1)
        out[b] = at


@kernel
def _below(sorted_words: Words, index: Words, shift: Word, points: Words, out: Indices, start: int, stop: int) -> None:
    last, one = np.uint64(index.shape[0] - 1), np.uint64(1)
    for i in range(np.uint64(start), np.uint64(stop)):
        point = points[i]
        block = min(point >> shift, last)
        low, high = index[block], np.uint64(sorted_words.shape[0])
        if block < last:
            high = index[block + one]
        while low < high:
            middle = (low + high) >> one
            if sorted_words[middle] <= point:
                low = middle + one
            else:
                high = middle
        out[i] = np.int64(low) - np.int64(1)


@kernel
def _spread(values: Words, runs: Words, first: Word, out: Words, start: int, stop: int) -> None:
    for i in range(np.uint64(start), np.uint64(stop)):
        number, at = first + i, np.uint64(0)
        for k in range(np.uint64(runs.shape[0])):
            at |= ((number >> runs[k, 0]) & runs[k, 2]) << runs[k, 1]
        out[i] = values[at]


def histogram(index: Indices, size: int) -> Words:
    """How often each of 0 .. size-1 occurs in `index`; ValueError if anything else does."""
    entries = np.require(index, np.int64, ("C", "W"))

    def part(start: int, stop: int) -> tuple[Words, bool]:
        counts = np.zeros(size, dtype=np.uint64)
        return counts, _count(entries, counts, start, stop)

    parts = parallel.over(len(entries), part, max(parallel.MINIMUM, size))
    if not all(good for _, good in parts):
        raise ValueError(f"an index outside [0, {size}) cannot be counted")
    result: Words = np.sum([counts for counts, _ in parts], axis=0, dtype=np.uint64)
    return result


def count_into(counts: Indices, index: Indices) -> bool:
    """counts[i] += how often i occurs in `index`, in place and in this thread; False if something else occurs there."""
    return _count(np.require(index, np.int64, ("C", "W")), in_place(counts.view(np.uint64)), 0, len(index))


def agree(index: Indices, given: Words, listed: Words) -> bool:
    """Whether listed[index[i]] is given[i] for every i; each index must be one of `listed`, and is not checked."""
    if len(index) != len(given):
        raise ValueError(f"{len(given)} words need as many indices, got {len(index)}")
    entries, given, listed = np.require(index, np.int64, ("C", "W")), readable(given), readable(listed)
    return all(parallel.over(len(given), lambda start, stop: _agree(entries, given, listed, start, stop)))


def locate_steps(kind: Words, value: Words, first: Indices, low: Words, step: Words, span: Words) -> Indices:
    """Rows of a table of progressions: kind k stands in rows first[k], .. with the values low[k], low[k] + step[k], ..

    as far as they lie less than span[k] from low[k]. A value of no row gets a neighbour's row, or -1: compare it.
    """
    kind, value, low, step, span = (readable(a) for a in (kind, value, low, step, span))
    first, count = np.require(first, np.int64, ("C", "W")), same_length(kind, value)
    if same_length(low, step, span) != len(first):
        raise ValueError(f"{len(low)} progressions need as many first rows, got {len(first)}")
    out = np.empty(count, dtype=np.int64)
    parallel.over(count, lambda start, stop: _stepped(kind, value, first, low, step, span, out, start, stop))
    return out


def locate_sorted(sorted_words: Words, points: Words) -> Indices:
    """The number of the last of the sorted words that is not above each point; -1 where all are."""
    words, points = readable(sorted_words), readable(points)
    if not len(words):
        raise ValueError("points are located among one word or more")
    shift = np.uint64(max(0, int(words[-1]).bit_length() - _INDEX_BITS))
    index, out = np.empty(int(words[-1] >> shift) + 2, dtype=np.uint64), np.empty(len(points), dtype=np.int64)
    _index(words, shift, index)
    parallel.over(len(points), lambda start, stop: _below(words, index, shift, points, out, start, stop))
    return out


def spread(values: Words, runs: Sequence[tuple[int, int, int]], start: int, stop: int) -> Words:
    """values[i'] for start <= i < stop, where i' gathers runs of bits of i: (where in i, where in i', how many)."""
    values, out = readable(values), np.empty(stop - start, dtype=np.uint64)
    table = np.array([(low, place, (1 << bits) - 1) for low, place, bits in runs], dtype=np.uint64).reshape(-1, 3)
    if sum(int(mask) << int(place) for _, place, mask in table) >= len(values):
        raise ValueError(f"runs {runs} reach beyond {len(values)} values")
    first = np.uint64(start)
    parallel.over(stop - start, lambda i, j: _spread(values, table, first, out, i, j))
    return out
