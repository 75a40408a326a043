"""Statements that run thousands of times a second: compiled once for each database, then given to its driver directly.

SQLAlchemy's way from a statement to the driver takes several times what SQLite takes to do it. What is bypassed are
conversions of results: use this for columns that need none (a Boolean comes back as 0 or 1 from SQLite).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from sqlalchemy import Connection, Dialect, Executable
from sqlalchemy.sql import ClauseElement

_Compiled: TypeAlias = tuple[str, list[str] | None, dict[str, Any]]
"""SQL, the order of its parameters where they have no names, and values that the statement itself fixes."""


class Prepared:
    """A statement with named parameters. Safe from several threads."""

    def __init__(self, statement: Executable) -> None:
        self._statement = statement
        self._compiled: dict[str, _Compiled] = {}

    def run(self, connection: Connection, values: Mapping[str, Any]) -> Any:
        """The driver's cursor. Raises the driver's own errors; `values` has every parameter."""
        return self.run_on(connection.connection, connection.dialect, values)

    def run_on(self, direct: Any, dialect: Dialect, values: Mapping[str, Any]) -> Any:
        """The same on a connection of the driver's own."""
        text, order, fixed = self._compiled.get(dialect.name) or self._compile(dialect, values)
        values = {**fixed, **values} if fixed else values
        cursor = direct.cursor()
        cursor.execute(text, values if order is None else [values[name] for name in order])
        return cursor

    def run_many(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Once for each of `rows`, which have the same names; all go to the driver together."""
        text, order, fixed = self._compiled.get(connection.dialect.name) or self._compile(connection.dialect, rows[0])
        full = [{**fixed, **row} for row in rows] if fixed else rows
        cursor = connection.connection.cursor()
        cursor.executemany(text, full if order is None else [[row[name] for name in order] for row in full])

    def first(self, connection: Connection, values: Mapping[str, Any]) -> Any:
        """The first row, as a tuple, or None."""
        return self.run(connection, values).fetchone()

    def number(self, connection: Connection, values: Mapping[str, Any]) -> int:
        """The only column of the only row."""
        return int(self.run(connection, values).fetchone()[0])

    def _compile(self, dialect: Dialect, values: Mapping[str, Any]) -> _Compiled:
        if not isinstance(self._statement, ClauseElement):
            raise TypeError("expected a statement of SQLAlchemy")
        compiled: Any = self._statement.compile(dialect=dialect, column_keys=list(values))
        fixed = {name: value for name, value in compiled.params.items() if name not in values}
        made = (str(compiled), compiled.positiontup if compiled.positional else None, fixed)
        self._compiled[dialect.name] = made
        return made
