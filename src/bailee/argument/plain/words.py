"""Bytes, challenges, codes and trees: sections 1, 2, 3 and 12 of docs/protocol.md.

Nothing here knows of statements. `Reader` parses strictly, `Transcript` draws challenges, `Code` derives parameters and
evaluates code words, `check_tree` recomputes a Merkle root.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from blake3 import blake3

from bailee import tags
from bailee.algebra import field
from bailee.algebra.field import ONE, Ext, P, Words
from bailee.algebra.transform import bit_reverse, interpolate
from bailee.errors import ProofError, ProofFormatError

SALT_BYTES = 16
DIGEST_BYTES = 32
QUERY_BITS, QUERY_BITS_LARGE, LARGE = 108, 103, 1 << 23
CLOSING_LENGTH = 256
_CHUNK = 1 << 18  # words held at once while polynomials are evaluated


# 1. Points and multilinear extensions (scalars and whole tables are in algebra.field)


def eq(point: Sequence[Ext], index: int) -> Ext:
    """eq(point, bits of index): the first coordinate belongs to the most significant bit."""
    total = ONE
    for place, r in enumerate(point):
        bit = index >> (len(point) - 1 - place) & 1
        total = field.e_mul(total, r if bit else field.e_sub(ONE, r))
    return total


def eq_points(a: Sequence[Ext], b: Sequence[Ext]) -> Ext:
    """prod_k (a_k b_k + (1 - a_k)(1 - b_k)): eq(a, .) extended to the point b."""
    total = ONE
    for x, y in zip(a, b, strict=True):
        twice = field.e_mul((2, 0), field.e_mul(x, y))
        total = field.e_mul(total, field.e_add(field.e_sub(field.e_sub(ONE, x), y), twice))
    return total


def combine(rows: Words, weights: Words) -> Words:
    """(t, R) entries of F and (R, 2) weights in E -> (t, 2): the weighted sum of each line."""
    return np.stack([_sum_last(field.mul(rows, weights[:, part])) for part in range(2)], axis=-1)


def combine_ext(rows: Words, weights: Words) -> Words:
    """(t, R, 2) and (R, 2) or (t, R, 2) -> (t, 2), both over E."""
    product = field.ext_mul(rows, weights)
    return np.stack([_sum_last(product[..., part]) for part in range(2)], axis=-1)


def _sum_last(values: Words) -> Words:
    """Sums over the last axis modulo p; halves are added apart so that fewer than 2^32 of them cannot overflow."""
    low = (values & np.uint64(2**32 - 1)).sum(axis=-1, dtype=np.uint64) % np.uint64(P)
    high = (values >> np.uint64(32)).sum(axis=-1, dtype=np.uint64) % np.uint64(P)
    return field.add(low, field.scale(high, 1 << 32))


def evaluate(coefficients: Words, points: Sequence[int]) -> Words:
    """(R, N) coefficients, lowest first -> (R, len(points)) values: halves are joined by c_low + x^(N/2) c_high."""
    rows, length = coefficients.shape
    width = 1 << max(0, length - 1).bit_length()
    padded = np.zeros((rows, 1, width), dtype=np.uint64)
    padded[:, 0, :length] = coefficients
    parts = []
    step = max(1, _CHUNK // max(1, rows * width))
    for start in range(0, len(points), step):
        values, half = padded, width
        while half > 1:
            half //= 2
            powers = np.array([pow(x, half, P) for x in points[start : start + step]], dtype=np.uint64)
            values = field.add(values[..., :half], field.mul(values[..., half:], powers[:, np.newaxis]))
        parts.append(np.broadcast_to(values[..., 0], (rows, len(points[start : start + step]))))
    return np.concatenate(parts, axis=1)


# 2. The transcript


class Transcript:
    """One keyed BLAKE3 state: everything said goes in, challenges come out."""

    def __init__(self) -> None:
        self._state = blake3(key=tags.TRANSCRIPT)

    def absorb(self, label: str, data: bytes) -> None:
        name = label.encode()
        self._state.update(bytes([len(name)]) + name + len(data).to_bytes(8, "little") + data)

    def challenge(self, label: str) -> Ext:
        """An element of E; its distance from uniform is below 2^-62."""
        self.absorb("challenge", label.encode())
        stream = self._state.digest(length=32)
        return (int.from_bytes(stream[:16], "little") % P, int.from_bytes(stream[16:], "little") % P)

    def columns(self, count: int, of: int) -> list[int]:
        """`count` different columns out of `of` (a power of two), sorted."""
        self.absorb("challenge", b"columns")
        kept: dict[int, None] = {}
        words = 2 * count
        while len(kept) < count:
            stream = np.frombuffer(self._state.digest(length=8 * words), dtype="<u8")
            kept = dict.fromkeys((stream % np.uint64(of)).tolist())
            words *= 2
        return sorted(list(kept)[:count])


# 3. Codes: parameters, evaluation points, trees


@dataclass(frozen=True)
class Code:
    """Rows of `size` values and `tail` random coefficients, `length` columns of which `queries` are opened.

    `dimension` bounds the degree of whatever is compared at the columns: more than a row's where rows are multiplied.
    """

    size: int
    length: int
    queries: int
    tail: int
    dimension: int

    def miss(self) -> float:
        """10. The probability that no opened column shows a word beyond half the distance: ((n - e - 1)/n)^t."""
        return (_good(self.length, self.dimension) / self.length) ** self.queries

    def points(self, columns: Sequence[int]) -> list[int]:
        """Where each column evaluates: column kK + j at g w_n^k w_K^rev(j)."""
        bits = self.size.bit_length() - 1
        outer, inner = field.root_of_unity(self.length.bit_length() - 1), field.root_of_unity(bits)
        return [
            field.GENERATOR * pow(outer, c // self.size, P) * pow(inner, bit_reverse(c % self.size, bits), P) % P
            for c in columns
        ]

    def encode(self, row: Words, columns: Sequence[int]) -> Words:
        """A row over E, (size + tail, 2), values then coefficients -> its code word at the columns, (t, 2)."""
        points = self.points(columns)
        values = evaluate(interpolate(np.ascontiguousarray(row[: self.size].T)), points)
        tail = evaluate(np.ascontiguousarray(row[self.size :].T), points)
        vanishing = np.array([pow(x, self.size, P) - 1 for x in points], dtype=np.uint64)
        return field.add(values, field.mul(tail, vanishing)).T


def _good(n: int, k: int) -> int:
    """n - e - 1, e = floor((n - k)/2): in how many columns a word that is too far may still look right."""
    return n - (n - k) // 2 - 1


def _queries(n: int, k: int, bits: int) -> int:
    """The least t with (n - e - 1)^t 2^bits <= n^t: exact."""
    good = _good(n, k)
    t = max(1, int(bits / math.log2(n / good)) - 1)
    while good**t << bits > n**t:
        t += 1
    return t


@lru_cache(maxsize=64)
def commitment_code(total: int, openings: int) -> Code:
    """The code of a commitment to `total` values that bears `openings`: the cheapest in bytes."""
    best: tuple[int, Code] | None = None
    blowups, bits = ((2,), QUERY_BITS_LARGE) if total >= LARGE else ((4, 8, 16, 32), QUERY_BITS)
    for size in (1 << log for log in range(8, 21)):
        code = next(filter(None, (_row_code(size, size * blowup, openings, bits) for blowup in blowups)), None)
        if code is not None:
            rows = -(-total // size)
            cost = code.queries * (8 * (rows + 2 * openings) + 16) + 16 * (size + code.tail)
            if best is None or cost < best[0]:
                best = (cost, code)
    if best is None:
        raise ProofError(f"no code bears {openings} openings")
    return best[1]


def _row_code(size: int, n: int, openings: int, bits: int) -> Code | None:
    t, most = 1, 9 if n == 2 * size else 5
    while openings * t <= size and 16 * (size + openings * t) <= most * n:  # t only grows: past this it never works
        needed = _queries(n, size + openings * t, bits)
        if needed == t:
            return Code(size, n, t, openings * t, size + openings * t)
        t = needed
    return None


@lru_cache(maxsize=1)
def closing_code() -> Code:
    """9. The closing's code: one opening, and long enough for products of two rows."""
    t = 1
    while True:
        n = 1 << (16 * (CLOSING_LENGTH + t) - 1).bit_length()
        dimension = 2 * (CLOSING_LENGTH + t) - 1
        needed = _queries(n, dimension, QUERY_BITS)
        if needed == t:
            return Code(CLOSING_LENGTH, n, t, t, dimension)
        t = needed


