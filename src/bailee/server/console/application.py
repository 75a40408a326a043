"""The application: every page behind the door, every error a page that says what to do."""

from __future__ import annotations

import sys
import traceback
from importlib import import_module
from importlib.resources import files

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

from bailee.errors import BaileeError
from bailee.server.console.context import ConsoleContext, context_of
from bailee.server.console.door import Door
from bailee.server.console.posting import FormError, most_of
from bailee.server.console.rendering import render
from bailee.server.console.words import N_

PAGES = (
    "entering",
    "settings",
    "overview",
    "datasets",
    "requests",
    "grants",
    "spending",
    "stores",
    "earnings",
    "sealing",
    "verifying",
    "watching",
    "finding",
    "planning",
    "models",
    "pictures",
)
"""Modules of `pages`, each with ROUTES; the first route that fits a path answers."""


def console(context: ConsoleContext) -> Starlette:
    """ASGI. Raises TypeError where a page takes POST without `posted`: its form would not be checked."""
    routes: list[BaseRoute] = [Mount("/static", StaticFiles(directory=str(files("bailee.server.console") / "static")))]
    for name in PAGES:
        routes += check_posts(import_module(f"bailee.server.console.pages.{name}").ROUTES)
    made = Starlette(
        routes=routes,
        middleware=[Middleware(Door, refused=_refused, broken=_on_bug, context=context)],
        exception_handlers={BaileeError: _on_error, HTTPException: _on_http},
    )
    made.state.context = context
    made.router.redirect_slashes = False
    return made


def check_posts(routes: list[BaseRoute]) -> list[BaseRoute]:
    """The routes, where each that changes something checks its form."""
    for route in routes:
        methods = (route.methods or set()) if isinstance(route, Route) else {"unknown"}
        if methods - {"GET", "HEAD"} and (not isinstance(route, Route) or most_of(route) is None):
            raise TypeError(f"{route!r}: a page that takes more than GET is made by posting.posted")
    return routes


async def _refused(scope: Scope, receive: Receive, send: Send) -> None:
    await render(Request(scope), "refused.html", {"used": False}, 401)(scope, receive, send)


def _on_error(request: Request, error: Exception) -> Response:
    from bailee.server.api.problems import status_of  # brings FastAPI, which no other page needs

    if not isinstance(error, BaileeError):
        return _on_bug(request, error)
    told = context_of(request).told(error)
    status = 403 if isinstance(error, FormError) else status_of(error)
    return render(request, "error.html", {"kind": type(error).__name__, "told": told, "title": None}, status)


_TITLES = {
    404: N_("There is no such page"),
    405: N_("This page does not take that"),
    413: N_("That is too large"),
    429: N_("Too much at once"),
}


def _on_http(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    detail = error.detail if isinstance(error, HTTPException) and status not in (404, 405) else ""
    facts = {"kind": f"HTTP {status}", "told": detail, "title": _TITLES.get(status, N_("This cannot be read"))}
    return render(request, "error.html", facts, status)


def _on_bug(request: Request, error: Exception) -> Response:
    """For what nobody raised on purpose: the terminal has the whole of it, the page not a word."""
    traceback.print_exception(error, file=sys.stderr)
    title = N_("Something went wrong here that is not your doing")
    return render(request, "error.html", {"kind": "HTTP 500", "told": "", "title": title}, 500)
