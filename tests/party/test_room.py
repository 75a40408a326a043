"""The room's first lines are its map: each module is in it, once."""

from __future__ import annotations

import re
from pathlib import Path

import bailee.party as room


def test_the_map_names_every_module_once() -> None:
    (folder,) = map(Path, room.__path__)
    there = [path.stem for path in folder.iterdir() if path.suffix == ".py" and path.stem != "__init__"]
    there += [path.parent.name for path in folder.glob("*/__init__.py")]
    lines = (room.__doc__ or "").split("\n\n")[1].splitlines()
    entries = [entry for line in lines for entry in re.split(r" {3,}", line[14:])]  # after the column of subjects
    assert sorted(entry.partition(":")[0] for entry in entries) == sorted(there)
