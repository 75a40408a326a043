"""The kernels of `layers`, four pairs at a time, for inner tables of a multiple of four weights."""

from typing import Any

import numpy as np

from bailee.algebra.field import Words
from bailee.algebra.kernels.words import (
    ACC6,
    Word,
    add,
    e_fold,
    e_mac,
    e_mul,
    e_reduced,
    gather,
    gathered,
    inlined,
    kernel,
    lanes_product,
    lanes_products,
    load_pairs,
    loose_sub,
    spread,
    store_pairs,
)

Quad = tuple[np.uint64, np.uint64, np.uint64, np.uint64]
Four = tuple[Any, Any]
Sums = tuple[Any, Any, Any, Any]

_FOUR, _NONE = np.uint64(4), np.uint64(0)


@inlined
def _folded(a: Words, i: Any, j: Any, r0: Any, r1: Any) -> Four:
    """a[i] + r*(a[j] - a[i]), written to a[i]."""
    x0, x1 = load_pairs(a, i)
    y0, y1 = load_pairs(a, j)
    z0, z1 = e_fold(x0, x1, y0, y1, r0, r1)
    store_pairs(a, i, z0, z1)
    return z0, z1


@inlined
def _less(a: Words, i: Any, x0: Any, x1: Any) -> Four:
    """a[i] - x."""
    y0, y1 = load_pairs(a, i)
    return loose_sub(y0, x0), loose_sub(y1, x1)


@inlined
def _raised(p: Words, q: Words, i: Any, l0: Any, l1: Any) -> Four:
    """p[i] + lambda*q[i], written to p[i]."""
    x0, x1 = load_pairs(p, i)
    y0, y1 = load_pairs(q, i)
    z0, z1 = e_mul(y0, y1, l0, l1)
    z0, z1 = add(z0, x0), add(z1, x1)
    store_pairs(p, i, z0, z1)
    return z0, z1


@inlined
def _weighted(sums: Sums, g0: Any, g1: Any, inner: Words, n: Any) -> Sums:
    w0, w1 = load_pairs(inner, n)
    g0, g1 = lanes_product(g0, g1, w0, w1)
    low0, high0 = gather(sums[0], sums[1], g0)
    low1, high1 = gather(sums[2], sums[3], g1)
    return low0, high0, low1, high1


@kernel
def product(a: Words, b: Words, outer: Words, inner: Words, h: Word, start: int, stop: int) -> Quad:
    width, zero = np.uint64(inner.shape[0]), spread(_NONE)
    first, second = ACC6, ACC6
    for k in range(np.uint64(start), np.uint64(stop)):
        at0 = at1 = (zero, zero, zero, zero)
        for n in range(_NONE, width, _FOUR):
            i = k * width + n
            x0, x1 = load_pairs(a, i)
            y0, y1 = load_pairs(b, i)
            g0, g1 = lanes_product(x0, x1, y0, y1)
            at0 = _weighted(at0, g0, g1, inner, n)
            x0, x1 = _less(a, i + h, x0, x1)
            y0, y1 = _less(b, i + h, y0, y1)
            g0, g1 = lanes_product(x0, x1, y0, y1)
            at1 = _weighted(at1, g0, g1, inner, n)
        first = e_mac(first, gathered(at0[0], at0[1]), gathered(at0[2], at0[3]), outer[k, 0], outer[k, 1])
        second = e_mac(second, gathered(at1[0], at1[1]), gathered(at1[2], at1[3]), outer[k, 0], outer[k, 1])
    c0, c1 = e_reduced(first)
    d0, d1 = e_reduced(second)
    return c0, c1, d0, d1


@kernel
def product_next(
    a: Words, b: Words, r0: Word, r1: Word, outer: Words, inner: Words, h: Word, start: int, stop: int
) -> Quad:
    width, zero, s0, s1 = np.uint64(inner.shape[0]), spread(_NONE), spread(r0), spread(r1)
    first, second = ACC6, ACC6
    for k in range(np.uint64(start), np.uint64(stop)):
        at0 = at1 = (zero, zero, zero, zero)
        for n in range(_NONE, width, _FOUR):
            i = k * width + n
            j, away = i + h, h + h
            x0, x1 = _folded(a, i, i + away, s0, s1)
            y0, y1 = _folded(b, i, i + away, s0, s1)
            g0, g1 = lanes_product(x0, x1, y0, y1)
            at0 = _weighted(at0, g0, g1, inner, n)
            u0, u1 = _folded(a, j, j + away, s0, s1)
            v0, v1 = _folded(b, j, j + away, s0, s1)
            g0, g1 = lanes_product(loose_sub(u0, x0), loose_sub(u1, x1), loose_sub(v0, y0), loose_sub(v1, y1))
            at1 = _weighted(at1, g0, g1, inner, n)
        first = e_mac(first, gathered(at0[0], at0[1]), gathered(at0[2], at0[3]), outer[k, 0], outer[k, 1])
        second = e_mac(second, gathered(at1[0], at1[1]), gathered(at1[2], at1[3]), outer[k, 0], outer[k, 1])
    c0, c1 = e_reduced(first)
    d0, d1 = e_reduced(second)
    return c0, c1, d0, d1


