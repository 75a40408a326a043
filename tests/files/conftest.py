from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from bailee.files import VaultFileSystem
from bailee.files.homes import close_vault
from vaults import make_home

_MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


@pytest.fixture(scope="module")
def sealed() -> Iterator[VaultFileSystem]:
    """In memory where the system has such a folder: thousands of puts that each wait for a disk would take minutes."""
    with tempfile.TemporaryDirectory(dir=_MEMORY) as folder:
        home = make_home(Path(folder) / "home")
        yield VaultFileSystem(home=home)
        close_vault(home)


@pytest.fixture
def home(sealed: VaultFileSystem) -> Path:
    return sealed.home
