"""Kernels of the Reed-Solomon code: interpolation of rows and evaluation on cosets. Reference: `algebra.transform`.

Evaluation is division with remainder down a tree: modulo X^L - t it splits into X^(L/4) -+ w and X^(L/4) -+ i*w, where
w^4 = t and i = 2^48, so that a step of radix 4 costs three products and a shift for four values. The twiddle of a block
depends on the block alone, in bit-reversed order, and the shift of the coset is part of it: nothing is permuted and
nothing is scaled beforehand. Interpolation runs the steps backwards.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from bailee.algebra import field, transform
from bailee.algebra.field import P, Words
from bailee.algebra.kernels import parallel
from bailee.algebra.kernels.vectors import in_place, readable
from bailee.algebra.kernels.words import (
    Word,
    across,
    add,
    canonical,
    inlined,
    kernel,
    load,
    loose_add,
    loose_mul,
    loose_sub,
    mul,
    spread,
    store,
    sub,
    times_i,
)

Indices = NDArray[np.int64]


@inlined
def _split(x0: Word, x1: Word, x2: Word, x3: Word, t1: Word, t2: Word, t3: Word) -> tuple[Word, Word, Word, Word]:
    """One step of radix 4 from loose words to loose words."""
    x1, x2, x3 = loose_mul(x1, t1), mul(x2, t2), mul(x3, t3)
    even, odd = loose_add(x0, x2), loose_sub(x0, x2)
    plus, cross = add(x1, x3), times_i(loose_sub(x1, x3))
    return loose_add(even, plus), loose_sub(even, plus), loose_add(odd, cross), loose_sub(odd, cross)


@inlined
def _join(y0: Word, y1: Word, y2: Word, y3: Word, t1: Word, t2: Word, t3: Word) -> tuple[Word, Word, Word, Word]:
    """Four times the inverse of `_split` for inverse twiddles, from canonical words to loose words."""
    even, plus = loose_add(y0, y1), loose_sub(y0, y1)
    odd, cross = add(y2, y3), times_i(loose_sub(y3, y2))
    x1, x2, x3 = loose_add(plus, cross), loose_sub(even, odd), loose_sub(plus, cross)
    return loose_add(even, odd), loose_mul(x1, t1), loose_mul(x2, t2), loose_mul(x3, t3)


@inlined
def _split_block(row: Words, i0: Word, quarter: Word, t1: Word, t2: Word, t3: Word) -> None:
    """`_split` of all entries of a block of 4*quarter."""
    two, three, four = np.uint64(2), np.uint64(3), np.uint64(4)
    if quarter < four:
        for i in range(i0, i0 + quarter):
            j, k, m = i + quarter, i + two * quarter, i + three * quarter
            row[i], row[j], row[k], row[m] = _split(row[i], row[j], row[k], row[m], t1, t2, t3)
        return
    u1, u2, u3 = spread(t1), spread(t2), spread(t3)
    for i in range(i0, i0 + quarter, four):
        j, k, m = i + quarter, i + two * quarter, i + three * quarter
        y0, y1, y2, y3 = _split(load(row, i), load(row, j), load(row, k), load(row, m), u1, u2, u3)
        store(row, i, y0)
        store(row, j, y1)
        store(row, k, y2)
        store(row, m, y3)


@inlined
def _halve(row: Words, length: Word, t: Word) -> None:
    """A step of radix 2 of a whole row of 2*length."""
    four = np.uint64(4)
    if length < four:
        for i in range(np.uint64(0), length):
            x, y = row[i], mul(row[i + length], t)
            row[i], row[i + length] = add(x, y), sub(x, y)
        return
    u = spread(t)
    for i in range(np.uint64(0), length, four):
        v, w = load(row, i), mul(load(row, i + length), u)
        store(row, i, add(v, w))
        store(row, i + length, sub(v, w))


# Indices below are unsigned: Numba would otherwise test each one for counting from the end of the array.


@kernel
def _forward(
    coefficients: Words, tail: Words, factor: Word, values: Words, twiddles: Words, odd: bool, start: int, stop: int
) -> None:
    """Rows start to stop: the remainder c + factor*tail modulo X^K - s^K, then its values on the coset."""
    zero, one, two, three, four = np.uint64(0), np.uint64(1), np.uint64(2), np.uint64(3), np.uint64(4)
    size, sixteen = np.uint64(values.shape[1]), np.uint64(16)
    for r in range(start, stop):
        row = values[r]
        row[:] = coefficients[r]
        for c in range(tail.shape[1]):
            row[c] = add(row[c], mul(factor, tail[r, c]))
        length, blocks, at = size, one, zero
        if odd:  # an odd power of two: first a step of radix 2
            length, blocks, at = size // two, two, one
            _halve(row, length, twiddles[0])
        while length > four:
            quarter = length // four
            for block in range(zero, blocks):
                t1, t2, t3 = twiddles[at], twiddles[at + one], twiddles[at + two]
                at += three
                _split_block(row, block * length, quarter, t1, t2, t3)
            blocks *= four
            length = quarter
        whole = zero  # blocks of four words each, four of them at a time
        if size >= sixteen:
            whole = blocks
        for block in range(zero, whole, four):
            i = block * four
            x0, x1, x2, x3 = across(
                load(row, i), load(row, i + four), load(row, i + two * four), load(row, i + three * four)
            )
            t1, t2, t3 = (
                load(twiddles, at + block),
                load(twiddles, at + blocks + block),
                load(twiddles, at + two * blocks + block),
            )
            y0, y1, y2, y3 = _split(x0, x1, x2, x3, t1, t2, t3)
            y0, y1, y2, y3 = across(canonical(y0), canonical(y1), canonical(y2), canonical(y3))
            store(row, i, y0)
            store(row, i + four, y1)
            store(row, i + two * four, y2)
            store(row, i + three * four, y3)
        for block in range(whole, size // four):
            at0 = np.uint64(block) * four
            at1, at2, at3 = at0 + one, at0 + two, at0 + three
            t1, t2, t3 = twiddles[at + block], twiddles[at + blocks + block], twiddles[at + two * blocks + block]
            w0, w1, w2, w3 = _split(row[at0], row[at1], row[at2], row[at3], t1, t2, t3)
            row[at0], row[at1], row[at2], row[at3] = canonical(w0), canonical(w1), canonical(w2), canonical(w3)


@kernel
def _forward_some(
    coefficients: Words,
    tail: Words,
    factor: Word,
    twiddles: Words,
    odd: bool,
    wanted: Indices,
    bounds: Indices,
    places: Indices,
    out: Words,
    start: int,
    stop: int,
) -> None:
    """`_forward` without the blocks that hold no wanted place: step s splits wanted[bounds[s] : bounds[s + 1]]."""
    one, two, three, four = np.uint64(1), np.uint64(2), np.uint64(3), np.uint64(4)
    size = np.uint64(coefficients.shape[1])
    row = np.empty(coefficients.shape[1], np.uint64)
    for r in range(start, stop):
        row[:] = coefficients[r]
        for c in range(tail.shape[1]):
            row[c] = add(row[c], mul(factor, tail[r, c]))
        length, blocks, base = size, one, np.uint64(0)
        if odd:
            length, blocks, base = size // two, two, one
            _halve(row, length, twiddles[0])
        for step in range(bounds.shape[0] - 1):
            quarter = length // four
            for n in range(bounds[step], bounds[step + 1]):
                block = np.uint64(wanted[n])
                at, apart = base + three * block, one
                if quarter == one:  # the last step keeps its twiddles otherwise
                    at, apart = base + block, blocks
                _split_block(
                    row, block * length, quarter, twiddles[at], twiddles[at + apart], twiddles[at + two * apart]
                )
            base += three * blocks
            blocks *= four
            length = quarter
        for n in range(places.shape[0]):
            out[r, n] = canonical(row[np.uint64(places[n])])


@kernel
def _backward(given: Words, values: Words, twiddles: Words, scale: Word, start: int, stop: int) -> None:
    """Rows start to stop from values on H to coefficients; `twiddles` are the inverses, read from the end."""
    zero, one, two, three, four = np.uint64(0), np.uint64(1), np.uint64(2), np.uint64(3), np.uint64(4)
    size, sixteen = np.uint64(values.shape[1]), np.uint64(16)
    for r in range(start, stop):
        row = values[r]
        row[:] = given[r]
        quarter, blocks, end = one, size // four, np.uint64(twiddles.shape[0])
        if blocks > zero:  # the first step, of blocks of four words each, four of them at a time
            at = end - three * blocks
            end, whole = at, zero
            if size >= sixteen:
                whole = blocks
            for block in range(zero, whole, four):
                base = block * four
                y0, y1, y2, y3 = across(
                    load(row, base),
                    load(row, base + four),
                    load(row, base + two * four),
                    load(row, base + three * four),
                )
                t1, t2, t3 = (
                    load(twiddles, at + block),
                    load(twiddles, at + blocks + block),
                    load(twiddles, at + two * blocks + block),
                )
                x0, x1, x2, x3 = _join(y0, y1, y2, y3, t1, t2, t3)
                x0, x1, x2, x3 = across(canonical(x0), canonical(x1), canonical(x2), canonical(x3))
                store(row, base, x0)
                store(row, base + four, x1)
                store(row, base + two * four, x2)
                store(row, base + three * four, x3)
            for block in range(whole, blocks):
                base = block * four
                s1, s2, s3 = twiddles[at + block], twiddles[at + blocks + block], twiddles[at + two * blocks + block]
                w0, w1, w2, w3 = _join(row[base], row[base + one], row[base + two], row[base + three], s1, s2, s3)
                row[base], row[base + one], row[base + two], row[base + three] = (
                    canonical(w0),
                    canonical(w1),
                    canonical(w2),
                    canonical(w3),
                )
            blocks //= four
            quarter *= four
        while quarter * four <= size:
            at = end - three * blocks
            end = at
            for block in range(zero, blocks):
                t1, t2, t3 = spread(twiddles[at]), spread(twiddles[at + one]), spread(twiddles[at + two])
                at += three
                i0 = block * quarter * four
                for i in range(i0, i0 + quarter, four):
                    j, k, m = i + quarter, i + two * quarter, i + three * quarter
                    x0, x1, x2, x3 = _join(load(row, i), load(row, j), load(row, k), load(row, m), t1, t2, t3)
                    store(row, i, canonical(x0))
                    store(row, j, canonical(x1))
                    store(row, k, canonical(x2))
                    store(row, m, canonical(x3))
            blocks //= four
            quarter *= four
        if quarter < size:  # an odd power of two: last a step of radix 2
            half = size // two
            for i in range(zero, half):
                x, y = row[i], row[i + half]
                row[i], row[i + half] = mul(loose_add(x, y), scale), mul(loose_sub(x, y), scale)
        elif size >= four:
            factor = spread(scale)
            for i in range(zero, size, four):
                store(row, i, mul(load(row, i), factor))
        else:
            row[zero] = mul(row[zero], scale)


_SMALL_BITS = 12


def _twiddles(bits: int, shift: int, inverse: bool) -> Words:
    """The table of `_make_twiddles`: a few large ones are kept, and many small ones."""
    return (_small_twiddles if bits <= _SMALL_BITS else _large_twiddles)(bits, shift, inverse)


def _make_twiddles(bits: int, shift: int, inverse: bool) -> Words:
    """The twiddles of all steps: t, t^2, t^3 of each block (a single t for a first step of radix 2)."""
    parts = []
    length, blocks = 1 << bits, 1
    if bits % 2:
        length //= 2
        parts.append(np.array([pow(shift, length, P)], dtype=np.uint64))
        blocks = 2
    while length > 1:
        # Block b of `blocks` is modulo X^length - t^4, where t = shift^(length/4) * w^bitrev(b), w of order 4*blocks.
        root = field.root_of_unity((4 * blocks).bit_length() - 1)
        t = field.scale(_tree(root, blocks), pow(shift, length // 4, P))
        square = field.mul(t, t)
        # side by side for each block, but in the last step (of four words a block) apart, as lanes want them
        parts.append(np.stack((t, square, field.mul(square, t)), axis=0 if length == 4 else 1).reshape(-1))
        length, blocks = length // 4, blocks * 4
    table = np.concatenate(parts) if parts else np.empty(0, dtype=np.uint64)
    return field.inv(table) if inverse and len(table) else table


_small_twiddles = lru_cache(maxsize=512)(_make_twiddles)
_large_twiddles = lru_cache(maxsize=48)(_make_twiddles)


@lru_cache(maxsize=16)
def _tree(root: int, count: int) -> Words:
    """root^bitrev(b) for 0 <= b < count."""
    table = np.ones(1, dtype=np.uint64)
    while len(table) < count:
        step = pow(root, len(table), P)  # each further bit of b is worth twice the one above it
        table = np.stack((table, field.scale(table, step)), axis=1).reshape(-1)
    return table


def interpolate_rows(m: Words, out: Words | None = None) -> Words:
    """(R, K) values on H -> (R, K) coefficients, as `transform.interpolate`: into `out` (m itself, even) or new."""
    size = m.shape[1]
    bits = transform.log2(size)
    target = np.empty(m.shape, dtype=np.uint64) if out is None else in_place(out)
    if target.shape != m.shape:
        raise ValueError(f"coefficients of {m.shape} values do not fit in {target.shape}")
    m, twiddles, factor = readable(m), _twiddles(bits, 1, True), np.uint64(field.f_inv(size))
    least = _rows_per_thread(size)
    parallel.over(len(m), lambda start, stop: _backward(m, target, twiddles, factor, start, stop), least)
    return target


def coset_rows(coefficients: Words, tail: Words, k: int, n: int, out: Words | None = None) -> Words:
    """(R, K) coefficients, (R, q) tails -> (R, K) code symbols of coset k, as `transform.encode_coset`.

    Into `out` if given; that may be the coefficients, which are then gone.
    """
    bits, factor, twiddles = _coset(coefficients, tail, k, n)
    coefficients, tail = readable(coefficients), readable(tail)
    target = np.empty_like(coefficients) if out is None else in_place(out)
    if target.shape != coefficients.shape:
        raise ValueError(f"the code symbols of {coefficients.shape} coefficients do not fit in {target.shape}")
    parallel.over(
        len(coefficients),
        lambda start, stop: _forward(coefficients, tail, factor, target, twiddles, bits % 2 == 1, start, stop),
        _rows_per_thread(1 << bits),
    )
    return target


def coset_columns(coefficients: Words, tail: Words, k: int, n: int, places: Indices) -> Words:
    """`coset_rows(..)[:, places]`, for a part of the work where places are few."""
    bits, factor, twiddles = _coset(coefficients, tail, k, n)
    coefficients, tail = readable(coefficients), readable(tail)
    places = np.ascontiguousarray(places, dtype=np.int64)
    blocks = [np.unique(places >> low) for low in range(bits - bits % 2, 0, -2)]
    wanted = np.concatenate([*blocks, np.empty(0, dtype=np.int64)])
    bounds = np.cumsum([0] + [len(block) for block in blocks], dtype=np.int64)
    out = np.empty((len(coefficients), len(places)), dtype=np.uint64)

    def part(start: int, stop: int) -> None:
        _forward_some(coefficients, tail, factor, twiddles, bits % 2 == 1, wanted, bounds, places, out, start, stop)

    parallel.over(len(coefficients), part, _rows_per_thread(1 << bits))
    return out


def _coset(coefficients: Words, tail: Words, k: int, n: int) -> tuple[int, np.uint64, Words]:
    """log2 K, what X^K - 1 is on the coset, and the twiddles."""
    rows, size = coefficients.shape
    bits = transform.log2(size)
    if len(tail) != rows or tail.shape[1] > size:
        raise ValueError(f"tails of shape ({rows}, at most {size}) expected, got {tail.shape}")
    if not 0 <= k < n // size:
        raise ValueError(f"the code has {n // size} cosets, there is no number {k}")
    shift = transform.coset_shift(k, n)
    return bits, np.uint64((pow(shift, size, P) - 1) % P), _twiddles(bits, shift, False)


def _rows_per_thread(size: int) -> int:
    return max(1, parallel.MINIMUM // size)
