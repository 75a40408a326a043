"""What a ledger said, drawn: where a payment goes, what was made from what. And all that happened, newest first."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from gettext import NullTranslations
from typing import Any

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from bailee.errors import InputError
from bailee.own.graph.facts import WHOLE, Graph, WorkNode
from bailee.own.graph.picture import PictureWords, as_svg, nearest
from bailee.party.events import events_of
from bailee.party.ledger_view import LedgerView, kept_view
from bailee.party.opened_ledger import remembered
from bailee.party.titles import titles_of
from bailee.server.console.context import context_of, party_of
from bailee.server.console.rendering import render
from bailee.server.console.sentences import GROUPS, KIND, filled
from bailee.server.console.words import N_, catalogue
from bailee.settle.flow import Holding, flow_of
from bailee.settle.flow_picture import FlowWords, draw, percent

_PAGE = 40
_MOST_ROWS = 500
_MOST_SOUGHT = 2000
KINDS = {"dataset": N_("dataset"), "model": N_("model"), "content": N_("content")}
STATUS = {"good": N_("good"), "disputed": N_("disputed"), "void": N_("void")}


def royalties(request: Request) -> Response:
    home = party_of(request).path
    view = kept_view(home)
    facts: dict[str, Any] = {"place": remembered(home), "view": view, "flow": None, "back": request.url.path}
    facts["home"] = str(home)
    if view is not None and view.graph.works:
        facts |= _flow(request, view)
    return render(request, "royalties.html", facts)


def lineage(request: Request) -> Response:
    home = party_of(request).path
    view = kept_view(home)
    facts: dict[str, Any] = {
        "place": remembered(home),
        "view": view,
        "drawn": None,
        "scope": None,
        "back": request.url.path,
        "home": str(home),
    }
    if view is not None and view.graph.works:
        facts |= _lineage(request, view)
    return render(request, "lineage.html", facts)


def events(request: Request) -> Response:
    party, query = party_of(request), request.query_params
    group = query.get("kind", "")
    if group and group not in GROUPS:
        raise InputError(f"expected one of {', '.join(GROUPS)} as kind, got {group[:40]!r}")
    start = _number(query.get("from", "0"))
    kinds = GROUPS[group][1] if group else None
    found = events_of(party, context_of(request).clock(), start, _PAGE, kinds)
    facts = {
        "events": found, "told": [(one, filled(one.kind, one.facts, _words(request).gettext)) for one in found.page],
        "colours": KIND, "groups": GROUPS, "group": group,
        "newer": max(0, start - _PAGE) if start else None,
        "older": start + _PAGE if start + _PAGE < found.found else None, "first": start + 1,
        "home": str(party.path),
    }  # fmt: skip
    return render(request, "events.html", facts)


def _flow(request: Request, view: LedgerView) -> dict[str, Any]:
    words, graph, titles = _words(request), view.graph, _titles(request, view)
    work = _chosen(request, view)
    amount = _amount(request.query_params.get("amount", "100"))
    of_shares = {one.shares: one.id for one in graph.works}
    holdings = [
        Holding(one.id, holder, units, of_shares.get(holder)) for one in graph.works for holder, units in one.holders
    ]
    found = flow_of(work.id, holdings)
    kinds = {one.id: (words.gettext(KINDS[one.kind]), one.commitment) for one in graph.works}
    said = FlowWords(
        words.gettext(N_("Where a payment goes")), words.gettext(N_("The same in numbers is in the tables below.")),
        words.gettext(N_("%(part)s from %(source)s to %(to)s")),
    )  # fmt: skip
    places = {member: f"p{place}" for place, member in enumerate([*found.works, *found.people])}
    drawn = draw(found, kinds, view.names, lambda member: f"#{places[member]}", said, titles)
    everybody = [(places[who], who, view.names.get(who, ""), part) for who, part in found.people.items()]
    return {
        "flow": found, "work": work, "amount": amount, "hidden": drawn.hidden,
        "svg": Markup(drawn.svg),  # noqa: S704 - made of escaped text only
        "choices": _choices(view, words, titles), "titles": titles,
        "people": [(place, who, name, percent(part), _share(amount, part)) for place, who, name, part in everybody],
        "through": [
            (places[number], number, *kinds[number], percent(part), _share(amount, part))
            for number, part in found.works.items()
        ],
        "paid": next((one for one in view.earnings if one.work == work.id), None),
        "rest": percent(found.rest) if found.rest else "",
    }  # fmt: skip


def _lineage(request: Request, view: LedgerView) -> dict[str, Any]:
    words, whole = _words(request), view.graph
    scope = _sought(request.query_params.get("work", ""), whole)
    graph = whole if scope is None else whole.lineage(scope.id)
    shown = nearest(graph)
    titles, own = _titles(request, view), set(view.own)

    def called(work: WorkNode) -> tuple[str, str]:
        state = "" if work.status == "good" else f" · {words.gettext(STATUS[work.status])}"
        mine = words.gettext(N_(" · yours")) if work.id in own else ""
        return words.gettext(KINDS[work.kind]) + state + mine, titles.get(work.id) or f"{work.commitment[:12]}…"

    said = PictureWords(
        words.gettext(N_("Works and what they were made from")),
        words.gettext(N_("The same in words is in the table below.")),
        words.gettext(N_("%(part)s of the earnings of %(child)s go to %(parent)s")),
    )
    return {
        "drawn": Markup(as_svg(shown, lambda one: f"#w{one.id:x}", said, called)),  # noqa: S704 - escaped text only
        "scope": scope, "works": sorted(graph.works, key=lambda one: -one.block)[:_MOST_ROWS],
        "more": max(0, len(graph.works) - _MOST_ROWS),
        "hidden": len(graph.works) - len(shown.works), "called": called, "own": own, "titles": titles,
        "names": view.names,
        "grants": _grants(graph), "shares": {one.shares: one for one in graph.works}, "whole": WHOLE,
        "kinds": KINDS, "status": STATUS,
    }  # fmt: skip


def _titles(request: Request, view: LedgerView) -> dict[int, str]:
    """Titles of works registered from this folder, else the names of its datasets that they are."""
    datasets = {one.work: one.dataset for one in view.earnings if one.dataset}
    return datasets | titles_of(party_of(request).path, view.ledger)


def _grants(graph: Graph) -> dict[int, int]:
    found: dict[int, int] = {}
    for one in graph.grants:
        found[one.work] = found.get(one.work, 0) + (not one.revoked)
    return found


def _choices(view: LedgerView, words: NullTranslations, titles: Mapping[int, str]) -> list[tuple[str, str]]:
    own = set(view.own)
    ordered = sorted(view.graph.works, key=lambda one: (one.id not in own, -one.block))
    return [
        (str(one.id), f"{words.gettext(KINDS[one.kind])} {titles.get(one.id) or f'{one.commitment[:12]}…'}"
         + (words.gettext(N_(" · yours")) if one.id in own else ""))
        for one in ordered[:_MOST_SOUGHT]
    ]  # fmt: skip


def _chosen(request: Request, view: LedgerView) -> WorkNode:
    """The one that is asked for; else the newest that is made of others, whose flow is worth a look."""
    found = _sought(request.query_params.get("work", ""), view.graph)
    newest = sorted(view.graph.works, key=lambda one: (not one.origins, -one.block))
    return found or newest[0]


def _sought(text: str, graph: Graph) -> WorkNode | None:
    if not text:
        return None
    if not (text.isascii() and text.isdecimal()) or len(text) > 78:
        raise InputError(f"expected the number of a work, got {text[:80]!r}")
    return graph.work(int(text))


def _amount(text: str) -> Decimal:
    try:
        value = Decimal(text.strip() or "100")
    except InvalidOperation:
        value = Decimal(-1)
    if not value.is_finite() or not 0 < value < 10**15 or value != round(value, 18):
        raise InputError(f"expected an amount such as 100 or 0.5, got {text[:40]!r}")
    return value


def _share(amount: Decimal, part: Fraction) -> str:
    """In the unit of what is paid, rounded down at six digits behind the point: nothing is paid twice."""
    millionths = int(Fraction(amount) * part * 10**6)
    whole, rest = divmod(millionths, 10**6)
    return f"{whole}.{rest:06}".rstrip("0").rstrip(".")


def _number(text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or len(text) > 9:
        raise InputError(f"expected a whole number, got {text[:20]!r}")
    return int(text)


def _words(request: Request) -> NullTranslations:
    return catalogue(request.scope["state"]["language"])


ROUTES: list[BaseRoute] = [Route("/royalties", royalties), Route("/lineage", lineage), Route("/events", events)]
