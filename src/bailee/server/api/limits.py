"""Every bound of the API in one place; docs/api.md lists them."""

from __future__ import annotations

from dataclasses import dataclass

TICK = 2 * 10**9
"""Nanoseconds within which two changes may leave the same date on a file."""


@dataclass(frozen=True)
class Pace:
    """So many a second in the long run, so many at once."""

    rate: float
    burst: int


@dataclass(frozen=True)
class Limits:
    """Sizes in bytes, times in seconds."""

    body: int = 64 << 10
    upload: int = 256 << 20
    idle: float = 20.0
    zip_entries: int = 4096
    zip_unpacked: int = 1 << 30
    strangers: Pace = Pace(20, 60)
    """By address, until somebody has signed in."""
    callers: Pace = Pace(100, 200)
    writes: Pace = Pace(5, 20)
    streams_of_one: int = 8
    streams: int = 128
    uploads_of_one: int = 8
    waiting_of_one: int = 4
    waiting: int = 16
    kept: float = 86400.0
    """Uploads, checks and answers to be replayed."""
    answers_of_one: int = 10_000
    check_seconds: int = 900
    check_memory: int = 6 << 30
    """Address space of a check."""
    token: float = 900.0
    token_bytes: int = 4096
    token_blocks: int = 16
    challenge: float = 60.0
    heartbeat: float = 15.0
    poll: float = 0.25
