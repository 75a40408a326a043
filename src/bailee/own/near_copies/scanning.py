"""Kernels that compare one code with very many."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from bailee.algebra.kernels import parallel
from bailee.algebra.kernels.words import inlined, kernel

Codes: TypeAlias = NDArray[np.uint64]
Rows: TypeAlias = NDArray[np.int64]
_ONES, _PAIRS, _NIBBLES = np.uint64(0x5555555555555555), np.uint64(0x3333333333333333), np.uint64(0x0F0F0F0F0F0F0F0F)
_SUM = np.uint64(0x0101010101010101)
_AT_LEAST = 1 << 16
"""Codes that one thread takes."""


@inlined
def _bits(word: np.uint64) -> np.uint64:
    word = word - ((word >> np.uint64(1)) & _ONES)
    word = (word & _PAIRS) + ((word >> np.uint64(2)) & _PAIRS)
    word = (word + (word >> np.uint64(4))) & _NIBBLES
    return (word * _SUM) >> np.uint64(56)


@kernel
def _four_words(codes: Codes, asked: Codes, distances: NDArray[np.uint16], start: int, stop: int) -> None:
    a, b, c, d = asked[0], asked[1], asked[2], asked[3]
    for i in range(start, stop):
        bits = _bits(codes[i, 0] ^ a) + _bits(codes[i, 1] ^ b) + _bits(codes[i, 2] ^ c) + _bits(codes[i, 3] ^ d)
        distances[i] = bits


@kernel
def _one_word(codes: Codes, asked: np.uint64, distances: NDArray[np.uint16], start: int, stop: int) -> None:
    for i in range(start, stop):
        distances[i] = _bits(codes[i] ^ asked)


def nearest(codes: Codes, asked: Codes, farthest: int, most: int) -> Rows:
    """Rows of `codes`, (n, 4) or (n,), that differ from `asked`, (4,) or (1,), in at most so many bits; the nearest
    `most` where there are more."""
    distances = np.empty(len(codes), np.uint16)
    if codes.ndim == 1:
        parallel.over(len(codes), lambda a, b: _one_word(codes, asked[0], distances, a, b), _AT_LEAST)
    else:
        parallel.over(len(codes), lambda a, b: _four_words(codes, asked, distances, a, b), _AT_LEAST)
    rows = np.flatnonzero(distances <= farthest)
    return rows if len(rows) <= most else rows[np.argsort(distances[rows], kind="stable")[:most]]
