"""The Python of the how-to runs, block after block. The notebook: test_notebook.py."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "howto" / "python.md"


def test_the_blocks_of_the_how_to_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text, names = PAGE.read_text(), {}
    blocks = re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert len(blocks) == 10
    for block in blocks:
        exec(block, names)  # the page's own code
    assert names["statement"].facts["rows"] == 440
    assert names["passport"].report["accuracy"] > 0.6
    assert len(names["answers"]) == 5
    assert names["grant"].state.startswith("revoked")
    assert names["renewed"].openings_left == 5
    assert len(names["proof"].told) == 2
    assert len(names["answer"].told) == 4
    shown = re.findall(r"^```py\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    for block in shown:  # needs a second machine: its verbs and words are there
        _check_calls(block, names)


def _check_calls(block: str, names: dict[str, Any]) -> None:
    import inspect

    for node in ast.walk(ast.parse(block)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            verb = eval(ast.unparse(node.func), names)  # the page's own code
            words = {word.arg: None for word in node.keywords if word.arg}
            inspect.signature(verb).bind(*node.args, **words)
