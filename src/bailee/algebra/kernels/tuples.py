"""Denominators of look-ups, straight from the columns of what is looked up. Reference: `algebra.reference.leaves`.

A leaf is a constant, or an entry of a short pattern, less a sum of columns over F with coefficients over E. Columns
over fewer axes are read where they are, so that sums and broadcasts never become arrays.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bailee.algebra.field import Ext, Words
from bailee.algebra.kernels import parallel
from bailee.algebra.kernels.vectors import in_place, readable
from bailee.algebra.kernels.words import WIDTH, Word, inlined, kernel, load_base, load_pairs, mul, spread, store_pairs
from bailee.algebra.kernels.words import sub as f_sub

_AT_ONCE = 3
Column = tuple[Ext, Words, int, int]
"""A coefficient, the words, a shift and a mask: entry i is word (i >> shift) & mask."""


@dataclass(frozen=True, eq=False)
class Columns:
    """As many columns as one pass takes, the last again for missing ones. table: c0, c1, shift and mask of each."""

    words: tuple[Words, Words, Words]
    table: Words
    lanes: bool


@inlined
def _lanes_at(words: Words, i: Word, shift: Word, mask: Word) -> Any:
    """Entries i to i + 3."""
    if shift:
        return spread(words[(i >> shift) & mask])
    return load_base(words, i & mask)


@kernel
def _leaves(
    out: Words,
    first: Words,
    x: Words,
    y: Words,
    z: Words,
    table: Words,
    lanes: bool,
    low: Word,
    start: int,
    stop: int,
) -> None:
    """Without `first`, what is in out counts instead."""
    begin, end, four, count = np.uint64(start), np.uint64(stop), np.uint64(4), table.shape[0]
    fresh, wrap = first.shape[0] > 0, np.uint64(first.shape[0] - 1)
    whole = begin
    if lanes and (begin + low) % four == np.uint64(0) and (begin % four == np.uint64(0) or wrap == np.uint64(0)):
        whole = begin + (end - begin) // four * four
    one, two = np.uint64(min(1, count - 1)), np.uint64(min(2, count - 1))
    a0, a1, a2, a3 = spread(table[0, 0]), spread(table[0, 1]), table[0, 2], table[0, 3]
    b0, b1, b2, b3 = spread(table[one, 0]), spread(table[one, 1]), table[one, 2], table[one, 3]
    c0, c1, c2, c3 = spread(table[two, 0]), spread(table[two, 1]), table[two, 2], table[two, 3]
    for i in range(begin, whole, four):
        if not fresh:
            s0, s1 = load_pairs(out, i)
        elif wrap:
            s0, s1 = load_pairs(first, i & wrap)
        else:
            s0, s1 = spread(first[0, 0]), spread(first[0, 1])
        word = _lanes_at(x, low + i, a2, a3)
        s0, s1 = f_sub(s0, mul(word, a0)), f_sub(s1, mul(word, a1))
        if count > 1:
            word = _lanes_at(y, low + i, b2, b3)
            s0, s1 = f_sub(s0, mul(word, b0)), f_sub(s1, mul(word, b1))
        if count > 2:
            word = _lanes_at(z, low + i, c2, c3)
            s0, s1 = f_sub(s0, mul(word, c0)), f_sub(s1, mul(word, c1))
        store_pairs(out, i, s0, s1)
    for i in range(whole, end):
        e0, e1 = out[i, 0], out[i, 1]
        if fresh:
            e0, e1 = first[i & wrap, 0], first[i & wrap, 1]
        for k in range(np.uint64(count)):
            at = ((low + i) >> table[k, 2]) & table[k, 3]
            entry = z[at] if k == np.uint64(2) else (y[at] if k == np.uint64(1) else x[at])
            e0, e1 = f_sub(e0, mul(entry, table[k, 0])), f_sub(e1, mul(entry, table[k, 1]))
        out[i, 0], out[i, 1] = e0, e1


def columns(terms: Sequence[Column]) -> list[Columns]:
    """Terms in the groups that `leaves` takes. Raises ValueError where a mask reaches beyond its words."""
    found: list[Columns] = []
    for low in range(0, len(terms), _AT_ONCE):
        group = terms[low : low + _AT_ONCE]
        words = [readable(values) for _, values, _, _ in group]
        if any(mask >= len(values) for (_, _, _, mask), values in zip(group, words, strict=True)):
            raise ValueError("a mask reaches beyond the words of its column")
        table = np.array([(*c, shift, mask) for c, _, shift, mask in group], dtype=np.uint64)
        x, y, z = (words + words[-1:] * 2)[:_AT_ONCE]
        # four entries next to each other are four words next to each other, or one word
        lanes = all(shift >= 2 or (not shift and mask >= WIDTH - 1) for _, _, shift, mask in group)
        found.append(Columns((x, y, z), table, lanes))
    return found


def leaves(out: Words, group: Columns, low: int, first: Words | None = None) -> None:
    """out[i] -= sum of coefficient * column[low + i], in place; out over E, columns over F.

    With `first`, (2^k, 2), what was in out does not count: out[i] starts from first[i mod 2^k].
    """
    begin = np.empty((0, 2), dtype=np.uint64) if first is None else readable(first)
    if len(begin) & (len(begin) - 1) or (first is not None and not len(begin)):
        raise ValueError(f"a power of two of first entries expected, got {len(begin)}")
    lanes = group.lanes and len(begin) not in (2, 3)
    at, (x, y, z), table = np.uint64(low), group.words, group.table
    in_place(out)
    parallel.over(len(out), lambda i, j: _leaves(out, begin, x, y, z, table, lanes, at, i, j))
