"""One connection, with the bounds that uvicorn's parser has none of: what comes before or between bodies is small, soon
there, and never a second request in disguise.

Nobody has been asked who he is yet when a head is read, so its size and time are bounded here, for every server.
"""

from __future__ import annotations

from asyncio import Transport
from asyncio.events import TimerHandle

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

LARGEST_HEAD = 64 << 10
"""Bytes of a request's line and headers, trailers included; also of what may come between two pieces of a body."""
HEAD_TIME = 30.0
"""Seconds for a head to be there, from its first byte or from the connection's beginning."""


class Connection(HttpToolsProtocol):
    """What is refused here is answered with 400 and the end of the connection."""

    _between = _head = 0
    _timer: TimerHandle | None = None

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._unset_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        self._between += len(data)
        super().data_received(data)
        # The parser keeps an unfinished header, and skips what a chunk's size is followed by, without saying so.
        if self._between > LARGEST_HEAD and not self.transport.is_closing():
            self._refuse()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._head = 0
        self._await_head()

    def on_header(self, name: bytes, value: bytes) -> None:
        self._head += len(name) + len(value)
        if self._head + len(self.url) > LARGEST_HEAD:
            raise ValueError("a head is too large")
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._between = 0
        self._unset_timer()
        if self.parser.should_upgrade() and _has_body(self.headers):
            # The parser would take the body for the next request, which a proxy in between has never seen.
            raise ValueError("an upgrade with a body")
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._between = 0
        super().on_body(body)

    def _await_head(self) -> None:
        self._unset_timer()
        self._timer = self.loop.call_later(HEAD_TIME, self._give_up)

    def _unset_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _give_up(self) -> None:
        self._timer = None
        if self.cycle is not None and not self.cycle.response_complete:
            self._await_head()  # a pipelined request waits for the answer before it
        elif not self.transport.is_closing():
            self.transport.close()

    def _refuse(self) -> None:
        if self.cycle is None or self.cycle.response_complete or not self.cycle.response_started:
            self.send_400_response("Expected a smaller head.")
        else:
            self.transport.close()


def _has_body(headers: list[tuple[bytes, bytes]]) -> bool:
    found = dict(headers)
    return b"transfer-encoding" in found or found.get(b"content-length", b"0").strip(b"0 ") != b""
