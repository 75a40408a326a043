"""What is left: openings, privacy, grants that hold. For the owner."""

from __future__ import annotations

import asyncio

from fastapi import Request
from starlette.responses import Response

from bailee.party.standing import standing
from bailee.server.api.callers import Role
from bailee.server.api.context import context_of
from bailee.server.api.routes import allows, router
from bailee.server.api.shapes import StatusShape, spelled

routes = router()


@routes.get("/v1/status", response_model=StatusShape, tags=["status"])
@allows("status.read", (Role.OWNER,))
async def status(request: Request) -> Response:
    """What `bailee status` shows."""
    context = context_of(request)
    facts = await asyncio.to_thread(standing, context.party, context.clock())
    return Response(spelled(StatusShape(**facts)), media_type="application/json")
