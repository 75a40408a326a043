"""A fold and the sums of the next round in one pass over memory. References: `algebra.reference`.

Weights are a product of two tables: pair i has weight outer[i // len(inner)] * inner[i % len(inner)].
Variables are bound from the most significant index bit, as in `rounds`; (t0, tinf) mean the same.
"""

import numpy as np

from bailee.algebra.field import Ext, Words
from bailee.algebra.kernels import lanes, parallel
from bailee.algebra.kernels.vectors import in_place, readable, same_length, scalar, total
from bailee.algebra.kernels.words import (
    ACC6,
    WIDTH,
    Pair,
    Word,
    e_fold,
    e_loose,
    e_mac,
    e_mul,
    e_reduced,
    inlined,
    kernel,
)
from bailee.algebra.kernels.words import add as f_add
from bailee.algebra.kernels.words import loose_sub as minus

Quad = tuple[np.uint64, np.uint64, np.uint64, np.uint64]
_ONE, _TWO, _THREE = np.uint64(1), np.uint64(2), np.uint64(3)


@inlined
def _folded(a: Words, i: Word, j: Word, r0: Word, r1: Word) -> Pair:
    """a[i] + r*(a[j] - a[i]), written to a[i]."""
    x0, x1 = e_fold(a[i, 0], a[i, 1], a[j, 0], a[j, 1], r0, r1)
    a[i, 0], a[i, 1] = x0, x1
    return x0, x1


@kernel
def _product(a: Words, b: Words, outer: Words, inner: Words, h: Word, start: int, stop: int) -> Quad:
    width = np.uint64(inner.shape[0])
    first, second = ACC6, ACC6
    for k in range(np.uint64(start), np.uint64(stop)):
        base, at0, at1 = k * width, ACC6, ACC6
        for n in range(np.uint64(0), width):
            i = base + n
            x0, x1, y0, y1 = a[i, 0], a[i, 1], b[i, 0], b[i, 1]
            g0, g1 = e_loose(e_mac(ACC6, x0, x1, y0, y1))
            at0 = e_mac(at0, g0, g1, inner[n, 0], inner[n, 1])
            x0, x1, y0, y1 = (
                minus(a[i + h, 0], x0),
                minus(a[i + h, 1], x1),
                minus(b[i + h, 0], y0),
                minus(b[i + h, 1], y1),
            )
            g0, g1 = e_loose(e_mac(ACC6, x0, x1, y0, y1))
            at1 = e_mac(at1, g0, g1, inner[n, 0], inner[n, 1])
        g0, g1 = e_loose(at0)
        first = e_mac(first, g0, g1, outer[k, 0], outer[k, 1])
        g0, g1 = e_loose(at1)
        second = e_mac(second, g0, g1, outer[k, 0], outer[k, 1])
    g0, g1 = e_reduced(first)
    d0, d1 = e_reduced(second)
    return g0, g1, d0, d1


@kernel
def _product_next(
    a: Words, b: Words, r0: Word, r1: Word, outer: Words, inner: Words, h: Word, start: int, stop: int
) -> Quad:
    width = np.uint64(inner.shape[0])
    first, second = ACC6, ACC6
    for k in range(np.uint64(start), np.uint64(stop)):
        base, at0, at1 = k * width, ACC6, ACC6
        for n in range(np.uint64(0), width):
            i = base + n
            j = i + h
            x0, x1 = _folded(a, i, i + _TWO * h, r0, r1)
            y0, y1 = _folded(b, i, i + _TWO * h, r0, r1)
            u0, u1 = _folded(a, j, j + _TWO * h, r0, r1)
            v0, v1 = _folded(b, j, j + _TWO * h, r0, r1)
            g0, g1 = e_loose(e_mac(ACC6, x0, x1, y0, y1))
            at0 = e_mac(at0, g0, g1, inner[n, 0], inner[n, 1])
            g0, g1 = e_loose(e_mac(ACC6, minus(u0, x0), minus(u1, x1), minus(v0, y0), minus(v1, y1)))
            at1 = e_mac(at1, g0, g1, inner[n, 0], inner[n, 1])
        g0, g1 = e_loose(at0)
        first = e_mac(first, g0, g1, outer[k, 0], outer[k, 1])
        g0, g1 = e_loose(at1)
        second = e_mac(second, g0, g1, outer[k, 0], outer[k, 1])
    g0, g1 = e_reduced(first)
    d0, d1 = e_reduced(second)
    return g0, g1, d0, d1


