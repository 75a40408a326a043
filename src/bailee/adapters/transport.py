"""How the bytes of a session travel: a small channel, over loopback TCP or within one process.

Owners connect out to the builder (`join`); the builder listens (`Listener`). A frame is a magic byte pair, a length of
four bytes, big-endian, and that many bytes. No secret crosses a channel and nothing here is trusted: what a frame
carries is a signed record, checked by whoever receives it. Every failure of a peer is a SessionError.
"""

from __future__ import annotations

import queue
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Protocol, Self

from bailee.errors import InputError, SessionError

MAGIC = b"BL"
MAX_FRAME = 64 * 2**20
HEADER = 6
_CLOSED = b""


class Channel(Protocol):
    """Frames in order between two parties."""

    def send(self, frame: bytes) -> None:
        """Raises SessionError if the peer is gone, InputError for an empty or oversize frame."""

    def receive(self, timeout: float) -> bytes:
        """The next frame. SessionError if none comes within `timeout` seconds or the peer is gone."""

    def close(self) -> None: ...


def _check_size(frame: bytes) -> None:
    if not 0 < len(frame) <= MAX_FRAME:
        raise InputError(f"a frame has 1 to {MAX_FRAME} bytes; got {len(frame)}")


@dataclass
class MemoryChannel:
    """One end of a channel within a process; `memory_pair` makes both."""

    _out: queue.SimpleQueue[bytes]
    _in: queue.SimpleQueue[bytes]
    _closed: bool = field(default=False)

    def send(self, frame: bytes) -> None:
        _check_size(frame)
        if self._closed:
            raise SessionError("this channel is closed")
        self._out.put(frame)

    def receive(self, timeout: float) -> bytes:
        try:
            frame = self._in.get(timeout=max(timeout, 0.0))
        except queue.Empty:
            raise SessionError(f"the other party said nothing for {timeout:.0f} s") from None
        if frame == _CLOSED:
            self._in.put(_CLOSED)
            raise SessionError("the other party left")
        return frame

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._out.put(_CLOSED)


def memory_pair() -> tuple[MemoryChannel, MemoryChannel]:
    forth: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    back: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    return MemoryChannel(forth, back), MemoryChannel(back, forth)


class TcpChannel:
    """One end of a TCP connection."""

    def __init__(self, connection: socket.socket, peer: str) -> None:
        self._socket = connection
        self._peer = peer
        # A peer that stops reading must not hold a sender for ever.
        connection.settimeout(60.0)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, frame: bytes) -> None:
        _check_size(frame)
        try:
            self._socket.settimeout(60.0)
            self._socket.sendall(MAGIC + len(frame).to_bytes(4, "big") + frame)
        except OSError as error:
            raise SessionError(f"{self._peer} left ({_reason(error)}); start again with --resume") from None

    def receive(self, timeout: float) -> bytes:
        deadline = time.monotonic() + timeout
        header = self._read(HEADER, deadline, timeout)
        if header[:2] != MAGIC:
            raise SessionError(f"{self._peer} does not speak this protocol")
        size = int.from_bytes(header[2:], "big")
        if not 0 < size <= MAX_FRAME:
            raise SessionError(f"{self._peer} announced a frame of {size} bytes; frames have 1 to {MAX_FRAME}")
        return self._read(size, deadline, timeout)

    def close(self) -> None:
        self._socket.close()

    def _read(self, size: int, deadline: float, timeout: float) -> bytes:
        parts = bytearray()
        while len(parts) < size:
            left = deadline - time.monotonic()
            if left <= 0:
                raise SessionError(f"{self._peer} sent nothing whole for {timeout:.0f} s")
            try:
                self._socket.settimeout(left)
                part = self._socket.recv(min(size - len(parts), 1 << 20))
            except TimeoutError:
                continue
            except OSError as error:
                raise SessionError(f"{self._peer} left ({_reason(error)}); start again with --resume") from None
            if not part:
                raise SessionError(f"{self._peer} left; start again with --resume")
            parts += part
        return bytes(parts)


class Listener:
    """The builder's open door. `address` is the one really bound, so that port 0 may be asked for."""

    def __init__(self, host: str = "127.0.0.1", port: int = 0) -> None:
        try:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            self._socket = socket.create_server((host, port), family=family, backlog=64)
        except OSError as error:
            raise SessionError(f"cannot listen on {host}:{port} ({_reason(error)}); choose another port") from None
        name = self._socket.getsockname()
        self.address: tuple[str, int] = (str(name[0]), int(name[1]))

    def accept(self, timeout: float) -> Channel:
        """The next owner's channel. Raises SessionError if nobody comes within `timeout` seconds."""
        deadline = time.monotonic() + timeout
        while True:
            self._socket.settimeout(max(deadline - time.monotonic(), 0.001))
            try:
                connection, peer = self._socket.accept()
            except TimeoutError:
                raise SessionError(f"nobody connected for {timeout:.0f} s") from None
            except ConnectionError:  # some systems tell here of one who has left meanwhile; others may still come
                continue
            except OSError as error:
                raise SessionError(f"cannot accept a connection ({_reason(error)})") from None
            try:
                return TcpChannel(connection, f"the party at {peer[0]}:{peer[1]}")
            except OSError:  # nor can the connection be set up then
                connection.close()

    def close(self) -> None:
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def join(host: str, port: int, timeout: float, waiting: Callable[[str], None] | None = None) -> Channel:
    """A channel to the builder, tried until it opens or `timeout` seconds have passed. Raises SessionError.

    waiting: called once, with the reason, when the first try failed and more will follow.
    """
    deadline = time.monotonic() + timeout
    while True:
        left = deadline - time.monotonic()
        try:
            connection = socket.create_connection((host, port), timeout=max(min(left, 5.0), 0.1))
            return TcpChannel(connection, f"the builder at {host}:{port}")
        except OSError as error:
            if time.monotonic() + 0.1 >= deadline:
                raise SessionError(
                    f"no builder at {host}:{port} within {timeout:.0f} s ({_reason(error)}); is it running?"
                ) from None
            if waiting is not None:
                waiting(_reason(error))
                waiting = None
            time.sleep(0.1)


def reach(host: str, port: int, timeout: float, waiting: Callable[[str], None] | None = None) -> None:
    """Wait until somebody listens there; nothing is said yet, and the builder takes it for one who left.

    Costs a connection, so that what takes minutes is not begun for an address at which nobody is. As `join`.
    """
    join(host, port, timeout, waiting).close()


def _reason(error: OSError) -> str:
    return error.strerror or type(error).__name__
