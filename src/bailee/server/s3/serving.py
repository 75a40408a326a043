"""Serving the S3 door: uvicorn with its fastest parts, in the foreground, until it is interrupted."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import uvicorn

from bailee.seal.vault.vault import Vault
from bailee.server.s3.application import application
from bailee.server.s3.connection import Connection


@dataclass(frozen=True)
class TLS:
    """Paths of PEM files."""

    certificate: Path
    key: Path


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
    """Serve until SIGINT or SIGTERM; requests under way are finished first."""
    server(vault, home, host, port, tls, region=region, domain=domain).run()


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
    config = uvicorn.Config(
        application(vault, home, region=region, domain=domain),
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
        ssl_certfile=str(tls.certificate) if tls is not None else None,
        ssl_keyfile=str(tls.key) if tls is not None else None,
    )
    return uvicorn.Server(config)
