"""Folders for the console's tests: one without keys, one with keys alone, one in which much has happened."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from bailee.keys import Identity
from console_world import World, make_full, open_console
from trained_home import make_trained


@pytest.fixture(scope="session")
def full_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Shared: only read it."""
    return make_full(tmp_path_factory.mktemp("full"))


@pytest.fixture(scope="session")
def seen(full_home: Path) -> World:
    """A console over the shared folder, for looking only."""
    return open_console(full_home).enter()


@pytest.fixture
def full(full_home: Path, tmp_path: Path) -> World:
    """Over a copy that may be changed."""
    shutil.copytree(full_home, tmp_path / "owner")
    return open_console(tmp_path / "owner").enter()


@pytest.fixture
def empty(tmp_path: Path) -> World:
    Identity.create(tmp_path / "home", "Ann")
    return open_console(tmp_path / "home").enter()


@pytest.fixture
def bare(tmp_path: Path) -> World:
    """No keys yet."""
    return open_console(tmp_path / "home").enter()


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the homes `owner` and `builder` after a real session, and its passport. Shared: only read it."""
    return make_trained(tmp_path_factory.mktemp("trained"))
