"""The systemd units: systemd's own checks where it is here, and that they call commands as these are."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from composed import ROOT

UNITS = sorted((ROOT / "deploy").glob("*.service"))
needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not here")


def settings(unit: Path) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in re.findall(r"^(\w+)=(.*)$", unit.read_text(), re.MULTILINE):
        found.setdefault(name, []).append(value)
    return found


@needs_systemd
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_systemd_takes_it(unit: Path, tmp_path: Path) -> None:
    """With a program that is here in place of /opt/bailee; what other units of this machine say does not count."""
    copy = tmp_path / unit.name
    copy.write_text(unit.read_text().replace("/opt/bailee/bin/bailee", "/bin/true"))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", copy], capture_output=True, text=True
    )
    assert (done.returncode, [line for line in done.stderr.splitlines() if unit.name in line]) == (0, [])


@needs_systemd
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_systemd_finds_little_that_it_exposes(unit: Path) -> None:
    """10 is a service without any restriction; 1.5 leaves the network, sockets, memory that Numba fills with code."""
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", "--json=short", "--threshold=15", unit],
        capture_output=True,
        text=True,
    )
    bad = [one["name"] for one in json.loads(done.stdout) if one.get("set") is False] if done.returncode else []
    assert done.returncode == 0, bad


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_it_calls_a_command_as_it_is(unit: Path) -> None:
    from bailee.cli.app import tree

    (line,) = settings(unit)["ExecStart"]
    program, *words = line.split()
    assert program == "/opt/bailee/bin/bailee"
    command = words[: next(number for number, word in enumerate(words) if word.startswith("-"))]
    asked = CliRunner().invoke(tree(), [*command, "--help"], env={"COLUMNS": "200"})
    assert asked.exit_code == 0, asked.output
    known = set(re.findall(r"--[a-z][a-z-]+", asked.output))
    assert {word for word in words if word.startswith("--")} <= known


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_keys_are_the_services_own(unit: Path) -> None:
    found = settings(unit)
    assert (found["User"], found["UMask"], found["StateDirectoryMode"]) == (["bailee"], ["0077"], ["0700"])
    assert all("/etc/bailee/" not in line for line in found["ExecStart"])  # root's files come as credentials
    assert int(found["TimeoutStopSec"][0]) > 30  # requests under way get that long
