"""The field F of p = 2^64 - 2^32 + 1 elements, its extension E = F[u]/(u^2 - 7), and plain NumPy arithmetic on both.

This is the readable reference for `algebra.kernels` and the only arithmetic of the plain verifier: nothing is compiled.

    F scalar   int in [0, p)                 F array   uint64, any shape, every entry canonical (< p)
    E scalar   (a0, a1), meaning a0 + a1*u   E array   uint64, shape (..., 2)

p allows short reductions because 2^64 = 2^32 - 1 and 2^96 = -1 modulo p. 7 generates the multiplicative group, so it is
not a square and u^2 - 7 is irreducible. Canonical input is assumed, never checked: whoever parses foreign bytes checks.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

P = 2**64 - 2**32 + 1
GENERATOR = 7
TWO_ADICITY = 32
NON_RESIDUE = 7

Ext = tuple[int, int]
Words = NDArray[np.uint64]

ZERO: Ext = (0, 0)
ONE: Ext = (1, 0)

_P = np.uint64(P)
_EPSILON = np.uint64(2**32 - 1)  # 2^64 mod p, and the mask of the low half of a word
_HALF = np.uint64(32)


# Scalars


def f_inv(a: int) -> int:
    """1/a in F; ZeroDivisionError for 0."""
    if a % P == 0:
        raise ZeroDivisionError("0 has no inverse in F")
    return pow(a, -1, P)


def root_of_unity(log_order: int) -> int:
    """The element of order 2^log_order that every transform here uses: a power of 7, for 0 <= log_order <= 32."""
    if not 0 <= log_order <= TWO_ADICITY:
        raise ValueError(f"roots of unity exist for orders 2^0 to 2^{TWO_ADICITY}, not 2^{log_order}")
    return pow(GENERATOR, (P - 1) >> log_order, P)


def e_from_f(a: int) -> Ext:
    return (a % P, 0)


def e_add(a: Ext, b: Ext) -> Ext:
    return ((a[0] + b[0]) % P, (a[1] + b[1]) % P)


def e_sub(a: Ext, b: Ext) -> Ext:
    return ((a[0] - b[0]) % P, (a[1] - b[1]) % P)


def e_neg(a: Ext) -> Ext:
    return (-a[0] % P, -a[1] % P)


def e_mul(a: Ext, b: Ext) -> Ext:
    return ((a[0] * b[0] + NON_RESIDUE * a[1] * b[1]) % P, (a[0] * b[1] + a[1] * b[0]) % P)


def e_inv(a: Ext) -> Ext:
    """1/a by the norm a0^2 - 7*a1^2, which is 0 only for a = 0; ZeroDivisionError then."""
    scale = f_inv(a[0] * a[0] - NON_RESIDUE * a[1] * a[1])
    return (a[0] * scale % P, -a[1] * scale % P)


def e_pow(a: Ext, exponent: int) -> Ext:
    """a^exponent for exponent >= 0; a negative exponent inverts first."""
    if exponent < 0:
        a, exponent = e_inv(a), -exponent
    result = ONE
    while exponent:
        if exponent & 1:
            result = e_mul(result, a)
        a = e_mul(a, a)
        exponent >>= 1
    return result


# F arrays


def add(a: Words, b: Words | np.uint64) -> Words:
    total = a + b
    # A carry lost 2^64 = p + (2^32 - 1); what is left is below p already, since both inputs were.
    return np.where(total < a, total + _EPSILON, np.where(total >= _P, total - _P, total))


def sub(a: Words, b: Words | np.uint64) -> Words:
    difference = a - b
    return np.where(a < b, difference + _P, difference)


def neg(a: Words) -> Words:
    return np.where(a == 0, a, _P - a)


def mul(a: Words, b: Words | np.uint64) -> Words:
    """a*b: four 32 x 32 products make the 128-bit product, then hi*2^64 + lo is reduced."""
    a0, a1 = a & _EPSILON, a >> _HALF
    b0, b1 = b & _EPSILON, b >> _HALF
    low, cross, other, high = a0 * b0, a0 * b1, a1 * b0, a1 * b1
    middle = (low >> _HALF) + (cross & _EPSILON) + (other & _EPSILON)
    lo = (low & _EPSILON) | (middle << _HALF)
    hi = high + (cross >> _HALF) + (other >> _HALF) + (middle >> _HALF)
    return _reduce(lo, hi)


def _reduce(lo: Words, hi: Words) -> Words:
    """(hi*2^64 + lo) mod p, from hi = h1*2^32 + h0: lo - h1 + h0*(2^32 - 1)."""
    top = hi >> _HALF
    first = lo - top
    first = np.where(lo < top, first - _EPSILON, first)
    second = (hi & _EPSILON) * _EPSILON
    total = first + second
    total = np.where(total < second, total + _EPSILON, total)
    reduced: Words = np.where(total >= _P, total - _P, total)
    return reduced


def scale(a: Words, c: int) -> Words:
    return mul(a, np.uint64(c % P))


def inv(a: Words) -> Words:
    """Entrywise 1/a as a^(p-2); ZeroDivisionError if any entry is 0."""
    if np.any(a == 0):
        raise ZeroDivisionError("0 has no inverse in F")
    result, square, exponent = np.ones_like(a), a, P - 2
    while exponent:
        if exponent & 1:
            result = mul(result, square)
        square = mul(square, square)
        exponent >>= 1
    return result


def from_signed(values: NDArray[np.int64]) -> Words:
    """Residues of signed integers: -1 becomes p - 1."""
    words = values.astype(np.int64, copy=False).view(np.uint64)
    return np.where(values < 0, words + _P, words)


def to_signed(a: Words) -> NDArray[np.int64]:
    """The representative in (-p/2, p/2): residues above p/2 become negative."""
    return np.where(a > np.uint64(P // 2), a - _P, a).view(np.int64)


# E arrays


def ext(values: Sequence[Ext]) -> Words:
    """An (n, 2) array from E scalars."""
    return np.array(values, dtype=np.uint64).reshape(-1, 2)


def ext_add(a: Words, b: Words) -> Words:
    return add(a, b)


def ext_sub(a: Words, b: Words) -> Words:
    return sub(a, b)


def ext_mul(a: Words, b: Words) -> Words:
    a0, a1, b0, b1 = a[..., 0], a[..., 1], b[..., 0], b[..., 1]
    constant = add(mul(a0, b0), scale(mul(a1, b1), NON_RESIDUE))
    return np.stack((constant, add(mul(a0, b1), mul(a1, b0))), axis=-1)


def ext_scale(a: Words, c: Ext) -> Words:
    """E array times one E scalar."""
    return ext_mul(a, np.array(c, dtype=np.uint64))


def ext_mul_base(a: Words, b: Words) -> Words:
    """E array (..., 2) times F array (...)."""
    return mul(a, b[..., np.newaxis])


def ext_inv(a: Words) -> Words:
    """Entrywise 1/a; ZeroDivisionError if any entry is 0."""
    a0, a1 = a[..., 0], a[..., 1]
    factor = inv(sub(mul(a0, a0), scale(mul(a1, a1), NON_RESIDUE)))
    return np.stack((mul(a0, factor), mul(neg(a1), factor)), axis=-1)


def sum_words(a: Words) -> int:
    """The sum of all entries modulo p, for fewer than 2^32 entries (halves are added so that no word overflows)."""
    return (int((a & _EPSILON).sum()) + (int((a >> _HALF).sum()) << 32)) % P


def dot_ext(a: Words, b: Words) -> Ext:
    """sum_i a[i]*b[i] of two (n, 2) arrays."""
    product = ext_mul(a, b)
    return (sum_words(product[..., 0]), sum_words(product[..., 1]))


def dot_base(a: Words, b: Words) -> Ext:
    """sum_i a[i]*b[i] of an F array (n) and an E array (n, 2)."""
    product = ext_mul_base(b, a)
    return (sum_words(product[..., 0]), sum_words(product[..., 1]))


def eq_table(point: Sequence[Ext]) -> Words:
    """(2^m, 2): entry x is prod_k (point[k] if bit k of x else 1 - point[k]), bit 0 being the most significant."""
    table = ext([ONE])
    for coordinate in reversed(point):
        high = ext_scale(table, coordinate)
        table = np.concatenate((sub(table, high), high))
    return table
