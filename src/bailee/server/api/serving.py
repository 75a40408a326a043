"""Serving the API: uvicorn, in the foreground, until it is told to stop."""

from __future__ import annotations

import gc
import socket
from contextlib import suppress

import uvicorn

from bailee.adapters.connection import Connection
from bailee.adapters.tls import TLS, spoken
from bailee.server.api.application import application
from bailee.server.api.context import Context


class Server(uvicorn.Server):
    """Streams are told that the server goes before it waits for requests to end: they would not end by themselves."""

    def __init__(self, config: uvicorn.Config, context: Context) -> None:
        super().__init__(config)
        self._context = context

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._context.streams.stopping.set()
        await super().shutdown(sockets)


def server_of(context: Context, host: str = "127.0.0.1", port: int = 8443, tls: TLS | None = None) -> Server:
    config = uvicorn.Config(
        application(context, tls is not None),
        host=host,
        port=port,
        http=Connection,
        ws="none",
        lifespan="on",
        proxy_headers=False,  # a header would otherwise say whose address a limit counts
        server_header=False,
        access_log=False,
        log_level="warning",
        timeout_keep_alive=75,
        timeout_graceful_shutdown=30,
        backlog=2048,
        **spoken(tls),
    )
    return Server(config, context)


def serve(context: Context, host: str = "127.0.0.1", port: int = 8443, tls: TLS | None = None) -> None:
    """Until SIGINT (then it returns) or SIGTERM; requests under way are finished first."""
    server = server_of(context, host, port, tls)
    gc.collect()
    gc.freeze()  # libraries stay: looking through them for garbage would stop all answers for a tenth of a second
    with suppress(KeyboardInterrupt):  # uvicorn finishes what is under way, then raises the signal again
        server.run()
