"""A payment's flow as a drawing: works in columns from the paid one to those it was made from, people at the right.

SVG with classes and no style, so that a page's policy may forbid styles: `work`, `person`, `stream`, `c1` to `c6`,
`part`. Every node has its words beside it, so that no colour must be told from another; nodes are links.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from html import escape
from string import Template

from bailee.settle.flow import MOST_STEPS, Flow, Stream

MOST = 200
"""Nodes that are drawn, the greatest parts first."""
_BAR, _COLUMN, _HIGH, _GAP, _LABEL, _EDGE = 14, 250, 260, 34, 190, 14
_COLOURS = 6


@dataclass(frozen=True)
class FlowWords:
    """What a drawing says, in the reader's language. title, desc: of the whole; stream: with %(source)s, %(to)s and
    %(part)s."""

    title: str = "Where a payment goes"
    desc: str = "The same in numbers is in the table below."
    stream: str = "%(part)s from %(source)s to %(to)s"


@dataclass(frozen=True)
class Drawing:
    """hidden: nodes that are not drawn because there are too many."""

    svg: str
    hidden: int


@dataclass(frozen=True)
class _Node:
    member: int | str
    name: str
    part: Fraction
    column: int
    left: int
    top: float
    high: float


def draw(
    flow: Flow,
    works: Mapping[int, tuple[str, str]],
    names: Mapping[str, str],
    link: Callable[[int | str], str],
    words: FlowWords | None = None,
    titles: Mapping[int, str] | None = None,
) -> Drawing:
    """works: kind and commitment; names: of addresses; link: where a node leads, a work (int) or an address.

    titles: what the reader calls works; the others are called by their commitment.
    """
    said = words or FlowWords()
    members: list[tuple[int | str, Fraction]] = [*flow.works.items(), *flow.people.items()]
    members.sort(key=lambda one: (one[0] != flow.paid, -one[1]))
    chosen = members[:MOST]
    nodes = _placed(flow, works, names, titles or {}, [member for member, _ in chosen])
    streams = [one for one in flow.streams if one.part and one.source in nodes and one.to in nodes]
    drawn = [*_ribbons(streams, nodes, said), *(_box(node, link(node.member)) for node in nodes.values())]
    width = 2 * _EDGE + max(node.left for node in nodes.values()) + _BAR + _LABEL
    height = int(2 * _EDGE + max(node.top + node.high for node in nodes.values()))
    opening = (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="flow" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}" role="group" aria-labelledby="flow-title flow-desc">'
        f'<title id="flow-title">{_text(said.title)}</title><desc id="flow-desc">{_text(said.desc)}</desc>'
    )
    return Drawing("\n".join([opening, *drawn, "</svg>"]), len(members) - len(chosen))


def as_page(
    flow: Flow,
    works: Mapping[int, tuple[str, str]],
    names: Mapping[str, str],
    ledger: str,
    titles: Mapping[int, str] | None = None,
) -> str:
    """One HTML page without scripts or anything from elsewhere. works: kind and commitment; names: of addresses;
    titles: of works."""
    rows = "\n".join(
        f'<tr id="{escape(who)}"><td>{percent(part)}</td><td>{_text(names.get(who, ""))}</td>'
        f"<td>{escape(who)}</td></tr>"
        for who, part in flow.people.items()
    )
    rest = f"<p>{percent(flow.rest)} still goes round between works after {MOST_STEPS} steps.</p>" if flow.rest else ""
    kind, commitment = works[flow.paid]
    called = f" ({titles[flow.paid]})" if titles and flow.paid in titles else ""
    drawn = draw(flow, works, names, lambda member: f"#{member if isinstance(member, str) else 'parts'}", titles=titles)
    more = f"<p>{drawn.hidden} more are not drawn.</p>" if drawn.hidden else ""
    return _PAGE.substitute(
        work=f"{escape(kind)} {flow.paid}{_text(called)}", commitment=escape(commitment),
        ledger=escape(ledger), rows=rows, rest=rest, picture=drawn.svg + more,
    )  # fmt: skip


def percent(part: Fraction) -> str:
    return f"{float(100 * part):.4g} %"


def _placed(
    flow: Flow,
    works: Mapping[int, tuple[str, str]],
    names: Mapping[str, str],
    titles: Mapping[int, str],
    chosen: Sequence[int | str],
) -> dict[int | str, _Node]:
    """Each column from the top, the greatest first; a bar's height is its part."""
    shown = set(chosen)
    last = max((step for work, step in flow.steps.items() if work in shown), default=0) + 1
    columns: dict[int, list[int | str]] = {}
    for member in chosen:
        columns.setdefault(flow.steps[member] if isinstance(member, int) else last, []).append(member)
    places: dict[int | str, _Node] = {}
    for column, members in sorted(columns.items()):
        top = float(_EDGE + 26)
        for member in members:
            part = flow.works[member] if isinstance(member, int) else flow.people[member]
            if isinstance(member, int):
                name = f"{works[member][0]} {titles.get(member) or f'{works[member][1][:8]}…'}"
            else:
                name = names.get(member) or f"{member[:6]}…{member[-4:]}"
            high = max(5.0, min(_HIGH, float(part) * _HIGH))
            places[member] = _Node(member, name, part, column, _EDGE + column * _COLUMN, top, high)
            top += high + _GAP
    return places