@inlined
def _raised(p: Words, q: Words, i: Word, l0: Word, l1: Word) -> Pair:
    """p[i] + lambda*q[i], written to p[i]."""
    z0, z1 = e_mul(q[i, 0], q[i, 1], l0, l1)
    z0, z1 = f_add(z0, p[i, 0]), f_add(z1, p[i, 1])
    p[i, 0], p[i, 1] = z0, z1
    return z0, z1


@kernel
def _fraction_start(
    p0: Words,
    p1: Words,
    q0: Words,
    q1: Words,
    l0: Word,
    l1: Word,
    outer: Words,
    inner: Words,
    h: Word,
    start: int,
    stop: int,
) -> Quad:
    width = np.uint64(inner.shape[0])
    first, second = ACC6, ACC6
    for k in range(np.uint64(start), np.uint64(stop)):
        base, at0, at1 = k * width, ACC6, ACC6
        for n in range(np.uint64(0), width):
            i = base + n
            j = i + h
            x0, x1 = _raised(p0, q0, i, l0, l1)
            y0, y1, z0, z1, t0, t1 = p1[i, 0], p1[i, 1], q0[i, 0], q0[i, 1], q1[i, 0], q1[i, 1]
            g0, g1 = e_loose(e_mac(e_mac(ACC6, x0, x1, t0, t1), y0, y1, z0, z1))
            at0 = e_mac(at0, g0, g1, inner[n, 0], inner[n, 1])
            u0, u1 = _raised(p0, q0, j, l0, l1)
            y0, y1 = minus(p1[j, 0], y0), minus(p1[j, 1], y1)
            z0, z1, t0, t1 = minus(q0[j, 0], z0), minus(q0[j, 1], z1), minus(q1[j, 0], t0), minus(q1[j, 1], t1)
            g0, g1 = e_loose(e_mac(e_mac(ACC6, minus(u0, x0), minus(u1, x1), t0, t1), y0, y1, z0, z1))
            at1 = e_mac(at1, g0, g1, inner[n, 0], inner[n, 1])
        g0, g1 = e_loose(at0)
        first = e_mac(first, g0, g1, outer[k, 0], outer[k, 1])
        g0, g1 = e_loose(at1)
        second = e_mac(second, g0, g1, outer[k, 0], outer[k, 1])
    g0, g1 = e_reduced(first)
    d0, d1 = e_reduced(second)
    return g0, g1, d0, d1


@kernel
def _fraction_next(
    p0: Words,
    p1: Words,
    q0: Words,
    q1: Words,
    r0: Word,
    r1: Word,
    outer: Words,
    inner: Words,
    h: Word,
    start: int,
    stop: int,
) -> Quad:
    width = np.uint64(inner.shape[0])
    first, second = ACC6, ACC6
    for k in range(np.uint64(start), np.uint64(stop)):
        base, at0, at1 = k * width, ACC6, ACC6
        for n in range(np.uint64(0), width):
            i = base + n
            x0, x1 = _folded(p0, i, i + _TWO * h, r0, r1)
            y0, y1 = _folded(p1, i, i + _TWO * h, r0, r1)
            z0, z1 = _folded(q0, i, i + _TWO * h, r0, r1)
            t0, t1 = _folded(q1, i, i + _TWO * h, r0, r1)
            g0, g1 = e_loose(e_mac(e_mac(ACC6, x0, x1, t0, t1), y0, y1, z0, z1))
            at0 = e_mac(at0, g0, g1, inner[n, 0], inner[n, 1])
            i += h
            u0, u1 = _folded(p0, i, i + _TWO * h, r0, r1)
            x0, x1 = minus(u0, x0), minus(u1, x1)
            u0, u1 = _folded(p1, i, i + _TWO * h, r0, r1)
            y0, y1 = minus(u0, y0), minus(u1, y1)
            u0, u1 = _folded(q0, i, i + _TWO * h, r0, r1)
            z0, z1 = minus(u0, z0), minus(u1, z1)
            u0, u1 = _folded(q1, i, i + _TWO * h, r0, r1)
            t0, t1 = minus(u0, t0), minus(u1, t1)
            g0, g1 = e_loose(e_mac(e_mac(ACC6, x0, x1, t0, t1), y0, y1, z0, z1))
            at1 = e_mac(at1, g0, g1, inner[n, 0], inner[n, 1])
        g0, g1 = e_loose(at0)
        first = e_mac(first, g0, g1, outer[k, 0], outer[k, 1])
        g0, g1 = e_loose(at1)
        second = e_mac(second, g0, g1, outer[k, 0], outer[k, 1])
    g0, g1 = e_reduced(first)
    d0, d1 = e_reduced(second)
    return g0, g1, d0, d1


