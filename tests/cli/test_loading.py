"""Commands that need no array load none: looking at a party is quick."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from commands import make_world

HEAVY = {"numpy", "pyarrow", "numba", "sqlalchemy", "web3", "opendal", "dp_accounting"}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_world(tmp_path_factory.mktemp("loading")) / "owner"


@pytest.mark.parametrize("words", [("key", "show"), ("card", "show", "tiny"), ("account", "list")])
def test_a_command_without_arrays_loads_no_library_of_arrays(home: Path, words: tuple[str, ...]) -> None:
    tell = "import atexit, sys; atexit.register(lambda: print(*sys.modules, file=sys.stderr)); "
    run = [sys.executable, "-c", tell + "from bailee.cli import main; main()", *words]
    done = subprocess.run(run, env=os.environ | {"BAILEE_HOME": str(home)}, capture_output=True, text=True)
    assert done.returncode == 0
    assert not HEAVY & set(done.stderr.split())
