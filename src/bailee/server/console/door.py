"""Before any page: the host that was asked for, where the request came from, the cookie; and headers on every answer.

Host: a page elsewhere cannot reach this console by a name of its own that it points here (DNS rebinding). Origin: what
changes something comes from a page of this console. Both are checked before a body is read.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bailee.server.console.context import ConsoleContext
from bailee.server.console.words import best_language

OPEN = ("/static/", "/enter")
"""Paths that need no session. They show nothing of the party."""
FIRST = ("/welcome", "/settings/look", "/leave", "/about", "/verify")
"""Paths beside them that work before there is a party, with what is below them."""
THEMES = ("auto", "light", "dark")
LANGUAGE_COOKIE, THEME_COOKIE = "bailee-language", "bailee-theme"
POLICY = "; ".join(
    (
        "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self'", "font-src 'self'",
        "connect-src 'self'", "form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'",
    )
)  # fmt: skip
_HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",  # with less, browsers hide the origin of our own forms, which is checked
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}


class Door:
    """ASGI. `refused` draws the page for those without a session, `broken` that for what nobody raised on purpose."""

    def __init__(
        self,
        inner: ASGIApp,
        refused: ASGIApp,
        broken: Callable[[Request, Exception], Response],
        context: ConsoleContext,
    ) -> None:
        self._inner, self._refused, self._broken, self._context = inner, refused, broken, context
        scheme = "https" if context.tls else "http"
        self._origins = frozenset(f"{scheme}://{host}" for host in context.hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return
        state: dict[str, Any] = scope.setdefault("state", {})
        headers = Headers(scope=scope)
        cookies = _cookies(headers)
        query = Request(scope).query_params
        state["language"] = best_language(
            query.get("lang"), cookies.get(LANGUAGE_COOKIE), headers.get("accept-language", "")
        )
        theme = cookies.get(THEME_COOKIE, "auto")
        state["theme"] = theme if theme in THEMES else "auto"

        begun = False

        async def answer(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                self._harden(MutableHeaders(scope=message), str(scope["path"]))
            await send(message)

        try:
            await (self._chosen(scope, headers, cookies))(scope, receive, answer)
        except Exception as error:
            if begun:
                raise
            await self._broken(Request(scope), error)(scope, receive, answer)

    def _chosen(self, scope: Scope, headers: Headers, cookies: dict[str, str]) -> ASGIApp:
        """The application, or what is said instead of it."""
        path, state, context = str(scope["path"]), scope["state"], self._context
        if headers.getlist("host") != [host := headers.get("host", "")] or host.lower() not in context.hosts:
            known = " or ".join(sorted(context.hosts))
            return PlainTextResponse(f"this console is at {known}, and nowhere else\n", 421)
        if scope["method"] not in ("GET", "HEAD") and headers.get("origin") not in self._origins:
            return PlainTextResponse("this did not come from a page of this console\n", 403)
        if path.startswith(OPEN):
            return self._inner
        visitor = context.access.visitor(cookies.get(context.cookie, ""))
        if visitor is None:
            return self._refused
        state["visitor"] = visitor
        if context.party is None and not any(path == one or path.startswith(f"{one}/") for one in FIRST):
            return RedirectResponse("/welcome", 303)
        return self._inner

    def _harden(self, headers: MutableHeaders, path: str) -> None:
        for name, value in _HEADERS.items():
            headers[name] = value
        if self._context.tls:
            headers["strict-transport-security"] = "max-age=31536000"
        headers.setdefault("cache-control", "no-cache" if path.startswith("/static/") else "no-store")


def _cookies(headers: Headers) -> dict[str, str]:
    """Each by itself: other programs of this machine set cookies too, and an odd one of theirs must not hide ours."""
    pairs = (part.partition("=") for part in headers.get("cookie", "").split(";"))
    return {name.strip(): value.strip() for name, _, value in pairs}
