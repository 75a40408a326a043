"""The Python of the how-to runs, block after block."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from bailee.verify.model import verify_model_passport

PAGE = Path(__file__).parents[2] / "docs" / "howto" / "estimators.md"


def test_the_blocks_of_the_how_to_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    blocks = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    assert len(blocks) == 2
    for block in blocks:
        exec(block, names)  # the page's own code
    assert names["model"].score(names["rows"], names["ill"]) > 0.6
    verify_model_passport(names["model"].passport_)
    assert (tmp_path / "plan.toml").is_file()
