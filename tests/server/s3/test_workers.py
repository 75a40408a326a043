"""A door of several processes: they agree on what was acknowledged, are replaced, and end with the first."""

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from bailee.errors import InputError, StorageError
from bailee.server.s3 import new_access_key
from bailee.server.s3.workers import listen, serve_workers
from ports import free_port
from server.s3.door import Door
from vaults import make_home

SERVE = """
import sys
from pathlib import Path
from bailee.keys import Identity
from bailee.seal.vault.vault import Vault
from bailee.server.s3.workers import serve_workers
home = Path(sys.argv[1])
serve_workers(lambda: Vault.open(home, Identity.load(home)), home, port=int(sys.argv[2]), workers=2)
"""
PATIENCE = 120


@contextmanager
def served(home: Path):
    port = free_port()
    process = subprocess.Popen([sys.executable, "-c", SERVE, str(home), str(port)])
    try:
        wait(lambda: len(workers_of(process.pid)) == 2 and answers(port))
        yield process, Door(None, home, port)
    finally:
        process.kill()
        process.wait()


def wait(is_done) -> None:
    until = time.monotonic() + PATIENCE
    while not is_done():
        if time.monotonic() > until:
            raise TimeoutError(f"not within {PATIENCE} s")
        time.sleep(0.02)


def answers(port: int) -> bool:
    """All listeners: each connection goes to one of them."""
    with suppress(OSError):
        for _ in range(8):
            with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
                connection.sendall(b"GET / HTTP/1.1\r\nHost: here\r\n\r\n")
                if not connection.recv(10):
                    return False
        return True
    return False


def workers_of(pid: int) -> list[int]:
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="processes are found by /proc")
def test_workers_agree_are_replaced_and_end(tmp_path):
    home = make_home(tmp_path)
    key = new_access_key(home, "owner")
    with served(home) as (process, door):

        def ask(method, path, query=(), body=b""):
            """On a connection of its own, so that any worker may take it."""
            status, _, answer = door.signed(key, method, path, query, body)
            return status, answer

        for turn in range(6):
            assert ask("GET", f"/bucket{turn}")[0] == 404
            assert ask("PUT", f"/bucket{turn}")[0] == 200
            assert ask("PUT", f"/bucket{turn}/x", body=b"first")[0] == 200
            switch = b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"
            assert ask("PUT", f"/bucket{turn}", [("versioning", "")], switch)[0] == 200
            assert ask("PUT", f"/bucket{turn}/x", body=b"second")[0] == 200
            assert ask("GET", f"/bucket{turn}/x") == (200, b"second")
            assert ask("GET", f"/bucket{turn}", [("versions", "")])[1].count(b"<Version>") == 2

        first, second = workers_of(process.pid)
        time.sleep(max(0.0, 5.5 - uptime(first)))  # a younger one would count as one that cannot begin
        os.kill(first, signal.SIGKILL)
        wait(lambda: first not in workers_of(process.pid) and len(workers_of(process.pid)) == 2)
        for _ in range(8):  # what reaches the dead one's listener waits for its successor
            assert ask("GET", "/bucket0/x") == (200, b"second")

        alive = workers_of(process.pid)
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0
        assert not any(is_alive(pid) for pid in (*alive, second))


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="processes are found by /proc")
def test_workers_end_with_the_first_process(tmp_path):
    with served(make_home(tmp_path)) as (process, _):
        workers = workers_of(process.pid)
        process.kill()
        wait(lambda: not any(is_alive(pid) for pid in workers))


def uptime(pid: int) -> float:
    began = int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[19])
    return float(Path("/proc/uptime").read_text().split()[0]) - began / os.sysconf("SC_CLK_TCK")


def test_why_a_worker_cannot_begin_is_told(tmp_path):
    def refuse():
        raise StorageError("the vault is elsewhere")

    with pytest.raises(StorageError, match="the vault is elsewhere"):
        serve_workers(refuse, tmp_path, port=0, workers=2)


def test_too_many_workers_and_a_taken_port(tmp_path):
    with pytest.raises(InputError, match="expected 1 to 64 workers, got 65"):
        serve_workers(lambda: None, tmp_path, workers=65)
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(InputError, match="cannot listen at"):
        listen("127.0.0.1", taken.getsockname()[1], 2)
