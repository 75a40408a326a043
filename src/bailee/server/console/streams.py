"""Parts of a page that stay current: drawn again here, sent as HTML when they changed (server-sent events)."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from time import monotonic

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import StreamingResponse

from bailee.errors import BaileeError
from bailee.server.console.context import context_of, visitor_of

HEARTBEAT = 15.0
STREAMS_OF_ONE = 16
_open: Counter[str] = Counter()


def stream(request: Request, draw: Callable[[], tuple[str, bool]], every: float = 0.5) -> StreamingResponse:
    """What `draw` gives, (HTML, whether it is the last), whenever it is not what it was; asked each `every` seconds.

    The element with `data-stream` on the page takes it. `draw` runs in a thread. It ends with the session.
    """
    visitor = visitor_of(request)
    if _open[visitor.name] >= STREAMS_OF_ONE:
        raise HTTPException(429, "too many pages are watching already; close one of them")
    return StreamingResponse(
        _lines(request, draw, every), headers={"X-Accel-Buffering": "no"}, media_type="text/event-stream"
    )


async def _lines(request: Request, draw: Callable[[], tuple[str, bool]], every: float) -> AsyncIterator[bytes]:
    context, visitor = context_of(request), visitor_of(request)
    before, heard = None, monotonic()
    _open[visitor.name] += 1
    try:
        yield b"retry: 2000\n\n"
        while context.access.runs(visitor) and not context.stopping.is_set():
            drawn, last = await asyncio.to_thread(draw)
            if drawn != before:
                before, heard = drawn, monotonic()
                yield b"event: html\ndata: " + json.dumps(drawn).encode() + b"\n\n"
            if last:
                break
            if monotonic() - heard >= HEARTBEAT:
                heard = monotonic()
                yield b": still here\n\n"
            with suppress(TimeoutError):
                await asyncio.wait_for(context.stopping.wait(), every)
        yield b"event: end\ndata: {}\n\n"
    except BaileeError:
        yield b"event: end\ndata: {}\n\n"  # what was watched is gone; the page itself says why
    finally:
        _open[visitor.name] -= 1
        if not _open[visitor.name]:
            del _open[visitor.name]
