"""The container file, as far as it can be tried without an engine: no image is built here, script/image does that.

Its steps are looked at: what it copies is there and let through by the ignore file, what it installs is locked with
hashes and as tested, it does not run as root. The check of health that it carries is run.
"""

from __future__ import annotations

import json
import re
import ssl
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from composed import ROOT
from wheels import brought

FILE = ROOT / "deploy" / "Containerfile"
EXTRAS = ("api", "console", "export", "fingerprints", "ledger", "postgresql", "s3")


def steps() -> list[tuple[str, str]]:
    """(instruction, what follows), lines joined."""
    text = re.sub(r"^#.*\n", "", FILE.read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    return [(word, rest.strip()) for word, _, rest in (line.partition(" ") for line in text.splitlines() if line)]


def pins(file: Path) -> dict[str, set[str]]:
    """Of each package, the versions locked (several where platforms differ); fails where one has no hash."""
    found: dict[str, set[str]] = {}
    for block in re.split(r"\n(?=\S)", file.read_text()):
        if match := re.match(r"([\w.\-\[\]]+)==([\w.+]+)", block):
            assert "--hash=sha256:" in block, block
            found.setdefault(canonicalize_name(match[1].partition("[")[0]), set()).add(match[2])
    return found


def test_what_it_copies_is_there_and_let_through() -> None:
    for name in (".containerignore", ".dockerignore"):
        through = {line[1:] for line in (ROOT / name).read_text().splitlines() if line.startswith("!")}
        copied = [rest.split()[:-1] for word, rest in steps() if word == "COPY" and not rest.startswith("--from")]
        assert {source for sources in copied for source in sources} == through
        assert all((ROOT / source).exists() for source in through)


def test_it_ends_as_a_user_without_rights_and_starts_the_server() -> None:
    last = dict(steps())
    assert last["USER"] == "10001:10001"
    assert last["ENTRYPOINT"] == '["bailee"]'
    assert last["STOPSIGNAL"] == "SIGTERM"
    assert "healthy.py" in last["HEALTHCHECK"]
    assert not [word for word, _ in steps() if word == "ADD"]


def test_the_user_and_group_that_own_its_folders_are_those_it_runs_as() -> None:
    (making,) = [rest for word, rest in steps() if word == "RUN" and "useradd" in rest]
    assert "groupadd --gid 10001 bailee" in making
    assert "useradd --uid 10001 --gid 10001" in making
    (folders,) = re.findall(r"install -d -o bailee -g bailee -m 0700 (.*)", making)
    assert json.loads(dict(steps())["VOLUME"]) == folders.split()


def test_whatever_it_installs_is_locked_with_hashes() -> None:
    commands = [
        command
        for word, rest in steps()
        for command in (re.findall(r"pip (?:--python \S+ )?(?:install|wheel) [^&]*", rest) if word == "RUN" else ())
    ]
    assert len(commands) == FILE.read_text().count("-m pip ") == 4
    for command in commands:
        assert "--require-hashes" in command or "--no-index" in command or "--no-build-isolation" in command
        assert "--no-deps" in command


def test_the_line_that_picks_setuptools_out_of_the_lock() -> None:
    (script,) = [match[1] for _, rest in steps() if (match := re.search(r"sed -n '([^']+)' locks", rest))]
    done = subprocess.run(["sed", "-n", script, ROOT / "requirements.lock"], capture_output=True, text=True)
    names = re.findall(r"^([\w-]+)==", done.stdout, re.MULTILINE)
    assert names == ["setuptools"]
    assert "--hash=sha256:" in done.stdout
    assert not done.stdout.rstrip().endswith("\\")


def test_servers_run_what_was_tested() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    servers, tested = pins(ROOT / "deploy/requirements.lock"), pins(ROOT / "requirements.lock")
    assert {name: versions for name, versions in servers.items() if not versions <= tested[name]} == {}
    wanted = [text for extra in EXTRAS for text in project["optional-dependencies"][extra]]
    lost = brought([*project["dependencies"], *wanted]) - set(servers)
    assert not lost, f"script/lock has not been run: {', '.join(sorted(lost))}"
    assert set(project["optional-dependencies"]) - set(EXTRAS) == {"dev", "media", "mount", "proxies", "sklearn"}


@contextmanager
def answering(status: int, folder: Path | None = None) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()

        def log_message(self, *words: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    if folder is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "certificate.pem", folder / "key.pem")
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http{'s' if folder else ''}://127.0.0.1:{server.server_port}/healthz"
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(("status", "code"), [(200, 0), (503, 1)])
def test_health_is_what_the_server_says(status: int, code: int, tmp_path: Path) -> None:
    made = [sys.executable, ROOT / "deploy/certificates.py", tmp_path, "north=somewhere.example.org"]
    assert subprocess.run(made, capture_output=True).returncode == 0
    for folder in (None, tmp_path / "north"):
        with answering(status, folder) as url:
            assert subprocess.run([sys.executable, ROOT / "deploy/healthy.py", url]).returncode == code


def test_nobody_there_is_not_healthy() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "deploy/healthy.py", "https://127.0.0.1:9/healthz"], capture_output=True
    )
    assert done.returncode == 1
