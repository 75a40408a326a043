"""Serving a paid door: uvicorn in the foreground, until it is interrupted; what is under way is finished first."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import uvicorn

from bailee.adapters.connection import Connection
from bailee.server.pay.application import PaidDoor


def serve(door: PaidDoor, host: str, port: int, tls: tuple[Path, Path] | None = None) -> None:
    """Until SIGINT, then it returns, or SIGTERM. tls: certificate and key, PEM files."""
    certificate, key = map(str, tls) if tls is not None else (None, None)
    config = uvicorn.Config(
        door, host=host, port=port, http=Connection, ws="none", lifespan="on", proxy_headers=False, server_header=False,
        access_log=False, log_level="warning", limit_concurrency=4096, timeout_graceful_shutdown=60,
        ssl_certfile=certificate, ssl_keyfile=key,
    )  # fmt: skip
    with suppress(KeyboardInterrupt):  # uvicorn finishes what is under way, then raises the signal again
        uvicorn.Server(config).run()
