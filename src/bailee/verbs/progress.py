"""What is going on, while it goes on: Rich in a terminal, a text that changes in a notebook, nothing elsewhere."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import escape
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from bailee.seal import Progress

if TYPE_CHECKING:
    from rich.console import RenderableType

_PAUSE = 0.2
"""Seconds between two pictures in a notebook, at least."""
_TICK = 1.0
"""Seconds after which a notebook's picture is drawn anew, whether anything was told or not: it says how long it is."""
_LETTERS = "font-family:monospace;line-height:1.3;margin:0;padding:0"
"""Columns stand under one another; some pages show what is preformatted in other letters."""
_E = TypeVar("_E", contravariant=True)


class Watched(Protocol[_E]):
    """What is known of something that runs, for people: events fill it, and Rich draws it."""

    def take(self, event: _E, /) -> None: ...

    def __rich__(self) -> RenderableType: ...


@contextmanager
def steps(quiet: bool) -> Iterator[Progress | None]:
    """Told a step's name and how much of it is done, 0 to 1."""
    if _in_notebook(quiet):
        parts: dict[str, float] = {}

        def drawn() -> str:
            return "\n".join(f"{name:<10} {_bar(part)}" for name, part in parts.items())

        def over() -> str:
            return f"{', '.join(parts)}: done in {time.monotonic() - begun:.1f} s"

        begun = time.monotonic()
        with _cell(drawn, over) as tell:
            yield lambda step, part: tell(lambda: parts.update({step: part}))
    elif quiet or not sys.stderr.isatty():
        yield None
    else:
        from rich.console import Console

        from bailee.party.bars import bars

        with bars(Console(stderr=True, highlight=False)) as report:
            yield report


@contextmanager
def watching(course: Watched[_E], quiet: bool) -> Iterator[Callable[[_E], None]]:
    """Told a session's events; they fill `course`, whatever is shown of it."""
    if _in_notebook(quiet):
        with _cell(lambda: _drawn(course), lambda: _drawn(course)) as tell:
            yield lambda event: tell(lambda: course.take(event))
    elif quiet or not sys.stderr.isatty():
        yield course.take
    else:
        from rich.console import Console
        from rich.live import Live

        with Live(course, console=Console(stderr=True, highlight=False), refresh_per_second=8):
            yield course.take


def _in_notebook(quiet: bool) -> bool:
    shell = sys.modules.get("IPython")
    asked: Any = None if quiet or shell is None else shell.get_ipython()
    return asked is not None and hasattr(asked, "kernel")


@contextmanager
def _cell(drawn: Callable[[], str], over: Callable[[], str]) -> Iterator[Callable[[Callable[[], object]], None]]:
    """One text in a notebook's cell, in place of the one before. What is yielded makes a change, and shows it in time.

    over: what stays there where nothing went wrong; else the last text does, and says that it stopped.
    Rich would need ipywidgets for that; a display that is updated needs nothing.
    """
    from IPython.display import display

    turn, ended = threading.Lock(), threading.Event()
    shown: list[Any] = []
    last, before = 0.0, ""

    def show(text: str) -> None:
        nonlocal last, before
        if text == before:
            return
        last, before = time.monotonic(), text
        picture = {"text/plain": text, "text/html": f'<pre style="{_LETTERS}">{escape(text)}</pre>'}
        if shown:
            shown[0].update(picture, raw=True)
        else:
            shown.append(display(picture, raw=True, display_id=True))  # type: ignore[no-untyped-call]

    def tell(change: Callable[[], object]) -> None:
        with turn:
            change()
            if not shown or time.monotonic() - last >= _PAUSE:
                show(drawn())

    def tick() -> None:
        while not ended.wait(_TICK):
            tell(lambda: None)

    tell(lambda: None)
    clock = threading.Thread(target=tick, name="bailee-notebook", daemon=True)
    clock.start()
    finished = False
    try:
        yield tell
        finished = True
    finally:
        ended.set()
        clock.join()
        if shown:
            show(over() if finished else drawn() + "\nstopped")


def _drawn(course: Watched[Any]) -> str:
    """The course as plain letters. Rich is told that this is no notebook, or it would show it by itself."""
    from io import StringIO

    from rich.console import Console

    out = StringIO()
    Console(file=out, width=100, highlight=False, color_system=None, force_jupyter=False).print(course)
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines())


def _bar(part: float) -> str:
    done = round(20 * min(1.0, max(0.0, part)))
    return f"{'━' * done}{'─' * (20 - done)} {part:4.0%}"
