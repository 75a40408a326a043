"""Array work of a tape: embedding integers, outer products, broadcasting, rows of tables, sums, work by parts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from bailee.algebra import field
from bailee.argument.nodes import Axis, Linear, Node, Table, Words
from bailee.errors import StatementError

R = TypeVar("R")


def embed(values: NDArray[Any]) -> Words:
    if values.dtype == np.uint64:
        return values
    return field.from_signed(np.asarray(values, dtype=np.int64))


def outer(factors: Sequence[Words], start: int, stop: int) -> Words:
    """Part of an outer product. The leading factor is cut to what the range needs."""
    rest = factors[0]
    if len(factors) == 1:
        return rest[start:stop]
    inner = outer(factors[1:], 0, int(np.prod([len(f) for f in factors[1:]])))
    first, last = start // len(inner), -(-stop // len(inner))
    lead = rest[first:last]
    if int(lead.max()) * int(inner.max()) < field.P:
        whole = np.multiply.outer(lead, inner).reshape(-1)
    else:
        whole = field.mul(np.repeat(lead, len(inner)), np.tile(inner, len(lead)))
    return whole[start - first * len(inner) : stop - first * len(inner)]


def spread(values: Words, axes: Sequence[Axis], to: Sequence[Axis], start: int, stop: int) -> Words:
    """Values over `axes`, broadcast to the order and extent of `to`: entries start to stop of the result.

    Each entry is picked by its number, so that no more is made than is asked for.
    """
    from bailee.algebra import kernels

    return kernels.spread(values, runs(axes, to), start, stop)


def runs(axes: Sequence[Axis], to: Sequence[Axis]) -> list[tuple[int, int, int]]:
    """Which bits of an index over `to` make the index over `axes`: (where they are, where they go, how many)."""
    places = {axis: sum(a.bits for a in axes[k + 1 :]) for k, axis in enumerate(axes)}
    low, found = 0, list[tuple[int, int, int]]()
    for axis in reversed(to):
        if axis in places and axis.bits:
            if found and found[-1][0] + found[-1][2] == low and found[-1][1] + found[-1][2] == places[axis]:
                found[-1] = (found[-1][0], found[-1][1], found[-1][2] + axis.bits)
            else:
                found.append((low, places[axis], axis.bits))
        low += axis.bits
    return found


def squares(values: Words) -> Words:
    from bailee.algebra import kernels

    return kernels.mul(values, values)


def mix(columns: Sequence[Words]) -> Words:
    """A word for each tuple, the same for the same, and hardly ever for others."""
    with np.errstate(over="ignore"):
        total: Words = columns[0] * np.uint64(0x9E3779B97F4A7C15)
        for k, values in enumerate(columns[1:], start=1):
            factor = 0x9E3779B97F4A7C15 + 2 * 0xD1B54A32D192ED03 * k & 0xFFFFFFFFFFFFFFFF | 1
            total = total + values * np.uint64(factor)
        return total


def searcher(columns: tuple[Words, ...]) -> Callable[[Sequence[Words]], NDArray[np.int64]]:
    """Find rows by a mixed key; a row that is not there gets a neighbour's number, which the caller compares."""

    def locate(of: Sequence[Words]) -> NDArray[np.int64]:
        keys = mix(columns)
        order = np.argsort(keys, kind="stable")
        place = np.minimum(np.searchsorted(keys[order], mix(of)), len(keys) - 1)
        return order[place].astype(np.int64)

    return locate


def itself(columns: Sequence[Words]) -> NDArray[np.int64]:
    """The row numbers of a table whose row i holds i."""
    return columns[0].view(np.int64)


def tally(table: Table, values: Sequence[Words], counts: NDArray[np.int64]) -> None:
    """Add to counts, in place, which rows these tuples are. Raises StatementError where one is not in the table."""
    from bailee.algebra import kernels

    rows = table.locate(values)
    pairs = list(zip(values, table.columns, strict=True))
    inside = kernels.count_into(counts, rows)
    if inside and (table.locate is itself or all(kernels.agree(rows, given, listed) for given, listed in pairs)):
        return
    found = (rows >= 0) & (rows < table.axis.size)
    if found.all():
        for given, listed in pairs:
            found &= listed[rows] == given
    missing = int((~found).sum())
    raise StatementError(f"{missing} values are not in table {table.name!r}: the statement does not hold")


def flattened(node: Linear, holds: Callable[[Node], bool]) -> tuple[int, list[tuple[int, Node]]]:
    """A node's constant and terms. Linear children over the same axes that are not held give theirs in their place."""
    constant, terms = node.constant, dict[int, tuple[int, Node]]()
    for coefficient, child in node.terms:
        found: list[tuple[int, Node]] = [(1, child)]
        if isinstance(child, Linear) and child.axes == node.axes and not holds(child):
            more, found = flattened(child, holds)
            constant += coefficient * more
        for factor, each in found:
            before = terms[each.id][0] if each.id in terms else 0
            terms[each.id] = (before + coefficient * factor) % field.P, each
    return constant % field.P, list(terms.values())


def shared(length: int, least: int, work: Callable[[int, int], R]) -> list[R]:
    """work(start, stop) over ranges of [0, length), at least so long, on all cores; results in order."""
    from bailee.algebra.kernels import parallel

    return parallel.over(length, work, least)


def by_parts(length: int, step: int, work: Callable[[int, int], NDArray[Any]]) -> list[NDArray[Any]]:
    """work(start, stop) over [0, length) in steps, on all cores, results in order."""

    def several(first: int, last: int) -> list[NDArray[Any]]:
        return [work(k * step, min((k + 1) * step, length)) for k in range(first, last)]

    return [found for many in shared(-(-length // step), 1, several) for found in many]


def computed(values: NDArray[Any], node: Node) -> Words:
    """What a prover's function gave, signed or field."""
    from bailee.algebra import kernels

    values = np.asarray(values)
    return words_of(values if values.dtype == np.uint64 else kernels.from_signed(values), node)


def words_of(values: NDArray[Any], node: Node) -> Words:
    words = np.ascontiguousarray(embed(np.asarray(values))).reshape(-1)
    if words.size != 1 << node.bits:
        raise StatementError(f"a tensor over {node.axes} has {1 << node.bits} values, not {words.size}")
    return words
