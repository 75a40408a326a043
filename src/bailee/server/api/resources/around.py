"""The server itself: its health, its description, whom it speaks for."""

from __future__ import annotations

import asyncio
import json
import time

from fastapi import Request
from starlette.responses import Response

from bailee import __version__
from bailee.server.api.context import context_of
from bailee.server.api.health import readiness
from bailee.server.api.routes import allows, router
from bailee.server.api.shapes import IdentityShape, LiveShape, ReadyShape, spelled

routes = router()
_GOOD_FOR = 5.0
"""Seconds a look at stores and chain is good for: anybody may ask."""


@routes.get("/healthz", response_model=LiveShape, tags=["server"])
@allows("health.live", anybody=True)
async def live() -> Response:
    """That the process answers."""
    return Response(spelled(LiveShape(live=True)), media_type="application/json")


@routes.get(
    "/readyz", response_model=ReadyShape, responses={503: {"model": ReadyShape, "description": "Not ready"}},
    tags=["server"],
)  # fmt: skip
@allows("health.ready", anybody=True)
async def ready(request: Request) -> Response:
    """Whether keys, disk, stores and chain answer."""
    state = request.app.state
    async with state.looking:
        seen = getattr(state, "seen", None)
        if seen is None or time.monotonic() - seen[0] > _GOOD_FOR:
            context = context_of(request)
            found = await asyncio.to_thread(readiness, context.party, context.log)
            seen = state.seen = (time.monotonic(), found)
    good = "fails" not in seen[1].values()
    told = ReadyShape(ready=good, checks=seen[1])
    return Response(spelled(told), 200 if good else 503, media_type="application/json")


@routes.get("/v1/openapi.json", tags=["server"])
@allows("openapi", anybody=True)
async def openapi(request: Request) -> Response:
    """This API, for machines."""
    return Response(json.dumps(request.app.openapi()), media_type="application/json")


@routes.get("/v1/identity", response_model=IdentityShape, tags=["server"])
@allows("identity.read", anybody=True)
async def identity(request: Request) -> Response:
    """Whom the server speaks for: the party's public identity."""
    public = context_of(request).public
    told = IdentityShape(
        name=public.name,
        public_key=public.public_key.hex(),
        sealing_key=public.sealing_key.hex(),
        version=__version__,
    )
    return Response(spelled(told), media_type="application/json")
