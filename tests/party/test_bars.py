"""Bars in a terminal: a step is called as it is called."""

from __future__ import annotations

from io import StringIO

from rich.console import Console

from bailee.party.bars import bars


def test_a_step_is_no_markup() -> None:
    out = StringIO()
    with bars(Console(file=out, width=100, force_terminal=True, color_system=None)) as report:
        report("wait for [/] and [red]", 0.5)
    assert "wait for [/] and [red]" in out.getvalue()
