"""Whoever reaches a server, and has shown nothing yet, sends a head without end or never sends it whole."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import uvicorn

from ambiguous import AMBIGUOUS
from bailee.adapters import connection
from bailee.adapters.chain.embedded import ledger as chain
from bailee.adapters.chain.embedded import serve as chain_serving
from bailee.keys import Identity
from bailee.server.api import application as api
from bailee.server.api import serving as api_serving
from bailee.server.console import serving as console_serving
from bailee.server.console.context import ConsoleContext
from bailee.server.pay import serving as pay_serving
from commands import free_address

ENDLESS = (b"GET /healthz HTTP/1.1\r\nHost: x\r\n", b"GET /healthz HTTP/1.1\r\nX: ", b"GET /")
SERVERS = ("api", "console", "chain")


@contextmanager
def running(which: str, home: Path) -> Iterator[int]:
    Identity.create(home, "Ann")
    host, _, port = free_address().partition(":")
    made: uvicorn.Server
    if which == "api":
        made = api_serving.server_of(api.context_for(home), host, int(port))
    elif which == "chain":
        made = chain_serving.server_of(chain.open_ledger(home / "chain"), host, int(port))
    else:
        made = console_serving.server_of(ConsoleContext(home, frozenset({f"{host}:{port}"})), host, int(port))
    thread = threading.Thread(target=made.run, daemon=True)
    thread.start()
    while not made.started and thread.is_alive():
        time.sleep(0.02)
    try:
        yield int(port)
    finally:
        made.should_exit = True
        thread.join(20)


@pytest.mark.parametrize("which", SERVERS)
def test_a_head_without_end_is_cut_off(which: str, tmp_path: Path) -> None:
    with running(which, tmp_path / "home") as port:
        for begun in ENDLESS:
            piece = b"a: b\r\n" * 4096 if begun.endswith(b"\n") else b"a" * 24576
            with socket.create_connection(("127.0.0.1", port), 20) as knocking:
                sent = 0
                with suppress(OSError):  # reset, or a pipe that broke
                    knocking.sendall(begun)
                    while sent < 64 << 20:
                        knocking.sendall(piece)
                        sent += len(piece)
                assert sent < 32 << 20  # what two sockets' buffers hold


@pytest.mark.parametrize("which", SERVERS)
def test_a_head_that_never_comes_is_not_waited_for(which: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "HEAD_TIME", 0.2)
    with running(which, tmp_path / "home") as port:
        for begun in (b"", b"GET / HTTP/1.1\r\nHost:"):
            with socket.create_connection(("127.0.0.1", port), 20) as knocking:
                knocking.sendall(begun)
                assert knocking.recv(1000) == b""


@pytest.mark.parametrize("which", SERVERS)
def test_a_request_that_two_parsers_read_differently_is_refused(which: str, tmp_path: Path) -> None:
    with running(which, tmp_path / "home") as port:
        for name, sent in AMBIGUOUS.items():
            with socket.create_connection(("127.0.0.1", port), 20) as knocking:
                knocking.sendall(sent)
                told = b"".join(iter(lambda: knocking.recv(65536), b""))
            assert told.startswith(b"HTTP/1.1 400 "), (name, told)
            assert told.count(b"HTTP/1.1 ") == 1, (name, told)


@pytest.mark.parametrize("which", SERVERS)
def test_the_body_of_an_upgrade_is_no_second_request(which: str, tmp_path: Path) -> None:
    inner = b"GET /inner HTTP/1.1\r\nHost: x\r\n\r\n"
    with running(which, tmp_path / "home") as port:
        for length in (b"Content-Length: %d" % len(inner), b"Transfer-Encoding: chunked"):
            head = b"POST /plain/k HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: h2c\r\n" + length
            with socket.create_connection(("127.0.0.1", port), 20) as knocking:
                knocking.sendall(head + b"\r\n\r\n" + inner)
                told = b"".join(iter(lambda: knocking.recv(65536), b""))
            assert told.startswith(b"HTTP/1.1 400 "), told
            assert told.count(b"HTTP/1.1 ") == 1, told


def test_a_paid_door_has_the_same_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[uvicorn.Config] = []
    monkeypatch.setattr(uvicorn.Server, "run", lambda self: made.append(self.config))
    pay_serving.serve(lambda scope, receive, send: None, "127.0.0.1", 1)  # type: ignore[arg-type]
    assert made[0].http is connection.Connection
