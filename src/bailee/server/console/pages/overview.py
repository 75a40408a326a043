"""The first page: what needs its party."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from bailee.server.console.rendering import render


def overview(request: Request) -> Response:
    return render(request, "overview.html", {})


ROUTES: list[BaseRoute] = [Route("/", overview)]
