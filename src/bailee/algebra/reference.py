"""What the kernels of sumcheck rounds, folds and matrices mean, in NumPy, one line of algebra each.

Same names and shapes as `algebra.kernels`; nothing is written in place. Entrywise arithmetic, eq tables and dot
products have their reference in `algebra.field`, the code in `algebra.transform`.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bailee.algebra import field
from bailee.algebra.field import Ext, Words


def lift(a: Words) -> Words:
    return np.stack((a, np.zeros_like(a)), axis=-1)


def padded(a: Words, n: int, default: int) -> Words:
    """(len, 2) -> (n, 2), missing entries being `default`."""
    rest = np.zeros((n - len(a), 2), dtype=np.uint64)
    rest[:, 0] = default
    return np.concatenate((a, rest))


def halves(a: Words) -> tuple[Words, Words]:
    h = len(a) // 2
    return a[:h], a[h : 2 * h]


def halve_eq(w: Words) -> Words:
    return field.add(*halves(w))


def fold(a: Words, r: Ext) -> Words:
    low, high = halves(a)
    return field.ext_add(low, field.ext_scale(field.ext_sub(high, low), r))


def fold_base(a: Words, h: int, r: Ext) -> Words:
    return fold(padded(lift(a), 2 * h, 0), r)


def combine_rows(m: Words, weights: Words) -> Words:
    columns = [field.dot_base(m[:, j], weights) for j in range(m.shape[1])]
    return field.ext(columns)


def apply_columns(m: Words, v: Words) -> Words:
    return field.ext([field.dot_base(row, v) for row in m])


def _sum(a: Words, w: Words | None) -> Ext:
    """The weighted sum of (h, 2) with (g, 2) weights, each for h/g neighbours."""
    ones = np.ones(1, dtype=np.uint64)
    weights = lift(ones) if w is None else w
    return field.dot_ext(a, np.repeat(weights, len(a) // len(weights), axis=0))


def product_round(a: Words, b: Words, w: Words | None, h: int | None = None) -> tuple[Ext, Ext]:
    size = max(len(a), len(b)) if h is None else 2 * h
    a_low, a_high = halves(padded(a, size, 0))
    b_low, b_high = halves(padded(b, size, 0))
    steps = field.ext_mul(field.ext_sub(a_high, a_low), field.ext_sub(b_high, b_low))
    return _sum(field.ext_mul(a_low, b_low), w), _sum(steps, w)


def product_round_base(a: Words, b: Words, w: Words | None, h: int | None = None) -> tuple[Ext, Ext]:
    return product_round(lift(a), lift(b), w, h)


def product_round_mixed(a: Words, b: Words, w: Words | None, h: int | None = None) -> tuple[Ext, Ext]:
    return product_round(lift(a), b, w, h)


def _fraction(p0: Words, p1: Words, q0: Words, q1: Words, lam: Ext) -> Words:
    """p0*q1 + p1*q0 + lam*q0*q1, entrywise."""
    crossed = field.ext_add(field.ext_mul(p0, q1), field.ext_mul(p1, q0))
    return field.ext_add(crossed, field.ext_scale(field.ext_mul(q0, q1), lam))


def fraction_round(p0: Words, p1: Words, q0: Words, q1: Words, w: Words, lam: Ext) -> tuple[Ext, Ext]:
    (a, b, c, d), (e, f, g, h) = ([halves(x)[side] for x in (p0, p1, q0, q1)] for side in (0, 1))
    steps = _fraction(field.ext_sub(e, a), field.ext_sub(f, b), field.ext_sub(g, c), field.ext_sub(h, d), lam)
    return _sum(_fraction(a, b, c, d, lam), w), _sum(steps, w)


def split_weights(outer: Words, inner: Words) -> Words:
    """One table of the two: entry i is outer[i // len(inner)] * inner[i % len(inner)]."""
    return field.ext_mul(np.repeat(outer, len(inner), axis=0), np.tile(inner, (len(outer), 1)))


def fraction_combine(p: Words, q: Words) -> tuple[Words, Words]:
    p_low, p_high = halves(p)
    q_low, q_high = halves(q)
    top = field.ext_add(field.ext_mul(p_low, q_high), field.ext_mul(p_high, q_low))
    return top, field.ext_mul(q_low, q_high)


def fraction_combine_ones(q: Words, m: int) -> tuple[Words, Words]:
    return fraction_combine(lift(np.ones(2 * m, dtype=np.uint64)), padded(q, 2 * m, 1))


def denominators(out: Words, offset: int, column: Words, coefficient: Ext) -> Words:
    changed = out.copy()
    span = slice(offset, offset + len(column))
    changed[span] = field.ext_sub(changed[span], field.ext_scale(lift(column), coefficient))
    return changed


def histogram(index: NDArray[np.int64], size: int) -> Words:
    return np.bincount(index, minlength=size).astype(np.uint64)


def locate_steps(
    kind: Words, value: Words, first: NDArray[np.int64], low: Words, step: Words, span: Words
) -> NDArray[np.int64]:
    known = kind < len(low)
    k = np.where(known, kind, 0).astype(np.int64)
    away = field.sub(value, low[k])
    return np.where(known & (away < span[k]), first[k] + (away // step[k]).astype(np.int64), -1)


def locate_sorted(sorted_words: Words, points: Words) -> NDArray[np.int64]:
    return np.searchsorted(sorted_words, points, side="right").astype(np.int64) - 1


def spread(values: Words, runs: Sequence[tuple[int, int, int]], start: int, stop: int) -> Words:
    number = np.arange(start, stop)
    return values[sum((((number >> low) & ((1 << bits) - 1)) << place for low, place, bits in runs), 0 * number)]


def leaves(out: Words, terms: Sequence[tuple[Ext, Words, int, int]], low: int, first: Words | None = None) -> Words:
    index = low + np.arange(len(out))
    total = out if first is None else first[np.arange(len(out)) % len(first)]
    for coefficient, values, shift, mask in terms:
        total = field.ext_sub(total, field.ext_scale(lift(values[(index >> shift) & mask]), coefficient))
    return total
