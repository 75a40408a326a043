"""Small encodings of the wire: percent-encoding as SigV4 wants it, dates, numbers. No request is known here."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import formatdate, parsedate_to_datetime
from functools import lru_cache
from urllib.parse import quote, unquote_to_bytes

_PLAIN = re.compile(r"[A-Za-z0-9\-._~/]*\Z")
_STAMP = re.compile(r"\d{8}T\d{6}Z\Z", re.ASCII)


def encode_path(path: bytes) -> str:
    """A path as SigV4 signs it for S3: each byte encoded once, `/` kept."""
    return quote(path, safe="/-._~")


def encode_part(text: bytes | str) -> str:
    return quote(text, safe="-._~")


def is_plain(path: str) -> bool:
    """Whether `encode_path` would leave it as it is."""
    return _PLAIN.match(path) is not None


def parse_query(raw: str) -> list[tuple[bytes, bytes]]:
    """Decoded pairs in the order they came; a `+` is a space, as form encoding has it."""
    pairs = []
    for item in raw.split("&"):
        if item:
            name, _, value = item.replace("+", " ").partition("=")
            pairs.append((unquote_to_bytes(name), unquote_to_bytes(value)))
    return pairs


@lru_cache(4096)
def parse_stamp(text: str) -> float | None:
    """Seconds since 1970 of `20261123T053900Z`; None for anything else."""
    if not _STAMP.match(text):
        return None
    try:
        return datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
    except ValueError:
        return None


def parse_http_date(text: str) -> float | None:
    try:
        parsed = parsedate_to_datetime(text)
        return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def parse_iso(text: str) -> float | None:
    """Seconds since 1970 of an ISO 8601 date with a zone, or a plain date (midnight UTC)."""
    try:
        parsed = datetime.fromisoformat(text)
        return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None


def http_date(moment: float) -> str:
    return formatdate(moment, usegmt=True)


def iso(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def to_int(text: str, low: int = 0, high: int = (1 << 63) - 1) -> int | None:
    """A plain decimal number within bounds; None for signs, spaces, other digits."""
    if not text.isascii() or not text.isdigit() or len(text) > 19:
        return None
    value = int(text)
    return value if low <= value <= high else None
