"""Sealed datasets, by their cards: what their owner shows to anybody with a role."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import Request
from starlette.responses import Response

from bailee.party.standing import card_facts
from bailee.seal import Dataset
from bailee.server.api.callers import Role
from bailee.server.api.context import context_of
from bailee.server.api.pages import Cursor, Limit, page
from bailee.server.api.rendered import ASKED, TAGGED, Body
from bailee.server.api.routes import allows, router
from bailee.server.api.shapes import DatasetShape, DatasetsShape, spelled

routes = router()
_RAW: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/json": {"schema": {"type": "object"}}}, "description": "The signed card."}
}
_PROOF: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
        "description": "The proof.",
    }
}


@routes.get("/v1/datasets", response_model=DatasetsShape, responses=TAGGED, openapi_extra=ASKED, tags=["datasets"])
@allows("datasets.list", Role)
async def datasets(request: Request, limit: Limit = 50, cursor: Cursor = None) -> Response:
    """All sealed datasets, by name."""
    context = context_of(request)
    shelf = context.shelf

    def render() -> Body:
        names = shelf.dataset_names()
        items, following = page(names, limit, cursor, lambda name: _shape(shelf.dataset(name)))
        folders = shelf.folders("datasets", *(f"datasets/{one.name}" for one in items))
        return Body(spelled(DatasetsShape(items=items, next=following)), folders)

    now = context.clock().timestamp()
    return context.rendered.answer(request, ("datasets", str(limit), cursor or ""), now, render)


@routes.get("/v1/datasets/{name}", response_model=DatasetShape, tags=["datasets"])
@allows("datasets.read", Role)
async def dataset(request: Request, name: str) -> Response:
    """What a dataset's card says."""
    return Response(spelled(_shape(context_of(request).shelf.dataset(name))), media_type="application/json")


@routes.get("/v1/datasets/{name}/card", responses=_RAW, response_class=Response, tags=["datasets"])
@allows("datasets.card", Role)
async def card(request: Request, name: str) -> Response:
    """The card itself, signed: a file for `bailee card show --check`, with its proof beside it."""
    return Response(context_of(request).shelf.dataset(name).card.envelope, media_type="application/json")


@routes.get("/v1/datasets/{name}/proof", responses=_PROOF, response_class=Response, tags=["datasets"])
@allows("datasets.proof", Role)
async def proof(request: Request, name: str) -> Response:
    """The proof that the committed rows are valid."""
    found = context_of(request).shelf.dataset(name)
    data = await asyncio.to_thread(lambda: found.proof)
    return Response(data, media_type="application/octet-stream")


def _shape(found: Dataset) -> DatasetShape:
    return DatasetShape(name=found.directory.name, **card_facts(found.card))
