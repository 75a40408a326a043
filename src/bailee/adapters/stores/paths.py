"""Names under which a store keeps things: plain components only, so that no name leaves the place it is given."""

from __future__ import annotations

import re

from bailee.errors import InputError

_PART = r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}"
_PATH = re.compile(rf"{_PART}(/{_PART}){{0,7}}")


def checked(path: str) -> str:
    """`path`, if it is at most 8 plain components of ASCII letters, digits, -, _ and . within. InputError otherwise."""
    if not _PATH.fullmatch(path):
        raise InputError(f"{path!r} is no name in a store; expected plain components of letters, digits, -, _ and .")
    return path


def checked_range(path: str, offset: int, length: int | None) -> None:
    if offset < 0 or (length is not None and length < 0):
        raise InputError(f"{path}: expected a range of bytes, got offset {offset} and length {length}")
