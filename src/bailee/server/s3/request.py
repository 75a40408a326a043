"""A request as the door's parts see it: names decoded once, headers in lower case; and the answer they give.

Nothing here reads a body or decides anything; `application` does the talking.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote_to_bytes

from bailee.server.s3.encoding import parse_query
from bailee.server.s3.errors import S3Error
from bailee.server.s3.straight import WAY

MAX_KEY = 1024


@dataclass(slots=True)
class Request:
    """path: as it came, percent-encoded, without the query; pairs: the query, decoded; host: without its port."""

    id: str
    method: str
    path: bytes
    pairs: list[tuple[bytes, bytes]]
    query: dict[str, str]
    headers: dict[str, str]
    bucket: str
    key: str
    client: str
    secure: bool
    can_borrow: bool = False
    """Whether its connection takes chunks that are lent."""

    def header(self, name: str) -> str | None:
        return self.headers.get(name)


@dataclass(slots=True)
class Response:
    """An answer. body: bytes, or chunks that come as they are read; length: of such a body; is_lent: a chunk is good
    only until the next but one is asked for."""

    status: int = 200
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes | Iterator[bytes | memoryview] = b""
    length: int | None = None
    is_lent: bool = False


def read_request(scope: Mapping[str, Any], request_id: str, domain: str = "") -> Request:
    """Raises S3Error InvalidURI, KeyTooLongError for names that S3 does not take."""
    headers = _headers(scope["headers"])
    raw_path: bytes = scope.get("raw_path") or scope["path"].encode()
    if not raw_path.startswith(b"/"):
        raise S3Error("InvalidURI", "Expected a path that begins with a slash.")
    try:
        pairs = parse_query(scope["query_string"].decode("ascii"))
        query: dict[str, str] = {}
        for name, value in pairs:
            query.setdefault(name.decode(), value.decode())
    except UnicodeDecodeError:
        raise S3Error("InvalidURI", "Expected a query in UTF-8.") from None
    bucket, key = _names(raw_path, headers.get("host", ""), domain)
    client = scope.get("client")
    return Request(
        request_id,
        scope["method"],
        raw_path,
        pairs,
        query,
        headers,
        bucket,
        key,
        client[0] if client else "",
        scope.get("scheme") == "https",
        WAY in scope.get("extensions", ()),
    )


def _headers(raw: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for name_bytes, value_bytes in raw:
        name, value = name_bytes.decode("latin-1").lower(), value_bytes.decode("latin-1").strip()
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    return headers


def _names(raw_path: bytes, host: str, domain: str) -> tuple[str, str]:
    rest = raw_path[1:]
    host = host.partition(":")[0].lower()
    if domain and host.endswith(f".{domain}"):
        bucket_bytes = host[: -len(domain) - 1].encode("latin-1")
    else:
        bucket_bytes, _, rest = rest.partition(b"/")
    try:
        return unquote_to_bytes(bucket_bytes).decode(), checked_key(unquote_to_bytes(rest))
    except UnicodeDecodeError:
        raise S3Error("InvalidURI", "Expected a key in UTF-8.") from None


def checked_key(raw: bytes) -> str:
    """A key, as S3 takes it: at most 1,024 bytes of UTF-8, opaque (`//`, `.` and `..` inside are plain characters).

    As in S3 a key may not climb above its bucket. NUL is refused: not every catalogue can hold it.
    """
    if len(raw) > MAX_KEY:
        raise S3Error("KeyTooLongError", "Your key is too long", Size=str(len(raw)), MaxSizeAllowed=str(MAX_KEY))
    if b"\0" in raw:
        raise S3Error("InvalidURI", "Expected a key without NUL.")
    if b".." in raw:
        depth = 0
        for part in raw.split(b"/"):
            depth += -1 if part == b".." else 1
            if depth < 0:
                raise S3Error("InvalidURI", "Expected a key that does not climb above its bucket.")
    return raw.decode()
