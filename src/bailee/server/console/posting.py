"""Forms: every POST of the console is made by `posted`, which reads no more than it must and wants the form's token.

No page answers a form: what was done is shown by the page after it, and what could not be done by the form's own page,
with what was typed and why. So reloading sends nothing again, and going back finds pages that were asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import quote

from python_multipart.multipart import parse_options_header
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route
from starlette.types import Message, Receive

from bailee.errors import BaileeError, InputError, NotFoundError
from bailee.server.console.access import is_token_of
from bailee.server.console.context import context_of, visitor_of

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
Form = str | Callable[[Request, Sent], str | None] | None
"""The path of the page that has the form, with the route's parameters in it or to be made of what was sent. None where
none of our pages can send what fails: then the error has a page of its own."""


def posted(path: str, handler: Handler, page: Form, most: int = FORM_BYTES, files: int = _FILES) -> Route:
    """A route for POST. `handler` runs in a thread; most: bytes of the whole request; files: so many at most.

    page: the one that has the form; what the handler refuses is said there.
    """

    async def endpoint(request: Request) -> Response:
        part = min(most, FORM_BYTES)
        _require_utf8(request)
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
            try:
                return await run_in_threadpool(handler, request, sent)
            except BaileeError as error:
                place = _place(page, request, sent)
                if place is None:
                    raise
                return mending(request, sent, place, context_of(request).told(error))

    route = Route(path, endpoint, methods=["POST"])
    setattr(route, _MARK, most)
    return route


def _require_utf8(request: Request) -> None:
    """As every page of ours sends it: others of Python's codecs fail in ways of their own, or make half letters."""
    _, options = parse_options_header(request.headers.get("content-type"))
    if options.get(b"charset", b"utf-8").lower() != b"utf-8":
        raise HTTPException(415, "a form is sent as UTF-8; go back, load the page, try again")


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


def mending(request: Request, sent: Sent, place: str, problem: str | None = None) -> Response:
    """To the form's page at `place`, which shows what was typed, and the problem if there is one."""
    name = context_of(request).drafts.keep_new(sent.texts, problem)
    return then(f"{place}{'&' if '?' in place else '?'}mend={name}")


def _place(form: Form, request: Request, sent: Sent) -> str | None:
    if isinstance(form, str):
        return form.format(**{name: quote(str(value), safe="") for name, value in request.path_params.items()})
    return None if form is None else form(request, sent)


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
