"""Kernels over the cells of a table: one canonical spelling, two hashes of it, sums of hashes, smallest hashes.

A cell is bytes. If it reads as a decimal number, only its value counts: "54", " 54.0", "+5.4e1" are one. Otherwise it
is text: ASCII letters in lower case, runs of white space as one space. The *exact* hash is of that; the *coarse* one of
the number to two significant digits, or of the text's letters and digits alone. Other scripts are brought to one form
before (`spelling.py`).

The hashes are fast, not cryptographic: whoever wants two different tables to look alike can make that happen. What a
fingerprint is for is finding those who took a table, not proving it; a dispute looks at the data.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from bailee.algebra.kernels.words import inlined, kernel

Words: TypeAlias = NDArray[np.uint64]
Octets: TypeAlias = NDArray[np.uint8]
Offsets: TypeAlias = NDArray[np.int32]
Flags: TypeAlias = NDArray[np.bool_]

MISSING = np.uint64(0x6D697373696E6721)
_MOST_DIGITS = 18
"""A number with more is text: it would not fit a word."""
_A, _B, _C = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB), np.uint64(0x9E3779B97F4A7C15)


@inlined
def mix(word: np.uint64) -> np.uint64:
    """A permutation of 64-bit words that scatters them (SplitMix64's finaliser, Steele et al., OOPSLA 2014)."""
    word = (word ^ (word >> np.uint64(30))) * _A
    word = (word ^ (word >> np.uint64(27))) * _B
    return word ^ (word >> np.uint64(31))


@kernel
def hash_cells(
    data: Octets, offsets: Offsets, present: Flags, seed: np.uint64, exact: Words, coarse: Words
) -> tuple[int, int]:
    """Both hashes of each cell into `exact` and `coarse`. Returns how many cells are numbers, and how many are there.

    data: all cells' bytes; cell i is data[offsets[i]:offsets[i+1]]. present: which are not null; empty for all.
    """
    numbers, there = 0, 0
    nullable = present.shape[0] > 0
    for i in range(offsets.shape[0] - 1):
        start, stop = np.int64(offsets[i]), np.int64(offsets[i + 1])
        if nullable and not present[i]:
            stop = start
        while start < stop and data[start] <= 32:
            start += 1
        while stop > start and data[stop - 1] <= 32:
            stop -= 1
        if _is_missing(data, start, stop):
            exact[i] = coarse[i] = MISSING
            continue
        there += 1
        at, negative, down = start, False, False
        if data[at] == 45 or data[at] == 43:
            negative = bool(data[at] == 45)
            at += 1
        # digits [. digits] [e [sign] digits], as mantissa * 10^exponent without trailing zeros
        mantissa, exponent, digits, zeros, fraction = np.uint64(0), np.int64(0), np.int64(0), np.int64(0), False
        seen, good = False, True
        while at < stop:
            byte = data[at]
            if byte >= 48 and byte <= 57:
                seen = True
                if fraction:
                    exponent -= 1
                if byte == 48:
                    if mantissa:
                        zeros += 1
                else:
                    digits += zeros + 1
                    if digits > _MOST_DIGITS:
                        good = False
                        break
                    while zeros:
                        mantissa *= np.uint64(10)
                        zeros -= 1
                    mantissa = mantissa * np.uint64(10) + np.uint64(byte - 48)
            elif byte == 46 and not fraction:
                fraction = True
            else:
                break
            at += 1
        if good and seen and at < stop - 1 and (data[at] == 101 or data[at] == 69):
            at += 1
            down = bool(data[at] == 45)
            if data[at] == 45 or data[at] == 43:
                at += 1
            power, good = np.int64(0), bool(at < stop)
            while at < stop and data[at] >= 48 and data[at] <= 57 and power < 10_000:
                power = power * 10 + np.int64(data[at] - 48)
                at += 1
            exponent += -power if down else power
        if good and seen and at == stop:
            numbers += 1
            exponent = exponent + zeros if mantissa else np.int64(0)
            sign = np.uint64(1) if negative and mantissa else np.uint64(0)
            exact[i] = _number(mantissa, exponent, sign, seed)
            while mantissa >= np.uint64(1000):
                mantissa //= np.uint64(10)
                exponent += 1
            if mantissa >= np.uint64(100):
                mantissa = (mantissa + np.uint64(5)) // np.uint64(10)
                exponent += 1
            while mantissa and mantissa % np.uint64(10) == 0:
                mantissa //= np.uint64(10)
                exponent += 1
            coarse[i] = _number(mantissa, exponent, sign, seed)
            continue
        spaced, bare, gap = seed ^ _C, seed ^ _A, False
        for place in range(start, stop):
            byte = np.uint64(data[place])
            if byte >= 65 and byte <= 90:
                byte += np.uint64(32)
            if byte <= 32:
                gap = True
                continue
            if gap:
                spaced = (spaced ^ np.uint64(32)) * _B
                spaced ^= spaced >> np.uint64(29)
                gap = False
            spaced = (spaced ^ byte) * _B
            spaced ^= spaced >> np.uint64(29)
            if byte >= 128 or (byte >= 97 and byte <= 122) or (byte >= 48 and byte <= 57):
                bare = (bare ^ byte) * _B
                bare ^= bare >> np.uint64(29)
        exact[i], coarse[i] = mix(spaced), mix(bare)
    return numbers, there


@inlined
def _number(mantissa: np.uint64, exponent: np.int64, sign: np.uint64, seed: np.uint64) -> np.uint64:
    return mix(mix(mantissa ^ seed) + (np.uint64(exponent) * np.uint64(2) + sign) * _C)


@inlined
def _is_missing(data: Octets, start: np.int64, stop: np.int64) -> bool:
    """Nothing, ?, -, na, n/a, nan, nil, none, null, <na>, in any case."""
    size = stop - start
    if size == 0:
        return True
    if size > 4:
        return False
    word = np.uint64(0)
    for at in range(start, stop):
        byte = np.uint64(data[at])
        if byte >= 65 and byte <= 90:
            byte += np.uint64(32)
        word = word << np.uint64(8) | byte
    if size <= 2:
        return bool(word == 0x3F or word == 0x2D or word == 0x6E61)
    if size == 3:
        return bool(word == 0x6E2F61 or word == 0x6E616E or word == 0x6E696C)
    return bool(word == 0x6E6F6E65 or word == 0x6E756C6C or word == 0x3C6E613E)


@kernel
def add_column(
    exact: Words, coarse: Words, name: np.uint64, plan: NDArray[np.int8], chosen: Words, sums: Words
) -> None:
    """Adds a column to the sums of every probe that reads it. sums: (probes, rows).

    plan[p]: 0 not read; 1 exact, 2 coarse cell, with the column's name; 3, 4 the same without; 5, 6 the same, only
    cells whose hash under chosen[p] ends in 00: a quarter of all values, whatever column they stand in.
    """
    rows = exact.shape[0]
    for p in range(plan.shape[0]):
        kind = plan[p]
        if kind == 0:
            continue
        salt = chosen[p]
        cells = exact if kind % 2 == 1 else coarse
        row = sums[p]
        if kind <= 2:
            for i in range(rows):
                row[i] += mix(cells[i] ^ name)
        elif kind <= 4:
            for i in range(rows):
                row[i] += mix(cells[i] + _C)
        else:
            for i in range(rows):
                token = mix(cells[i] + _C)
                if mix(token ^ salt) & np.uint64(3) == np.uint64(0):
                    row[i] += token


@kernel
def keep_smallest(tokens: Words, salt: np.uint64, bins: int, smallest: Words) -> None:
    """One-permutation MinHash (Li, Owen, Zhang, NIPS 2012): each token's hash falls into one of `bins` cells (at most
    2^16), of which each keeps its smallest rest, 48 bits. Tokens of 0 (nothing was read) do not count."""
    for i in range(tokens.shape[0]):
        if tokens[i] == np.uint64(0):
            continue
        word = mix(tokens[i] ^ salt)
        at = ((word >> np.uint64(48)) * np.uint64(bins)) >> np.uint64(16)
        rest = word & np.uint64(0xFFFFFFFFFFFF)
        if rest < smallest[at]:
            smallest[at] = rest
