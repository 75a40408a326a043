"""What one check says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

State: TypeAlias = Literal["ok", "warning", "problem"]
OK: State = "ok"
WARNING: State = "warning"
PROBLEM: State = "problem"


@dataclass(frozen=True)
class Finding:
    """said: what was found; todo: what to do, or "". exit_code: of the error that a command would end in."""

    check: str
    state: State
    said: str
    todo: str = ""
    exit_code: int = 0


def fine(check: str, said: str) -> Finding:
    return Finding(check, OK, said)


def warning(check: str, said: str, todo: str) -> Finding:
    return Finding(check, WARNING, said, todo)


def problem(check: str, said: str, todo: str, exit_code: int) -> Finding:
    return Finding(check, PROBLEM, said, todo, exit_code)


def worst(found: Sequence[Finding]) -> int:
    """The exit code of the worst problem: the first one's, for checks come in the order of need. 0 where none is."""
    return next((one.exit_code for one in found if one.state == PROBLEM), 0)
