"""What a session looks like while it runs: rounds, accuracy, privacy spent, who has proven. For terminals, by Rich."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bailee.train.events import Event

if TYPE_CHECKING:
    from rich.console import RenderableType

_STAGES = {
    "waiting": "waiting for the owners",
    "joined": "waiting for the owners",
    "invited": "checking terms, committing to noise",
    "spending": "spending on the ledger",
    "spent": "waiting for the block after the last spending",
    "anchored": "committing to noise",
    "committed": "training",
    "round": "training",
    "closing": "the owners prove what they sent",
    "proving": "proving what was sent",
    "proven": "the owners prove what they sent",
    "done": "done",
}


@dataclass
class Course:
    """What is known of a session so far. Its events fill it."""

    names: Mapping[str, str]
    """Names of owners by hex key."""
    stage: str = "waiting"
    round: int = 0
    rounds: int = 0
    epsilon: str = ""
    accuracy: list[float] = field(default_factory=list)
    joined: list[str] = field(default_factory=list)
    proven: dict[str, float] = field(default_factory=dict)
    begun: dict[str, float] = field(default_factory=dict)
    """Moment (monotonic) at which each stage was first seen."""
    since: float = field(default_factory=time.monotonic)
    """Moment (monotonic) since which what is said of the stage has not changed."""

    def take(self, event: Event) -> None:
        if _STAGES[event.stage] != _STAGES[self.stage]:
            self.since = time.monotonic()
        self.stage = event.stage
        self.begun.setdefault(event.stage, time.monotonic())
        self.rounds = event.rounds or self.rounds
        if event.stage == "round":
            self.round = event.round
            self.epsilon = max(event.epsilon.values(), key=float, default="")
            if event.accuracy is not None:
                self.accuracy.append(event.accuracy)
        elif event.stage == "joined" and event.owner not in self.joined:
            self.joined.append(event.owner)
        elif event.stage == "proven":
            self.proven[event.owner] = event.seconds

    def seconds(self, start: str, end: str) -> float:
        """Time between the first events of two stages; 0 where one was not seen."""
        return max(0.0, self.begun[end] - self.begun[start]) if {start, end} <= set(self.begun) else 0.0

    def line(self, event: Event) -> str | None:
        """The event for somebody who reads lines, or None if it says nothing new."""
        if event.stage == "round":
            parts = [f"round {event.round} of {event.rounds}"]
            parts += [f"accuracy {event.accuracy:.3f}"] if event.accuracy is not None else []
            return ", ".join([*parts, f"epsilon {float(self.epsilon):.3f}"])
        if event.stage in ("joined", "proven"):
            took = f" in {event.seconds:.1f} s" if event.stage == "proven" else ""
            return f"{self._name(event.owner)} {event.stage}{took}"
        return _STAGES[event.stage]

    def __rich__(self) -> RenderableType:
        from rich.table import Table
        from rich.text import Text

        grid = Table.grid(padding=(0, 2))
        grid.add_column(style="bold", width=12)
        grid.add_column()
        grid.add_row("round", bar(self.round, self.rounds, f"{self.round} of {self.rounds}" if self.rounds else ""))
        if self.accuracy:
            grid.add_row("accuracy", f"{self.accuracy[-1]:.3f} on the builder's test rows  {spark(self.accuracy)}")
        if self.epsilon:
            grid.add_row("epsilon", f"{float(self.epsilon):.3f} spent by each owner")
        owners = Text()
        for key in self.joined:
            done = key in self.proven
            owners.append(f"{'✓' if done else '·'} {self._name(key)}   ", style="green" if done else "")
        grid.add_row("owners", owners)
        seconds = "" if self.stage == "done" else f"  {time.monotonic() - self.since:.0f} s"
        grid.add_row("now", _STAGES[self.stage] + seconds)
        return grid

    def _name(self, key: str) -> str:
        return self.names.get(key) or key[:16]


def bar(done: int, total: int, words: str) -> RenderableType:
    """How much is done, drawn, and in words beside it."""
    from rich.progress_bar import ProgressBar
    from rich.table import Table

    both = Table.grid(padding=(0, 2))
    both.add_row(ProgressBar(total=max(total, 1), completed=done, width=40), words)
    return both


def spark(values: list[float]) -> str:
    """The course of a number as a row of bars."""
    low, high = min(values), max(values)
    steps = "▁▂▃▄▅▆▇█"
    return "".join(steps[int((value - low) / (high - low or 1) * 7)] for value in values[-40:])
