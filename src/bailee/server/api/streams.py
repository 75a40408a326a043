"""Server-sent events: followers of something that only grows, with ids to come back by."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fastapi import Request
from starlette.responses import StreamingResponse

from bailee.errors import BaileeError
from bailee.server.api.gate import Gate, holder_of
from bailee.server.api.limits import TICK, Limits
from bailee.server.api.metrics import Metrics
from bailee.server.api.problems import ProblemError
from bailee.server.api.tokens import Holder

KIND = "text/event-stream"
SCHEMA: dict[int | str, dict[str, Any]] = {
    200: {"description": "Events, as they come.", "content": {KIND: {"schema": {"type": "string"}}}}
}


@dataclass(frozen=True)
class Told:
    """id: unique among those followed, without line ends; last: nothing comes after it."""

    id: str
    event: str
    facts: Mapping[str, Any]
    last: bool = False


Read = Callable[[], Sequence[Told]]
"""All there is so far, oldest first."""


@dataclass
class Streams:
    """Those open now. `stopping` is set when the server wants to go."""

    limits: Limits
    metrics: Metrics
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    _open: Counter[str] = field(default_factory=Counter)
    _readers: dict[str, _Reader] = field(default_factory=dict)

    def follow(self, request: Request, name: str, read: Read, grows: Path) -> StreamingResponse:
        """The stream of what `read` gives, `name`d so that its followers read once for all of them.

        grows: the file or folder whose date changes when there is more to read.

        Raises ProblemError (429, 503) where there are too many, and what `read` raises.
        """
        holder = holder_of(request)
        if self._open[holder.key] >= self.limits.streams_of_one:
            raise ProblemError(429, "TooManyStreams", "close another stream first", {"Retry-After": "5"})
        if self._open.total() >= self.limits.streams:
            raise ProblemError(503, "TooManyStreams", "too many streams are open here", {"Retry-After": "5"})
        reader = self._readers.setdefault(name, _Reader(read, grows))
        reader.look(self.limits.poll)
        after = request.headers.get("last-event-id", "")
        gate: Gate = request.app.state.gate
        lines = self._lines(reader, name, after, holder, lambda: gate.still(holder))
        return StreamingResponse(lines, headers={"X-Accel-Buffering": "no"}, media_type=KIND)

    async def _lines(self, reader: _Reader, name: str, after: str, holder: Holder, still: Callable[[], bool]
                     ) -> AsyncIterator[bytes]:  # fmt: skip
        key = holder.key
        self._open[key] += 1
        self.metrics.streams.inc()
        reader.followers += 1
        seen: set[str] = set()
        try:
            yield b"retry: 2000\n\n"
            found = reader.look(self.limits.poll)
            ids = [told.id for told in found]
            if after in ids:  # an unknown id gets everything: nothing is lost by it
                seen.update(ids[: ids.index(after) + 1])
            heard = time.monotonic()
            while True:
                if time.time() >= holder.ends or not still():
                    yield b"event: token-ended\ndata: {}\n\n"
                    return
                for told in reader.look(self.limits.poll):
                    if told.id not in seen:
                        seen.add(told.id)
                        heard = time.monotonic()
                        yield _spelled(told)
                    if told.last:
                        return
                if self.stopping.is_set():
                    yield b"event: closing\ndata: {}\n\n"
                    return
                if time.monotonic() - heard >= self.limits.heartbeat:
                    heard = time.monotonic()
                    yield b": still here\n\n"
                with suppress(TimeoutError):
                    await asyncio.wait_for(self.stopping.wait(), self.limits.poll)
        except BaileeError:
            yield b"event: failed\ndata: {}\n\n"  # what was followed is gone; another request says why
        finally:
            self.metrics.streams.dec()
            self._open[key] -= 1
            if not self._open[key]:
                del self._open[key]
            reader.followers -= 1
            if not reader.followers:
                self._readers.pop(name, None)


class _Reader:
    """One reading for all followers, no more often than they poll, and only when there is more."""

    def __init__(self, read: Read, grows: Path) -> None:
        self._read, self._grows = read, grows
        self._found: Sequence[Told] = ()
        self._at, self._date, self._looked = -1.0, -1, 0
        self.followers = 0

    def look(self, poll: float) -> Sequence[Told]:
        now = time.monotonic()
        if self._at >= 0 and now - self._at < poll * 0.9:
            return self._found
        self._at = now
        date = self._grows.stat().st_mtime_ns if self._grows.exists() else -1
        if date != self._date or date < 0 or self._looked - date < TICK:
            self._looked = time.time_ns()
            self._found, self._date = self._read(), date
        return self._found


def _spelled(told: Told) -> bytes:
    data = json.dumps(told.facts, ensure_ascii=True)  # one line, whatever is in it
    return f"id: {told.id}\nevent: {told.event}\ndata: {data}\n\n".encode()
