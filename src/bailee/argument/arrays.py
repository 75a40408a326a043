"""Array work of a tape: embedding integers, outer products, broadcasting, finding rows of a table, work by parts."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bailee.algebra import field
from bailee.argument.nodes import Axis, Node, Words
from bailee.errors import StatementError


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
    number = np.arange(start, stop, dtype=np.int64)
    places = {axis: sum(a.bits for a in axes[k + 1 :]) for k, axis in enumerate(axes)}
    picked = np.zeros(stop - start, dtype=np.int64)
    low, runs = 0, list[tuple[int, int, int]]()
    for axis in reversed(to):
        if axis in places and axis.bits:
            if runs and runs[-1][0] + runs[-1][2] == low and runs[-1][1] + runs[-1][2] == places[axis]:
                runs[-1] = (runs[-1][0], runs[-1][1], runs[-1][2] + axis.bits)
            else:
                runs.append((low, places[axis], axis.bits))
        low += axis.bits
    for source, place, bits in runs:
        picked |= ((number >> source) & ((1 << bits) - 1)) << place
    return values[picked]


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


def by_parts(length: int, step: int, work: Callable[[int, int], NDArray[Any]]) -> list[NDArray[Any]]:
    """work(start, stop) over [0, length) in steps, on all cores, results in order."""
    starts = range(0, length, step)
    if len(starts) < 2:
        return [work(0, length)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(lambda start: work(start, min(start + step, length)), starts))


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
