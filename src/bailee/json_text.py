"""JSON that others wrote.

Python's reader recurses with the nesting of the text and stops only at the limit of recursion, which any package in the
process may raise for good (those of Ethereum do): a million brackets would then overflow the stack and end the process.
Here nesting is bounded before the reader sees the text.
"""

from __future__ import annotations

import json
import re
from typing import Any

MAX_DEPTH = 32
"""Lists and objects within one another."""

_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_PAIR = re.compile(rb"\[\]|\{\}")
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


class NestingError(ValueError):
    pass


def load(data: bytes, **hooks: Any) -> Any:
    """The value of JSON in UTF-8; `hooks` go to `json.loads`. Linear time. Raises ValueError; NestingError is one."""
    if data.count(b"[") + data.count(b"{") > MAX_DEPTH:
        _refuse_deep(data)
    return json.loads(data.decode("utf-8"), **hooks)


def _refuse_deep(data: bytes) -> None:
    brackets = _STRING.sub(b"", data).translate(None, _NOT_BRACKETS)
    for _ in range(MAX_DEPTH):  # each round takes the innermost pairs out
        if not brackets:
            return
        brackets = _PAIR.sub(b"", brackets)
    if brackets:
        raise NestingError(f"nested deeper than {MAX_DEPTH} levels, or not closed")
