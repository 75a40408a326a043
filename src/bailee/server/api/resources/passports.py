"""Strangers' papers: uploaded, checked link by link, removed. Each caller sees its own."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from blake3 import blake3
from fastapi import Request
from starlette.responses import Response

from bailee.adapters.files import storage_errors
from bailee.errors import InputError, NotFoundError
from bailee.records import time_text
from bailee.server.api.apart import links_of
from bailee.server.api.archives import PAPERS, unpack
from bailee.server.api.callers import Role
from bailee.server.api.context import Context, context_of
from bailee.server.api.gate import holder_of
from bailee.server.api.jobs import ENDED, Job
from bailee.server.api.once import Answer, Attempt, Key, digest_of
from bailee.server.api.pages import Cursor, Limit, page
from bailee.server.api.problems import ProblemError
from bailee.server.api.routes import allows, router
from bailee.server.api.shapes import (
    PassportShape,
    PassportsShape,
    VerificationAsk,
    VerificationShape,
    VerificationsShape,
    spelled,
)
from bailee.server.api.streams import SCHEMA, Told

routes = router()
_ZIP = {
    "requestBody": {
        "required": True,
        "content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}},
    }
}


@routes.post(
    "/v1/passports", response_model=PassportShape, status_code=201, openapi_extra=_ZIP, tags=["checking papers"]
)
@allows("passports.upload", Role, access="write", large=True)
async def upload(request: Request, key: Key) -> Response:
    """A zip with a passport (or an evaluation, answer, rules) and its attachments. The same zip has the same id."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/zip":
        raise ProblemError(415, "NotAZip", "expected a body of the type application/zip")
    context, holder = context_of(request), holder_of(request)
    folder = _folder(context, holder.key)
    with storage_errors(folder):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    whole = blake3()
    with tempfile.NamedTemporaryFile(dir=context.jobs.uploads, prefix=".body-") as body:
        async for block in request.stream():
            whole.update(block)
            with storage_errors(folder):
                await asyncio.to_thread(body.write, block)
        body.flush()
        name = whole.hexdigest()[:32]

        def work(_: Attempt) -> Answer:
            if not (folder / name).is_dir():
                if sum(1 for _ in folder.glob("[!.]*")) >= context.limits.uploads_of_one:
                    raise ProblemError(429, "TooManyUploads", "remove an upload first", {"Retry-After": "60"})
                unpack(Path(body.name), folder / name, context.limits)
            return Answer(201, spelled(_upload(folder / name)), f"/v1/passports/{name}")

        digest = digest_of("POST", "/v1/passports", whole.digest())
        return await context.once.do(holder.key, key, digest, lambda attempt: asyncio.to_thread(work, attempt))


@routes.get("/v1/passports", response_model=PassportsShape, tags=["checking papers"])
@allows("passports.list", Role)
async def uploads(request: Request, limit: Limit = 50, cursor: Cursor = None) -> Response:
    """Your uploads."""
    folder = _folder(context_of(request), holder_of(request).key)
    names = [path.name for path in folder.glob("[!.]*")]
    items, following = page(names, limit, cursor, lambda name: _upload(folder / name))
    return Response(spelled(PassportsShape(items=items, next=following)), media_type="application/json")


@routes.delete("/v1/passports/{passport}", status_code=204, response_class=Response, tags=["checking papers"])
@allows("passports.remove", Role, access="write")
async def remove(request: Request, passport: str) -> Response:
    """Remove an upload. A check of it that has not begun will fail."""
    folder = _folder(context_of(request), holder_of(request).key)
    if passport not in {path.name for path in folder.glob("[!.]*")}:
        raise NotFoundError("no upload of that id is yours; list them to see which there are")
    with storage_errors(folder):
        await asyncio.to_thread(shutil.rmtree, folder / passport)
    return Response(status_code=204)


