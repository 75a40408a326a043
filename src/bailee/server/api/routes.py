"""A route says who may call it, or the application is not built."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.routing import APIRoute

from bailee.server.api.callers import Role
from bailee.server.api.problems import ProblemError
from bailee.server.api.shapes import ProblemShape

Access = Literal["read", "write"]
F = TypeVar("F", bound=Callable[..., Any])
EVERYBODY: frozenset[Role] = frozenset(Role)
_MARK = "__bailee_call__"


@dataclass(frozen=True)
class Call:
    """operation: its name in tokens, logs and metrics; anybody: without signing in, too; large: its body may be as
    large as an upload."""

    operation: str
    roles: frozenset[Role]
    access: Access
    anybody: bool = False
    large: bool = False


def allows(
    operation: str,
    roles: Iterable[Role] = (),
    *,
    access: Access = "read",
    anybody: bool = False,
    large: bool = False,
) -> Callable[[F], F]:
    """Declares a call. Either some roles, or anybody: an empty declaration is refused."""
    named = EVERYBODY if anybody else frozenset(roles)
    if not named:
        raise TypeError(f"{operation} declares nobody who may call it")

    def mark(function: F) -> F:
        setattr(function, _MARK, Call(operation, named, access, anybody, large))
        return function

    return mark


def call_of(endpoint: object) -> Call:
    """Raises TypeError for what declares nothing."""
    found = getattr(endpoint, _MARK, None)
    if not isinstance(found, Call):
        raise TypeError(f"{getattr(endpoint, '__qualname__', endpoint)} declares no roles; mark it with @allows(...)")
    return found


class DeclaredRoute(APIRoute):
    """Asks the gate before a byte of the body is read."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **more: Any) -> None:
        self.call = call_of(endpoint)
        super().__init__(path, endpoint, **more)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle, call = super().get_route_handler(), self.call
        taken = tuple(one.alias for one in self.dependant.query_params)

        async def guarded(request: Request) -> Response:
            request.state.call = call
            request.state.caller = request.app.state.gate.admit(request, call)
            _check_query(request, taken)
            response = handle(request)
            return await response if inspect.isawaitable(response) else response

        return guarded


def _check_query(request: Request, taken: Sequence[str]) -> None:
    """What is misspelt, or said twice, is not passed over: the caller would take the answer for another one's."""
    seen: set[str] = set()
    for name, _ in request.query_params.multi_items():
        if name not in taken:
            takes = f"it takes {', '.join(taken)}" if taken else "it takes none"
            raise ProblemError(422, "BadShape", f"this call has no parameter {name[:60]!r}; {takes}")
        if name in seen:
            raise ProblemError(422, "BadShape", f"the parameter {name!r} is there twice; say it once")
        seen.add(name)


def router() -> APIRouter:
    problem = {"model": ProblemShape, "description": "A problem (RFC 9457)"}
    return APIRouter(route_class=DeclaredRoute, responses={"default": problem})


def check_declared(application: FastAPI) -> tuple[DeclaredRoute, ...]:
    """All routes. Raises TypeError where one is of another kind: the gate would not stand before it."""
    found: list[DeclaredRoute] = []
    for route in application.routes:
        if not isinstance(route, DeclaredRoute):
            raise TypeError(f"{getattr(route, 'path', route)} is a route without declared roles; add it by a router()")
        found.append(route)
    names = [route.call.operation for route in found]
    if len(set(names)) != len(names):
        raise TypeError("two calls have the same operation: a token could not tell them apart")
    return tuple(found)
