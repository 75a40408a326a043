"""Conditional requests and ranges (RFC 9110 sections 13 and 14), as S3 answers them."""

from __future__ import annotations

from bailee.seal.vault.facts import Version
from bailee.server.s3.encoding import parse_http_date, to_int
from bailee.server.s3.errors import S3Error


def etag_matches(header: str, etag: str) -> bool:
    tags = [item.strip().removeprefix("W/").strip('"') for item in header.split(",")]
    return "*" in tags or etag in tags


def check_read(headers: dict[str, str], version: Version, prefix: str = "") -> None:
    """Raises S3Error PreconditionFailed or NotModified. prefix: `x-amz-copy-source-` for the source of a copy."""
    changed = float(int(version.created))  # the header has whole seconds
    match, none_match = headers.get(f"{prefix}if-match"), headers.get(f"{prefix}if-none-match")
    if match is not None:
        if not etag_matches(match, version.etag):
            raise _failed("If-Match")
    elif (since := _date(headers, f"{prefix}if-unmodified-since")) is not None and changed > since:
        raise _failed("If-Unmodified-Since")
    if none_match is not None:
        if etag_matches(none_match, version.etag):
            raise _failed("If-None-Match") if prefix else S3Error("NotModified")
    elif (since := _date(headers, f"{prefix}if-modified-since")) is not None and changed <= since:
        raise _failed("If-Modified-Since") if prefix else S3Error("NotModified")


def write_conditions(headers: dict[str, str]) -> tuple[str | None, bool]:
    """(ETag that must be there, whether nothing may be there) of a PUT. S3 knows `If-None-Match: *` alone."""
    match, none_match = headers.get("if-match"), headers.get("if-none-match")
    if none_match is not None and (none_match.strip() != "*" or match is not None):
        raise S3Error("NotImplemented", "Expected If-None-Match: * or If-Match with one ETag.")
    return (None if match is None else match.strip().strip('"')), none_match is not None


def read_range(header: str | None, length: int) -> tuple[int, int] | None:
    """Half-open (start, stop) of a Range header; None for the whole: no header, more than one range, or no bytes unit.

    Raises S3Error InvalidRange where the object ends before it.
    """
    if header is None or not header.lower().startswith("bytes="):
        return None
    first_text, dash, last_text = header[6:].strip().partition("-")
    if not dash or "," in header:
        return None
    first, last = to_int(first_text.strip()), to_int(last_text.strip())
    if (first is None and first_text.strip()) or (last is None and last_text.strip()):
        return None
    if first is None:
        if last is None:
            return None
        if last == 0 or length == 0:
            raise _out_of_range(header, length)
        return max(0, length - last), length
    if last is not None and last < first:
        return None
    if first >= length:
        raise _out_of_range(header, length)
    return first, length if last is None else min(last + 1, length)


def _date(headers: dict[str, str], name: str) -> float | None:
    return parse_http_date(headers[name]) if name in headers else None


def _failed(condition: str) -> S3Error:
    message = "At least one of the pre-conditions you specified did not hold"
    return S3Error("PreconditionFailed", message, Condition=condition)


def _out_of_range(header: str, length: int) -> S3Error:
    return S3Error(
        "InvalidRange",
        "The requested range is not satisfiable",
        {"content-range": f"bytes */{length}"},
        RangeRequested=header[:100],
        ActualObjectSize=str(length),
    )
