"""The command line in tests: within this process, or as processes where a session or a signal needs them."""

from __future__ import annotations

import functools
import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer.testing
from typer.testing import CliRunner

from bailee.cli.app import tree
from ports import free_address

# Typer makes the tree of all commands anew for each one that is run: as long as many a command takes.
typer.testing._get_command = functools.cache(typer.testing._get_command)  # type: ignore[attr-defined]

app = tree()
BAILEE = [sys.executable, "-c", "from bailee.cli import main; main()"]
SCHEMA = """
[dataset]
name = "tiny"
label = "ill"

[[column]]
name = "age"
type = "number"
min = 0
max = 100

[[column]]
name = "sex"
type = "category"
categories = ["f", "m"]

[[column]]
name = "ill"
type = "flag"
"""
PLAN = """
name = "tiny-plan"
purpose = "tests"
label = "ill"
rounds = 2
learning_rate = 1

[privacy]
epsilon = 4
delta = 0.00001
"""
SMALL = 20_000
"""Bytes that hold every record of a session, and no proof."""
ROWS = "age,sex,ill\n30,f,0\n40,m,1\n50,f,1\n"


def run(*arguments: str | Path) -> tuple[int, dict[str, Any]]:
    """(exit code, the JSON object said) of a command."""
    done = CliRunner().invoke(app, [*map(str, arguments), "--json"])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    said: dict[str, Any] = json.loads(done.stdout)
    return done.exit_code, said


def refused(result: tuple[int, dict[str, Any]], code: int, kind: str, *words: str) -> None:
    assert result[0] == code, result
    assert (result[1]["error"], result[1]["exit_code"]) == (kind, code)
    for word in words:
        assert word in result[1]["message"]


def make_world(folder: Path, rounds: int = 2, openings: int = 8) -> Path:
    """A folder with an owner who has sealed three rows, and a builder."""
    plan = PLAN.replace("rounds = 2", f"rounds = {rounds}")
    for name, text in (("schema.toml", SCHEMA), ("plan.toml", plan), ("rows.csv", ROWS)):
        (folder / name).write_text(text)
    assert run("key", "new", "Owner", "--home", folder / "owner")[0] == 0
    assert run("key", "new", "Builder", "--home", folder / "builder")[0] == 0
    sealed = ("seal", folder / "rows.csv", folder / "schema.toml", "--openings", str(openings))
    code, said = run(*sealed, "--home", folder / "owner")
    assert code == 0, said
    assert (said["rows"], said["openings_left"]) == (3, openings - 2)
    return folder


def give(world: Path, *more: str | Path, dataset: str = "tiny") -> tuple[int, dict[str, Any]]:
    builder, plan = world / "builder", world / "plan.toml"
    return run("grant", dataset, "--builder", builder, "--plan", plan, *more, "--home", world / "owner")


@dataclass
class Running:
    """A command in a process of its own; what it says goes to a file, line by line."""

    process: subprocess.Popen[bytes]
    log: Path

    def wait(self, seconds: float = 300) -> int:
        try:
            return self.process.wait(seconds)
        finally:
            self.process.kill()

    @property
    def said(self) -> str:
        return self.log.read_text()


def start(log: Path, *arguments: str | Path, file_limit: int | None = None) -> Running:
    """`file_limit`: no file of this process may become larger, as on a full disk."""
    limit: Callable[[], None] | None = None
    if file_limit is not None:
        size = file_limit

        def limit() -> None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    # Numba could not write what it compiled under such a limit, and need not.
    environment = os.environ | {"PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    with log.open("wb") as file:
        process = subprocess.Popen(
            [*BAILEE, *map(str, arguments)], stdout=file, stderr=subprocess.STDOUT, preexec_fn=limit, env=environment
        )
    return Running(process, log)


@dataclass
class Session:
    """Both sides of one session."""

    owner: Running
    builder: Running

    def wait(self) -> tuple[int, int]:
        """Exit codes of owner and builder."""
        codes = self.builder.wait(), self.owner.wait()
        return codes[1], codes[0]


def start_session(
    world: Path,
    grant: str,
    name: str,
    *more: str,
    plan: str = "plan.toml",
    owner: str = "owner",
    patience: str = "240",
    builder_limit: int | None = None,
) -> Session:
    """`bailee train` and `bailee join`, side by side; `more` goes to both."""
    address, common = free_address(), (*more, "--patience", patience)
    joining = ("join", address, "--grant", grant, *common, "--home", world / owner)
    training = ("train", world / plan, "--owner", world / owner, "--listen", address, "--out", world / name)
    return Session(
        start(world / f"{name}-owner.log", *joining),
        start(world / f"{name}-builder.log", *training, *common, "--home", world / "builder", file_limit=builder_limit),
    )
