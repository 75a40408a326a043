"""A graph for people: indented text, and a page with the lineage drawn in SVG, without scripts or outside parts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from html import escape
from string import Template

from bailee.own.graph.facts import GOOD, WHOLE, GrantNode, Graph, WorkNode
from bailee.own.one_line import one_line

MOST = 200
"""Works of a drawing."""
_WIDE, _HIGH, _ACROSS, _DOWN, _EDGE = 210, 54, 110, 18, 14
"""Pixels: a box, and what is between boxes beside and below one another."""


def as_text(graph: Graph, names: Mapping[str, str] | None = None, titles: Mapping[int, str] | None = None) -> str:
    """Each work below what it was made from; one made from several is told once, and named again at the others.

    names: what the reader calls addresses (lower case); titles: and works, by number.
    """
    below, known = graph.children(), {one.id: one for one in graph.works}
    of_shares = {one.shares: one for one in graph.works}
    grants = _grants(graph)
    lines = [f"Ledger {graph.ledger}, as of block {graph.block}", ""]
    told: set[int] = set()
    waiting = [(one.id, 0, "") for one in reversed(graph.works) if not one.origins]
    while waiting:
        number, depth, part = waiting.pop()
        work, indent = known[number], "    " * depth
        again = number in told
        lines.append(f"{indent}{_title(work, titles)}{part}{', see above' if again else ''}")
        if again:
            continue
        told.add(number)
        lines += [f"{indent}    {line}" for line in _facts(work, grants.get(number, []), of_shares, names or {})]
        waiting += [(child, depth + 1, _part(known[child], number)) for child in reversed(below.get(number, []))]
    return "\n".join(lines if graph.works else [*lines, "No works."])


def as_page(graph: Graph, checked: str, titles: Mapping[int, str] | None = None) -> str:
    """One HTML page. `checked`: what was found at the node, in words; titles: what the reader calls works."""

    def called(work: WorkNode) -> tuple[str, str]:
        kind, short = _named(work)
        return kind, (titles or {}).get(work.id) or short

    of_shares, grants = {one.shares: one for one in graph.works}, _grants(graph)
    rows = "\n".join(
        f'<li id="w{one.id:x}"><b>{escape(one_line(_title(one, titles)))}</b><br>'
        + "<br>".join(escape(line) for line in _facts(one, grants.get(one.id, []), of_shares, {}))
        + "</li>"
        for one in graph.works
    )
    drawn = nearest(graph)
    more = len(graph.works) - len(drawn.works)
    drawing = as_svg(drawn, called=called) + (
        f"<p>{more} older works are not drawn; the list has them.</p>" if more else ""
    )
    return _PAGE.substitute(
        ledger=escape(graph.ledger), block=graph.block, checked=escape(checked), rows=rows, drawing=drawing
    )


@dataclass(frozen=True)
class PictureWords:
    """What a drawing says, in the reader's language. line: with %(part)s, %(child)s and %(parent)s."""

    title: str = "Works and what they were made from"
    desc: str = "The same in words is below."
    line: str = "%(part)s of the earnings of %(child)s go to %(parent)s"


def as_svg(
    graph: Graph,
    link: Callable[[WorkNode], str] | None = None,
    words: PictureWords | None = None,
    called: Callable[[WorkNode], tuple[str, str]] | None = None,
) -> str:
    """Works in columns by how far they are from the beginning; a line from each to what was made from it.

    No style is in it, but classes: `work` with its status, `line`, `part`, `id`. link: where a box leads; called: the
    two lines of a box. A graph of more than MOST works is the caller's to cut (`nearest`).
    """
    said, leads, name = words or PictureWords(), link or (lambda work: f"#w{work.id:x}"), called or _named
    column, parents = _rows(graph), graph.parents()
    places: dict[int, tuple[int, int]] = {}
    filled: dict[int, int] = {}
    for work in sorted(graph.works, key=lambda one: column[one.id]):
        # beside its parents, but below what is there already: lines stay short, and boxes apart
        wanted = [places[parent][1] for parent in parents[work.id] if parent in places]
        top = max(filled.get(column[work.id], _EDGE), sum(wanted) // len(wanted) if wanted else _EDGE)
        filled[column[work.id]] = top + _HIGH + _DOWN
        places[work.id] = (_EDGE + column[work.id] * (_WIDE + _ACROSS), top)
    known = {work.id: work for work in graph.works}
    lines = []
    for work in graph.works:
        for parent in parents[work.id]:
            part, child = _percent(_share_of(work, parent)), " ".join(name(work))
            told = said.line % {"part": part, "child": child, "parent": " ".join(name(known[parent]))}
            lines.append(_line(places[parent], places[work.id], told, part))
    boxes = [_box(work, leads(work), name(work), *places[work.id]) for work in graph.works]
    wide = 2 * _EDGE + (max(column.values(), default=0) + 1) * (_WIDE + _ACROSS) - _ACROSS
    high = max(filled.values(), default=_EDGE + _HIGH + _DOWN) - _DOWN + _EDGE
    drawn = "\n".join((*lines, *boxes))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="lineage" viewBox="0 0 {wide} {high}" width="{wide}" '
        f'height="{high}" role="group" aria-labelledby="lineage-title lineage-desc">'
        f'<title id="lineage-title">{escape(said.title)}</title><desc id="lineage-desc">{escape(said.desc)}</desc>'
        f"{drawn}</svg>"
    )


