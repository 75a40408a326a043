"""`bailee status`: what a party has, what it allowed, and what that has cost."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from bailee.cli.face import DEFAULT_HOME, AsJson, Face, Home, command
from bailee.party.home import PartyHome
from bailee.party.standing import standing

_WHOLE = ("name", "grant", "until", "session")
"""Columns whose cells are never folded: people copy them."""


@command
def status(home: Home = DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Show a party's datasets, grants and sessions: openings left, privacy spent, what still holds.

    Example: `bailee status --home cleveland`
    """
    result = standing(PartyHome(home), datetime.now(UTC))
    datasets, grants, sessions = result["datasets"], result["grants"], result["sessions"]
    tables = [_table(title, rows) for title, rows in _sections(datasets, grants, sessions) if rows]
    nothing = [] if tables else ["nothing sealed, granted or trained yet"]
    Face(as_json).result(result, Group(f"{result['name']}  {result['key']}", *nothing, *tables))


def _sections(
    datasets: list[dict[str, Any]], grants: list[dict[str, Any]], sessions: list[dict[str, Any]]
) -> list[tuple[str, list[dict[str, Any]]]]:
    def pick(rows: list[dict[str, Any]], names: tuple[str, ...]) -> list[dict[str, Any]]:
        return [{name: row[name] for name in names} for row in rows]

    allowed = pick(grants, ("grant", "state", "purpose", "until", "max_epsilon"))
    return [
        ("datasets", pick(datasets, ("name", "rows", "openings_left", "epsilon_spent"))),
        ("grants", [{**row, "grant": row["grant"][:16]} for row in allowed]),  # its first letters name it, too
        ("sessions", pick(sessions, ("session", "finished"))),
    ]


def _table(title: str, rows: list[dict[str, Any]]) -> Table:
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for name in rows[0]:
        table.add_column(name.replace("_", " "), overflow="fold", no_wrap=name in _WHOLE)
    for row in rows:
        shown = ("yes" if value is True else "no" if value is False else str(value) for value in row.values())
        table.add_row(*(Text(value) for value in shown))  # names come from strangers: never read them as markup
    return table
