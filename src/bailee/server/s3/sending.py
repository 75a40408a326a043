"""Answers on their way out: small ones whole, large ones as they are read, and only while the client is there."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from bailee.server.s3.request import Response
from bailee.server.s3.straight import AT_ONCE, WAY, Way, open_way, send_straight

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

SILENCE = 60.0
"""Seconds a client may send or take nothing."""


class Sender:
    """Streams bodies. pool: where chunks are read."""

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self._pool = pool
        self._senders = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="s3-send")
        self._openers = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="s3-open")
        self._straights = 0

    def close(self) -> None:
        for pool in (self._senders, self._openers):
            pool.shutdown(wait=True)

    async def stream(self, scope: Scope, send: Send, receive: Receive, response: Response) -> None:
        """All of a body that comes in chunks."""
        # A client that went away is told by `receive` alone; without this the whole object would be read for nobody.
        chunks: Iterator[bytes | memoryview] = response.body  # type: ignore[assignment]
        gone = asyncio.ensure_future(_gone(receive))
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(SILENCE * 5):
                await send({"type": "http.response.start", "status": response.status, "headers": _raw(response)})
            left: Iterator[bytes] | None = None
            if response.is_lent and self._straights < AT_ONCE:
                left = await self._send_straight(scope["extensions"][WAY], chunks, gone)
            await self._send_chunks(send, map(bytes, chunks) if left is None else left, gone)
        except ConnectionError:
            pass  # the loop hears of it too, and closes the connection
        finally:
            gone.cancel()
            close = getattr(chunks, "close", None)
            if close is not None:
                await loop.run_in_executor(self._pool, close)

    async def _send_chunks(self, send: Send, chunks: Iterator[bytes], gone: asyncio.Future[None]) -> None:
        loop = asyncio.get_running_loop()
        coming = loop.run_in_executor(self._pool, next, chunks, b"")
        try:
            while (chunk := await coming) and not gone.done():
                coming = loop.run_in_executor(self._pool, next, chunks, b"")
                async with asyncio.timeout(SILENCE * 5):
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
        finally:
            await asyncio.gather(coming, return_exceptions=True)
        if not gone.done():
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _send_straight(
        self, way: Way, chunks: Iterator[bytes | memoryview], gone: asyncio.Future[None]
    ) -> Iterator[bytes] | None:
        """What is left for the loop to send; None where it has to send all."""
        self._straights += 1
        handle = None
        try:
            handle = await open_way(way)
            if handle is None:
                return None
            arguments = (handle, chunks, self._openers, gone.done)
            sending = asyncio.get_running_loop().run_in_executor(self._senders, send_straight, *arguments)
            try:
                sent, left = await asyncio.shield(sending)
            except asyncio.CancelledError:
                handle.shutdown(socket.SHUT_RDWR)  # ends the thread, which must be through with the chunks
                await asyncio.gather(sending, return_exceptions=True)
                raise
            way.count(sent)
            return left
        finally:
            self._straights -= 1
            if handle is not None:
                handle.close()


async def send_whole(send: Send, response: Response, scope: Scope) -> None:
    """An answer with a body of bytes."""
    body = response.body
    if not isinstance(body, bytes):
        raise TypeError("expected a body of bytes")
    if response.length is None and response.status not in (204, 304):
        response.length = len(body)
    if body and all(name != "content-type" for name, _ in response.headers):
        response.headers.append(("content-type", "application/xml"))
    if scope.get("method") == "HEAD":
        body = b""
    # It waits while the client has not taken the answer before this one.
    async with asyncio.timeout(SILENCE * 5):
        await send({"type": "http.response.start", "status": response.status, "headers": _raw(response)})
        await send({"type": "http.response.body", "body": body})


def _raw(response: Response) -> list[tuple[bytes, bytes]]:
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in response.headers]
    if response.length is not None:
        headers.append((b"content-length", str(response.length).encode()))
    headers.append((b"server", b"bailee"))
    return headers


async def _gone(receive: Receive) -> None:
    """Returns when the client has gone away."""
    while (await receive())["type"] != "http.disconnect":
        pass
