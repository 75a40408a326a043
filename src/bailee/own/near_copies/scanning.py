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
_BLOCK = 512
"""Codes whose distances are kept at once: in the processor's first cache."""
_FEW = 4096
_AT_LEAST = 1 << 16
"""Codes that one thread takes."""


@inlined
def _bits(word: np.uint64) -> np.uint64:
    word = word - ((word >> np.uint64(1)) & _ONES)
    word = (word & _PAIRS) + ((word >> np.uint64(2)) & _PAIRS)
    word = (word + (word >> np.uint64(4))) & _NIBBLES
    return (word * _SUM) >> np.uint64(56)


@kernel
def _four_words(codes: Codes, asked: Codes, farthest: int, hits: Rows, start: int, stop: int) -> int:
    """Writes the rows that are near into `hits`; returns how many there are, also beyond its end."""
    a, b, c, d = asked[0], asked[1], asked[2], asked[3]
    near, count, block = np.empty(_BLOCK, np.bool_), 0, start
    while block < stop:
        size = min(_BLOCK, stop - block)
        some = False
        for j in range(size):
            i = block + j
            bits = _bits(codes[i, 0] ^ a) + _bits(codes[i, 1] ^ b) + _bits(codes[i, 2] ^ c) + _bits(codes[i, 3] ^ d)
            near[j] = bits <= np.uint64(farthest)
            some |= near[j]
        if some:
            for j in range(size):
                if near[j]:
                    if count < hits.shape[0]:
                        hits[count] = block + j
                    count += 1
        block += size
    return count


@kernel
def _one_word(codes: Codes, asked: Codes, farthest: int, hits: Rows, start: int, stop: int) -> int:
    near, count, block = np.empty(_BLOCK, np.bool_), 0, start
    while block < stop:
        size = min(_BLOCK, stop - block)
        near[:size] = False
        some = False
        for word in asked:
            for j in range(size):
                found = bool(_bits(codes[block + j] ^ word) <= np.uint64(farthest))
                near[j] |= found
                some |= found
        if some:
            for j in range(size):
                if near[j]:
                    if count < hits.shape[0]:
                        hits[count] = block + j
                    count += 1
        block += size
    return count


def nearest(codes: Codes, asked: Codes, farthest: int, most: int) -> Rows:
    """Rows of `codes`, (n, 4) or (n,), that differ from `asked`, (4,), or from any of its words, (k,), in at most so
    many bits; the nearest `most` where there are more."""
    scan = _one_word if codes.ndim == 1 else _four_words

    def some(start: int, stop: int) -> Rows:
        hits = np.empty(min(_FEW, stop - start), np.int64)
        count = scan(codes, asked, farthest, hits, start, stop)
        if count > len(hits):  # many are near: once more, with room for all
            hits = np.empty(count, np.int64)
            scan(codes, asked, farthest, hits, start, stop)
        return hits[:count]

    rows = np.concatenate(parallel.over(len(codes), some, _AT_LEAST))
    if len(rows) <= most:
        return rows
    if codes.ndim == 1:
        distance = np.bitwise_count(codes[rows][:, None] ^ asked).min(axis=1)
    else:
        distance = np.bitwise_count(codes[rows] ^ asked).sum(axis=1, dtype=np.uint16)
    return rows[np.argsort(distance, kind="stable")[:most]]
