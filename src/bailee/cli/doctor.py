"""`bailee doctor`: what is wrong, and what to do."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from bailee.cli.face import DEFAULT_HOME, AsJson, Face, Home, command, plain

_MARKS = {"ok": ("ok", "green"), "warning": ("warning", "yellow"), "problem": ("problem", "bold red")}


@command
def doctor(
    patience: Annotated[
        float, typer.Option(help="Seconds that a check may take: of a store or node that hangs, say.", min=0.1)
    ] = 20.0,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Check keys, disk, datasets, sessions, stores, ledger, clock and versions; say what is wrong and what to do.

    Nothing is changed. The exit code is 0 where there is no problem, warnings or not; else that of the first problem.

    Example: `bailee doctor --home cleveland`
    """
    from bailee.party.doctor import examine, worst

    found = examine(home, patience)
    table = Table(box=None, pad_edge=False, show_header=False)
    for _ in range(3):
        table.add_column(overflow="fold")
    for one in found:
        mark, style = _MARKS[one.state]
        told = plain(" ".join(one.said.split("\n")))
        table.add_row(Text(mark, style=style), Text(plain(one.check)), Text(told))
        if one.todo:
            table.add_row("", "", Text(plain(f"do: {one.todo}"), style="bold"))
    code = worst(found)
    facts = {"fine": code == 0, "exit_code": code, "findings": [asdict(one) for one in found]}
    Face(as_json).result(facts, table)
    if code:
        raise typer.Exit(code)
