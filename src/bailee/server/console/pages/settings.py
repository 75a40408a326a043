"""How the console looks and speaks, and what it is."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from bailee.errors import InputError
from bailee.server.console.context import context_of
from bailee.server.console.door import LANGUAGE_COOKIE, THEME_COOKIE, THEMES
from bailee.server.console.posting import Sent, posted, then
from bailee.server.console.rendering import render
from bailee.server.console.words import LANGUAGES

_YEAR = 365 * 86400


def about(request: Request) -> Response:
    return render(request, "about.html", {"home": str(context_of(request).home)})


def settings(request: Request) -> Response:
    return render(request, "settings.html", {"themes": THEMES})


def look(request: Request, sent: Sent) -> Response:
    """Keeps the language or the theme in a cookie, and goes back."""
    answer = then(sent.text("back", "/"))
    for field, name, known in (("language", LANGUAGE_COOKIE, tuple(LANGUAGES)), ("theme", THEME_COOKIE, THEMES)):
        chosen = sent.text(field)
        if not chosen:
            continue
        if chosen not in known:
            raise InputError(f"expected one of {', '.join(known)} as {field}, got {chosen[:50]!r}")
        secure = context_of(request).tls
        answer.set_cookie(name, chosen, _YEAR, path="/", secure=secure, httponly=True, samesite="strict")
    return answer


ROUTES: list[BaseRoute] = [
    Route("/about", about),
    Route("/settings", settings),
    posted("/settings/look", look, None),
]
