"""Lists in pages: a cursor says after which name to go on."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Annotated, TypeVar

from fastapi import Query

from bailee.server.api.problems import ProblemError

T = TypeVar("T")
Limit = Annotated[int, Query(ge=1, le=200, description="At most so many.")]
Cursor = Annotated[str | None, Query(max_length=600, description="`next` of the page before.")]


def page(names: Sequence[str], limit: int, cursor: str | None, show: Callable[[str], T]) -> tuple[list[T], str | None]:
    """Of `names`, sorted: those after the cursor, shown, and the next cursor. Raises ProblemError for no cursor."""
    after = None if cursor is None else _name(cursor)
    rest = sorted(name for name in names if after is None or name > after)
    chosen = rest[:limit]
    following = base64.urlsafe_b64encode(chosen[-1].encode()).decode() if len(rest) > limit else None
    return [show(name) for name in chosen], following


def _name(cursor: str) -> str:
    try:
        return base64.b64decode(cursor.encode(), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        raise ProblemError(400, "BadCursor", "the cursor is none of this list; begin without one") from None
