"""Kernels of sumcheck rounds and of the layers of fractional sums. References: `algebra.reference`.

Variables are bound from the most significant index bit, so the pair of i is i + h. A round polynomial g has degree 2
apart from its eq weight; (t0, tinf) are its value at 0 and its quadratic coefficient, summed with the weights.
"""

import numpy as np

from bailee.algebra.field import Ext, Words
from bailee.algebra.kernels import parallel
from bailee.algebra.kernels.vectors import readable, same_length, total
from bailee.algebra.kernels.words import (
    ACC3,
    ACC6,
    Word,
    add,
    canonical,
    e_loose,
    e_mac,
    e_mul,
    e_reduced,
    fe_mac,
    kernel,
    lanes_products,
    load_pairs,
    loose_sub,
    mac,
    reduced,
    store_pairs,
)

_ZERO = np.uint64(0)
_ONE = np.uint64(1)
Quad = tuple[np.uint64, np.uint64, np.uint64, np.uint64]


@kernel
def _product_ext(a: Words, b: Words, w: Words, h: Word, inner: Word, start: int, stop: int) -> Quad:
    """Over weights start <= k < stop; `inner` pairs share a weight. An empty w means weight 1."""
    na, nb, weighted = np.uint64(a.shape[0]), np.uint64(b.shape[0]), w.shape[0] > 0
    first, second = ACC6, ACC6
    for k in range(np.uint64(start), np.uint64(stop)):
        at0, at1 = ACC6, ACC6
        for i in range(k * inner, (k + _ONE) * inner):
            x0 = x1 = xh0 = xh1 = y0 = y1 = yh0 = yh1 = _ZERO
            if i < na:
                x0, x1 = a[i, 0], a[i, 1]
            if i + h < na:
                xh0, xh1 = a[i + h, 0], a[i + h, 1]
            if i < nb:
                y0, y1 = b[i, 0], b[i, 1]
            if i + h < nb:
                yh0, yh1 = b[i + h, 0], b[i + h, 1]
            at0 = e_mac(at0, x0, x1, y0, y1)
            at1 = e_mac(at1, loose_sub(xh0, x0), loose_sub(xh1, x1), loose_sub(yh0, y0), loose_sub(yh1, y1))
        c0, c1 = e_loose(at0)
        d0, d1 = e_loose(at1)
        if weighted:
            first = e_mac(first, c0, c1, w[k, 0], w[k, 1])
            second = e_mac(second, d0, d1, w[k, 0], w[k, 1])
        else:
            first = fe_mac(first, _ONE, c0, c1)
            second = fe_mac(second, _ONE, d0, d1)
    c0, c1 = e_reduced(first)
    d0, d1 = e_reduced(second)
    return c0, c1, d0, d1


@kernel
def _product_mixed(a: Words, b: Words, w: Words, h: Word, inner: Word, start: int, stop: int) -> Quad:
    na, nb, weighted = np.uint64(a.shape[0]), np.uint64(b.shape[0]), w.shape[0] > 0
    first, second = ACC6, ACC6
    for k in range(np.uint64(start), np.uint64(stop)):
        at0, at1 = ACC6, ACC6
        for i in range(k * inner, (k + _ONE) * inner):
            x = xh = y0 = y1 = yh0 = yh1 = _ZERO
            if i < na:
                x = a[i]
            if i + h < na:
                xh = a[i + h]
            if i < nb:
                y0, y1 = b[i, 0], b[i, 1]
            if i + h < nb:
                yh0, yh1 = b[i + h, 0], b[i + h, 1]
            at0 = fe_mac(at0, x, y0, y1)
            at1 = fe_mac(at1, loose_sub(xh, x), loose_sub(yh0, y0), loose_sub(yh1, y1))
        c0, c1 = e_loose(at0)
        d0, d1 = e_loose(at1)
        if weighted:
            first = e_mac(first, c0, c1, w[k, 0], w[k, 1])
            second = e_mac(second, d0, d1, w[k, 0], w[k, 1])
        else:
            first = fe_mac(first, _ONE, c0, c1)
            second = fe_mac(second, _ONE, d0, d1)
    c0, c1 = e_reduced(first)
    d0, d1 = e_reduced(second)
    return c0, c1, d0, d1


