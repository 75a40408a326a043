"""`import bailee`: next to nothing is loaded, everything is there, and type checkers see the same."""

from __future__ import annotations

import ast
import doctest
import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import bailee
import bailee.verbs


def test_the_import_loads_no_library_and_no_other_room() -> None:
    tell = "import sys; before = set(sys.modules); import bailee; print(*set(sys.modules) - before)"
    run = subprocess.run([sys.executable, "-c", tell], check=True, capture_output=True, text=True)
    assert run.stdout.split() == ["bailee"]


def test_every_name_is_there_and_listed() -> None:
    assert set(bailee.__all__) <= set(dir(bailee))
    for name in bailee.__all__:
        assert getattr(bailee, name) is getattr(bailee, name)
    with pytest.raises(AttributeError, match="no attribute 'sea'"):
        _ = bailee.sea


def test_type_checkers_are_told_the_same_names_from_the_same_places() -> None:
    stub = ast.parse(Path(bailee.__file__).with_suffix(".pyi").read_text())
    told = {
        alias.asname or alias.name: (node.module, alias.name)
        for node in stub.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert {*told, "__version__"} == set(bailee.__all__)
    for name, (module, inside) in told.items():
        place = importlib.import_module(module or "")
        found = importlib.import_module("bailee.errors") if name == "errors" else getattr(place, inside)
        assert found is getattr(bailee, name)


def test_no_name_is_also_a_room() -> None:
    """A room that is imported takes the place of a name: `bailee.seal` could never be a verb (docs/decisions/0024)."""
    rooms = {module.name for module in pkgutil.iter_modules(bailee.__path__)} - {"errors"}
    assert not rooms & set(bailee.__all__)


@pytest.mark.parametrize("module", [one.name for one in pkgutil.iter_modules(bailee.verbs.__path__)])
def test_examples_in_docstrings_run(module: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = doctest.testmod(importlib.import_module(f"bailee.verbs.{module}"))
    assert done.failed == 0
    assert done.attempted or module not in {"drafts", "parties", "passports", "plans"}


def test_every_verb_says_what_it_does_and_what_it_raises() -> None:
    verbs = [bailee.init, bailee.open, bailee.card, bailee.passport, bailee.plan, bailee.schema, bailee.schema_of]
    acts = ("seal", "reseal", "grant", "revoke", "join", "lend", "train", "train_model", "release")
    acts += ("evaluate", "prove_inference", "prove_rules", "show_coin", "promise_coin", "spend")
    acts += ("earnings", "pay", "claim")
    verbs += [getattr(bailee.Party, name) for name in acts]
    verbs += [bailee.Passport.verify, bailee.Passport.predict, bailee.Proof.verify]
    for verb in verbs:
        assert verb.__doc__ is not None
        assert "Error" in verb.__doc__ or verb is bailee.Passport.scores, verb.__qualname__


def test_the_page_names_everything() -> None:
    page = (Path(__file__).parents[2] / "docs" / "python.md").read_text()
    public = [name for name in dir(bailee.Party) if not name.startswith("_")]
    public += [name for name in dir(bailee.Passport) if name in {"verify", "predict", "scores"}]
    fields = {"home", "quiet", "name", "key", "identity"}
    left = [name for name in {*public, *bailee.__all__} - fields - {"__version__", "Status"} if f"`{name}" not in page]
    assert not left, left
