"""What a shell may complete beside commands and options: names of datasets and remotes, ids of grants and sessions.

Called at every press of a key: folders are listed, no file is opened, and nothing that is loaded for it is heavy.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path

import typer

from bailee.cli.completion import VARIABLE
from bailee.cli.face import DEFAULT_HOME

_MOST = 200
_HARMLESS = re.compile(r"\w[\w.,+@=-]*")
"""One word of every shell, and no option. A shell runs what it was completed to, and zsh even what it is offered."""
_QUOTABLE = re.compile(r"[\w!][\w.,+@=! -]*")
"""What bash is given in quotes: no pattern and no quote is in it, for it expands patterns in what it is offered."""


def datasets(ctx: typer.Context, incomplete: str) -> list[str]:
    """Sealed datasets, by name."""
    return _listed(ctx, incomplete, "datasets", lambda place: place.name if (place / "card.json").is_file() else None)


def grants(ctx: typer.Context, incomplete: str) -> list[str]:
    """Grants given, by id."""
    return _listed(ctx, incomplete, "grants", lambda place: place.stem if place.suffix == ".json" else None)


def runs(ctx: typer.Context, incomplete: str) -> list[str]:
    """Runs of hidden models, by id."""
    return _listed(ctx, incomplete, "models", lambda place: place.name if place.is_dir() else None)


def remotes(ctx: typer.Context, incomplete: str) -> list[str]:
    """Other parties' servers, by the name they have here."""
    return _listed(ctx, incomplete, "remotes", lambda place: place.stem if place.suffix == ".json" else None)


def _listed(ctx: typer.Context, incomplete: str, folder: str, named: Callable[[Path], str | None]) -> list[str]:
    found = (named(place) for place in _entries(_home(ctx) / folder))
    fits = (_offered(name) for name in found if name and name.startswith(incomplete))
    return sorted(text for text, _ in zip(filter(None, fits), range(_MOST), strict=False))


def _offered(name: str) -> str | None:
    """The name as the shell that asks may be given it, or None."""
    if _HARMLESS.fullmatch(name):
        return name
    if os.environ.get(VARIABLE) != "complete_bash" or not _QUOTABLE.fullmatch(name):
        return None
    typed, place = os.environ.get("COMP_WORDS", "").split("\n"), os.environ.get("COMP_CWORD", "")
    if place != str(len(typed) - 1):
        return None  # inside the line: what is quoted there cannot be told
    if typed[-1].startswith("'"):
        return name  # bash closes the quotes itself
    if typed[-1].startswith('"'):
        return None if "!" in name else name  # in these, ! still stands for an earlier command
    return _Quoted(shlex.quote(name))


class _Quoted(str):
    """A name in quotes: it was compared before. Typer would drop it, for nobody types the quote first."""

    __slots__ = ()

    def startswith(self, *_: object) -> bool:
        return True


def _entries(folder: Path) -> Iterator[Path]:
    try:
        yield from (Path(entry.path) for entry in os.scandir(folder) if not entry.name.startswith("."))
    except OSError:
        return


def _home(ctx: typer.Context) -> Path:
    """--home where it was typed already, BAILEE_HOME, or the default: parsing that stops half way sets no defaults."""
    typed = ctx.params.get("home")
    return Path(typed or os.environ.get("BAILEE_HOME") or DEFAULT_HOME).expanduser()
