"""Whether an owner's sealed objects are safe: the stores of its vault."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from bailee.party.store_health import vault_health
from bailee.server.console.context import party_of
from bailee.server.console.rendering import render


def stores(request: Request) -> Response:
    party = party_of(request)
    return render(request, "stores.html", {"vault": vault_health(party), "home": str(party.path)})


ROUTES: list[BaseRoute] = [Route("/stores", stores)]
