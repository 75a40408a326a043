"""Where a payment for a work goes in the end: to people, through the works that it was made from. Exact;
`flow_picture` draws it.

The parts are those of the shares as they are held now. A payment reaches people when they draw it: what passes through
a work waits there until somebody gathers it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

_WHOLE = 10**9
MOST_STEPS = 64
"""Units sent round between works make rings; what still goes round after so many steps is told as that."""


@dataclass(frozen=True)
class Holding:
    """Units of `work`, an id, that the address `holder` has; as_work: whose shares that address is, None for people."""

    work: int
    holder: str
    units: int
    as_work: int | None


@dataclass(frozen=True)
class Stream:
    """What part of the payment goes from a work to another (int) or to people (an address)."""

    source: int
    to: int | str
    part: Fraction


@dataclass(frozen=True)
class Flow:
    """people, works: what part reaches them, the greatest first; steps: how far a work lies from the one that is paid.

    rest: the part that is still among works after 64 steps.
    """

    paid: int
    people: Mapping[str, Fraction]
    works: Mapping[int, Fraction]
    streams: tuple[Stream, ...]
    steps: Mapping[int, int]
    rest: Fraction


def flow_of(paid: int, holdings: Iterable[Holding]) -> Flow:
    """Of one payment for the work `paid`; holdings of all works, those of no interest too."""
    by_work: dict[int, list[Holding]] = {}
    for one in holdings:
        by_work.setdefault(one.work, []).append(one)
    people: dict[str, Fraction] = {}
    works, steps, streams = {paid: Fraction(1)}, {paid: 0}, dict[tuple[int, int | str], Fraction]()
    layer = {paid: Fraction(1)}
    for step in range(1, MOST_STEPS + 1):
        following: dict[int, Fraction] = {}
        for work, part in layer.items():
            for one in by_work.get(work, ()):
                comes = part * one.units / _WHOLE
                to = one.holder if one.as_work is None else one.as_work
                streams[work, to] = streams.get((work, to), Fraction(0)) + comes
                if one.as_work is None:
                    people[one.holder] = people.get(one.holder, Fraction(0)) + comes
                else:
                    following[one.as_work] = following.get(one.as_work, Fraction(0)) + comes
        for work, part in following.items():
            works[work] = works.get(work, Fraction(0)) + part
            steps.setdefault(work, step)
        layer = following
        if not layer:
            break
    told = tuple(Stream(source, to, part) for (source, to), part in streams.items())
    return Flow(paid, _greatest_first(people), _greatest_first(works), told, steps, sum(layer.values(), Fraction(0)))


def _greatest_first(parts: Mapping[int, Fraction] | Mapping[str, Fraction]) -> dict[Any, Fraction]:
    return dict(sorted(parts.items(), key=lambda one: (-one[1], str(one[0]))))
