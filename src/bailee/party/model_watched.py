"""What a run of `train-model` looks like while it runs: chunks trained, proved, verified; loss; privacy spent."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from rich.console import RenderableType
from rich.table import Table

from bailee.party.watched import bar, spark
from bailee.train.model.events import ModelEvent


@dataclass
class ModelCourse:
    """What is known of a run so far. Its events fill it."""

    last: ModelEvent | None = None
    losses: list[float] = field(default_factory=list)
    epsilon: str = ""
    steps: int = 0
    train_seconds: float = 0.0
    prove_seconds: float = 0.0
    since: float = field(default_factory=time.monotonic)

    def take(self, event: ModelEvent) -> None:
        self.last = event
        self.steps = max(self.steps, event.steps)
        self.epsilon = event.epsilon or self.epsilon
        if event.stage == "trained":
            self.train_seconds += event.seconds
            self.losses += [] if event.loss is None else [event.loss]
        elif event.stage == "proved":
            self.prove_seconds += event.seconds

    def line(self, event: ModelEvent) -> str | None:
        """The event for somebody who reads lines, or None if it says nothing new."""
        of = f"of {event.chunks}"
        if event.stage == "spent":
            return "spent on the ledger"
        if event.stage == "anchored":
            return "every owner has spent; the hash of the block after is in the noise"
        if event.stage == "shuffled":
            return f"rows of a dataset are in their secret order, proved in {event.seconds:.1f} s"
        if event.stage == "trained":
            loss = "" if event.loss is None else f", loss {event.loss:.4f}"
            spent = f", epsilon {float(event.epsilon):.3f}" if event.epsilon else ""
            return f"chunk {event.trained} {of} trained{loss}{spent}"
        if event.stage == "verified":
            return f"chunk {event.verified} {of} proved and verified"
        return None

    def __rich__(self) -> RenderableType:
        grid = Table.grid(padding=(0, 2))
        grid.add_column(style="bold", width=12)
        grid.add_column()
        event = self.last
        if event is None or event.stage in ("committing", "spent", "anchored"):
            grid.add_row("now", f"checking grants, committing to noise  {time.monotonic() - self.since:.0f} s")
            return grid
        for name, done in (("trained", event.trained), ("proved", event.proved), ("verified", event.verified)):
            grid.add_row(name, bar(done, event.chunks, f"{done} of {event.chunks} chunks"))
        grid.add_row("steps", f"{event.steps} of {event.total}")
        if self.losses:
            grid.add_row("loss", f"{self.losses[-1]:.4f} on the rows trained on  {spark(self.losses)}")
        grid.add_row("epsilon", f"{float(self.epsilon):.3f} spent" if self.epsilon else "unprotected: none is promised")
        grid.add_row("time", f"{time.monotonic() - self.since:.0f} s")
        return grid
