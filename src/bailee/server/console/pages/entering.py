"""Coming in by the link, the first page of a folder without keys, and going out."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from bailee.keys import Identity
from bailee.server.console.context import context_of, visitor_of
from bailee.server.console.posting import Sent, posted, then
from bailee.server.console.rendering import render
from bailee.server.console.words import N_


def enter(request: Request) -> Response:
    """A page and not a redirect: browsers hold a strict cookie back on a redirect that another site began."""
    context = context_of(request)
    if request.method != "GET":  # what looks ahead at a link must not use it up
        return Response(status_code=405)
    cookie = context.access.enter(request.query_params.get("link", ""))
    if cookie is None:
        return render(request, "refused.html", {"used": "link" in request.query_params}, 401)
    answer = render(request, "entering.html", {})
    answer.set_cookie(context.cookie, cookie, path="/", secure=context.tls, httponly=True, samesite="strict")
    return answer


def welcome(request: Request) -> Response:
    if context_of(request).party is not None:
        return then("/")
    return render(request, "welcome.html", {})


def make_party(request: Request, sent: Sent) -> Response:
    Identity.create(context_of(request).home, sent.needed("name"))
    visitor_of(request).tell("good", N_("Your keys are made. Keep a copy of identity.pem: nobody can replace it."))
    return then("/")


def leave(request: Request, sent: Sent) -> Response:
    del sent
    context = context_of(request)
    context.access.leave(visitor_of(request))
    request.scope["state"].pop("visitor")
    answer = render(request, "left.html", {})
    answer.delete_cookie(context.cookie, path="/", secure=context.tls, httponly=True, samesite="strict")
    return answer


ROUTES: list[BaseRoute] = [
    Route("/enter", enter),
    Route("/welcome", welcome),
    posted("/welcome", make_party, lambda request, sent: None if context_of(request).party else "/welcome"),
    posted("/leave", leave, None),
]