@kernel
def _product_base(a: Words, b: Words, w: Words, h: Word, inner: Word, start: int, stop: int) -> Quad:
    na, nb, weighted = np.uint64(a.shape[0]), np.uint64(b.shape[0]), w.shape[0] > 0
    first, second = ACC6, ACC6
    for k in range(np.uint64(start), np.uint64(stop)):
        at0, at1 = ACC3, ACC3
        for i in range(k * inner, (k + _ONE) * inner):
            x = xh = y = yh = _ZERO
            if i < na:
                x = a[i]
            if i + h < na:
                xh = a[i + h]
            if i < nb:
                y = b[i]
            if i + h < nb:
                yh = b[i + h]
            at0 = mac(at0, x, y)
            at1 = mac(at1, loose_sub(xh, x), loose_sub(yh, y))
        c, d = reduced(at0), reduced(at1)
        if weighted:
            first = fe_mac(first, c, w[k, 0], w[k, 1])
            second = fe_mac(second, d, w[k, 0], w[k, 1])
        else:
            first = fe_mac(first, _ONE, c, _ZERO)
            second = fe_mac(second, _ONE, d, _ZERO)
    c0, c1 = e_reduced(first)
    d0, d1 = e_reduced(second)
    return c0, c1, d0, d1


@kernel
def _combine(p: Words, q: Words, m: Word, top: Words, bottom: Words, start: int, stop: int) -> None:
    begin, end, four = np.uint64(start), np.uint64(stop), np.uint64(4)
    whole = begin + (end - begin) // four * four
    for n in range(begin, whole, four):
        x0, x1 = load_pairs(p, n)
        y0, y1 = load_pairs(p, n + m)
        z0, z1 = load_pairs(q, n)
        t0, t1 = load_pairs(q, n + m)
        g0, g1 = lanes_products(x0, x1, t0, t1, y0, y1, z0, z1)
        store_pairs(top, n, canonical(g0), canonical(g1))
        g0, g1 = e_mul(z0, z1, t0, t1)
        store_pairs(bottom, n, g0, g1)
    for i in range(whole, end):
        j = i + m
        b0, b1, d0, d1 = q[i, 0], q[i, 1], q[j, 0], q[j, 1]
        top[i, 0], top[i, 1] = e_reduced(e_mac(e_mac(ACC6, p[i, 0], p[i, 1], d0, d1), p[j, 0], p[j, 1], b0, b1))
        bottom[i, 0], bottom[i, 1] = e_mul(b0, b1, d0, d1)


@kernel
def _combine_ones(q: Words, m: Word, top: Words, bottom: Words, start: int, stop: int) -> None:
    n, begin, end, four = np.uint64(q.shape[0]), np.uint64(start), np.uint64(stop), np.uint64(4)
    whole = begin
    if end + m <= n:
        whole = begin + (end - begin) // four * four
    for k in range(begin, whole, four):
        x0, x1 = load_pairs(q, k)
        y0, y1 = load_pairs(q, k + m)
        store_pairs(top, k, add(x0, y0), add(x1, y1))
        x0, x1 = e_mul(x0, x1, y0, y1)
        store_pairs(bottom, k, x0, x1)
    for i in range(whole, end):
        b0 = d0 = _ONE
        b1 = d1 = _ZERO
        if i < n:
            b0, b1 = q[i, 0], q[i, 1]
        if i + m < n:
            d0, d1 = q[i + m, 0], q[i + m, 1]
        top[i, 0], top[i, 1] = add(b0, d0), add(b1, d1)
        bottom[i, 0], bottom[i, 1] = e_mul(b0, b1, d0, d1)


