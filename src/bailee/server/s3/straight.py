"""A large body on its way from a thread straight to the connection's socket, while the next piece is opened.

The loop's way costs a copy, fresh memory and two hand-overs for each piece, and holds the interpreter while the system
takes the bytes. Here the loop only keeps the connection: it has sent the head before, sends nothing meanwhile, and
still hears when the client goes away. A client that is slow is given back to the loop, which waits for any number of
them. Not for TLS, whose records are the loop's.
"""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from typing import Protocol

AT_ONCE = 8
"""Bodies that go straight at the same time; each has a thread, and another that opens what comes next."""
SLOW = 1.0
"""Seconds that a piece may take before its client counts as slow."""
_TRIES = 100


class Way(Protocol):
    """What a connection offers a request as `scope["extensions"][WAY]`."""

    def handle(self) -> socket.socket | None:
        """Its socket under a handle of its own; None while the loop has something to send, or it closes."""

    def count(self, size: int) -> None:
        """So many bytes of the body went straight."""


WAY = "bailee.straight"


async def open_way(way: Way) -> socket.socket | None:
    """The socket, once the loop has sent the head. None where that takes long: then the loop sends the body too."""
    for attempt in range(_TRIES):
        await asyncio.sleep(0 if attempt < 5 else 0.001)
        found = way.handle()
        if found is not None:
            return found
    return None


def plain_handle(transport: asyncio.Transport) -> socket.socket | None:
    plain = transport.get_extra_info("socket")
    if plain is None or transport.is_closing() or transport.get_write_buffer_size() > 0:
        return None
    return socket.socket(plain.family, plain.type, plain.proto, os.dup(plain.fileno()))


def send_straight(
    handle: socket.socket, chunks: Iterator[bytes | memoryview], ahead: Executor, is_gone: Callable[[], bool]
) -> tuple[int, Iterator[bytes]]:
    """Send chunks in this thread; gives how many bytes went out, and what a slow client is still to get.

    A chunk is done with before the next but one is asked for. Raises ConnectionError where the client went away, and
    what `chunks` raises.
    """
    sent = 0
    coming = ahead.submit(next, chunks, b"")
    try:
        while chunk := coming.result():
            coming = ahead.submit(next, chunks, b"")
            view, until = memoryview(chunk), time.monotonic() + SLOW
            while view:
                if is_gone():
                    raise ConnectionResetError("the client went away")
                left = until - time.monotonic()
                try:
                    handle.settimeout(max(left, 0.001))
                    size = handle.send(view)
                except TimeoutError:
                    return sent, _left(bytes(view), coming, chunks)
                sent, view = sent + size, view[size:]
        return sent, iter(())
    except OSError as error:
        coming.exception()  # nobody else may use `chunks` before
        raise ConnectionResetError(str(error)) from None


def _left(begun: bytes, coming: Future[bytes | memoryview], chunks: Iterator[bytes | memoryview]) -> Iterator[bytes]:
    following = bytes(coming.result())  # before anything else: nobody else may use `chunks` meanwhile
    yield begun
    if following:
        yield following
        yield from map(bytes, chunks)
