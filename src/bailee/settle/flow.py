"""Where a payment for a work goes in the end: to people, through the works that it was made from. Exact, and a picture.

The parts are those of the shares as they are held now. A payment reaches people when they draw it: what passes through
a work waits there until somebody gathers it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from html import escape
from string import Template
from typing import Any

_WHOLE = 10**9
_MOST_STEPS = 64
"""Units sent round between works make rings; what still goes round after so many steps is told as that."""
_WIDTH, _HEIGHT, _GAP, _ROW = 210, 44, 130, 62
"""Of a box, and between boxes, in pixels."""


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
    for step in range(1, _MOST_STEPS + 1):
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


def as_page(flow: Flow, works: Mapping[int, tuple[str, str]], names: Mapping[str, str], ledger: str) -> str:
    """One HTML page without scripts or anything from elsewhere. works: kind and commitment; names: of addresses."""
    rows = "\n".join(
        f"<tr><td>{_percent(part)}</td><td>{escape(names.get(who, ''))}</td><td>{escape(who)}</td></tr>"
        for who, part in flow.people.items()
    )
    rest = (
        f"<p>{_percent(flow.rest)} still goes round between works after {_MOST_STEPS} steps.</p>" if flow.rest else ""
    )
    kind, commitment = works[flow.paid]
    return _PAGE.substitute(
        work=f"{escape(kind)} {flow.paid}", commitment=escape(commitment), ledger=escape(ledger), rows=rows, rest=rest,
        picture=_picture(flow, works, names),
    )  # fmt: skip


def _picture(flow: Flow, works: Mapping[int, tuple[str, str]], names: Mapping[str, str]) -> str:
    """The paid work at the left; works it was made from go up step by step to the right, people stand below at the
    right: so a line to people passes no other work's box."""
    last = max(flow.steps.values()) + 1
    order: list[int | str] = [*sorted(flow.works, key=lambda work: (-flow.steps[work], work)), *flow.people]
    places = {
        member: (20 + (flow.steps[member] if isinstance(member, int) else last) * (_WIDTH + _GAP), 20 + row * _ROW)
        for row, member in enumerate(order)
    }
    lines = [_line(places[one.source], places[one.to], one.part) for one in flow.streams if one.part]
    boxes = []
    for member, place in places.items():
        if isinstance(member, int):
            kind, commitment = works[member]
            boxes.append(_box(place, f"{kind} {commitment[:8]}...", flow.works[member], "work"))
        else:
            boxes.append(_box(place, names.get(member, f"{member[:6]}...{member[-4:]}"), flow.people[member], "person"))
    width, height = 40 + (last + 1) * _WIDTH + last * _GAP, 40 + len(order) * _ROW
    label = "Where a payment goes; the same in numbers is in the table below"
    opening = f'<svg viewBox="0 0 {width} {height}" width="{width}" role="img" aria-label="{label}">'
    return "\n".join([opening, *lines, *boxes, "</svg>"])


def _line(source: tuple[int, int], to: tuple[int, int], part: Fraction) -> str:
    x1, y1, x2, y2 = source[0] + _WIDTH, source[1] + _HEIGHT // 2, to[0], to[1] + _HEIGHT // 2
    bend, thick = max(40, (x2 - x1) // 2), max(1.0, 20 * float(part))
    path = f"M{x1} {y1}C{x1 + bend} {y1} {x2 - bend} {y2} {x2} {y2}"
    return f'<path d="{path}" stroke-width="{thick:.1f}"><title>{_percent(part)}</title></path>'


def _box(place: tuple[int, int], name: str, part: Fraction, kind: str) -> str:
    x, y = place
    short = name if len(name) <= 26 else f"{name[:25]}…"
    return (
        f'<g class="{kind}"><rect x="{x}" y="{y}" width="{_WIDTH}" height="{_HEIGHT}" rx="6"/>'
        f'<text x="{x + 10}" y="{y + 18}">{escape(short)}</text>'
        f'<text x="{x + 10}" y="{y + 36}" class="part">{_percent(part)}</text></g>'
    )


def _greatest_first(parts: Mapping[int, Fraction] | Mapping[str, Fraction]) -> dict[Any, Fraction]:
    return dict(sorted(parts.items(), key=lambda one: (-one[1], str(one[0]))))


def _percent(part: Fraction) -> str:
    return f"{float(100 * part):.7g} %"


_PAGE = Template("""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Where a payment for $work goes</title><style>
body{font:16px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem;color:#1c2430}
h1{font-size:1.3rem;overflow-wrap:anywhere}p,td{overflow-wrap:anywhere}figure{overflow-x:auto;margin:1rem 0}
td{padding:.1rem 1.5rem .1rem 0}td:first-child{text-align:right;font-variant-numeric:tabular-nums}
path{fill:none;stroke:#9db4d0;stroke-opacity:.7}rect{fill:#fff;stroke:#7b8796}.person rect{fill:#f3efe2}
text{font-size:13px;fill:#1c2430}.part{fill:#586474}
</style></head><body><h1>Where a payment for $work goes</h1>
<p>Commitment: $commitment</p><p>Ledger: $ledger. By the shares as they are held now.</p>
<figure>$picture</figure>$rest<table>
$rows
</table></body></html>
""")
