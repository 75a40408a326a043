"""A running session or run, shown: a picture on a terminal, lines elsewhere, nothing with --json."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol, TypeVar

from rich.console import RenderableType
from rich.live import Live

from bailee.cli.face import Face

E = TypeVar("E", contravariant=True)


class Shown(Protocol[E]):
    """A picture that events fill: drawn anew on a terminal, told line by line elsewhere."""

    def take(self, event: E) -> None: ...

    def line(self, event: E) -> str | None: ...

    def __rich__(self) -> RenderableType: ...


@contextmanager
def watching(face: Face, shown: Shown[E]) -> Iterator[Callable[[E], None]]:
    """What events are given to: a live picture on a terminal, lines elsewhere, nothing is said with --json."""
    if face.as_json:
        yield shown.take
        return
    if face.err.is_terminal:
        with Live(shown, console=face.err, refresh_per_second=8):
            yield shown.take
        return

    def watch(event: E) -> None:
        shown.take(event)
        line = shown.line(event)
        if line is not None:
            face.say(line)

    yield watch