@dataclass(frozen=True, eq=False)
class Columns:
    """Opened columns of one tree: entries (t, words), salts, and the siblings that cannot be computed."""

    entries: Words
    salts: list[bytes]
    siblings: list[bytes]


def check_tree(root: bytes, code: Code, columns: Sequence[int], opened: Columns) -> None:
    """Recompute the root from salted columns and siblings, which come level by level, left to right."""
    level = {
        c: blake3(salt + entries.astype("<u8").tobytes(), key=tags.LEAF).digest()
        for c, salt, entries in zip(columns, opened.salts, opened.entries, strict=True)
    }
    siblings = iter(opened.siblings)
    for _ in range(code.length.bit_length() - 1):
        above: dict[int, bytes] = {}
        for index in sorted(level):
            if index >> 1 in above:
                continue
            other = level.get(index ^ 1) or next(siblings, None)
            if other is None:
                raise ProofFormatError("a tree has fewer siblings than its opened columns need")
            pair = other + level[index] if index & 1 else level[index] + other
            above[index >> 1] = blake3(pair, key=tags.NODE).digest()
        level = above
    if next(siblings, None) is not None:
        raise ProofFormatError("a tree has more siblings than its opened columns need")
    if level[0] != root:
        raise ProofError("opened columns are not those of the commitment")


# 12. Reading a proof


class Reader:
    """Takes a proof apart from the front; what is missing, left over or not canonical is a ProofFormatError."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def take(self, length: int) -> bytes:
        part = self._data[self._at : self._at + length]
        if len(part) != length:
            raise ProofFormatError(f"the proof ends early: {length} more bytes expected at {self._at}")
        self._at += length
        return part

    def number(self, length: int) -> int:
        return int.from_bytes(self.take(length), "little")

    def pieces(self, count: int, length: int) -> list[bytes]:
        whole = self.take(count * length)
        return [whole[start : start + length] for start in range(0, count * length, length)]

    def words(self, *shape: int) -> Words:
        """Canonical elements of F; E is a last axis of 2."""
        values = np.frombuffer(self.take(8 * math.prod(shape)), dtype="<u8").astype(np.uint64).reshape(shape)
        if (values >= np.uint64(P)).any():
            raise ProofFormatError("a word of the proof is not below p")
        return values

    def columns(self, count: int, words: int) -> Columns:
        entries = self.words(count, words)
        salts = self.pieces(count, SALT_BYTES)
        return Columns(entries, salts, self.pieces(self.number(4), DIGEST_BYTES))

    def end(self) -> None:
        if self._at != len(self._data):
            raise ProofFormatError(f"{len(self._data) - self._at} bytes follow the proof")
