"""Kernels on vectors: entrywise arithmetic, tables of eq, dot products, folds.

References: `algebra.field`, `algebra.reference`.
Arrays in, arrays out. F vectors have shape (n,), E vectors (n, 2); every value is canonical. A function that writes in
place says so and needs a C-contiguous, writable array.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bailee.algebra import field
from bailee.algebra.field import Ext, P, Words
from bailee.algebra.kernels import parallel
from bailee.algebra.kernels.words import (
    ACC6,
    Pair,
    e_fold,
    e_mac,
    e_mul,
    e_reduced,
    fe_mac,
    kernel,
    load,
    load_base,
    load_pairs,
    loose_sub,
    spread,
    store,
    store_pairs,
)
from bailee.algebra.kernels.words import add as f_add
from bailee.algebra.kernels.words import mul as f_mul
from bailee.algebra.kernels.words import sub as f_sub

Integers = NDArray[np.int64]

_MODULUS, _HALF = np.uint64(P), np.uint64(P // 2)


def readable(a: Words) -> Words:
    """The same values as kernels compiled once accept them: a copy only for strided or read-only arrays."""
    return a if a.dtype == np.uint64 and a.flags.carray else np.require(a, np.uint64, ("C", "W"))


def in_place(a: Words) -> Words:
    if a.dtype != np.uint64 or not a.flags.carray:
        raise ValueError("a kernel that writes in place needs a contiguous, writable uint64 array")
    return a


def scalar(value: Ext) -> Pair:
    return np.uint64(value[0]), np.uint64(value[1])


def same_length(*arrays: Words) -> int:
    if len({len(a) for a in arrays}) != 1:
        raise ValueError(f"arrays of one length expected, got {[len(a) for a in arrays]}")
    return len(arrays[0])


def total(parts: Sequence[Pair]) -> Ext:
    result = field.ZERO
    for c0, c1 in parts:
        result = field.e_add(result, (int(c0), int(c1)))
    return result


@kernel
def _add(a: Words, b: Words, out: Words, start: int, stop: int) -> None:
    for i in range(np.uint64(start), np.uint64(stop)):
        out[i] = f_add(a[i], b[i])


@kernel
def _sub(a: Words, b: Words, out: Words, start: int, stop: int) -> None:
    for i in range(np.uint64(start), np.uint64(stop)):
        out[i] = f_sub(a[i], b[i])


@kernel
def _mul(a: Words, b: Words, out: Words, start: int, stop: int) -> None:
    for i in range(np.uint64(start), np.uint64(stop)):
        out[i] = f_mul(a[i], b[i])


@kernel
def _scale(out: Words, a: Words, c: np.uint64, constant: np.uint64, start: int, stop: int) -> None:
    begin, end, four = np.uint64(start), np.uint64(stop), np.uint64(4)
    whole = begin + (end - begin) // four * four
    factor, first, one = spread(c), spread(constant), c == np.uint64(1)
    for i in range(begin, whole, four):
        y = load(a, i)
        store(out, i, f_add(y, first) if one else f_add(f_mul(y, factor), first))
    for i in range(whole, end):
        out[i] = f_add(f_mul(a[i], c), constant)


@kernel
def _add_scaled(out: Words, a: Words, c: np.uint64, start: int, stop: int) -> None:
    begin, end, four = np.uint64(start), np.uint64(stop), np.uint64(4)
    whole = begin + (end - begin) // four * four
    factor, one, minus = spread(c), c == np.uint64(1), c == _MODULUS - np.uint64(1)
    for i in range(begin, whole, four):
        x, y = load(out, i), load(a, i)
        if one:
            store(out, i, f_add(x, y))
        elif minus:
            store(out, i, f_sub(x, y))
        else:
            store(out, i, f_add(f_mul(y, factor), x))
    for i in range(whole, end):
        out[i] = f_add(f_mul(a[i], c), out[i])


@kernel
def _eq_double(point: Words, out: Words) -> None:
    """out[0] holds a factor; expand it to factor * eq(point, .), in place from the back."""
    size = 1
    for k in range(point.shape[0]):
        for x in range(size - 1, -1, -1):
            high0, high1 = e_mul(out[x, 0], out[x, 1], point[k, 0], point[k, 1])
            low0, low1 = f_sub(out[x, 0], high0), f_sub(out[x, 1], high1)
            out[2 * x + 1, 0], out[2 * x + 1, 1] = high0, high1
            out[2 * x, 0], out[2 * x, 1] = low0, low1
        size *= 2


@kernel
def _eq_outer(out: Words, accumulate: bool, high: Words, low: Words, start: int, stop: int) -> None:
    width = np.uint64(low.shape[0])
    for i in range(np.uint64(start), np.uint64(stop)):
        h0, h1 = high[i, 0], high[i, 1]
        base = i * width
        for j in range(np.uint64(0), width):
            c0, c1 = e_mul(low[j, 0], low[j, 1], h0, h1)
            if accumulate:
                c0, c1 = f_add(c0, out[base + j, 0]), f_add(c1, out[base + j, 1])
            out[base + j, 0], out[base + j, 1] = c0, c1


@kernel
def _dot_ext(a: Words, b: Words, start: int, stop: int) -> Pair:
    state = ACC6
    for i in range(np.uint64(start), np.uint64(stop)):
        state = e_mac(state, a[i, 0], a[i, 1], b[i, 0], b[i, 1])
    return e_reduced(state)


@kernel
def _dot_base(a: Words, b: Words, start: int, stop: int) -> Pair:
    state = ACC6
    for i in range(np.uint64(start), np.uint64(stop)):
        state = fe_mac(state, a[i], b[i, 0], b[i, 1])
    return e_reduced(state)


@kernel
def _fold(a: Words, h: np.uint64, r0: np.uint64, r1: np.uint64, start: int, stop: int) -> None:
    begin, end, four = np.uint64(start), np.uint64(stop), np.uint64(4)
    whole = begin + (end - begin) // four * four
    s0, s1 = spread(r0), spread(r1)
    for i in range(begin, whole, four):
        x0, x1 = load_pairs(a, i)
        y0, y1 = load_pairs(a, i + h)
        x0, x1 = e_fold(x0, x1, y0, y1, s0, s1)
        store_pairs(a, i, x0, x1)
    for i in range(whole, end):
        a[i, 0], a[i, 1] = e_fold(a[i, 0], a[i, 1], a[i + h, 0], a[i + h, 1], r0, r1)


@kernel
def _fold_base(a: Words, h: np.uint64, r0: np.uint64, r1: np.uint64, out: Words, start: int, stop: int) -> None:
    n = np.uint64(a.shape[0])
    for i in range(np.uint64(start), np.uint64(stop)):
        low = a[i] if i < n else np.uint64(0)
        high = a[i + h] if i + h < n else np.uint64(0)
        difference = loose_sub(high, low)
        out[i, 0] = f_add(low, f_mul(r0, difference))
        out[i, 1] = f_mul(r1, difference)


@kernel
def _denominators(
    out: Words, offset: np.uint64, column: Words, c0: np.uint64, c1: np.uint64, start: int, stop: int
) -> None:
    for i in range(np.uint64(start), np.uint64(stop)):
        out[offset + i, 0] = f_sub(out[offset + i, 0], f_mul(c0, column[i]))
        out[offset + i, 1] = f_sub(out[offset + i, 1], f_mul(c1, column[i]))


@kernel
def _denominators_from(
    out: Words, offset: np.uint64, first: Words, column: Words, c0: np.uint64, c1: np.uint64, start: int, stop: int
) -> None:
    begin, end, four = np.uint64(start), np.uint64(stop), np.uint64(4)
    mask = np.uint64(first.shape[0]) - np.uint64(1)
    whole = begin
    if mask == np.uint64(0) or (mask >= np.uint64(3) and begin % four == np.uint64(0)):
        whole = begin + (end - begin) // four * four
    s0, s1, x0, x1 = spread(c0), spread(c1), spread(first[0, 0]), spread(first[0, 1])
    for i in range(begin, whole, four):
        if mask:
            x0, x1 = load_pairs(first, i & mask)
        y = load_base(column, i)
        store_pairs(out, offset + i, f_sub(x0, f_mul(y, s0)), f_sub(x1, f_mul(y, s1)))
    for i in range(whole, end):
        k = i & mask
        out[offset + i, 0] = f_sub(first[k, 0], f_mul(c0, column[i]))
        out[offset + i, 1] = f_sub(first[k, 1], f_mul(c1, column[i]))


@kernel
def _signed(a: Words, out: Integers, start: int, stop: int) -> None:
    for i in range(np.uint64(start), np.uint64(stop)):
        out[i] = np.int64(a[i] - _MODULUS) if a[i] > _HALF else np.int64(a[i])


@kernel
def _residues(a: Integers, out: Words, start: int, stop: int) -> None:
    for i in range(np.uint64(start), np.uint64(stop)):
        out[i] = np.uint64(a[i]) + _MODULUS if a[i] < 0 else np.uint64(a[i])


def _flat(a: Words) -> Words:
    return readable(a).reshape(-1)


def add(a: Words, b: Words) -> Words:
    a, b = readable(a), readable(b)
    out = np.empty_like(a)
    parallel.over(same_length(a, b), lambda start, stop: _add(a, b, out, start, stop))
    return out


def sub(a: Words, b: Words) -> Words:
    a, b = readable(a), readable(b)
    out = np.empty_like(a)
    parallel.over(same_length(a, b), lambda start, stop: _sub(a, b, out, start, stop))
    return out


def mul(a: Words, b: Words) -> Words:
    a, b = readable(a), readable(b)
    out = np.empty_like(a)
    parallel.over(same_length(a, b), lambda start, stop: _mul(a, b, out, start, stop))
    return out


def scale(a: Words, c: int, constant: int = 0) -> Words:
    """c*a + constant over F."""
    a, factor, first = readable(a), np.uint64(c % P), np.uint64(constant % P)
    out = np.empty_like(a)
    parallel.over(len(a), lambda start, stop: _scale(out, a, factor, first, start, stop))
    return out


def add_scaled(out: Words, a: Words, c: int) -> None:
    """out += c*a, in place, both over F."""
    a, factor = readable(a), np.uint64(c % P)
    parallel.over(same_length(in_place(out), a), lambda start, stop: _add_scaled(out, a, factor, start, stop))


def to_signed(a: Words) -> Integers:
    """As `field.to_signed`, for any shape."""
    a = readable(a)
    out = np.empty(a.shape, dtype=np.int64)
    flat, target = a.reshape(-1), out.reshape(-1)
    parallel.over(len(flat), lambda start, stop: _signed(flat, target, start, stop))
    return out


def from_signed(values: Integers) -> Words:
    """As `field.from_signed`, for any shape."""
    values = np.require(values, np.int64, ("C", "W"))
    out = np.empty(values.shape, dtype=np.uint64)
    flat, target = values.reshape(-1), out.reshape(-1)
    parallel.over(len(flat), lambda start, stop: _residues(flat, target, start, stop))
    return out


def lift(a: Words) -> Words:
    """F (n) -> E (n, 2)."""
    out = np.zeros((len(a), 2), dtype=np.uint64)
    out[:, 0] = a
    return out


def _eq(out: Words, point: Sequence[Ext], factor: Ext, accumulate: bool) -> None:
    split = len(point) // 2 if len(point) > 3 else 0
    high, low = _eq_part(point[:split], factor), _eq_part(point[split:], field.ONE)
    minimum = max(1, parallel.MINIMUM // len(low))
    parallel.over(len(high), lambda start, stop: _eq_outer(out, accumulate, high, low, start, stop), minimum)


def _eq_part(point: Sequence[Ext], factor: Ext) -> Words:
    table = np.empty((1 << len(point), 2), dtype=np.uint64)
    table[0] = factor
    _eq_double(np.array(point, dtype=np.uint64).reshape(-1, 2), table)
    return table


def eq_table(point: Sequence[Ext]) -> Words:
    """(2^m, 2), as `field.eq_table`: coordinate 0 is the most significant bit of the index."""
    out = np.empty((1 << len(point), 2), dtype=np.uint64)
    _eq(out, point, field.ONE, False)
    return out


def eq_table_add(out: Words, point: Sequence[Ext], scale: Ext, fresh: bool = False) -> None:
    """out += scale * eq(point, .) in place, for out of shape (2^m, 2); if `fresh`, what was in out does not count."""
    if out.shape != (1 << len(point), 2):
        raise ValueError(f"a table of {1 << len(point)} entries expected, got an array of shape {out.shape}")
    _eq(in_place(out), point, scale, not fresh)


def halve_eq(w: Words) -> Words:
    """(2h, 2) -> (h, 2): w[:h] + w[h:], the table of eq without its first coordinate."""
    h = len(w) // 2
    flat = _flat(w)
    return add(flat[: 2 * h], flat[2 * h : 4 * h]).reshape(h, 2)


def dot_ext(a: Words, b: Words) -> Ext:
    """sum_i a[i]*b[i], both (n, 2)."""
    a, b = readable(a), readable(b)
    return total(parallel.over(same_length(a, b), lambda start, stop: _dot_ext(a, b, start, stop)))


def dot_base(a: Words, b: Words) -> Ext:
    """sum_i a[i]*b[i] for a over F (n) and b over E (n, 2)."""
    a, b = readable(a), readable(b)
    return total(parallel.over(same_length(a, b), lambda start, stop: _dot_base(a, b, start, stop)))


def fold(a: Words, r: Ext) -> Words:
    """a[i] + r*(a[i+h] - a[i]) for i < h, of a (2h, 2), written over a[:h], which is returned."""
    h, (r0, r1) = len(in_place(a)) // 2, scalar(r)
    parallel.over(h, lambda start, stop: _fold(a, np.uint64(h), r0, r1, start, stop))
    return a[:h]


def fold_base(a: Words, h: int, r: Ext, out: Words | None = None) -> Words:
    """The same of an F vector of at most 2h entries (those missing are 0), as (h, 2): `out` if given, or new."""
    _fits(a, h)
    a, (r0, r1) = readable(a), scalar(r)
    target = np.empty((h, 2), dtype=np.uint64) if out is None else in_place(out)
    if target.shape != (h, 2):
        raise ValueError(f"{h} entries do not go into an array of shape {target.shape}")
    parallel.over(h, lambda start, stop: _fold_base(a, np.uint64(h), r0, r1, target, start, stop))
    return target


def _fits(a: Words, h: int) -> None:
    if len(a) > 2 * h:
        raise ValueError(f"at most {2 * h} entries fold to {h}, got {len(a)}")


def denominators(out: Words, offset: int, column: Words, coefficient: Ext, first: Words | None = None) -> None:
    """out[offset : offset + len(column)] -= coefficient * column, in place; out over E, column over F.

    With `first`, (2^k, 2), what was in out does not count: entry i becomes first[i mod 2^k] - coefficient * column[i].
    """
    if offset < 0 or offset + len(column) > len(in_place(out)):
        raise ValueError(f"{len(column)} entries at {offset} do not fit in {len(out)}")
    column, (c0, c1), at = readable(column), scalar(coefficient), np.uint64(offset)
    if first is None:
        parallel.over(len(column), lambda start, stop: _denominators(out, at, column, c0, c1, start, stop))
    else:
        begin = readable(first)
        if len(begin) & (len(begin) - 1) or not len(begin):
            raise ValueError(f"a power of two of first entries expected, got {len(begin)}")
        parallel.over(len(column), lambda start, stop: _denominators_from(out, at, begin, column, c0, c1, start, stop))


def fill(out: Words, start: int, stop: int, value: Ext) -> None:
    """out[start:stop] = value, in place."""
    out[start:stop] = np.array(value, dtype=np.uint64)
