"""Parties of the demo: each has a folder of its own and acts only through `bailee` commands in processes of its own."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

BAILEE = str(Path(sys.executable).with_name("bailee"))


@dataclass(frozen=True)
class Party:
    name: str
    home: Path

    @property
    def public(self) -> Path:
        return self.home / "identity.json"

    def run(self, *arguments: str | Path) -> dict[str, Any]:
        """One command to its end; what it says with --json. Stops the demo where the command fails."""
        said = bailee(*arguments, "--home", self.home, "--json")
        if "exit_code" in said:
            raise SystemExit(f"demo: {self.name}: bailee {arguments[0]} failed: {said['error']}: {said['message']}")
        return said

    def start(self, log: Path, *arguments: str | Path) -> subprocess.Popen[bytes]:
        """A command that goes on beside the demo; what it says goes to `log`."""
        with log.open("wb") as file:
            return subprocess.Popen(
                [BAILEE, *map(str, arguments), "--home", str(self.home)], stdout=file, stderr=subprocess.STDOUT
            )

    def watch(self, *arguments: str | Path) -> int:
        """A command that shows itself on this terminal; its exit code."""
        return subprocess.call([BAILEE, *map(str, arguments), "--home", str(self.home)])


def bailee(*arguments: str | Path) -> dict[str, Any]:
    """What a command says with --json; for one that fails its error, message and exit_code."""
    done = subprocess.run([BAILEE, *map(str, arguments)], capture_output=True, text=True, check=False)
    try:
        found: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        raise SystemExit(f"demo: bailee {arguments[0]} ended with {done.returncode}:\n{done.stderr[-2000:]}") from None
    return found


def free_address() -> str:
    """An address on this machine that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"
