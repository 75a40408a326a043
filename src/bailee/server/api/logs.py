"""What the server says of itself: a JSON object a line. Operations and ids, never paths, queries, headers or bodies."""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any


def _to_standard_error(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


class Log:
    """`say` is given each line."""

    def __init__(self, say: Callable[[str], None] = _to_standard_error) -> None:
        self._say = say

    def request(self, identifier: str, operation: str, status: int, seconds: float, caller: str | None) -> None:
        facts = {"operation": operation, "status": status, "ms": round(seconds * 1000, 1)}
        self._write("request", id=identifier, **facts, caller=None if caller is None else caller[:16])

    def failure(self, identifier: str, error: BaseException) -> None:
        """Where it happened and of what kind. Not its message: that may hold what a caller sent."""
        frames = traceback.extract_tb(error.__traceback__)
        where = [f"{frame.filename.rpartition('/')[2]}:{frame.lineno}" for frame in frames[-6:]]
        self._write("failure", id=identifier, kind=type(error).__name__, where=where)

    def event(self, event: str, /, **facts: Any) -> None:
        self._write(event, **facts)

    def _write(self, event: str, /, **facts: Any) -> None:
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        self._say(json.dumps({"time": now, "event": event, **facts}, ensure_ascii=True))
