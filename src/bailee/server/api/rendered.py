"""Bodies of lists that are asked again and again, kept until something they show has changed.

A list depends on folders: what is new, gone or replaced in one changes its date, for all files of a home are written
beside and then renamed. A date that is only seconds old is not relied on: another change might leave the same one.

A body has a tag, its digest: who names it in `If-None-Match` is told that nothing is other (304), without the body.
"""

from __future__ import annotations

import os
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

from fastapi import Request
from starlette.responses import Response

from bailee.records import digest
from bailee.server.api.limits import TICK

_MOST = 256
_LARGEST = 1 << 17
"""Bytes of a body that is kept."""

Stamp = tuple[int, int]
TAGGED: Final[dict[int | str, dict[str, Any]]] = {
    200: {"headers": {"ETag": {"description": "Names this body.", "schema": {"type": "string"}}}},
    304: {"description": "The body is the one that `If-None-Match` names."},
}
"""What a route of a list answers beside, for its description."""
ASKED: Final[dict[str, Any]] = {
    "parameters": [
        {"name": "If-None-Match", "in": "header", "required": False,
         "schema": {"type": "string", "pattern": "^[ -~]*$"},
         "description": "Tags of bodies that the caller has, as `ETag` named them, with commas between."}
    ]
}  # fmt: skip
"""And what it looks at."""


@dataclass(frozen=True)
class Body:
    """data: what is sent; folders: what it depends on; until: seconds since 1970 when it would be another by itself."""

    data: bytes
    folders: Sequence[str] = ()
    until: float = float("inf")

    @cached_property
    def tag(self) -> str:
        """As HTTP writes it, quotes and all."""
        return f'"{digest(self.data)[:32]}"'


@dataclass
class Rendered:
    _kept: OrderedDict[tuple[str, ...], tuple[float, Body, tuple[Stamp, ...]]] = field(default_factory=OrderedDict)

    def answer(self, request: Request, key: tuple[str, ...], now: float, render: Callable[[], Body]) -> Response:
        """The list, or that it is the one which the caller has. As `body`."""
        found = self.body(key, now, render)
        headers = {"ETag": found.tag}
        if _names(request.headers.getlist("if-none-match"), found.tag):
            return Response(status_code=304, headers=headers)
        return Response(found.data, headers=headers, media_type="application/json")

    def body(self, key: tuple[str, ...], now: float, render: Callable[[], Body]) -> Body:
        """What `render` gives, or gave when nothing was other than it is. key: who asked for what; now: as `until`."""
        kept = self._kept.get(key)
        if kept is not None:
            since, body, stamps = kept
            if since <= now < body.until and stamps == _stamps(body.folders):
                return body
        looked = time.time_ns()
        body = render()
        stamps = _stamps(body.folders)  # after: what changed meanwhile is too young to be relied on
        self._kept.pop(key, None)
        if len(body.data) <= _LARGEST and all(looked - date > TICK for date, _ in stamps):
            self._kept[key] = (now, body, stamps)
            if len(self._kept) > _MOST:
                self._kept.popitem(last=False)
        return body


def _names(told: Sequence[str], tag: str) -> bool:
    """Whether what was told names the tag; proxies may have weakened it (RFC 9110, 8.8.3.2 and 13.1.2)."""
    known = [one.strip().removeprefix("W/") for line in told for one in line.split(",")]
    return tag in known or known == ["*"]


def _stamps(folders: Sequence[str]) -> tuple[Stamp, ...]:
    return tuple(map(_stamp, folders))


def _stamp(folder: str) -> Stamp:
    try:
        found = os.stat(folder)
    except OSError:
        return (0, 0)
    return (found.st_mtime_ns, found.st_ino)
