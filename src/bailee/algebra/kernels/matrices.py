"""Kernels on matrices of F: combinations of rows, products with a vector, transposes.

They run on whole commitments, so they read the matrix once and reduce late: products are added up as 192-bit sums.
References: `algebra.reference`.
"""

from collections.abc import Sequence

import numpy as np

from bailee.algebra import field
from bailee.algebra.field import Words
from bailee.algebra.kernels import parallel
from bailee.algebra.kernels.vectors import in_place, readable
from bailee.algebra.kernels.words import ACC6, add, canonical, e_reduced, fe_mac, kernel

_BLOCK = 256
_SMALL = np.uint64(1 << 24)
_TOGETHER = 8


@kernel
def _combine(m: Words, w: Words, out: Words, top: int, bottom: int, start: int, stop: int) -> None:
    """out[start:stop] = sum of w[i]*m[i, start:stop] over top <= i < bottom, four rows at a time."""
    sums = np.empty((256, 6), np.uint64)  # 12 KB: stays in the first cache
    left = start
    while left < stop:
        width = min(256, stop - left)
        for j in range(width):
            for c in range(6):
                sums[j, c] = 0
        i = top
        while i + 4 <= bottom:
            a0, a1, b0, b1 = w[i, 0], w[i, 1], w[i + 1, 0], w[i + 1, 1]
            c0, c1, d0, d1 = w[i + 2, 0], w[i + 2, 1], w[i + 3, 0], w[i + 3, 1]
            for j in range(width):
                s = (sums[j, 0], sums[j, 1], sums[j, 2], sums[j, 3], sums[j, 4], sums[j, 5])
                s = fe_mac(s, m[i, left + j], a0, a1)
                s = fe_mac(s, m[i + 1, left + j], b0, b1)
                s = fe_mac(s, m[i + 2, left + j], c0, c1)
                s = fe_mac(s, m[i + 3, left + j], d0, d1)
                sums[j, 0], sums[j, 1], sums[j, 2], sums[j, 3], sums[j, 4], sums[j, 5] = s
            i += 4
        while i < bottom:
            a0, a1 = w[i, 0], w[i, 1]
            for j in range(width):
                s = (sums[j, 0], sums[j, 1], sums[j, 2], sums[j, 3], sums[j, 4], sums[j, 5])
                s = fe_mac(s, m[i, left + j], a0, a1)
                sums[j, 0], sums[j, 1], sums[j, 2], sums[j, 3], sums[j, 4], sums[j, 5] = s
            i += 1
        for j in range(width):
            s = (sums[j, 0], sums[j, 1], sums[j, 2], sums[j, 3], sums[j, 4], sums[j, 5])
            out[left + j, 0], out[left + j, 1] = e_reduced(s)
        left += width


@kernel
def _apply(m: Words, v: Words, halves: Words, out: Words, start: int, stop: int) -> None:
    """out[k, i] = sum_j m[i, j]*v[k, j], block of columns after block: both stay in a cache.

    Entries below 2^24, as most committed values are, meet half words: 256 such products add up in a word.
    """
    width, mask = np.uint64(m.shape[1]), np.uint64(0xFFFFFFFF)
    block, one, zero, many = np.uint64(_BLOCK), np.uint64(1), np.uint64(0), v.shape[0]
    left = zero
    while left < width:
        right = min(left + block, width)
        for i in range(np.uint64(start), np.uint64(stop)):
            together = zero
            for j in range(left, right):
                together |= m[i, j]
            for k in range(many):
                s = ACC6
                if together < _SMALL:
                    a, b, c, d = zero, zero, zero, zero
                    for j in range(left, right):
                        x = m[i, j] & mask
                        a += x * (halves[k, 0, j] & mask)
                        b += x * (halves[k, 1, j] & mask)
                        c += x * (halves[k, 2, j] & mask)
                        d += x * (halves[k, 3, j] & mask)
                    s = fe_mac(s, one, canonical(a), canonical(c))
                    s = fe_mac(s, np.uint64(1 << 32), canonical(b), canonical(d))
                else:
                    for j in range(left, right):
                        s = fe_mac(s, m[i, j], v[k, j, 0], v[k, j, 1])
                e0, e1 = e_reduced(s)
                if left:
                    e0, e1 = add(e0, out[k, i, 0]), add(e1, out[k, i, 1])
                out[k, i, 0], out[k, i, 1] = e0, e1
        left = right


