"""Serving the S3 door: uvicorn with its fastest parts, in the foreground, until it is interrupted."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import uvicorn

from bailee.adapters.tls import TLS, spoken
from bailee.seal.vault.share.received import Received
from bailee.seal.vault.vault import Vault
from bailee.server.s3.application import Application, application
from bailee.server.s3.connection import Connection
from bailee.server.s3.shared import shared_application


def serve(
    vault: Vault,
    home: Path,
    host: str = "127.0.0.1",
    port: int = 9000,
    tls: TLS | None = None,
    *,
    region: str = "us-east-1",
    domain: str = "",
) -> None:
    """Serve until SIGINT (then it returns) or SIGTERM; requests under way are finished first."""
    run(application(vault, home, region=region, domain=domain), host, port, tls)


def serve_shares(
    shares: Mapping[str, Received],
    home: Path,
    host: str = "127.0.0.1",
    port: int = 9000,
    tls: TLS | None = None,
    *,
    region: str = "us-east-1",
) -> None:
    """The same for what was shared with the owner of `home`: a bucket for each, by its name, to be read."""
    run(shared_application(shares, home, region=region), host, port, tls)


def run(door: Application, host: str, port: int, tls: TLS | None = None) -> None:
    """Until SIGINT, which is how a door is closed and no error."""
    with suppress(KeyboardInterrupt):  # uvicorn finishes what is under way, then raises the signal again
        server_of(door, host, port, tls).run()


def server(
    vault: Vault,
    home: Path,
    host: str = "127.0.0.1",
    port: int = 9000,
    tls: TLS | None = None,
    *,
    region: str = "us-east-1",
    domain: str = "",
) -> uvicorn.Server:
    """The same, not yet running: for a thread or a loop of one's own."""
    return server_of(application(vault, home, region=region, domain=domain), host, port, tls)


def server_of(door: Application, host: str, port: int, tls: TLS | None = None) -> uvicorn.Server:
    config = uvicorn.Config(
        door,
        host=host,
        port=port,
        http=Connection,
        ws="none",
        lifespan="on",
        proxy_headers=False,  # a header would otherwise say which address a policy sees
        server_header=False,
        access_log=False,
        log_level="warning",
        timeout_keep_alive=75,
        timeout_graceful_shutdown=30,
        backlog=2048,
        **spoken(tls),
    )
    return uvicorn.Server(config)
