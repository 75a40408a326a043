"""The options of a put and of a copy, said once for every method that takes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypedDict

from bailee.seal.vault.facts import Lock


class Options(TypedDict, total=False):
    """expires: when the purpose ends and the version is erased, seconds since 1970. if_match: only where the current
    version has this etag ("*": any); if_none_match: only where there is none. Else ConflictError, or NotFoundError
    where there is nothing to match."""

    content_type: str
    metadata: Mapping[str, str]
    lock: Lock | None
    expires: float | None
    if_match: str | None
    if_none_match: bool


class CopyOptions(TypedDict, total=False):
    """As of a put; what is None or not said comes from the version that is copied, but never its lock."""

    content_type: str | None
    metadata: Mapping[str, str] | None
    lock: Lock | None
    expires: float | None
    if_match: str | None
    if_none_match: bool
