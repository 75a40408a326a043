"""What an installation lacks is named, with the extra that brings it."""

from __future__ import annotations

import ast
import sys
import tomllib
from pathlib import Path

import pytest
import typer

from bailee.cli.face import command
from bailee.cli.missing import EXTRA, advice
from wheels import brought, owners

ROOT = Path(__file__).parents[2]
_PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def imported() -> set[str]:
    """First names of every module that the sources import, wherever they do it."""
    found: set[str] = set()
    for path in (ROOT / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module.partition(".")[0])
    notebooks = {"IPython"}  # used where a notebook has loaded it, and only there
    return found - set(sys.stdlib_module_names) - {"bailee", "__main__"} - notebooks


def test_every_module_is_in_the_core_or_has_its_extra() -> None:
    owner = owners()
    core = brought(_PROJECT["dependencies"])
    extras = {name: brought(texts) for name, texts in _PROJECT["optional-dependencies"].items() if name != "dev"}
    lost = []
    for module in sorted(imported()):
        if owner[module] & core:
            continue
        if module not in EXTRA or not owner[module] & extras[EXTRA[module]]:
            lost.append(module)
    assert not lost, f"no extra of pyproject.toml brings {', '.join(lost)}, or bailee.cli.missing does not say which"


def test_a_command_says_which_extra_to_install(capsys: pytest.CaptureFixture[str]) -> None:
    @command
    def needs_web3() -> None:
        raise ModuleNotFoundError("No module named 'web3.main'", name="web3.main")

    with pytest.raises(typer.Exit) as stopped:
        needs_web3()
    assert stopped.value.exit_code == 2
    assert capsys.readouterr().err == "InputError: this needs: pip install 'bailee[ledger]' (web3 is missing)\n"


def test_a_module_that_no_extra_brings_is_a_fault_of_the_program() -> None:
    @command
    def broken() -> None:
        raise ModuleNotFoundError("No module named 'bailee.nowhere'", name="bailee.nowhere")

    with pytest.raises(ModuleNotFoundError, match="nowhere"):
        broken()
    assert advice(ModuleNotFoundError("nothing named")) is None
