"""What docs/asvs.md names exists; its counts are right; nothing claims without evidence."""

from __future__ import annotations

import ast
import re
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs/asvs.md").read_text("utf-8")
ROWS = re.findall(r"^\| (\d+\.\d+\.\d+) \| ([^|]+) \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", TEXT, re.MULTILINE)


@cache
def names_in(path: Path) -> frozenset[str]:
    tree = ast.parse(path.read_text("utf-8"))
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def test_rows_are_found_and_each_once() -> None:
    numbers = [row[0] for row in ROWS]
    assert len(numbers) > 120
    assert [number for number, times in Counter(numbers).items() if times > 1] == []
    assert {row[2] for row in ROWS} == {"yes", "in part", "**no**"}
    assert all(row[1].strip() for row in ROWS)


def test_counts_are_right() -> None:
    found = Counter(row[2] for row in ROWS)
    said = (
        f"Of {len(ROWS)} requirements that apply: {found['yes']} yes, {found['in part']} in part, {found['**no**']} no."
    )
    assert said in TEXT


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_evidence_is_there(row: tuple[str, ...]) -> None:
    number, _, verdict, how, evidence = row
    named = re.findall(r"`([^`]+)`", evidence)
    assert named or verdict == "**no**" or how.strip() != "–", f"{number} claims without evidence or reason"
    for name in named:
        place, _, test = name.partition("::")
        path = ROOT / place if (ROOT / place).exists() else ROOT / "tests" / place
        assert path.exists(), f"{number} names {place}, which is not there"
        assert not test or test in names_in(path), f"{number} names {name}, which is no test"
