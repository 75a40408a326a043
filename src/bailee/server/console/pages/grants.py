"""What an owner gave, and taking it back."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from bailee.party.granting import take_back
from bailee.party.owning import owned
from bailee.server.console.columns import names_of
from bailee.server.console.context import context_of, party_of, visitor_of
from bailee.server.console.posting import Sent, posted, then
from bailee.server.console.rendering import render, short, when
from bailee.server.console.words import N_


def grants(request: Request) -> Response:
    found = owned(party_of(request), context_of(request).clock())
    schemas = {one.name: one.schema for one in found.datasets}
    columns = {one.id: names_of(one.fields, schemas.get(one.dataset or "")) for one in found.grants}
    return render(request, "grants.html", {"found": found, "columns": columns})


def revoking(request: Request) -> Response:
    """Asks before it is done: it cannot be undone."""
    found = owned(party_of(request), context_of(request).clock())
    one = found.grant(request.path_params["id"])
    if one is None:
        raise HTTPException(404)
    if one.ended:
        return then("/grants")
    return render(request, "revoke.html", {"one": one, "known": found.spending_known})


def revoke(request: Request, sent: Sent) -> Response:
    del sent
    party = party_of(request)
    given = party.own_grant(request.path_params["id"])
    taken, _ = take_back(party, party.identity, given, context_of(request).clock())
    visitor_of(request).tell(
        "good",
        N_("The grant %(id)s is taken back since %(when)s. This folder answers nobody under it any more."),
        id=short(given.record.id),
        when=when(taken.record.revoked, request.scope["state"]["language"]),
    )
    return then("/grants")


ROUTES: list[BaseRoute] = [
    Route("/grants", grants),
    Route("/grants/{id}/revoke", revoking),
    posted("/grants/{id}/revoke", revoke, "/grants/{id}/revoke"),
]
