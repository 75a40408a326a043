"""Who used what and when, and what that cost of the privacy of rows."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from bailee.party.owning import owned
from bailee.party.sold import answers_sold
from bailee.party.uses import uses_of
from bailee.server.console.context import context_of, party_of
from bailee.server.console.rendering import render


def uses(request: Request) -> Response:
    party, now = party_of(request), context_of(request).clock()
    return render(request, "uses.html", {"uses": uses_of(party, now).all, "sold": answers_sold(party)})


def budget(request: Request) -> Response:
    """By rows and not by dataset: resealed rows keep what they have cost."""
    party, now = party_of(request), context_of(request).clock()
    party.ledger().entries()  # says what is wrong with it: no budget is told from one that cannot be read
    found = owned(party, now)
    newest = {one.origin: one for one in reversed(found.datasets)}  # the newest of each is met last
    granted = {
        origin: sum((other.granted for other in found.datasets if other.origin == origin), start=one.granted * 0)
        for origin, one in newest.items()
    }
    names = {one.name: one.origin for one in found.datasets}
    grants = {
        origin: [one for one in found.grants if one.dataset and names.get(one.dataset) == origin] for origin in newest
    }
    rows = [(one, granted[origin], grants[origin]) for origin, one in newest.items()]
    return render(request, "budget.html", {"rows": sorted(rows, key=lambda row: row[0].name), "found": found})


ROUTES: list[BaseRoute] = [Route("/uses", uses), Route("/budget", budget)]