@kernel
def fraction_start(
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
    width, zero, s0, s1 = np.uint64(inner.shape[0]), spread(_NONE), spread(l0), spread(l1)
    first, second = ACC6, ACC6
    for k in range(np.uint64(start), np.uint64(stop)):
        at0 = at1 = (zero, zero, zero, zero)
        for n in range(_NONE, width, _FOUR):
            i = k * width + n
            x0, x1 = _raised(p0, q0, i, s0, s1)
            y0, y1 = load_pairs(p1, i)
            z0, z1 = load_pairs(q0, i)
            t0, t1 = load_pairs(q1, i)
            g0, g1 = lanes_products(x0, x1, t0, t1, y0, y1, z0, z1)
            at0 = _weighted(at0, g0, g1, inner, n)
            u0, u1 = _raised(p0, q0, i + h, s0, s1)
            x0, x1 = loose_sub(u0, x0), loose_sub(u1, x1)
            y0, y1 = _less(p1, i + h, y0, y1)
            z0, z1 = _less(q0, i + h, z0, z1)
            t0, t1 = _less(q1, i + h, t0, t1)
            g0, g1 = lanes_products(x0, x1, t0, t1, y0, y1, z0, z1)
            at1 = _weighted(at1, g0, g1, inner, n)
        first = e_mac(first, gathered(at0[0], at0[1]), gathered(at0[2], at0[3]), outer[k, 0], outer[k, 1])
        second = e_mac(second, gathered(at1[0], at1[1]), gathered(at1[2], at1[3]), outer[k, 0], outer[k, 1])
    c0, c1 = e_reduced(first)
    d0, d1 = e_reduced(second)
    return c0, c1, d0, d1


@kernel
def fraction_next(
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
    width, zero, s0, s1 = np.uint64(inner.shape[0]), spread(_NONE), spread(r0), spread(r1)
    first, second = ACC6, ACC6
    for k in range(np.uint64(start), np.uint64(stop)):
        at0 = at1 = (zero, zero, zero, zero)
        for n in range(_NONE, width, _FOUR):
            i = k * width + n
            j, away = i + h, h + h
            x0, x1 = _folded(p0, i, i + away, s0, s1)
            y0, y1 = _folded(p1, i, i + away, s0, s1)
            z0, z1 = _folded(q0, i, i + away, s0, s1)
            t0, t1 = _folded(q1, i, i + away, s0, s1)
            g0, g1 = lanes_products(x0, x1, t0, t1, y0, y1, z0, z1)
            at0 = _weighted(at0, g0, g1, inner, n)
            u0, u1 = _folded(p0, j, j + away, s0, s1)
            x0, x1 = loose_sub(u0, x0), loose_sub(u1, x1)
            u0, u1 = _folded(p1, j, j + away, s0, s1)
            y0, y1 = loose_sub(u0, y0), loose_sub(u1, y1)
            u0, u1 = _folded(q0, j, j + away, s0, s1)
            z0, z1 = loose_sub(u0, z0), loose_sub(u1, z1)
            u0, u1 = _folded(q1, j, j + away, s0, s1)
            t0, t1 = loose_sub(u0, t0), loose_sub(u1, t1)
            g0, g1 = lanes_products(x0, x1, t0, t1, y0, y1, z0, z1)
            at1 = _weighted(at1, g0, g1, inner, n)
        first = e_mac(first, gathered(at0[0], at0[1]), gathered(at0[2], at0[3]), outer[k, 0], outer[k, 1])
        second = e_mac(second, gathered(at1[0], at1[1]), gathered(at1[2], at1[3]), outer[k, 0], outer[k, 1])
    c0, c1 = e_reduced(first)
    d0, d1 = e_reduced(second)
    return c0, c1, d0, d1
