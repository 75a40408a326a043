"""What a run tells whoever watches it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

Stage: TypeAlias = Literal["committing", "spent", "anchored", "shuffled", "trained", "proved", "verified", "done"]


@dataclass(frozen=True)
class ModelEvent:
    """One step of a run; each event says how far everything is.

    loss: mean over the chunk just trained (None otherwise); epsilon: what the steps trained so far cost ("" where
    nothing is promised); seconds: how long the work that ended took.
    """

    stage: Stage
    chunks: int
    trained: int = 0
    proved: int = 0
    verified: int = 0
    steps: int = 0
    """Steps trained so far, of `total`."""
    total: int = 0
    loss: float | None = None
    epsilon: str = ""
    seconds: float = 0.0


Watch: TypeAlias = Callable[[ModelEvent], None]


def ignore(event: ModelEvent) -> None:
    """Watches nothing."""
    del event