@kernel
def _transpose(m: Words, out: Words, first: int, start: int, stop: int) -> None:
    """Rows start to stop of out, from its column `first`, in squares of 16: two cache lines each way."""
    rows = m.shape[0]
    for top in range(0, rows, 16):
        bottom = min(top + 16, rows)
        for left in range(start, stop, 16):
            for j in range(left, min(left + 16, stop)):
                for i in range(top, bottom):
                    out[j, first + i] = m[i, j]


def combine_rows(m: Words, weights: Words) -> Words:
    """sum_i weights[i]*m[i]: m over F (R, K), weights over E (R, 2) -> E (K, 2)."""
    if len(m) != len(weights):
        raise ValueError(f"{len(m)} rows need as many weights, got {len(weights)}")
    m, weights = readable(m), readable(weights)
    rows, width = m.shape
    if width >= 64 * parallel.WORKERS:
        out = np.empty((width, 2), dtype=np.uint64)
        least = max(64, 4 * parallel.MINIMUM // max(1, rows))
        parallel.over(width, lambda start, stop: _combine(m, weights, out, 0, rows, start, stop), least)
        return out

    def part(top: int, bottom: int) -> Words:
        partial = np.empty((width, 2), dtype=np.uint64)
        _combine(m, weights, partial, top, bottom, 0, width)
        return partial

    first, *others = parallel.over(rows, part, max(1, 4 * parallel.MINIMUM // max(1, width)))
    for other in others:
        first = field.ext_add(first, other)
    return first


def apply_columns(m: Words, v: Words) -> Words:
    """sum_j m[:, j]*v[j]: m over F (R, K), v over E (K, 2) -> E (R, 2)."""
    found: Words = apply_all(m, [v])[0]
    return found


def apply_all(m: Words, vectors: Sequence[Words]) -> Words:
    """The same for several vectors: (n, R, 2). The matrix is read once for every eight of them."""
    m = readable(m)
    rows, width = m.shape
    if any(v.shape != (width, 2) for v in vectors):
        raise ValueError(f"{width} columns need as many entries, got {[v.shape for v in vectors]}")
    out = np.empty((len(vectors), rows, 2), dtype=np.uint64)
    for first in range(0, len(vectors), _TOGETHER):
        v = np.stack(vectors[first : first + _TOGETHER])
        low, high = v & np.uint64(0xFFFFFFFF), v >> np.uint64(32)
        halves = np.stack([low[..., 0], high[..., 0], low[..., 1], high[..., 1]], axis=1)
        part, least = out[first : first + _TOGETHER], max(1, 4 * parallel.MINIMUM // max(1, width * len(v)))

        def some(start: int, stop: int, v: Words = v, halves: Words = halves, part: Words = part) -> None:
            _apply(m, v, halves, part, start, stop)

        parallel.over(rows, some, least)
    return out


def transpose(m: Words, out: Words | None = None, first: int = 0) -> Words:
    """(R, K) -> (K, R), contiguous; or into columns `first` to `first + R` of `out`, which has K rows."""
    m = readable(m)
    if out is None:
        out = np.empty((m.shape[1], m.shape[0]), dtype=np.uint64)
    if len(in_place(out)) != m.shape[1] or not 0 <= first <= out.shape[1] - m.shape[0]:
        raise ValueError(f"a transposed {m.shape} does not fit at column {first} of {out.shape}")
    target, least = out, max(1, 4 * parallel.MINIMUM // max(1, m.shape[0]))
    parallel.over(m.shape[1], lambda start, stop: _transpose(m, target, first, start, stop), least)
    return out
