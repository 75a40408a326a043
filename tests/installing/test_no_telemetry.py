"""No telemetry: commands that work on this machine's files ask the network for nothing, not even for a name.

Python tells an audit hook of every name looked up and every connection made. The hook refuses, too: a command that
needed the network and hid its failure would still be told of here. Native libraries are outside the hook's sight; of
those, only the stores of a vault (opendal) can speak to a network, and only to a store that its owner named.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from commands import ROWS, SCHEMA

_RUN = """
import contextlib, io, json, sys
SENDING = ("socket.connect", "socket.sendto", "socket.sendmsg", "socket.getaddrinfo", "socket.gethostbyname")
tried = []

def hook(event, arguments):
    if event in SENDING:
        tried.append(f"{event} {arguments[1:]}")
        raise OSError("the network is shut in this test")

sys.addaudithook(hook)
import bailee
addresses = sys.argv[2:]
from bailee.cli import main

for arguments in json.loads(sys.argv[1]):
    sys.argv, err = ["bailee", *arguments], io.StringIO()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(err):
        try:
            main()
        except SystemExit as end:
            if end.code:
                raise RuntimeError(f"{arguments}: {err.getvalue()}") from None
for address in addresses:
    import urllib.request

    with contextlib.suppress(OSError):
        urllib.request.urlopen(address, timeout=1)
print(json.dumps(tried))
"""


def tried(calls: list[list[str]], folder: Path, *addresses: str) -> list[str]:
    """What was tried by the calls of `bailee` in one process, and then by opening the addresses."""
    done = subprocess.run(
        [sys.executable, "-c", _RUN, json.dumps(calls), *addresses],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)  # type: ignore[no-any-return]


def test_no_command_on_own_files_tries_the_network(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text(ROWS)
    (tmp_path / "schema.toml").write_text(SCHEMA)
    calls = [
        ["--version"],
        ["--help"],
        ["key", "new", "North", "--home", "north"],
        ["seal", "rows.csv", "schema.toml", "--home", "north"],
        ["card", "show", "north/datasets/tiny/card.json"],
        ["status", "--home", "north"],
        ["vault", "init", "--home", "north"],
        ["vault", "put", "rows.csv", "rows", "--home", "north"],
        ["vault", "get", "rows", "back.csv", "--home", "north"],
        ["vault", "status", "--home", "north"],
        ["ledger", "init", "--home", "north"],
        ["ledger", "status", "--home", "north"],
    ]
    assert tried(calls, tmp_path) == []
    assert (tmp_path / "back.csv").read_text() == ROWS


def test_the_hook_sees_what_it_is_there_for(tmp_path: Path) -> None:
    (found,) = tried([["--version"]], tmp_path, "http://127.0.0.1:9/")
    assert found.startswith("socket.")
