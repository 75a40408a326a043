"""What a running session tells whoever watches it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

Stage: TypeAlias = Literal[
    "waiting",
    "joined",
    "invited",
    "spending",
    "spent",
    "anchored",
    "committed",
    "round",
    "closing",
    "proving",
    "proven",
    "done",
]


@dataclass(frozen=True)
class Event:
    """One step of a session. `epsilon` is spent so far, per owner (hex key); `accuracy` is on public test rows."""

    stage: Stage
    round: int = 0
    rounds: int = 0
    owner: str = ""
    epsilon: Mapping[str, str] = field(default_factory=dict)
    accuracy: float | None = None
    seconds: float = 0.0


Watch: TypeAlias = Callable[[Event], None]


def ignore(event: Event) -> None:
    """Watches nothing."""
    del event
