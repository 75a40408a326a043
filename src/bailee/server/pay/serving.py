"""Serving a paid door: uvicorn in the foreground, until it is interrupted; what is under way is finished first."""

from __future__ import annotations

from contextlib import suppress

import uvicorn

from bailee.adapters.connection import Connection
from bailee.adapters.tls import TLS, spoken
from bailee.server.pay.application import PaidDoor


def serve(door: PaidDoor, host: str, port: int, tls: TLS | None = None) -> None:
    """Until SIGINT, then it returns, or SIGTERM."""
    config = uvicorn.Config(
        door, host=host, port=port, http=Connection, ws="none", lifespan="on", proxy_headers=False, server_header=False,
        access_log=False, log_level="warning", limit_concurrency=4096, timeout_graceful_shutdown=60,
        **spoken(tls),
    )  # fmt: skip
    with suppress(KeyboardInterrupt):  # uvicorn finishes what is under way, then raises the signal again
        uvicorn.Server(config).run()
