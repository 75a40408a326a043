"""The services of deploy/compose.yaml as processes on this machine: their own commands, variables and files.

There is no container engine in the tests. What an engine would do is done here in its simplest form: variables are put
in, a volume's path in the container becomes its path here, and the name of a service becomes an address of 127.0.0.0/8
that the run has for itself. Images, networks and what an engine forbids a container are not tried.
"""

from __future__ import annotations

import os
import secrets
import shlex
import signal
import subprocess
import sys
import sysconfig
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from ports import free_port

ROOT = Path(__file__).resolve().parents[1]
COMPOSE = ROOT / "deploy" / "compose.yaml"
NAMES = ("north", "south", "west")
WEED = [f"{of}.port{more}" for of in ("master", "volume", "filer", "s3") for more in ("", ".grpc")]


def services(local: Path) -> dict[str, dict[str, Any]]:
    """The services, anchors resolved, with the variables of LOCAL/.env put in."""
    text = COMPOSE.read_text()
    for line in (local / ".env").read_text().splitlines():
        name, _, value = line.partition("=")
        text = text.replace(f"${{{name}}}", value)
    found: dict[str, dict[str, Any]] = yaml.safe_load(text)["services"]
    return found


@dataclass
class Composed:
    """Services running under `folder`. `programs` maps the first word of a command to what is here in its place."""

    folder: Path
    local: Path
    programs: Mapping[str, list[str]]
    databases: Mapping[str, str]
    """Of each organisation, the URL of a database that is empty."""
    addresses: dict[str, str] = field(default_factory=dict)
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    ports: dict[str, dict[str, int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # SeaweedFS has sockets in /tmp named by port alone: two of them share no port, whatever their address.
        self.ports = {name: {of: free_port() for of in WEED} for name in NAMES}
        net = f"127.{secrets.randbelow(200) + 20}.{secrets.randbelow(250) + 2}"
        self.addresses = {"chain": f"{net}.9"} | {name: f"{net}.{10 + n}" for n, name in enumerate(NAMES)}

    def address(self, service: str) -> str:
        return self.addresses[service.partition("-")[0]]

    def _here(self, service: str, text: str) -> str:
        for volume in services(self.local)[service].get("volumes", []):
            source, target = volume.split(":")[:2]
            text = text.replace(target, source if source.startswith("/") else str(self.folder / source))
        for name, url in self.databases.items():
            text = text.replace(f"postgresql://bailee@{name}-database/bailee", shlex.quote(url) if " " in text else url)
        for name in NAMES:
            text = text.replace(f"//{name}-store:8334", f"//{self.address(name)}:{self.ports[name]['s3.port']}")
        if service.endswith("-store"):
            ports = self.ports[service.partition("-")[0]]
            text = text.replace("-s3.port=8334", f"-s3.port={ports['s3.port']}")
            for of, usual in (("master", 9333), ("filer", 8888)):
                text = text.replace(f":{usual}", f":{ports[f'{of}.port']}.{ports[f'{of}.port.grpc']}")
        text = text.replace("//chain:", f"//{self.address('chain')}:")
        for anywhere in ("0.0.0.0", "127.0.0.1"):
            text = text.replace(anywhere, self.address(service))
        return text.replace("/opt/bailee/healthy.py", str(ROOT / "deploy" / "healthy.py")).replace("$$", "$")

    def environment(self, service: str) -> dict[str, str]:
        """Its variables, beside those of this process; `bailee` is found in its path."""
        facts = services(self.local)[service]
        found = {name: self._here(service, value) for name, value in facts.get("environment", {}).items()}
        for file in facts.get("env_file", []):
            found |= dict(line.split("=", 1) for line in Path(file).read_text().splitlines())
        scripts = os.pathsep.join([sysconfig.get_path("scripts"), str(Path(sys.executable).parent), os.environ["PATH"]])
        home = {"BAILEE_HOME": str(self.local / service.partition("-")[0] / "home")}  # as the image sets it
        return os.environ | {"PATH": scripts, "PYTHONUNBUFFERED": "1"} | home | found

    def command(self, service: str) -> list[str]:
        facts = services(self.local)[service]
        words = [*facts.get("entrypoint", ["bailee"]), *facts["command"]]
        found = [*self.programs.get(words[0], [words[0]]), *(self._here(service, word) for word in words[1:])]
        if words[0] == "weed":
            ports = self.ports[service.partition("-")[0]]
            found += [f"-{name}={port}" for name, port in ports.items() if name != "s3.port"]
        return found

    def run(self, service: str) -> str:
        """A service that ends by itself. What it says; raises where it fails."""
        done = subprocess.run(
            self.command(service), env=self.environment(service), capture_output=True, text=True, timeout=600
        )
        if done.returncode:
            raise RuntimeError(f"{service}: {done.stdout}{done.stderr}")
        return done.stdout + done.stderr

    def start(self, service: str) -> None:
        with self.log(service).open("wb") as log:
            self.running[service] = subprocess.Popen(
                self.command(service), env=self.environment(service), stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def healthy(self, service: str, seconds: float = 300) -> None:
        """Wait for the service's own health check."""
        kind, *check = services(self.local)[service]["healthcheck"]["test"]
        words = [self._here(service, word) for word in check]
        command = ["sh", "-c", *words] if kind == "CMD-SHELL" else words
        deadline = time.monotonic() + seconds
        while subprocess.run(command, env=self.environment(service), capture_output=True).returncode:
            if time.monotonic() > deadline or self.running[service].poll() is not None:
                raise RuntimeError(f"{service} is not healthy: {self.log(service).read_text()[-3000:]}")
            time.sleep(0.2)

    def stop(self, service: str) -> int:
        """As an engine stops it: SIGTERM, then its exit code. Raises after the grace that an engine gives."""
        process = self.running.pop(service)
        process.send_signal(signal.SIGTERM)
        try:
            return process.wait(40)
        finally:
            process.kill()

    def log(self, service: str) -> Path:
        return self.folder / f"{service}.log"

    def close(self) -> None:
        for process in self.running.values():
            process.kill()
            process.wait()
