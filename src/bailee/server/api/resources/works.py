"""Works on the folder's ledger and what they earned, for the owner. Only looked at: nothing is signed or paid here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import Query, Request
from starlette.responses import Response

from bailee.errors import NotFoundError
from bailee.own.graph import WorkNode
from bailee.party.ledger_view import LedgerView
from bailee.server.api.callers import Role
from bailee.server.api.context import Context, context_of
from bailee.server.api.pages import Cursor, Limit, page
from bailee.server.api.routes import allows, router
from bailee.server.api.shapes import (
    EarnedShape,
    EarningsShape,
    MoneyShape,
    PartShape,
    WorkShape,
    WorksShape,
    spelled,
)

routes = router()
Every = Annotated[bool, Query(alias="all", description="Others' works, too.")]


@routes.get("/v1/works", response_model=WorksShape, tags=["ledger"])
@allows("works.list", (Role.OWNER,))
async def works(request: Request, limit: Limit = 50, cursor: Cursor = None, every: Every = False) -> Response:
    """Works that this party owns or has shares of. `reason`: why there are none, or why they are not newer."""
    context = context_of(request)
    view, reason = await context.ledger.look()
    nodes = {str(one.id): one for one in _nodes(view) if every or one.id in _own(view)}
    items, following = page(list(nodes), limit, cursor, lambda name: _work(nodes[name], view))
    told = WorksShape(items=items, next=following, **_as_of(context, view, reason))
    return Response(spelled(told), media_type="application/json")


@routes.get("/v1/works/{work}", response_model=WorkShape, tags=["ledger"])
@allows("works.read", (Role.OWNER,))
async def work_read(request: Request, work: str) -> Response:
    """A work, whose it is and what it was made from."""
    view, reason = await context_of(request).ledger.look()
    for one in _nodes(view):
        if str(one.id) == work:
            return Response(spelled(_work(one, view)), media_type="application/json")
    raise NotFoundError(f"no work of the number {work[:80]!r}; {reason or 'list them to see which there are'}")


@routes.get("/v1/earnings", response_model=EarningsShape, tags=["ledger"])
@allows("earnings.list", (Role.OWNER,))
async def earned(request: Request, limit: Limit = 50, cursor: Cursor = None) -> Response:
    """What works earned for this party's accounts, by currency, in its smallest unit and in words."""
    context = context_of(request)
    view, reason = await context.ledger.look()
    known = {str(one.work): one for one in (() if view is None else view.earnings)}

    def show(name: str) -> EarnedShape:
        one = known[name]
        money = [
            MoneyShape(
                currency=coin.currency,
                **{part: str(getattr(coin, part).smallest) for part in _PARTS},
                words={part: getattr(coin, part).words for part in _PARTS},
            )
            for coin in one.money
        ]
        return EarnedShape(
            work=name, kind=one.kind, commitment=one.commitment, dataset=one.dataset, units=one.units, money=money
        )

    items, following = page(list(known), limit, cursor, show)
    told = EarningsShape(items=items, next=following, **_as_of(context, view, reason))
    return Response(spelled(told), media_type="application/json")


_PARTS = ("paid", "drawable", "withdrawn", "waiting")


def _nodes(view: LedgerView | None) -> Sequence[WorkNode]:
    return () if view is None else view.graph.works


def _own(view: LedgerView | None) -> frozenset[int]:
    return frozenset(() if view is None else view.own)


def _as_of(context: Context, view: LedgerView | None, reason: str | None) -> dict[str, Any]:
    """`reason` without the places of this disk, as in errors."""
    said = None if reason is None else reason.replace(str(context.party.path), "the party's folder")
    if view is None:
        return {"ledger": None, "block": None, "seen": None, "reason": said}
    return {"ledger": view.ledger, "block": view.block, "seen": view.seen, "reason": said}


def _work(one: WorkNode, view: LedgerView | None) -> WorkShape:
    return WorkShape(
        work=str(one.id),
        kind=one.kind,
        commitment=one.commitment,
        owner=one.owner,
        own=one.id in _own(view),
        status=one.status,
        uri=one.uri,
        block=one.block,
        holders=dict(one.holders),
        made_from=[
            PartShape(work=str(origin.parent), grant=origin.grant, units=origin.units) for origin in one.origins
        ],
    )
