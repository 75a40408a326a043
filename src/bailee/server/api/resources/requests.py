"""Grants asked for: sent by builders, answered by the owner. To send one gives nothing."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import time
from typing import Any

from fastapi import Request
from starlette.responses import Response

from bailee.errors import GrantError, InputError, NotFoundError
from bailee.party.asking import answer_give, answer_refuse, receive
from bailee.party.granting import moment
from bailee.party.requested import REQUESTS, Asked, facts_of, open_request, terms_of
from bailee.records.fields import parse_time
from bailee.records.request import REFUSED
from bailee.server.api.callers import Role
from bailee.server.api.context import context_of
from bailee.server.api.gate import holder_of, owns
from bailee.server.api.once import Answer, Attempt, Key, digest_of
from bailee.server.api.pages import Cursor, Limit, page
from bailee.server.api.rendered import ASKED, TAGGED, Body
from bailee.server.api.routes import allows, router
from bailee.server.api.shapes import AnswerAsk, RequestBriefShape, RequestShape, RequestsShape, spelled

routes = router()
_SIGNED: dict[str, Any] = {
    "requestBody": {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}}
}


@routes.post(
    "/v1/requests", response_model=RequestShape, status_code=201, openapi_extra=_SIGNED, tags=["asking for grants"]
)
@allows("requests.send", (Role.OWNER, Role.BUILDER), access="write")
async def send(request: Request, key: Key) -> Response:
    """Ask for a grant: a signed grant-request/v1, as `bailee ask` makes it. A builder sends its own only."""
    context, holder = context_of(request), holder_of(request)
    body = await request.body()

    def work(_: Attempt) -> Answer:
        signed = open_request(body)
        if not owns(holder) and signed.record.builder != holder.key:
            raise GrantError("this request is signed by another key than the caller's; its builder sends it")
        found = receive(context.party, body, context.clock())
        return Answer(201, spelled(_shape(found)), f"/v1/requests/{found.id}")

    digest = digest_of("POST", "/v1/requests", body)
    return await context.once.do(holder.key, key, digest, lambda attempt: asyncio.to_thread(work, attempt))


@routes.get(
    "/v1/requests", response_model=RequestsShape, responses=TAGGED, openapi_extra=ASKED, tags=["asking for grants"]
)
@allows("requests.list", (Role.OWNER, Role.BUILDER))
async def requests(request: Request, limit: Limit = 50, cursor: Cursor = None) -> Response:
    """What was asked here; a builder's own only."""
    context, holder = context_of(request), holder_of(request)
    shelf, now = context.shelf, context.clock()

    def shown(name: str) -> RequestBriefShape:
        return RequestBriefShape(**_facts(shelf.request(name, now)))

    def render() -> Body:
        names = shelf.request_names()
        if not owns(holder):
            names = [name for name in names if shelf.request(name, now).request.record.builder == holder.key]
        items, following = page(names, limit, cursor, shown)
        ends = [parse_time(one.until).timestamp() for one in items if one.state == "open"]
        data = spelled(RequestsShape(items=items, next=following))
        return Body(data, shelf.folders(REQUESTS), min(ends, default=float("inf")))

    key = ("requests", holder.key, str(limit), cursor or "")
    return context.rendered.answer(request, key, now.timestamp(), render)


@routes.get("/v1/requests/{grant_request}", response_model=RequestShape, tags=["asking for grants"])
@allows("requests.read", (Role.OWNER, Role.BUILDER))
async def read(request: Request, grant_request: str) -> Response:
    """What was asked, with its plan, and what has become of it."""
    return Response(spelled(_shape(_own(request, grant_request))), media_type="application/json")


@routes.post(
    "/v1/requests/{grant_request}/answer", response_model=RequestShape, status_code=201, tags=["asking for grants"]
)
@allows("requests.answer", (Role.OWNER,), access="write")
async def answer(request: Request, grant_request: str, asked: AnswerAsk, key: Key) -> Response:
    """Give what was asked, or less, or refuse. A request is answered once."""
    context, holder = context_of(request), holder_of(request)

    def work(attempt: Attempt) -> Answer:
        party, found = context.party, _own(request, grant_request)
        owner = party.identity
        if asked.decision == REFUSED:
            if asked.narrows:
                raise InputError("a request that is refused has no terms; leave them out")
            answer_refuse(party, owner, found.id, asked.reason, attempt.began)
        else:
            if asked.reason:
                raise InputError("a grant needs no reason; leave it out")
            answer_give(party, owner, found.id, attempt.began, attempt.seed[:16], terms=_terms(found, asked))
        return Answer(201, spelled(_shape(_own(request, grant_request))), f"/v1/requests/{found.id}")

    digest = digest_of("POST", f"/v1/requests/{grant_request}/answer", await request.body())
    return await context.once.do(holder.key, key, digest, lambda attempt: asyncio.to_thread(work, attempt))


def _terms(found: Asked, asked: AnswerAsk) -> Any:
    """What was asked, narrowed. Wider terms are refused where the grant is made."""
    terms = terms_of(found.request.record, asked.unprotected)
    return replace(
        terms,
        begins=terms.begins if asked.starts is None else moment(asked.starts, time.min),
        ends=terms.ends if asked.until is None else moment(asked.until, time.max),
        fields=terms.fields if asked.fields is None else asked.fields,
        max_epsilon=asked.max_epsilon or terms.max_epsilon,
        max_delta=asked.max_delta or terms.max_delta,
    )


def _own(request: Request, name: str) -> Asked:
    """For a builder, what another one asked is not there."""
    context, holder = context_of(request), holder_of(request)
    found = context.shelf.request(name, context.clock())
    if not owns(holder) and found.request.record.builder != holder.key:
        raise NotFoundError(f"no request of the id {name[:100]!r}; list them to see which there are")
    return found


def _facts(found: Asked) -> dict[str, Any]:
    facts = facts_of(found)
    return facts | {"from_": facts.pop("from")}


def _shape(found: Asked) -> RequestShape:
    return RequestShape(
        **_facts(found),
        plan_text=dict(found.request.record.plan),
        record=found.request.envelope.decode(),
        answer_record=None if found.answer is None else found.answer.envelope.decode(),
    )
