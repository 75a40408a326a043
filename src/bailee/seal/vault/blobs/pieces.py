"""The erasure code: a segment's ciphertext in n pieces, any k of which give it back (docs/vault.md, 4).

Systematic Reed-Solomon over GF(2^8) with x^8 + x^4 + x^3 + x^2 + 1: piece j < k is the j-th part of the ciphertext,
piece j >= k is the sum over i of part i / (i xor j). These rows are a Cauchy matrix, so *any* k of the n rows can be
inverted. The Vandermonde matrix that ISA-L and liberasurecode call `rs_vand` does not have this for all k and n.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

import numpy as np

from bailee.seal.vault.blobs.kernel import Bytes, Product
from bailee.seal.vault.blobs.layout import piece_length
from bailee.seal.vault.facts import Code

_POLYNOMIAL = 0x11D


def _powers() -> list[int]:
    powers = [1]
    while len(powers) < 255:
        twice = powers[-1] << 1
        powers.append(twice ^ _POLYNOMIAL if twice & 0x100 else twice)
    return powers


_EXP = _powers() * 2
_LOG = [0] * 256
for _exponent, _power in enumerate(_EXP[:255]):
    _LOG[_power] = _exponent


def times(a: int, b: int) -> int:
    """Product in GF(2^8)."""
    return _EXP[_LOG[a] + _LOG[b]] if a and b else 0


def inverse(a: int) -> int:
    """1 / a in GF(2^8), a != 0."""
    return _EXP[255 - _LOG[a]]


def row(code: Code, index: int) -> bytes:
    """How piece `index` is made of the k parts."""
    if index < code.k:
        return bytes(int(part == index) for part in range(code.k))
    return bytes(inverse(part ^ index) for part in range(code.k))


def _solve(code: Code, sources: Sequence[int], wanted: Sequence[int]) -> list[bytes]:
    """Rows that make the wanted pieces of those at `sources` (k of them, distinct): R with R A = W, by elimination."""
    left = [bytearray(row(code, index)) for index in sources]
    right = [bytearray(int(i == j) for j in range(code.k)) for i in range(code.k)]
    for column in range(code.k):
        pivot = next(i for i in range(column, code.k) if left[i][column])
        for matrix in (left, right):
            matrix[column], matrix[pivot] = matrix[pivot], matrix[column]
        scale = inverse(left[column][column])
        for matrix in (left, right):
            matrix[column] = bytearray(times(scale, entry) for entry in matrix[column])
        for i in range(code.k):
            factor = left[i][column]
            if i != column and factor:
                for matrix in (left, right):
                    matrix[i] = bytearray(a ^ times(factor, b) for a, b in zip(matrix[i], matrix[column], strict=True))
    made = []
    for index in wanted:
        total = bytearray(code.k)
        for factor, line in zip(row(code, index), right, strict=True):
            total = bytearray(a ^ times(factor, b) for a, b in zip(total, line, strict=True))
        made.append(bytes(total))
    return made


@lru_cache(maxsize=1024)
def _product(code: Code, sources: tuple[int, ...], wanted: tuple[int, ...]) -> Product:
    return Product(_solve(code, sources, wanted))


@lru_cache(maxsize=64)
def _parity(code: Code) -> Product:
    return Product([row(code, index) for index in range(code.k, code.n)])


def room(code: Code, ciphertext: int) -> Bytes:
    """An array of n rows for the pieces of a segment; the ciphertext goes to its beginning."""
    pieces = np.empty((code.n, piece_length(code, ciphertext)), np.uint8)
    pieces.reshape(-1)[ciphertext : code.k * pieces.shape[1]] = 0
    return pieces


def complete(code: Code, pieces: Bytes) -> None:
    """Fill rows k to n of what `room` made from its first k rows."""
    if code.n > code.k:
        _parity(code).below(pieces)


def remake(code: Code, given: Mapping[int, Bytes], wanted: Iterable[int], targets: list[Bytes]) -> None:
    """The wanted pieces, into `targets`, from k given ones (of more, the first k are used)."""
    sources, wanted = tuple(given)[: code.k], tuple(wanted)
    if wanted:
        _product(code, sources, wanted).into([given[index] for index in sources], targets)


def join(code: Code, given: Mapping[int, Bytes], scratch: Bytes) -> memoryview:
    """The k data pieces in order, from any k pieces: a view of `scratch` (k rows of a piece's length)."""
    lost = [part for part in range(code.k) if part not in given]
    for part in range(code.k):
        if part in given:
            scratch[part] = given[part]
    if lost:
        remake(code, dict(sorted(given.items())), lost, [scratch[part] for part in lost])
    return scratch.reshape(-1).data
