"""Diagrams in step with the code they were drawn from."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def diagrams() -> ModuleType:
    spec = importlib.util.spec_from_file_location("diagrams", ROOT / "script/diagrams.py")
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    sys.modules["diagrams"] = made
    spec.loader.exec_module(made)
    return made


@pytest.mark.parametrize("name", ["layers", "errors", "roles", "life"])
def test_committed_is_what_the_code_draws(diagrams: ModuleType, name: str) -> None:
    kept = (ROOT / f"docs/diagrams/{name}.svg").read_text("utf-8")
    assert diagrams.DRAWN[name]() == kept, "the code has changed: run script/diagrams.py, look, and commit what it drew"


def test_none_is_forgotten(diagrams: ModuleType) -> None:
    assert {path.stem for path in (ROOT / "docs/diagrams").iterdir()} == diagrams.DRAWN.keys()


@pytest.mark.parametrize("name", ["layers", "errors", "roles", "life"])
def test_each_can_be_heard_and_read_in_the_dark(name: str) -> None:
    text = (ROOT / f"docs/diagrams/{name}.svg").read_text("utf-8")
    root = ElementTree.fromstring(text)
    space = "{http://www.w3.org/2000/svg}"
    assert root.get("role") == "img"
    title, told = root.find(f"{space}title"), root.find(f"{space}desc")
    assert title is not None
    assert told is not None
    assert root.get("aria-labelledby") == f"{title.get('id')} {told.get('id')}"
    assert len(told.text or "") > 100
    assert "prefers-color-scheme:dark" in text
    assert re.search(r'(?:fill|stroke)="#', text) is None  # colours come from the style alone


def test_layers_are_the_contracts_and_the_folders(diagrams: ModuleType) -> None:
    rooms = {room for layer in diagrams.layers() for room in layer}
    found = {
        path.stem for path in (ROOT / "src/bailee").iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    assert found - {"__init__"} == rooms
