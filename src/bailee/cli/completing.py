"""What a shell may complete beside commands and options: names of datasets, ids of grants and sessions of the home.

Called at every press of a key: folders are listed, no file is opened, and nothing that is loaded for it is heavy.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import typer

from bailee.cli.face import DEFAULT_HOME

_MOST = 200
_HARMLESS = re.compile(r"\w[\w.,+@=-]*")
"""One word of every shell, and no option. A shell runs what it was completed to, and zsh even what it is offered."""


def datasets(ctx: typer.Context, incomplete: str) -> list[str]:
    """Sealed datasets, by name."""
    return _listed(ctx, incomplete, "datasets", lambda place: place.name if (place / "card.json").is_file() else None)


def grants(ctx: typer.Context, incomplete: str) -> list[str]:
    """Grants given, by id."""
    return _listed(ctx, incomplete, "grants", lambda place: place.stem if place.suffix == ".json" else None)


def runs(ctx: typer.Context, incomplete: str) -> list[str]:
    """Runs of hidden models, by id."""
    return _listed(ctx, incomplete, "models", lambda place: place.name if place.is_dir() else None)


def _listed(ctx: typer.Context, incomplete: str, folder: str, named: Callable[[Path], str | None]) -> list[str]:
    found = (named(place) for place in _entries(_home(ctx) / folder))
    fits = (name for name in found if name and name.startswith(incomplete) and _HARMLESS.fullmatch(name))
    return sorted(name for name, _ in zip(fits, range(_MOST), strict=False))


def _entries(folder: Path) -> Iterator[Path]:
    try:
        yield from (Path(entry.path) for entry in os.scandir(folder) if not entry.name.startswith("."))
    except OSError:
        return


def _home(ctx: typer.Context) -> Path:
    """--home where it was typed already, BAILEE_HOME, or the default: parsing that stops half way sets no defaults."""
    typed = ctx.params.get("home")
    return Path(typed or os.environ.get("BAILEE_HOME") or DEFAULT_HOME).expanduser()