@routes.post("/v1/verifications", response_model=VerificationShape, status_code=202, tags=["checking papers"])
@allows("verifications.begin", Role, access="write")
async def verify(request: Request, asked: VerificationAsk, key: Key) -> Response:
    """Have an upload checked, as `bailee verify` does. Follow it at its events."""
    context, holder = context_of(request), holder_of(request)

    async def work(attempt: Attempt) -> Answer:
        if not (_folder(context, holder.key) / asked.passport).is_dir():
            raise NotFoundError("no upload of that id is yours; upload it first")
        began = attempt.began.timestamp()
        wanted = Job(attempt.seed[:16].hex(), holder.key, asked.passport, asked.plain, tuple(asked.trusted), began)
        job = context.jobs.add(wanted)
        return Answer(202, spelled(_verification(context, job)), f"/v1/verifications/{job.id}")

    digest = digest_of("POST", "/v1/verifications", await request.body())
    return await context.once.do(holder.key, key, digest, work)


@routes.get("/v1/verifications", response_model=VerificationsShape, tags=["checking papers"])
@allows("verifications.list", Role)
async def verifications(request: Request, limit: Limit = 50, cursor: Cursor = None) -> Response:
    """Your checks."""
    context, caller = context_of(request), holder_of(request).key
    jobs = {job.id: job for job in context.jobs.all() if job.caller == caller}
    items, following = page(list(jobs), limit, cursor, lambda name: _verification(context, jobs[name], brief=True))
    return Response(spelled(VerificationsShape(items=items, next=following)), media_type="application/json")


@routes.get("/v1/verifications/{job}", response_model=VerificationShape, tags=["checking papers"])
@allows("verifications.read", Role)
async def verification(request: Request, job: str) -> Response:
    """Each link, and what the whole proves, or why it does not."""
    context = context_of(request)
    found = context.jobs.get(job, holder_of(request).key)
    return Response(spelled(_verification(context, found)), media_type="application/json")


@routes.get("/v1/verifications/{job}/events", responses=SCHEMA, response_class=Response, tags=["checking papers"])
@allows("verifications.events", Role)
async def events(request: Request, job: str) -> Response:
    """Each link as it begins, holds or breaks."""
    context = context_of(request)
    found = context.jobs.get(job, holder_of(request).key)
    return context.streams.follow(
        request, f"check {job}", lambda: _told(context, found.id), context.jobs.told_path(job)
    )


def _told(context: Context, job: str) -> Sequence[Told]:
    return [
        Told(str(place), "link" if "link" in one else one["state"], _brief(one), _is_last(one))
        for place, one in enumerate(context.jobs.told(job))
    ]


def _is_last(one: dict[str, Any]) -> bool:
    return "link" not in one and one["state"] in ENDED


def _brief(one: dict[str, Any]) -> dict[str, Any]:
    """The statement is for who asks for the check itself: it may have all weights of a model."""
    return {name: value for name, value in one.items() if name != "statement"}


def _verification(context: Context, job: Job, brief: bool = False) -> VerificationShape:
    told = context.jobs.told(job.id)
    end = told[-1] if told and _is_last(told[-1]) else {}  # said a moment before it is written down beside the job
    return VerificationShape(
        verification=job.id,
        passport=job.passport,
        plain=job.plain,
        trusted=list(job.trusted),
        created=time_text(datetime.fromtimestamp(job.created, UTC)),
        state=end.get("state", job.state),
        links=[] if brief else links_of(told),  # type: ignore[arg-type]
        error=end.get("error"),
        reason=end.get("reason"),
        statement=None if brief else end.get("statement"),
    )


def _folder(context: Context, caller: str) -> Path:
    return context.jobs.uploads / caller[:32]


def _upload(folder: Path) -> PassportShape:
    if not folder.is_dir():
        raise InputError("an upload was removed while it was listed; list again")
    papers = sorted(path.name for path in folder.iterdir() if path.name in PAPERS)
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return PassportShape(passport=folder.name, papers=papers, bytes=size)