def _sums(parts: list[Quad]) -> tuple[Ext, Ext]:
    return total([part[:2] for part in parts]), total([part[2:] for part in parts])


def _pairs(a: Words, b: Words, w: Words | None, h: int | None) -> tuple[Words, int, int, int]:
    """The weights (empty for none), h, the number of weights and the pairs of each."""
    if h is None:
        longest = max(len(a), len(b))
        if longest % 2:
            raise ValueError(f"an odd number of entries has no pairs: {longest}")
        h = longest // 2
    if max(len(a), len(b)) > 2 * h:
        raise ValueError(f"at most {2 * h} entries make {h} pairs, got {len(a)} and {len(b)}")
    if w is None:
        return np.empty((0, 2), dtype=np.uint64), h, h, 1
    if len(w) == 0 or h % len(w):
        raise ValueError(f"{len(w)} weights do not divide {h} pairs")
    return readable(w), h, len(w), h // len(w)


def product_round(a: Words, b: Words, w: Words | None, h: int | None = None) -> tuple[Ext, Ext]:
    """(t0, tinf) = (sum w*a[i]*b[i], sum w*(a[i+h] - a[i])*(b[i+h] - b[i])) for a, b over E.

    The weight of pair i is w[i // (h / len(w))], 1 without w. h defaults to half the longer array; the rest is 0.
    """
    weights, h, count, inner = _pairs(a, b, w, h)
    a, b = readable(a), readable(b)
    size, pairs, least = np.uint64(h), np.uint64(inner), max(1, parallel.MINIMUM // inner)
    return _sums(parallel.over(count, lambda i, j: _product_ext(a, b, weights, size, pairs, i, j), least))


def product_round_base(a: Words, b: Words, w: Words | None, h: int | None = None) -> tuple[Ext, Ext]:
    """`product_round` for a and b over F."""
    weights, h, count, inner = _pairs(a, b, w, h)
    a, b = readable(a), readable(b)
    size, pairs, least = np.uint64(h), np.uint64(inner), max(1, parallel.MINIMUM // inner)
    return _sums(parallel.over(count, lambda i, j: _product_base(a, b, weights, size, pairs, i, j), least))


def product_round_mixed(a: Words, b: Words, w: Words | None, h: int | None = None) -> tuple[Ext, Ext]:
    """`product_round` for a over F and b over E."""
    weights, h, count, inner = _pairs(a, b, w, h)
    a, b = readable(a), readable(b)
    size, pairs, least = np.uint64(h), np.uint64(inner), max(1, parallel.MINIMUM // inner)
    return _sums(parallel.over(count, lambda i, j: _product_mixed(a, b, weights, size, pairs, i, j), least))


def fraction_combine(p: Words, q: Words, out: tuple[Words, Words] | None = None) -> tuple[Words, Words]:
    """p[i]/q[i] + p[i+m]/q[i+m] as (m, 2) numerators and denominators, from (2m, 2); into `out` if given."""
    m = same_length(p, q) // 2
    p, q = readable(p), readable(q)
    top, bottom = out or (np.empty((m, 2), dtype=np.uint64), np.empty((m, 2), dtype=np.uint64))
    parallel.over(m, lambda start, stop: _combine(p, q, np.uint64(m), top, bottom, start, stop))
    return top, bottom


def fraction_combine_ones(q: Words, m: int, out: tuple[Words, Words] | None = None) -> tuple[Words, Words]:
    """1/q[i] + 1/q[i+m], entries of q up to 2m that are missing being 1; into `out`, of m entries each, if given."""
    if len(q) > 2 * m:
        raise ValueError(f"at most {2 * m} entries combine to {m}, got {len(q)}")
    q = readable(q)
    top, bottom = out or (np.empty((m, 2), dtype=np.uint64), np.empty((m, 2), dtype=np.uint64))
    parallel.over(m, lambda start, stop: _combine_ones(q, np.uint64(m), top, bottom, start, stop))
    return top, bottom
