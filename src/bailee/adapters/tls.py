"""TLS as every server of this program speaks it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from bailee.errors import InputError

CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""Of TLS 1.2, the oldest that Python's servers take: with forward secrecy and authenticated (RFC 9325, 4.2). uvicorn's
own choice is CBC with SHA-1. Those of 1.3 are all of that kind."""


@dataclass(frozen=True)
class TLS:
    """Paths of PEM files."""

    certificate: Path
    key: Path


class Spoken(TypedDict):
    """uvicorn's names for it."""

    ssl_certfile: str | None
    ssl_keyfile: str | None
    ssl_ciphers: str


def tls_of(certificate: Path | None, key: Path | None) -> TLS | None:
    """As the options --certificate and --private-key say it. InputError where only one is given."""
    if certificate is not None and key is not None:
        return TLS(certificate, key)
    if certificate is not None or key is not None:
        raise InputError("TLS needs both --certificate and --private-key")
    return None


def spoken(tls: TLS | None) -> Spoken:
    """Keywords of `uvicorn.Config`; None: in the clear."""
    return {
        "ssl_certfile": None if tls is None else str(tls.certificate),
        "ssl_keyfile": None if tls is None else str(tls.key),
        "ssl_ciphers": CIPHERS,
    }
