"""The short way to most reads: GET calls without a query are looked up in a table and answered by the same functions,
behind the same gate, without the framework's routing and parsing, which take longer than the answers.

Everything else, and every path that is not in the table, goes the long way.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Sequence

from fastapi import FastAPI, Request
from fastapi.params import Param
from starlette.convertors import StringConvertor
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from bailee.errors import BaileeError
from bailee.server.api.gate import Gate
from bailee.server.api.routes import DeclaredRoute


class Quick:
    """ASGI, around the application whose `routes` these are. answer: what it answers to an error."""

    def __init__(
        self,
        inner: FastAPI,
        routes: Sequence[DeclaredRoute],
        gate: Gate,
        answer: Callable[[Request, Exception], Response],
    ) -> None:
        self._inner: ASGIApp = inner
        self._application, self._gate, self._answer = inner, gate, answer
        fit = [route for route in routes if _fits(route)]
        self._exact = {route.path: route for route in fit if not route.param_convertors}
        self._named: list[tuple[re.Pattern[str], DeclaredRoute]] = [
            (route.path_regex, route) for route in fit if route.param_convertors
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "GET" and not scope["query_string"]:
            path = scope["path"]
            route = self._exact.get(path)
            if route is not None:
                await self._read(route, {}, scope, receive, send)
                return
            for pattern, named in self._named:
                found = pattern.match(path)
                if found is not None:
                    await self._read(named, found.groupdict(), scope, receive, send)
                    return
        await self._inner(scope, receive, send)

    async def _read(self, route: DeclaredRoute, named: dict[str, str], scope: Scope, receive: Receive, send: Send
                    ) -> None:  # fmt: skip
        scope["app"] = self._application
        request = Request(scope, receive, send)
        try:
            request.state.call = route.call
            request.state.caller = self._gate.admit(request, route.call)
            response = await route.endpoint(request, **named)
        except (BaileeError, HTTPException) as error:  # any other is a fault, and the outermost layer's
            response = self._answer(request, error)
        await response(scope, receive, send)


def _fits(route: DeclaredRoute) -> bool:
    """Whether its function can be called with a request and the names in its path alone."""
    if route.methods != {"GET"} or not inspect.iscoroutinefunction(route.endpoint):
        return False
    texts = all(isinstance(one, StringConvertor) for one in route.param_convertors.values())
    parameters = inspect.signature(route.endpoint).parameters
    given = {"request", *route.param_convertors}
    return (
        texts and given <= set(parameters) and all(_has_default(parameters[name]) for name in set(parameters) - given)
    )


def _has_default(one: inspect.Parameter) -> bool:
    return one.default is not inspect.Parameter.empty and not isinstance(one.default, Param)
