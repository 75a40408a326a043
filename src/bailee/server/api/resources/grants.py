"""Permissions: given, shown, taken back."""

from __future__ import annotations

import asyncio
from datetime import time, timedelta
from typing import Any

from fastapi import Request
from starlette.responses import Response

from bailee.errors import NotFoundError
from bailee.party.granting import Terms, give, grant_facts, moment, take_back
from bailee.party.plans import parse_any_plan
from bailee.party.standing import grant_state_words
from bailee.records import Grant, Signed, parse_time
from bailee.server.api.callers import Role
from bailee.server.api.context import Context, context_of
from bailee.server.api.gate import holder_of, owns
from bailee.server.api.once import Answer, Attempt, Key, digest_of
from bailee.server.api.pages import Cursor, Limit, page
from bailee.server.api.rendered import ASKED, TAGGED, Body
from bailee.server.api.routes import allows, router
from bailee.server.api.shapes import GrantAsk, GrantShape, GrantsShape, RevocationShape, RevocationsShape, spelled

routes = router()
_RAW: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/json": {"schema": {"type": "object"}}}, "description": "The signed record."}
}


@routes.get("/v1/grants", response_model=GrantsShape, responses=TAGGED, openapi_extra=ASKED, tags=["grants"])
@allows("grants.list", (Role.OWNER, Role.BUILDER))
async def grants(request: Request, limit: Limit = 50, cursor: Cursor = None) -> Response:
    """Grants given here; a builder's own only."""
    context, holder = context_of(request), holder_of(request)
    now = context.clock().timestamp()

    def render() -> Body:
        names = context.shelf.grant_names()
        if not owns(holder):
            names = [name for name in names if context.shelf.grant(name).record.builder == holder.key]
        items, following = page(names, limit, cursor, lambda name: _shape(context, context.shelf.grant(name)))
        turns = [parse_time(time).timestamp() for one in items for time in (one.from_, one.until)]
        until = min((one for one in turns if one >= now), default=float("inf"))
        data = spelled(GrantsShape(items=items, next=following))
        return Body(data, context.shelf.folders("grants", "revocations"), until)

    key = ("grants", holder.key, str(limit), cursor or "")
    return context.rendered.answer(request, key, now, render)


@routes.post("/v1/grants", response_model=GrantShape, status_code=201, tags=["grants"])
@allows("grants.give", (Role.OWNER,), access="write")
async def give_one(request: Request, asked: GrantAsk, key: Key) -> Response:
    """Let a builder run exactly this plan. What `bailee grant` does."""
    context, holder = context_of(request), holder_of(request)

    def work(attempt: Attempt) -> Answer:
        began = attempt.began
        starts = began if asked.starts is None else moment(asked.starts, time.min)
        ends = starts + timedelta(days=asked.days) if asked.until is None else moment(asked.until, time.max)
        terms = Terms(
            asked.builder, starts, ends, asked.fields, asked.max_epsilon, asked.max_delta, asked.purpose,
            asked.unprotected,
        )  # fmt: skip
        dataset, plan = context.shelf.dataset(asked.dataset), parse_any_plan(asked.plan)
        given = give(context.party, context.party.identity, dataset, plan, terms, began, attempt.seed[:16])
        shape = _shape(context, given.grant, given.useless)
        return Answer(201, spelled(shape), f"/v1/grants/{given.grant.record.id}")

    body = await request.body()
    digest = digest_of("POST", "/v1/grants", body)
    return await context.once.do(holder.key, key, digest, lambda attempt: asyncio.to_thread(work, attempt))


@routes.get("/v1/grants/{grant}", response_model=GrantShape, tags=["grants"])
@allows("grants.read", (Role.OWNER, Role.BUILDER))
async def grant_read(request: Request, grant: str) -> Response:
    """What a grant says and whether it holds."""
    return Response(spelled(_shape(context_of(request), _own(request, grant))), media_type="application/json")


@routes.get("/v1/grants/{grant}/record", responses=_RAW, response_class=Response, tags=["grants"])
@allows("grants.record", (Role.OWNER, Role.BUILDER))
async def grant_record(request: Request, grant: str) -> Response:
    """The grant itself, signed."""
    return Response(_own(request, grant).envelope, media_type="application/json")


@routes.post("/v1/grants/{grant}/revocation", response_model=RevocationShape, status_code=201, tags=["grants"])
@allows("grants.revoke", (Role.OWNER,), access="write")
async def revoke(request: Request, grant: str, key: Key) -> Response:
    """Take a grant back from now on. What was taken back before stays so from then on."""
    context, holder = context_of(request), holder_of(request)

    def work(attempt: Attempt) -> Answer:
        given = context.shelf.grant(grant)
        taken, _ = take_back(context.party, context.party.identity, given, attempt.began)
        told = RevocationShape(grant=grant, digest=taken.record.grant, revoked=taken.record.revoked)
        return Answer(201, spelled(told), f"/v1/revocations/{grant}")

    digest = digest_of("POST", f"/v1/grants/{grant}/revocation", await request.body())
    return await context.once.do(holder.key, key, digest, lambda attempt: asyncio.to_thread(work, attempt))


@routes.get("/v1/revocations", response_model=RevocationsShape, responses=TAGGED, openapi_extra=ASKED, tags=["grants"])
@allows("revocations.list", (Role.OWNER, Role.BUILDER, Role.VERIFIER))
async def revocations(request: Request, limit: Limit = 50, cursor: Cursor = None) -> Response:
    """What was taken back here: readers of passports should know."""
    context = context_of(request)

    def render() -> Body:
        items, following = page(context.shelf.revocation_names(), limit, cursor, lambda name: _taken(context, name))
        return Body(spelled(RevocationsShape(items=items, next=following)), context.shelf.folders("revocations"))

    now = context.clock().timestamp()
    return context.rendered.answer(request, ("revocations", str(limit), cursor or ""), now, render)


@routes.get("/v1/revocations/{grant}", responses=_RAW, response_class=Response, tags=["grants"])
@allows("revocations.read", (Role.OWNER, Role.BUILDER, Role.VERIFIER))
async def revocation(request: Request, grant: str) -> Response:
    """A revocation itself, signed: a file for `bailee verify --revocation`."""
    found = context_of(request).shelf.revocation(grant)
    if found is None:
        raise NotFoundError("no grant of that id was taken back here")
    return Response(found.envelope, media_type="application/json")


def _own(request: Request, name: str) -> Signed[Grant]:
    """For a builder, a grant to another one is not there."""
    holder = holder_of(request)
    found = context_of(request).shelf.grant(name)
    if not owns(holder) and found.record.builder != holder.key:
        raise NotFoundError(f"no grant of the id {name[:100]!r}; list them to see which there are")
    return found


def _shape(context: Context, grant: Signed[Grant], note: str | None = None) -> GrantShape:
    facts = grant_facts(grant)
    taken = context.shelf.revocation(grant.record.id)
    revoked = None if taken is None or taken.record.grant != grant.digest else taken.record.revoked
    state = grant_state_words(grant, revoked, context.clock())
    return GrantShape(state=state, from_=facts.pop("from"), note=note, **facts)


def _taken(context: Context, name: str) -> RevocationShape:
    found = context.shelf.revocation(name)
    if found is None:
        raise NotFoundError("a revocation was removed while it was listed; list again")
    return RevocationShape(grant=name, digest=found.record.grant, revoked=found.record.revoked)
