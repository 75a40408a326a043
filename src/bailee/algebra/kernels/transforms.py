"""Kernels of the Reed-Solomon code: interpolation of message rows and evaluation on cosets. Reference: `algebra.transform`.

Evaluation is division with remainder down a tree: modulo X^L - t it splits into X^(L/4) -+ w and X^(L/4) -+ i*w, where
w^4 = t and i = 2^48, so that a step of radix 4 costs three products and a shift for four values. The twiddle of a block
depends on the block alone, in bit-reversed order, and the shift of the coset is part of it: nothing is permuted and
nothing is scaled beforehand. Interpolation runs the steps backwards.
"""

from functools import lru_cache

import numpy as np

from bailee.algebra import field, transform
from bailee.algebra.field import P, Words
from bailee.algebra.kernels import parallel
from bailee.algebra.kernels.vectors import readable
from bailee.algebra.kernels.words import add, kernel, loose_add, loose_sub, mul, sub, times_i


@kernel
def _forward(
    coefficients: Words,
    tail: Words,
    factor: np.uint64,
    values: Words,
    twiddles: Words,
    steps: int,
    start: int,
    stop: int,
) -> None:
    """Rows start to stop: the remainder c + factor*tail modulo X^K - s^K, then its values on the coset."""
    size, q = values.shape[1], tail.shape[1]
    for r in range(start, stop):
        row = values[r]
        for i in range(q):
            row[i] = add(coefficients[r, i], mul(factor, tail[r, i]))
        for i in range(q, size):
            row[i] = coefficients[r, i]
        length, blocks, at = size, 1, 0
        if steps % 2:
            length = size // 2
            t = twiddles[0]
            for i in range(length):
                x, y = row[i], mul(row[i + length], t)
                row[i] = add(x, y)
                row[i + length] = sub(x, y)
            blocks, at = 2, 1
        while length > 1:
            quarter = length // 4
            for block in range(blocks):
                t1, t2, t3 = twiddles[at], twiddles[at + 1], twiddles[at + 2]
                at += 3
                base = block * length
                for i in range(base, base + quarter):
                    a0 = row[i]
                    a1 = mul(row[i + quarter], t1)
                    a2 = mul(row[i + 2 * quarter], t2)
                    a3 = mul(row[i + 3 * quarter], t3)
                    even, odd = loose_add(a0, a2), loose_sub(a0, a2)
                    plus, cross = add(a1, a3), times_i(loose_sub(a1, a3))
                    row[i] = add(even, plus)
                    row[i + quarter] = sub(even, plus)
                    row[i + 2 * quarter] = add(odd, cross)
                    row[i + 3 * quarter] = sub(odd, cross)
            blocks *= 4
            length = quarter


@kernel
def _backward(values: Words, twiddles: Words, scale: np.uint64, steps: int, start: int, stop: int) -> None:
    """Rows start to stop from values on H to coefficients, in place; `twiddles` are the inverses, from the end."""
    size = values.shape[1]
    for r in range(start, stop):
        row = values[r]
        quarter, blocks, end = 1, size // 4, twiddles.shape[0]
        while quarter * 4 <= size:
            at = end - 3 * blocks
            end = at
            for block in range(blocks):
                t1, t2, t3 = twiddles[at], twiddles[at + 1], twiddles[at + 2]
                at += 3
                base = block * quarter * 4
                for i in range(base, base + quarter):
                    y0, y1, y2, y3 = row[i], row[i + quarter], row[i + 2 * quarter], row[i + 3 * quarter]
                    even, plus = loose_add(y0, y1), loose_sub(y0, y1)
                    odd, cross = add(y2, y3), times_i(loose_sub(y3, y2))
                    row[i] = add(even, odd)
                    row[i + 2 * quarter] = mul(loose_sub(even, odd), t2)
                    row[i + quarter] = mul(loose_add(plus, cross), t1)
                    row[i + 3 * quarter] = mul(loose_sub(plus, cross), t3)
            blocks //= 4
            quarter *= 4
        if steps % 2:
            for i in range(size // 2):
                x, y = row[i], row[i + size // 2]
                row[i] = mul(loose_add(x, y), scale)
                row[i + size // 2] = mul(loose_sub(x, y), scale)
        else:
            for i in range(size):
                row[i] = mul(row[i], scale)


@lru_cache(maxsize=64)
def _twiddles(bits: int, shift: int, inverse: bool) -> Words:
    """The twiddles of all steps in order, for blocks in order: t, t^2, t^3 of each (one t for a first step of radix 2)."""
    parts = []
    length, blocks = 1 << bits, 1
    if bits % 2:
        length //= 2
        parts.append(np.array([pow(shift, length, P)], dtype=np.uint64))
        blocks = 2
    while length > 1:
        # Block b of `blocks` is modulo X^length - t^4, where t = shift^(length/4) * w^bitrev(b), w of order 4*blocks.
        root = field.root_of_unity((4 * blocks).bit_length() - 1)
        t = _tree(root, pow(shift, length // 4, P), blocks)
        square = field.mul(t, t)
        parts.append(np.stack((t, square, field.mul(square, t)), axis=1).reshape(-1))
        length, blocks = length // 4, blocks * 4
    table = np.concatenate(parts) if parts else np.empty(0, dtype=np.uint64)
    return field.inv(table) if inverse and len(table) else table


def _tree(root: int, shift: int, count: int) -> Words:
    """shift * root^bitrev(b) for 0 <= b < count."""
    table = np.array([shift], dtype=np.uint64)
    while len(table) < count:
        step = pow(root, len(table), P)  # each further bit of b is worth twice the one above it
        table = np.stack((table, field.scale(table, step)), axis=1).reshape(-1)
    return table


def interpolate_rows(m: Words) -> Words:
    """(R, K) values on H -> new (R, K) coefficients, as `transform.interpolate`."""
    size = m.shape[1]
    bits = transform.log2(size)
    out = np.array(m, dtype=np.uint64, order="C")
    twiddles, factor = _twiddles(bits, 1, True), np.uint64(field.f_inv(size))
    parallel.over(
        len(out), lambda start, stop: _backward(out, twiddles, factor, bits, start, stop), _rows_per_thread(size)
    )
    return out


def coset_rows(coefficients: Words, tail: Words, k: int, n: int) -> Words:
    """(R, K) coefficients, (R, q) tails -> (R, K) code symbols of coset k, as `transform.encode_coset`."""
    rows, size = coefficients.shape
    bits = transform.log2(size)
    if len(tail) != rows or tail.shape[1] > size:
        raise ValueError(f"tails of shape ({rows}, at most {size}) expected, got {tail.shape}")
    if not 0 <= k < n // size:
        raise ValueError(f"the code has {n // size} cosets, there is no number {k}")
    coefficients, tail = readable(coefficients), readable(tail)
    shift = transform.coset_shift(k, n)
    factor, twiddles = np.uint64((pow(shift, size, P) - 1) % P), _twiddles(bits, shift, False)
    out = np.empty_like(coefficients)
    parallel.over(
        rows,
        lambda start, stop: _forward(coefficients, tail, factor, out, twiddles, bits, start, stop),
        _rows_per_thread(size),
    )
    return out


def _rows_per_thread(size: int) -> int:
    return max(1, parallel.MINIMUM // size)
