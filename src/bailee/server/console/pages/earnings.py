"""What an owner's works earned, as its ledger told it last; and asking the ledger again, for all pages about it."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from bailee.party.ledger_view import kept_view, refresh_view
from bailee.party.opened_ledger import remembered
from bailee.party.titles import titles_of
from bailee.server.console.context import context_of, party_of, visitor_of
from bailee.server.console.posting import Sent, posted, then
from bailee.server.console.rendering import render
from bailee.server.console.words import N_


def earnings(request: Request) -> Response:
    home = party_of(request).path
    view = kept_view(home)
    facts = {
        "place": remembered(home), "view": view, "works": () if view is None else view.earnings, "home": str(home),
        "titles": {} if view is None else titles_of(home, view.ledger),
    }  # fmt: skip
    return render(request, "earnings.html", facts)


def look(request: Request, sent: Sent) -> Response:
    view = refresh_view(party_of(request).path, context_of(request).clock())
    visitor_of(request).tell("good", N_("The ledger was asked; it stands at block %(block)s."), block=str(view.block))
    return then(sent.text("back", "/earnings"))


ROUTES: list[BaseRoute] = [
    Route("/earnings", earnings),
    posted("/ledger/look", look, lambda request, sent: sent.text("back", "/earnings")),
]
