"""The application: every call behind the gate, every error a problem, everything else refused."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from bailee import __version__
from bailee.adapters.files import storage_errors
from bailee.errors import BaileeError
from bailee.party.home import PartyHome
from bailee.records.ethereum_sign_in import checked_origin
from bailee.server.api.bodies import Outermost
from bailee.server.api.callers import Callers
from bailee.server.api.challenges import Challenges
from bailee.server.api.context import Context
from bailee.server.api.ethereum import EthereumSignIns
from bailee.server.api.gate import Gate
from bailee.server.api.jobs import Jobs
from bailee.server.api.ledger_views import LedgerViews
from bailee.server.api.limits import Limits
from bailee.server.api.logs import Log
from bailee.server.api.metrics import Metrics
from bailee.server.api.once import Once
from bailee.server.api.problems import ProblemError, of_error, of_problem, problem, unforeseen
from bailee.server.api.quick import Quick
from bailee.server.api.rendered import Rendered
from bailee.server.api.resources import around, auth, datasets, grants, passports, requests, sessions, status, works
from bailee.server.api.routes import DeclaredRoute, check_declared
from bailee.server.api.shelf import Shelf
from bailee.server.api.streams import Streams
from bailee.server.api.tokens import Tokens

RESOURCES = (around, auth, datasets, grants, requests, sessions, passports, works, status)
_SWEEP = 600.0


def _now() -> datetime:
    return datetime.now(UTC)


def context_for(
    home: Path,
    limits: Limits | None = None,
    log: Log | None = None,
    clock: Callable[[], datetime] = _now,
    ticks: Callable[[], float] = time.monotonic,
    origin: str = "http://127.0.0.1:8443",
) -> Context:
    """What the calls work with. clock: the time (aware); ticks: seconds that never go back; origin: scheme://host:port
    that callers reach the server by: what an Ethereum account signs.

    Raises InputError where the folder has no keys.
    """
    party = PartyHome(home.absolute())
    public, bounds, metrics, said = party.identity.public, limits or Limits(), Metrics(), log or Log()
    key, own = public.public_key.hex(), party.path / "api"
    with storage_errors(own):
        (own / "uploads").mkdir(mode=0o700, parents=True, exist_ok=True)
    gate = Gate(Callers(party.path, key), Tokens(key, clock, bounds.token_bytes, bounds.token_blocks), bounds, ticks)
    return Context(
        party=party,
        public=public,
        shelf=Shelf(party),
        rendered=Rendered(),
        gate=gate,
        challenges=Challenges(key, clock, bounds.challenge),
        ethereum=EthereumSignIns(key, checked_origin(origin), clock, bounds.challenge),
        once=Once(own / "answers", bounds),
        jobs=Jobs(own / "checks", own / "uploads", bounds, said, metrics),
        ledger=LedgerViews(party.path, clock),
        streams=Streams(bounds, metrics),
        limits=bounds,
        log=said,
        metrics=metrics,
        clock=clock,
    )


def application(context: Context, tls: bool = False) -> Outermost:
    """ASGI. Raises TypeError where a call declares no roles."""
    made = calls(context)
    quick = Quick(made, check_declared(made), context.gate, lambda request, error: answer(request, error, context))
    return Outermost(quick, context.limits, context.log, context.metrics, tls)


def calls(context: Context) -> FastAPI:
    """Without the outermost layer: sizes and times are not bounded here."""
    made = FastAPI(
        title="Bailee",
        version=__version__,
        summary="Train on data you are not allowed to see, prove it was done right, and pay those whose data it was.",
        docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False, lifespan=_lifespan,
    )  # fmt: skip
    made.state.context, made.state.gate = context, context.gate
    for resource in RESOURCES:
        for route in resource.routes.routes:
            made.router.routes.append(route)
    _answer_errors(made, context)
    routes = check_declared(made)
    made.openapi = lambda: _described(made, routes)  # type: ignore[method-assign]
    return made


@asynccontextmanager
async def _lifespan(made: FastAPI) -> AsyncIterator[None]:
    context: Context = made.state.context
    made.state.looking = asyncio.Lock()
    tasks = [asyncio.create_task(context.jobs.work()), asyncio.create_task(_sweep(context))]
    context.log.event("serving", party=context.public.public_key.hex()[:16], version=__version__)
    try:
        yield
    finally:
        context.streams.stopping.set()
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        await context.jobs.stop()
        context.log.event("stopped")


async def _sweep(context: Context) -> None:
    while True:
        with suppress(OSError, BaileeError):
            await asyncio.to_thread(context.jobs.sweep, time.time())
            await asyncio.to_thread(context.once.sweep, time.time())
        await asyncio.sleep(_SWEEP)


def answer(request: Request, error: Exception, context: Context) -> Response:
    """What is said of an error."""
    if isinstance(error, BaileeError):
        return of_error(error, request.state.id, str(context.party.path))
    if isinstance(error, ProblemError):
        return of_problem(error, request.state.id)
    if not isinstance(error, HTTPException):
        return unforeseen(request.state.id)
    names = {404: ("NoSuchCall", "there is no such call; see /v1/openapi.json"),
             405: ("NoSuchMethod", "this path is not called by that method; see /v1/openapi.json")}  # fmt: skip
    name, detail = names.get(error.status_code, ("BadRequest", "the request cannot be read"))
    return problem(error.status_code, name, detail, request.state.id, {}, error.headers or {})


def _answer_errors(made: FastAPI, context: Context) -> None:
    async def on_error(request: Request, error: Exception) -> Response:
        return answer(request, error, context)

    async def on_shape(request: Request, error: Exception) -> Response:
        found = error.errors() if isinstance(error, RequestValidationError) else []
        # Where and what is expected; not what came, which may be a secret in the wrong place.
        fields = [{"where": ".".join(map(str, one["loc"])), "problem": one["msg"]} for one in found[:20]]
        detail = "the request does not have the shape of this call; see /v1/openapi.json"
        return problem(422, "BadShape", detail, request.state.id, {"fields": fields}, {})

    made.add_exception_handler(BaileeError, on_error)
    made.add_exception_handler(HTTPException, on_error)
    made.add_exception_handler(RequestValidationError, on_shape)
    made.add_exception_handler(Exception, on_error)


def _described(made: FastAPI, routes: tuple[DeclaredRoute, ...]) -> dict[str, Any]:
    """OpenAPI, with each call's operation and roles, and errors as what they are."""
    if made.openapi_schema is None:
        described = FastAPI.openapi(made)
        described.setdefault("components", {})["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        for route in routes:
            for method in route.methods or ():
                told = described["paths"][route.path_format][method.lower()]
                told["operationId"] = route.call.operation
                told["x-roles"] = ["anybody"] if route.call.anybody else sorted(route.call.roles)
                told["security"] = [] if route.call.anybody else [{"token": []}]
                told["responses"].pop("422", None)
                errors = told["responses"].get("default", {}).get("content", {})
                if "application/json" in errors:
                    errors["application/problem+json"] = errors.pop("application/json")
        made.openapi_schema = described
    return made.openapi_schema
