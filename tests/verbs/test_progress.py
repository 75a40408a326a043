"""What is shown while something goes on: in a notebook, in a terminal, elsewhere nothing."""

from __future__ import annotations

import io
import re
import sys
import threading
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from bailee.party.watched import Course
from bailee.train.events import Event
from bailee.verbs import progress

HOSTILE = "<b>Aachen</b>"


@pytest.fixture
def cell(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, str]]:
    """A notebook's cell: what it shows, picture after picture, as soon as it is told. A real one: test_notebook.py."""
    shown: list[dict[str, str]] = []

    def display(picture: dict[str, str], raw: bool, display_id: bool) -> Any:
        assert raw
        assert display_id
        shown.append(picture)
        return SimpleNamespace(update=lambda later, raw: shown.append(later))

    shell, inner = ModuleType("IPython"), ModuleType("IPython.display")
    shell.get_ipython = lambda: SimpleNamespace(kernel=object())  # type: ignore[attr-defined]
    inner.display = display  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "IPython", shell)
    monkeypatch.setitem(sys.modules, "IPython.display", inner)
    monkeypatch.setattr(progress, "_PAUSE", 0.0)
    monkeypatch.setattr(progress, "_TICK", 1e6)
    return shown


def test_a_notebook_shows_steps_in_one_place(cell: list[dict[str, str]]) -> None:
    with progress.steps(quiet=False) as report:
        assert report is not None
        report("encode", 0.5)
        report("encode", 1.0)
        report("prove", 1.0)
    assert cell[0]["text/plain"].endswith("50%")
    assert cell[2]["text/plain"].count("100%") == 2
    assert re.fullmatch(r"encode, prove: done in \d+\.\d s", cell[3]["text/plain"])
    assert len(cell) == 4
    assert all(set(picture) == {"text/plain", "text/html"} for picture in cell)


def test_a_notebook_shows_a_session_and_no_stranger_writes_html(cell: list[dict[str, str]]) -> None:
    course = Course({"ab": HOSTILE})
    with progress.watching(course, quiet=False) as watch:
        watch(Event("joined", owner="ab"))
        watch(Event("round", 1, 2, "ab", {"ab": "1.5"}, 0.75))
        watch(Event("round", 2, 2, "ab", {"ab": "1.5"}, 0.8))
        watch(Event("done", 2, 2))
    assert "waiting for the owners" in cell[0]["text/plain"]
    assert "1 of 2" in cell[2]["text/plain"]
    assert "0.750" in cell[2]["text/plain"]
    assert "2 of 2" in cell[-1]["text/plain"]
    assert "done" in cell[-1]["text/plain"]
    assert HOSTILE in cell[-1]["text/plain"]
    assert "&lt;b&gt;Aachen" in cell[-1]["text/html"]
    assert "<b>" not in cell[-1]["text/html"]


def test_pictures_are_not_drawn_faster_than_somebody_looks(
    cell: list[dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "_PAUSE", 1e9)
    with progress.steps(quiet=False) as report:
        assert report is not None
        for part in range(100):
            report("encode", part / 100)
        report("encode", 1.0)
    assert len(cell) == 2
    assert "0%" in cell[0]["text/plain"]
    assert "encode: done" in cell[1]["text/plain"]


def test_a_picture_that_would_be_the_same_is_not_sent(cell: list[dict[str, str]]) -> None:
    with progress.steps(quiet=False) as report:
        assert report is not None
        for _ in range(3):
            report("encode", 1.0)
        assert len(cell) == 1


def test_a_picture_is_drawn_while_nothing_is_told(cell: list[dict[str, str]], monkeypatch: pytest.MonkeyPatch) -> None:
    """Proofs take minutes without a word; whoever looks sees the seconds go on."""
    drawn = threading.Semaphore(0)
    monkeypatch.setattr(progress, "_TICK", 0.01)
    monkeypatch.setattr(progress, "_drawn", lambda _: drawn.release() or f"picture {len(cell)}")
    with progress.watching(Course({}), quiet=False):
        assert all(drawn.acquire(timeout=60) for _ in range(4))
    assert len(cell) >= 4


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_what_broke_off_says_so(cell: list[dict[str, str]], error: type[BaseException]) -> None:
    def broken() -> None:
        with progress.watching(Course({}), quiet=False) as watch:
            watch(Event("committed"))
            raise error

    with pytest.raises(error):
        broken()
    assert cell[-1]["text/plain"].endswith("\nstopped")
    assert "training" in cell[-1]["text/plain"]
    assert not [one for one in threading.enumerate() if one.name == "bailee-notebook"]


def test_quiet_is_quiet_everywhere(cell: list[dict[str, str]]) -> None:
    with progress.steps(quiet=True) as report:
        assert report is None
    course = Course({})
    with progress.watching(course, quiet=True) as watch:
        watch(Event("closing"))
    assert course.stage == "closing"
    assert not cell


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_has_bars_and_a_file_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    for out, shows in ((Terminal(), True), (io.StringIO(), False)):
        monkeypatch.setattr(sys, "stderr", out)
        with progress.steps(quiet=False) as report:
            if report is not None:
                report("encode", 0.5)
        assert (report is not None) is shows
        with progress.watching(Course({"ab": "Aachen"}), quiet=False) as watch:
            watch(Event("joined", owner="ab"))
            watch(Event("round", 3, 5))
        assert bool(out.getvalue()) is shows
        assert all((words in out.getvalue()) is shows for words in ("Aachen", "3 of 5"))
