"""What is going on, while it goes on: Rich in a terminal, a text that changes in a notebook, nothing elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import escape
from typing import Any

from bailee.party.watched import Course
from bailee.seal import Progress
from bailee.train.events import Event

_PAUSE = 0.2
"""Seconds between two pictures in a notebook."""


@contextmanager
def steps(quiet: bool) -> Iterator[Progress | None]:
    """Told a step's name and how much of it is done, 0 to 1."""
    notebook = None if quiet else _notebook()
    if notebook is not None:
        parts: dict[str, float] = {}

        def redraw(step: str, part: float) -> None:
            parts[step] = part
            notebook("\n".join(f"{name:<10} {_bar(done)}" for name, done in parts.items()), part >= 1)

        yield redraw
    elif quiet or not sys.stderr.isatty():
        yield None
    else:
        from rich.console import Console

        from bailee.party.bars import bars

        with bars(Console(stderr=True, highlight=False)) as report:
            yield report


@contextmanager
def watching(course: Course, quiet: bool) -> Iterator[Callable[[Event], None]]:
    """Told a session's events; they fill `course`, whatever is shown of it."""
    notebook = None if quiet else _notebook()
    if notebook is not None:

        def watch(event: Event) -> None:
            course.take(event)
            notebook(_drawn(course), event.stage in ("done", "closing"))

        yield watch
    elif quiet or not sys.stderr.isatty():
        yield course.take
    else:
        from rich.console import Console
        from rich.live import Live

        with Live(course, console=Console(stderr=True, highlight=False), refresh_per_second=8):
            yield course.take


def _notebook() -> Callable[[str, bool], None] | None:
    """Shows a text in place of the one before, in a notebook's cell; None where there is no notebook.

    Rich would need ipywidgets for that; a display that is updated needs nothing.
    """
    shell = sys.modules.get("IPython")
    asked: Any = None if shell is None else shell.get_ipython()
    if asked is None or not hasattr(asked, "kernel"):
        return None
    from IPython.display import display  # type: ignore[import-not-found,unused-ignore]

    shown: list[Any] = []
    last = [0.0]

    def show(text: str, now: bool) -> None:
        if not now and time.monotonic() - last[0] < _PAUSE:
            return
        last[0] = time.monotonic()
        picture = {"text/plain": text, "text/html": f"<pre>{escape(text)}</pre>"}
        if shown:
            shown[0].update(picture, raw=True)
        else:
            shown.append(display(picture, raw=True, display_id=True))  # type: ignore[no-untyped-call]  # IPython's

    return show


def _drawn(course: Course) -> str:
    """The course as plain letters."""
    from io import StringIO

    from rich.console import Console

    out = StringIO()
    Console(file=out, width=100, highlight=False, color_system=None).print(course)
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines())


def _bar(part: float) -> str:
    done = round(20 * min(1.0, max(0.0, part)))
    return f"{'█' * done}{'░' * (20 - done)} {part:4.0%}"
