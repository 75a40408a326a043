"""One owner who has sealed three rows, callers of each role, and their way in. Nothing here is a stand-in."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from api_world import World, make_parties
from commands import make_world


@pytest.fixture(scope="session")
def sealed_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the homes `owner`, `builder`, `verifier`, `consumer`, `stranger`; sealing takes seconds."""
    folder = make_world(tmp_path_factory.mktemp("api"))
    make_parties(folder)
    return folder


@pytest.fixture
def world(sealed_once: Path, tmp_path: Path) -> Iterator[World]:
    """A copy of its own for each test, and a server of it in this process."""
    shutil.copytree(sealed_once, tmp_path / "world")
    with World.open(tmp_path / "world") as made:
        yield made
