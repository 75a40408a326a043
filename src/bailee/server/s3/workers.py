"""Several workers of one door: processes that share its port, each with the vault open, and one that looks after them.

One process has one interpreter, which small objects keep busy. The system spreads connections over the workers by
address, so a client that keeps one connection open meets one worker. They share nothing but the catalogue, the stores
and word of changed buckets; what one has acknowledged the others see at once, for the catalogue is asked each time.

The first process opens neither vault nor stores: their libraries have threads, which no child would inherit.
"""

from __future__ import annotations

import asyncio
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import NoReturn

from bailee.adapters.tls import TLS
from bailee.errors import BaileeError, InputError, StorageError
from bailee.seal.vault.vault import Vault
from bailee.server.s3.application import application
from bailee.server.s3.changes import Changes
from bailee.server.s3.serving import server_of

MOST = 64
_YOUNG = 5.0
"""Seconds within which a worker that ends has failed to begin; a later one is replaced."""
_BACKLOG = 2048


@dataclass
class _Worker:
    """listener: its own, of the same port; held by the first process too, so that a replacement takes what waits."""

    listener: socket.socket
    pid: int = 0
    began: float = 0.0
    told: int = -1
    """Where it writes why it could not begin; at its end when it has ended."""


def serve_workers(
    open_vault: Callable[[], AbstractContextManager[Vault]],
    home: Path,
    host: str = "127.0.0.1",
    port: int = 9000,
    tls: TLS | None = None,
    *,
    workers: int,
    region: str = "us-east-1",
    domain: str = "",
) -> None:
    """Serve until SIGINT or SIGTERM; requests under way are finished first. For a process with one thread.

    Raises StorageError where a worker cannot begin.
    """
    if not 1 <= workers <= MOST:
        raise InputError(f"expected 1 to {MOST} workers, got {workers}")
    changes = Changes()
    lifeline, kept = os.pipe()  # closed when the first process ends, in whatever way: then the workers end too
    team = [_Worker(listener) for listener in listen(host, port, workers)]

    def work(worker: _Worker) -> None:
        os.close(kept)
        for other in team:
            if other is not worker:
                other.listener.close()
        with open_vault() as vault:
            door = application(vault, home, region=region, domain=domain, changes=changes)
            server = server_of(door, host, port, tls)

            async def run() -> None:
                asyncio.get_running_loop().add_reader(lifeline, lambda: setattr(server, "should_exit", True))
                await server.serve([worker.listener])

            with suppress(KeyboardInterrupt), asyncio.Runner(loop_factory=server.config.get_loop_factory()) as runner:
                runner.run(run())

    before = signal.signal(signal.SIGTERM, _stop)
    try:
        for worker in team:
            _begin(worker, work)
        while True:
            _replace(team, work)
    except KeyboardInterrupt:
        pass
    finally:
        signal.signal(signal.SIGTERM, before)
        _end(team)
        for handle in (lifeline, kept):
            os.close(handle)


def listen(host: str, port: int, count: int) -> list[socket.socket]:
    """Sockets of one address, over which the system spreads connections. port 0: any that is free."""
    if not hasattr(socket, "SO_REUSEPORT"):
        raise InputError("this system spreads no port over several processes; serve with one worker")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made: list[socket.socket] = []
    for _ in range(count):
        one = socket.socket(family, socket.SOCK_STREAM)
        made.append(one)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        try:
            one.bind((host, port))
        except OSError as error:
            for other in made:
                other.close()
            raise InputError(f"cannot listen at {host}:{port}: {error.strerror}; is a door open there?") from None
        port = int(one.getsockname()[1])
    return made


def _begin(worker: _Worker, work: Callable[[_Worker], None]) -> None:
    worker.told, tell = os.pipe()
    worker.began = time.monotonic()
    worker.pid = os.fork()
    if worker.pid == 0:
        os.close(worker.told)
        _live(tell, lambda: work(worker))
    os.close(tell)


def _live(tell: int, work: Callable[[], None]) -> NoReturn:
    """A worker's whole life."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    code = 1
    try:
        work()
        code = 0
    except KeyboardInterrupt:
        code = 0
    except BaileeError as error:
        os.write(tell, str(error).encode()[:4000])
    except BaseException as error:
        sys.excepthook(type(error), error, error.__traceback__)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)  # what the first process would do at its end is not the worker's


def _replace(team: list[_Worker], work: Callable[[_Worker], None]) -> None:
    """Wait for workers that end, and begin others in their place."""
    ended, _, _ = select.select([worker.told for worker in team], [], [])
    for worker in team:
        if worker.told not in ended:
            continue
        with os.fdopen(worker.told, "rb") as told:
            why = told.read().decode(errors="replace")
        os.waitpid(worker.pid, 0)
        worker.pid = 0
        if time.monotonic() - worker.began < _YOUNG:
            raise StorageError(why or "a worker of the door ended as it began; look into its output and begin again")
        _begin(worker, work)


def _end(team: list[_Worker]) -> None:
    alive = [worker for worker in team if worker.pid]
    for worker in alive:
        with suppress(ProcessLookupError):
            os.kill(worker.pid, signal.SIGTERM)
    for worker in alive:
        with suppress(ChildProcessError):
            os.waitpid(worker.pid, 0)
        os.close(worker.told)
    for worker in team:
        worker.listener.close()


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
