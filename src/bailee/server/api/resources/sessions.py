"""Training sessions: how far they are, and as they go on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from fastapi import Request
from starlette.responses import Response

from bailee.errors import NotFoundError
from bailee.party.course import DONE, Leader, steps_of
from bailee.server.api.callers import Role
from bailee.server.api.context import context_of
from bailee.server.api.gate import holder_of, owns
from bailee.server.api.pages import Cursor, Limit, page
from bailee.server.api.rendered import ASKED, TAGGED, Body
from bailee.server.api.routes import allows, router
from bailee.server.api.shapes import SessionShape, SessionsShape, spelled
from bailee.server.api.streams import SCHEMA, Told

routes = router()


@routes.get("/v1/sessions", response_model=SessionsShape, responses=TAGGED, openapi_extra=ASKED, tags=["sessions"])
@allows("sessions.list", (Role.OWNER, Role.BUILDER))
async def sessions(request: Request, limit: Limit = 50, cursor: Cursor = None) -> Response:
    """Sessions of this party; a builder's own only."""
    context, holder = context_of(request), holder_of(request)
    shelf = context.shelf

    def render() -> Body:
        every = names = shelf.session_names()
        if not owns(holder):
            names = [name for name in names if shelf.session(name)[1].builder == holder.key]
        items, following = page(names, limit, cursor, lambda name: _shape(name, *shelf.session(name)))
        folders = shelf.folders("sessions", *(f"sessions/{name}" for name in every))  # who leads one is said in it
        return Body(spelled(SessionsShape(items=items, next=following)), folders)

    key, now = ("sessions", holder.key, str(limit), cursor or ""), context.clock().timestamp()
    return context.rendered.answer(request, key, now, render)


@routes.get("/v1/sessions/{session}", response_model=SessionShape, tags=["sessions"])
@allows("sessions.read", (Role.OWNER, Role.BUILDER))
async def session_read(request: Request, session: str) -> Response:
    """How far a session is."""
    return Response(spelled(_shape(session, *_own(request, session))), media_type="application/json")


@routes.get("/v1/sessions/{session}/events", responses=SCHEMA, response_class=Response, tags=["sessions"])
@allows("sessions.events", (Role.OWNER, Role.BUILDER))
async def events(request: Request, session: str) -> Response:
    """Each message of a session as it is kept, by stage, round and owner."""
    folder, _ = _own(request, session)
    return context_of(request).streams.follow(request, f"session {session}", lambda: told(folder), folder)


def told(folder: Path) -> Sequence[Told]:
    """A session's steps as events."""
    return [
        Told(
            step.name,
            step.stage,
            {"stage": step.stage, "at": step.at, "round": step.round, "owner": step.owner},
            step.stage == DONE,
        )
        for step in steps_of(folder)
    ]


def _own(request: Request, name: str) -> tuple[Path, Leader]:
    """For a builder, a session that another one leads is not there."""
    holder = holder_of(request)
    folder, leader = context_of(request).shelf.session(name)
    if not owns(holder) and leader.builder != holder.key:
        raise NotFoundError(f"no session {name[:16]}...; list them to see which there are")
    return folder, leader


def _shape(name: str, folder: Path, leader: Leader) -> SessionShape:
    steps = steps_of(folder)
    return SessionShape(
        session=name,
        kind=leader.kind,
        builder=leader.builder,
        plan=leader.plan,
        purpose=leader.purpose,
        owners=list(leader.owners),
        stage=steps[-1].stage if steps else "",
        round=max((step.round for step in steps if step.round is not None), default=0),
        rounds=leader.rounds,
        finished=any(step.stage == DONE for step in steps),
    )
