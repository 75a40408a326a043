"""Number-theoretic transforms and the Reed-Solomon code on cosets, in plain NumPy: the reference for the kernels.

A message row has K = 2^k values. Value m lies at the point w_K^bitrev(m) of the subgroup H of order K, so both
transforms run without a permutation: values in bit-reversed order, coefficients in natural order.

The polynomial of a row is the interpolant c(X) of its values plus (X^K - 1)*r(X), r being the q coefficients of `tail`:
it keeps the values on H, and any q of its values elsewhere are uniform when r is.

The code word has n = 2^e * K columns. Column i*K + j, for 0 <= j < K and 0 <= i < n/K, is the value at
s_i * w_K^bitrev(j) with s_i = 7 * w_n^i. 7 generates the whole group, so no coset s_i*H meets H. On coset i, X^K is the
constant s_i^K: the polynomial agrees there with c + (s_i^K - 1)*r, whose degree is below K, and a transform of size K
evaluates it.
"""

from collections.abc import Sequence

import numpy as np

from bailee.algebra import field
from bailee.algebra.field import GENERATOR, P, Words


def log2(n: int) -> int:
    """The exponent of a power of two; ValueError for any other number."""
    if n < 1 or n & (n - 1):
        raise ValueError(f"expected a power of two, got {n}")
    return n.bit_length() - 1


def bit_reverse(index: int, bits: int) -> int:
    return int(format(index, f"0{bits}b")[::-1], 2) if bits else 0


def powers(base: int, count: int) -> Words:
    """1, base, base^2, ... as an F array of `count` entries, by doubling."""
    table = np.ones(1, dtype=np.uint64)
    while len(table) < count:
        table = np.concatenate((table, field.scale(table, pow(base, len(table), P))))
    return table[:count]


def coset_shift(coset: int, n: int) -> int:
    """s_coset = 7 * w_n^coset."""
    return GENERATOR * pow(field.root_of_unity(log2(n)), coset, P) % P


def column_points(columns: Sequence[int], size: int, n: int) -> list[int]:
    """The evaluation point of each column index in [0, n) of the code with messages of `size` values."""
    root, bits = field.root_of_unity(log2(size)), log2(size)
    return [coset_shift(c // size, n) * pow(root, bit_reverse(c % size, bits), P) % P for c in columns]


def interpolate(rows: Words) -> Words:
    """(R, K) values on H -> (R, K) coefficients of the interpolants, lowest degree first."""
    count, size = rows.shape
    values = rows
    for level in range(1, log2(size) + 1):
        length = 1 << level
        twiddles = powers(field.f_inv(field.root_of_unity(level)), length // 2)
        blocks = values.reshape(count, size // length, 2, length // 2)
        even, odd = blocks[:, :, 0], field.mul(blocks[:, :, 1], twiddles)
        values = np.stack((field.add(even, odd), field.sub(even, odd)), axis=2).reshape(count, size)
    return field.scale(values, field.f_inv(size))


def evaluate(coefficients: Words) -> Words:
    """(R, K) coefficients -> (R, K) values on H, in the order of messages: the inverse of `interpolate`."""
    count, size = coefficients.shape
    values = coefficients
    for level in range(log2(size), 0, -1):
        length = 1 << level
        twiddles = powers(field.root_of_unity(level), length // 2)
        blocks = values.reshape(count, size // length, 2, length // 2)
        low, high = blocks[:, :, 0], blocks[:, :, 1]
        values = np.stack((field.add(low, high), field.mul(field.sub(low, high), twiddles)), axis=2)
        values = values.reshape(count, size)
    return values


def encode_coset(coefficients: Words, tail: Words, coset: int, n: int) -> Words:
    """(R, K) coefficients and (R, q) tails -> (R, K) code symbols of one coset."""
    size, q = coefficients.shape[1], tail.shape[1]
    if q > size:
        raise ValueError(f"a tail has at most {size} coefficients here, got {q}")
    shift = coset_shift(coset, n)
    shifted = coefficients.copy()
    shifted[:, :q] = field.add(shifted[:, :q], field.scale(tail, (pow(shift, size, P) - 1) % P))
    return evaluate(field.mul(shifted, powers(shift, size)))


def encode(rows: Words, tail: Words, n: int) -> Words:
    """(R, K) messages and (R, q) tails, q <= K -> (R, n) code words; n is a power of two and a multiple of K."""
    size = rows.shape[1]
    if log2(n) < log2(size):
        raise ValueError(f"a code word of {n} symbols is shorter than its message of {size}")
    coefficients = interpolate(rows)
    return np.concatenate([encode_coset(coefficients, tail, k, n) for k in range(n // size)], axis=1)


def encode_ext(rows: Words, tail: Words, n: int) -> Words:
    """(R, K, 2) messages and (R, q, 2) tails over E -> (R, n, 2): the code is F-linear, so each component by itself."""
    return np.stack([encode(rows[..., c], tail[..., c], n) for c in range(2)], axis=-1)


def evaluate_points(coefficients: Words, points: Sequence[int]) -> Words:
    """(R, K) coefficients -> (R, len(points)) values at arbitrary points of F, by Horner's rule."""
    at = np.array(points, dtype=np.uint64)
    values = np.zeros((coefficients.shape[0], len(points)), dtype=np.uint64)
    for degree in range(coefficients.shape[1] - 1, -1, -1):
        values = field.add(field.mul(values, at), coefficients[:, degree : degree + 1])
    return values
