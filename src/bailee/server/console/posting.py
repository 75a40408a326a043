"""Forms: every POST of the console is made by `posted`, which reads no more than it must and wants the form's token."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route
from starlette.types import Message, Receive

from bailee.errors import InputError, NotFoundError
from bailee.server.console.access import is_token_of
from bailee.server.console.context import visitor_of

FORM_BYTES = 256 << 10
_FIELDS = 20_000
_FILES = 8


class FormError(InputError):
    """A form that did not come from a page of this session."""


@dataclass(frozen=True)
class Sent:
    """What a form sent: texts by name, all of them and in order, and files."""

    texts: Mapping[str, list[str]]
    files: Mapping[str, list[UploadFile]]

    def text(self, name: str, default: str = "") -> str:
        found = self.texts.get(name)
        return found[0].strip() if found else default

    def needed(self, name: str) -> str:
        """Raises InputError where the field is missing or empty."""
        found = self.text(name)
        if not found:
            raise InputError(f"the field {name!r} is empty; fill it in and send the form again")
        return found


Handler = Callable[[Request, Sent], Response]


def posted(path: str, handler: Handler, most: int = FORM_BYTES, files: int = _FILES) -> Route:
    """A route for POST. `handler` runs in a thread; most: bytes of the whole request; files: so many at most."""

    async def endpoint(request: Request) -> Response:
        part = min(most, FORM_BYTES)
        request = Request(request.scope, _counted(request.receive, most))
        async with request.form(max_files=files, max_fields=_FIELDS, max_part_size=part) as form:
            texts: dict[str, list[str]] = {}
            uploads: dict[str, list[UploadFile]] = {}
            for name, value in form.multi_items():
                if isinstance(value, UploadFile):
                    uploads.setdefault(name, []).append(value)
                else:
                    texts.setdefault(name, []).append(value.replace("\r\n", "\n"))  # forms end lines as HTTP does
            sent = Sent(texts, uploads)
            if not is_token_of(visitor_of(request), sent.text("csrf")):
                raise FormError("this form is not of this session, or it is too old; go back, load the page, try again")
            return await run_in_threadpool(handler, request, sent)

    route = Route(path, endpoint, methods=["POST"])
    setattr(route, _MARK, most)
    return route


def _counted(receive: Receive, most: int) -> Receive:
    """Bodies are counted as they come, whatever they said of their length."""
    got = 0

    async def next_part() -> Message:
        nonlocal got
        message = await receive()
        got += len(message.get("body", b""))
        if got > most:
            raise HTTPException(413, f"what you sent is larger than {most} bytes, the most that this page takes")
        return message

    return next_part


_MARK = "posted_most"


def most_of(route: Route) -> int | None:
    """How much a route made by `posted` takes; None for any other."""
    found = getattr(route, _MARK, None)
    return found if isinstance(found, int) else None


def then(place: str) -> RedirectResponse:
    """After a form: the page that shows what came of it. `place` is a path of the console."""
    if not place.startswith("/") or place.startswith("//") or "\\" in place:
        raise NotFoundError("there is no such page here")
    return RedirectResponse(place, 303)
