"""Ports for servers that tests start: each is given once, however many processes run tests on this machine.

Asking the system for any free port and closing it again is not enough: until the server has it, a connection or a
server of another test may be given the same one.
"""

from __future__ import annotations

import fcntl
import os
import random
import socket
import tempfile
from pathlib import Path
from typing import TextIO

_FIRST, _LAST = 11_000, 30_000
"""Below those that systems give to who asks for any, and above 10080, which browsers refuse."""
_kept: list[TextIO] = []
"""Locked files, one for each port: a lock ends with this process, however that ends."""


def free_port() -> int:
    """A port of 127.0.0.1 at which nobody listens, and which no other test gets while this process lives."""
    folder = Path(tempfile.gettempdir()) / f"bailee-test-ports-{os.getuid()}"
    folder.mkdir(exist_ok=True)
    first = random.SystemRandom().randrange(_FIRST, _LAST)  # hypothesis seeds the other one
    for port in (*range(first, _LAST), *range(_FIRST, first)):
        file = (folder / str(port)).open("a")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", port))
        except OSError:
            file.close()
            continue
        _kept.append(file)
        return port
    raise RuntimeError(f"no port from {_FIRST} to {_LAST} is free")


def free_address() -> str:
    return f"127.0.0.1:{free_port()}"
