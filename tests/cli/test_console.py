"""`bailee console`: what it refuses before it begins, and the link that it prints."""

from __future__ import annotations

import json
import signal
import socket
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from bailee.cli.console import _hosts
from bailee.errors import InputError
from commands import free_address, refused, run, start

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals as POSIX has them")


def test_it_serves_until_it_is_told_to_stop(tmp_path: Path) -> None:
    address = free_address()
    running = start(tmp_path / "log", "console", "--no-open", "--listen", address, "--home", tmp_path / "new", "--json")
    killer = threading.Timer(300, running.process.kill)
    killer.start()
    while not running.said.endswith("}\n") and running.process.poll() is None:
        time.sleep(0.05)
    link = json.loads(running.said)["link"]
    assert link.startswith(f"http://{address}/enter?link=")
    while not answers(address):
        time.sleep(0.05)
    answer = urllib.request.urlopen(link)
    assert "HttpOnly" in answer.headers["set-cookie"]
    with pytest.raises(urllib.error.HTTPError) as again:
        urllib.request.urlopen(link)
    assert again.value.code == 401
    again.value.close()
    running.process.send_signal(signal.SIGTERM)
    running.wait()
    killer.cancel()
    assert link.rpartition("=")[2] not in running.said.replace(link, "")  # nothing else tells of it


def answers(address: str) -> bool:
    host, _, port = address.rpartition(":")
    with socket.socket() as probe:
        return probe.connect_ex((host, int(port))) == 0


def test_what_it_refuses(tmp_path: Path) -> None:
    home = ("--home", tmp_path)
    refused(run("console", "--listen", "0.0.0.0:8440", *home), 2, "InputError", "ssh -L", "--certificate")
    refused(run("console", "--listen", "8440", *home), 2, "InputError", "HOST:PORT")
    pem = tmp_path / "c.pem"
    refused(run("console", "--certificate", pem, *home), 2, "InputError", "both")
    everywhere = ("--listen", "0.0.0.0:0", "--certificate", pem, "--private-key", pem)
    refused(run("console", *everywhere, *home), 2, "InputError", "--name")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        place = f"127.0.0.1:{taken.getsockname()[1]}"
        refused(run("console", "--listen", place, *home), 2, "InputError", "is another console running?")
    assert not any(tmp_path.iterdir())


def test_names_that_browsers_may_use() -> None:
    assert _hosts("127.0.0.1", 8440, [], False) == ["127.0.0.1:8440", "localhost:8440"]
    assert _hosts("::1", 8440, [], False) == ["[::1]:8440", "localhost:8440", "127.0.0.1:8440"]
    assert _hosts("0.0.0.0", 443, ["Console.Example"], True) == ["console.example"]
    assert _hosts("10.0.0.5", 8440, ["a.example"], True) == ["a.example:8440", "10.0.0.5:8440"]
    with pytest.raises(InputError, match="every address"):
        _hosts("::", 8440, [], True)
