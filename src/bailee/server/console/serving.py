"""Serving the console: uvicorn, in the foreground, until it is told to stop."""

from __future__ import annotations

import socket
from contextlib import suppress

import uvicorn

from bailee.adapters.connection import Connection
from bailee.adapters.tls import TLS, spoken
from bailee.server.console.application import console
from bailee.server.console.context import ConsoleContext


class Server(uvicorn.Server):
    """Streams are told that the server goes before it waits for requests to end: they would not end by themselves."""

    def __init__(self, config: uvicorn.Config, context: ConsoleContext) -> None:
        super().__init__(config)
        self._context = context

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._context.stopping.set()
        await super().shutdown(sockets)
        for close in self._context.closing:
            close()


def server_of(context: ConsoleContext, host: str, port: int, tls: TLS | None = None) -> Server:
    config = uvicorn.Config(
        console(context),
        host=host,
        port=port,
        http=Connection,
        ws="none",
        lifespan="off",
        proxy_headers=False,
        server_header=False,
        access_log=False,  # it would hold links
        log_level="warning",
        timeout_graceful_shutdown=5,
        **spoken(tls),
    )
    return Server(config, context)


def serve(server: Server) -> None:
    """Until SIGINT (then it returns) or SIGTERM; requests under way are finished first."""
    with suppress(KeyboardInterrupt):
        server.run()