def _sums(parts: list[Quad]) -> tuple[Ext, Ext]:
    return total([part[:2] for part in parts]), total([part[2:] for part in parts])


def _weights(outer: Words, inner: Words, entries: int, share: int) -> tuple[Words, Words, np.uint64, int, int]:
    """The tables, the number of pairs (entries / share), the outer entries and the least of them for a thread."""
    h, rest = divmod(entries, share)
    if rest or h != len(outer) * len(inner):
        raise ValueError(f"{entries} entries need {entries // share} weights, got {len(outer)} x {len(inner)}")
    if len(inner) & (len(inner) - 1):
        raise ValueError(f"an inner table has a power of two of weights, got {len(inner)}")
    return readable(outer), readable(inner), np.uint64(h), len(outer), max(1, parallel.MINIMUM // len(inner))


def product_start(a: Words, b: Words, outer: Words, inner: Words) -> tuple[Ext, Ext]:
    """(t0, tinf) = (sum w*a[i]*b[i], sum w*(a[i+h] - a[i])*(b[i+h] - b[i])) for a, b of (2h, 2)."""
    w, v, h, count, least = _weights(outer, inner, same_length(a, b), 2)
    a, b, task = readable(a), readable(b), lanes.product if len(v) >= WIDTH else _product
    return _sums(parallel.over(count, lambda i, j: task(a, b, w, v, h, i, j), least))


def product_next(a: Words, b: Words, r: Ext, outer: Words, inner: Words) -> tuple[Ext, Ext]:
    """Fold a and b of (4h, 2) by r, into their first halves; then `product_start` of those."""
    w, v, h, count, least = _weights(outer, inner, same_length(in_place(a), in_place(b)), 4)
    (r0, r1), task = scalar(r), lanes.product_next if len(v) >= WIDTH else _product_next
    return _sums(parallel.over(count, lambda i, j: task(a, b, r0, r1, w, v, h, i, j), least))


def fraction_start(p0: Words, p1: Words, q0: Words, q1: Words, lam: Ext, outer: Words, inner: Words) -> tuple[Ext, Ext]:
    """(t0, tinf) of g = p0*q1 + p1*q0 + lam*q0*q1, all (2h, 2); and p0 becomes p0 + lam*q0, in place.

    With that, g is p0*q1 + p1*q0: `fraction_next` has one product less to make.
    """
    w, v, h, count, least = _weights(outer, inner, same_length(in_place(p0), p1, q0, q1), 2)
    p1, q0, q1, (l0, l1) = readable(p1), readable(q0), readable(q1), scalar(lam)
    task = lanes.fraction_start if len(v) >= WIDTH else _fraction_start
    return _sums(parallel.over(count, lambda i, j: task(p0, p1, q0, q1, l0, l1, w, v, h, i, j), least))


def fraction_next(p0: Words, p1: Words, q0: Words, q1: Words, r: Ext, outer: Words, inner: Words) -> tuple[Ext, Ext]:
    """Fold all four of (4h, 2) by r, into their first halves; then (t0, tinf) of g = p0*q1 + p1*q0."""
    length = same_length(*(in_place(a) for a in (p0, p1, q0, q1)))
    w, v, h, count, least = _weights(outer, inner, length, 4)
    r0, r1 = scalar(r)
    task = lanes.fraction_next if len(v) >= WIDTH else _fraction_next
    return _sums(parallel.over(count, lambda i, j: task(p0, p1, q0, q1, r0, r1, w, v, h, i, j), least))