def _ribbons(streams: Sequence[Stream], nodes: Mapping[int | str, _Node], said: FlowWords) -> list[str]:
    """Wide ones first, below the others. A ribbon's colour is that of where it goes."""
    colour = {member: place % _COLOURS + 1 for place, member in enumerate(nodes)}
    left: dict[int | str, float] = {}
    came: dict[int | str, float] = {}
    drawn = []
    for one in sorted(streams, key=lambda one: (nodes[one.source].top, nodes[one.to].column, nodes[one.to].top)):
        source, to = nodes[one.source], nodes[one.to]
        thick = max(1.0, float(one.part) * _HIGH)
        y1, y2 = source.top + left.get(one.source, 0.0), to.top + came.get(one.to, 0.0)
        left[one.source], came[one.to] = left.get(one.source, 0.0) + thick, came.get(one.to, 0.0) + thick
        x1, x2 = source.left + _BAR, to.left
        bend = max(40, abs(x2 - x1) // 2)
        path = (
            f"M{x1} {y1:.1f}C{x1 + bend} {y1:.1f} {x2 - bend} {y2:.1f} {x2} {y2:.1f}"
            f"L{x2} {y2 + thick:.1f}C{x2 - bend} {y2 + thick:.1f} {x1 + bend} {y1 + thick:.1f} {x1} {y1 + thick:.1f}Z"
        )
        told = said.stream % {"part": percent(one.part), "source": source.name, "to": to.name}
        drawn.append((thick, f'<path class="stream c{colour[one.to]}" d="{path}"><title>{_text(told)}</title></path>'))
    return [path for _, path in sorted(drawn, key=lambda one: -one[0])]


def _box(node: _Node, href: str) -> str:
    kind = "work" if isinstance(node.member, int) else "person"
    name = node.name if len(node.name) <= 26 else f"{node.name[:25]}…"
    return (
        f'<a href="{escape(href)}"><rect class="{kind}" x="{node.left}" y="{node.top:.1f}" width="{_BAR}" '
        f'height="{node.high:.1f}" rx="2"/><text x="{node.left}" y="{node.top - 7:.1f}">{_text(name)}'
        f'<tspan class="part" dx="7">{percent(node.part)}</tspan></text></a>'
    )


def _text(text: str) -> str:
    return escape("".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text))


_PAGE = Template("""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Where a payment for $work goes</title><style>
body{font:16px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem;color:#1c2430}
h1{font-size:1.3rem;overflow-wrap:anywhere}p,td{overflow-wrap:anywhere}figure{overflow-x:auto;margin:1rem 0}
td{padding:.1rem 1.5rem .1rem 0}td:first-child{text-align:right;font-variant-numeric:tabular-nums}
.stream{fill:#1d4f91;fill-opacity:.3}.c2{fill:#b45309}.c3{fill:#15703a}.c4{fill:#7c3aa8}.c5{fill:#0e7490}.c6{fill:#a1356b}
rect{fill:#1c2430}rect.person{fill:#b45309}text{font-size:13px;fill:#1c2430}.part{fill:#586474}
</style></head><body><h1>Where a payment for $work goes</h1>
<p>Commitment: $commitment</p><p>Ledger: $ledger. By the shares as they are held now.</p>
<figure>$picture</figure>$rest<table id="parts">
$rows
</table></body></html>
""")
