"""Homes that others can look at: an owner with one sealed dataset, made once; a copy of its own for each test."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from commands import make_world


@pytest.fixture(scope="session")
def sealed_world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_world(tmp_path_factory.mktemp("party"))


@pytest.fixture
def folders(sealed_world: Path, tmp_path: Path) -> Path:
    shutil.copytree(sealed_world, tmp_path / "world")
    return tmp_path / "world"