def nearest(graph: Graph, most: int = MOST) -> Graph:
    """At most so many works of a graph: the newest, and what these were made from as far as there is room.

    Lines to works that are left out are left out, too.
    """
    if len(graph.works) <= most:
        return graph
    parents, kept = graph.parents(), set[int]()
    for work in sorted(graph.works, key=lambda one: (one.block, one.id), reverse=True):
        waiting, wanted = [work.id], set[int]()
        while waiting and len(kept) + len(wanted) <= most:
            number = waiting.pop()
            if number not in kept and number not in wanted:
                wanted.add(number)
                waiting += parents[number]
        if len(kept) + len(wanted) <= most:
            kept |= wanted
        if len(kept) == most:
            break
    works = tuple(one for one in graph.works if one.id in kept)
    return replace(graph, works=works, grants=tuple(one for one in graph.grants if one.work in kept), scope=None)


def _rows(graph: Graph) -> dict[int, int]:
    """How many steps each work is from those made from nothing, at most."""
    parents, below = graph.parents(), graph.children()
    left = {number: len(found) for number, found in parents.items()}
    row = dict.fromkeys(parents, 0)
    free = [number for number, count in left.items() if count == 0]
    while free:
        number = free.pop()
        for child in below.get(number, ()):
            row[child] = max(row[child], row[number] + 1)
            left[child] -= 1
            if left[child] == 0:
                free.append(child)
    return row


def _named(work: WorkNode) -> tuple[str, str]:
    state = "" if work.status == GOOD else f" ({work.status})"
    return work.kind + state, _short(work)


def _box(work: WorkNode, href: str, called: tuple[str, str], left: int, top: int) -> str:
    first, second = (text if len(text) <= 24 else f"{text[:23]}…" for text in map(one_line, called))
    return (
        f'<a href="{escape(href)}"><rect class="work {work.status}" x="{left}" y="{top}" width="{_WIDE}" '
        f'height="{_HIGH}" rx="6"/><text x="{left + 12}" y="{top + 22}">{escape(first)}</text>'
        f'<text class="id" x="{left + 12}" y="{top + 41}">{escape(second)}</text></a>'
    )


def _line(parent: tuple[int, int], child: tuple[int, int], told: str, part: str) -> str:
    x1, y1, x2, y2 = parent[0] + _WIDE, parent[1] + _HIGH // 2, child[0], child[1] + _HIGH // 2
    bend = max(_ACROSS // 2, (x2 - x1) // 2)
    return (
        f'<path class="line" d="M{x1} {y1}C{x1 + bend} {y1} {x2 - bend} {y2} {x2} {y2}"><title>{escape(told)}</title>'
        f'</path><text class="part" x="{x2 - 8}" y="{y2 - 6}" text-anchor="end">{part}</text>'
    )


def _title(work: WorkNode, titles: Mapping[int, str] | None) -> str:
    state = "" if work.status == GOOD else f", {work.status}"
    title = f" ({titles[work.id]})" if titles and work.id in titles else ""
    return f"{work.kind} {_short(work)}{title}{state}"


def _part(work: WorkNode, parent: int) -> str:
    return f", {_percent(_share_of(work, parent))} of whose earnings go to the work above"


def _share_of(work: WorkNode, parent: int) -> int:
    return sum(origin.units for origin in work.origins if origin.parent == parent)


def _facts(
    work: WorkNode, grants: list[GrantNode], of_shares: Mapping[str, WorkNode], names: Mapping[str, str]
) -> list[str]:
    def who(address: str) -> str:
        if address in of_shares:
            return f"the holders of {of_shares[address].kind} {_short(of_shares[address])}"
        return f"{names[address]} ({address})" if address in names else address

    lines = [f"id {work.id}", f"commitment {work.commitment}", f"owner {who(work.owner)}, from block {work.since}"]
    if work.uri:
        lines.append(f"described at {one_line(work.uri)}")
    lines += [f"{_percent(units)} of the earnings: {who(holder)}" for holder, units in work.holders]
    if work.budget is not None:
        lines.append(f"privacy budget: epsilon {work.budget.epsilon / 10**9:g}, delta {work.budget.delta / 10**18:g}")
    for grant in grants:
        ended = f", revoked in block {grant.revoked}" if grant.revoked else ""
        used = f", {len(grant.sessions)} sessions" if grant.sessions else ""
        asked = _percent(grant.royalty)
        lines.append(f"grant {grant.id[:8]}... to {who(grant.builder)}: royalty {asked}{used}{ended}")
    return lines


def _grants(graph: Graph) -> dict[int, list[GrantNode]]:
    found: dict[int, list[GrantNode]] = {}
    for one in graph.grants:
        found.setdefault(one.work, []).append(one)
    return found


def _short(work: WorkNode) -> str:
    return f"{f'{work.id:064x}'[:8]}..."


def _percent(units: int) -> str:
    return f"{units * 100 / WHOLE:g} %"


_PAGE = Template("""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Works and what they were made from</title><style>
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1c2430}
h1{font-size:1.3rem}li{margin:0 0 1.2rem;overflow-wrap:anywhere;font-size:.9rem}div{overflow-x:auto}
rect{fill:#eef2f7;stroke:#8796aa}rect.disputed{fill:#fff3d6;stroke:#b98900}rect.void{fill:#f3dada;stroke:#a33}
path{fill:none;stroke:#8796aa}text{font-size:15px;fill:#1c2430}.id{font-family:ui-monospace,monospace;font-size:13px}
.part{fill:#586474;font-size:12px}
</style></head><body><h1>Works and what they were made from</h1><p>Ledger: $ledger, as of block $block</p>
<p>$checked</p>
<div>$drawing</div><ol>
$rows
</ol></body></html>
""")
