"""A group of commands whose modules are loaded when they are called: to load them all takes seconds.

Its help, and a shell that completes a command's name, need names and one line each: those the table in app.py has.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, cast

import typer
from typer.core import TyperCommand, TyperGroup

_UsageError = cast("type[typer.BadParameter]", typer.BadParameter.__mro__[1])
"""Click's error of arguments that do not fit; which module it is in depends on Typer's version."""


class Entry(NamedTuple):
    """place: MODULE:ATTRIBUTE in this room; line: the first line of its help, which a test keeps in step."""

    name: str
    place: str
    panel: str
    line: str


class OneCommandGroup(TyperGroup):
    """Knows all commands by their line; loads the one that is called. Made by `app.tree`, which sets both fields."""

    entries: tuple[Entry, ...] = ()
    load: Callable[[Entry], Any]

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.commands = {one.name: _line(one) for one in self.entries}
        self._known = {one.name: one for one in self.entries}
        self._loaded: dict[str, Any] = {}

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        name, command, rest = super().resolve_command(ctx, args)
        return name, None if name is None or command is None else self.loaded(name), rest

    def main(self, args: Sequence[str] | None = None, *more: Any, **given: Any) -> Any:
        """With --json, arguments that do not fit are one JSON object, as every other error is."""
        words = sys.argv[1:] if args is None else list(args)
        if "--json" not in words or not given.get("standalone_mode", True):
            return super().main(args, *more, **given)
        try:
            code = super().main(args, *more, **(given | {"standalone_mode": False}))
        except _UsageError as error:
            from bailee.cli.face import tell

            tell("InputError", error.format_message(), error.exit_code, as_json=True)
            sys.exit(error.exit_code)
        except typer.Abort:
            sys.exit(1)
        sys.exit(code or 0)

    def loaded(self, name: str) -> Any:
        """The command itself."""
        if name not in self._loaded:
            self._loaded[name] = type(self).load(self._known[name])
        return self._loaded[name]


def _line(entry: Entry) -> TyperCommand:
    """What stands for a command that was not loaded. It is shown and never run."""
    return TyperCommand(name=entry.name, help=entry.line, rich_help_panel=entry.panel)
