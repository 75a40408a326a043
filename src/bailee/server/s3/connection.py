"""One connection to the door: bounded as every server's is, and with a straight way for bodies (`straight`)."""

from __future__ import annotations

import socket
from asyncio import Transport

from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from bailee.adapters.connection import Connection as Bounded
from bailee.server.s3.straight import WAY, plain_handle


class Connection(Bounded):
    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._way = _Way(self.transport)
        if self.scheme == "http":
            self.scope["extensions"] = {WAY: self._way}  # type: ignore[dict-item]

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        self._way.cycle = self.cycle  # by the body's end the client may have sent another request


class _Way:
    """A request's way for a body that a thread sends (`straight`)."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self.cycle: RequestResponseCycle | None = None

    def handle(self) -> socket.socket | None:
        return plain_handle(self._transport)

    def count(self, size: int) -> None:
        if self.cycle is not None:
            self.cycle.expected_content_length -= size
