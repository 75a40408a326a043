"""What verbs are given, looked at before anything is done: a list where one thing was meant, a text for a file."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from bailee.errors import InputError


def listed(given: Any, what: str) -> list[Any]:
    """The things themselves, where an argument takes several. InputError for one alone: a text would be its letters."""
    if isinstance(given, str | os.PathLike | Mapping) or not isinstance(given, Iterable):
        raise InputError(f"{what}: expected a list, got one {type(given).__name__}; write {what}=[...]")
    return list(given)


def path_of(file: Any, what: str) -> Path:
    """A file's path. InputError for what is none, such as the TOML itself, or a dict."""
    how = f"expected the path of a {what}'s TOML file"
    if not isinstance(file, str | os.PathLike):
        raise InputError(f"{how}, got {type(file).__name__}; for its text write bailee.{what}(text=...)")
    if "\n" in str(file):
        raise InputError(f"{how}, got a text of several lines; for its text write bailee.{what}(text=...)")
    return Path(file)
