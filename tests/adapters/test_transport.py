"""Transport: frames arrive whole and in order; a lost, silent, foreign or greedy peer is a SessionError."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bailee.adapters.transport import MAGIC, MAX_FRAME, Channel, Listener, TcpChannel, join, memory_pair, reach
from bailee.errors import InputError, SessionError


def tcp_pair() -> tuple[Channel, Channel]:
    with Listener() as door:
        here = join(*door.address, 5.0)
        return here, door.accept(5.0)


@pytest.fixture(params=["memory", "tcp"])
def pair(request: pytest.FixtureRequest) -> Iterator[tuple[Channel, Channel]]:
    ends = memory_pair() if request.param == "memory" else tcp_pair()
    yield ends
    for end in ends:
        end.close()


def test_frames_arrive_whole_and_in_order(pair: tuple[Channel, Channel]) -> None:
    here, there = pair
    frames = [b"a", b"b" * 3_000_000, b"\0" * 7]
    sender = threading.Thread(target=lambda: [here.send(frame) for frame in frames])
    sender.start()
    assert [there.receive(60.0) for _ in frames] == frames
    sender.join()
    there.send(b"back")
    assert here.receive(60.0) == b"back"


def test_a_silent_peer_is_given_up(pair: tuple[Channel, Channel]) -> None:
    with pytest.raises(SessionError, match="nothing"):
        pair[0].receive(0.05)


def test_a_lost_peer_is_told(pair: tuple[Channel, Channel]) -> None:
    pair[1].send(b"last words")
    pair[1].close()
    assert pair[0].receive(60.0) == b"last words"
    with pytest.raises(SessionError, match="left"):
        pair[0].receive(60.0)
    with pytest.raises(SessionError, match="left"):
        pair[0].receive(60.0)


@pytest.mark.parametrize("size", [0, MAX_FRAME + 1])
def test_frames_have_a_size(pair: tuple[Channel, Channel], size: int) -> None:
    with pytest.raises(InputError, match="frame"):
        pair[0].send(bytes(size))


def test_a_greedy_peer_is_refused_before_anything_is_stored() -> None:
    ours, theirs = socket.socketpair()
    with theirs:
        theirs.sendall(MAGIC + (MAX_FRAME + 1).to_bytes(4, "big"))
        with pytest.raises(SessionError, match="announced"):
            _wrap(ours).receive(60.0)


def test_a_frame_cut_short_is_no_frame() -> None:
    ours, theirs = socket.socketpair()
    theirs.sendall(MAGIC + (10).to_bytes(4, "big") + b"half")
    theirs.close()
    with pytest.raises(SessionError, match="left"):
        _wrap(ours).receive(60.0)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=64))
def test_random_bytes_never_pass_silently(data: bytes) -> None:
    ours, theirs = socket.socketpair()
    theirs.sendall(data)
    theirs.close()
    channel = _wrap(ours)
    try:
        frame = channel.receive(60.0)
    except SessionError:
        return
    finally:
        channel.close()
    assert data.startswith(MAGIC + len(frame).to_bytes(4, "big") + frame)


def test_nobody_there() -> None:
    with Listener() as door:
        address = door.address
        with pytest.raises(SessionError, match="nobody"):
            door.accept(0.05)
        with pytest.raises(SessionError, match="choose another port"):
            Listener(port=address[1])
    with pytest.raises(SessionError, match="is it running"):
        join(*address, 0.2)
    reasons: list[str] = []
    with pytest.raises(SessionError):
        join(*address, 0.5, reasons.append)
    assert reasons == ["Connection refused"]  # said at once, and once


def _wrap(connection: socket.socket) -> TcpChannel:
    """A Unix socket pair stands for the network; it knows no TCP options."""
    channel = TcpChannel.__new__(TcpChannel)
    channel._socket, channel._peer = connection, "the peer"
    return channel


@pytest.mark.parametrize("said", [b"", b"GET / HTTP/1.1\r\n\r\n", MAGIC, MAGIC + bytes(4)], ids=repr)
def test_whoever_knocks_and_leaves_takes_nobodys_place(said: bytes) -> None:
    with Listener() as door:
        reach(*door.address, 5.0)
        with socket.create_connection(door.address) as rude:
            rude.sendall(said)
            rude.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # it is cut, not ended
        here = join(*door.address, 5.0)
        here.send(b"hello")
        for _ in range(2):
            stranger = door.accept(5.0)
            with pytest.raises(SessionError, match=r"left|does not speak|announced"):
                stranger.receive(5.0)
            stranger.close()
        there = door.accept(5.0)
        assert there.receive(5.0) == b"hello"
        here.close()
        there.close()


class LeftAtOnce:
    """A socket of a system that tells, when it accepts, of one who has left."""

    def __init__(self, door: socket.socket) -> None:
        self._door, self._left = door, 2

    def accept(self) -> tuple[socket.socket, tuple[str, int]]:
        self._left -= 1
        if self._left >= 0:
            raise ConnectionAbortedError
        return self._door.accept()

    def settimeout(self, seconds: float) -> None:
        self._door.settimeout(seconds)

    def close(self) -> None:
        self._door.close()


def test_who_left_before_it_was_let_in_ends_no_session(monkeypatch: pytest.MonkeyPatch) -> None:
    with Listener() as door:
        monkeypatch.setattr(door, "_socket", LeftAtOnce(door._socket))
        here = join(*door.address, 5.0)
        there = door.accept(5.0)
        here.send(b"hello")
        assert there.receive(5.0) == b"hello"
        here.close()
        there.close()


@pytest.mark.skipif(not socket.has_ipv6, reason="this Python has no IPv6")
def test_a_door_may_be_at_an_address_of_ipv6() -> None:
    try:
        door = Listener("::1")
    except SessionError:
        pytest.skip("this machine has no IPv6")
    with door:
        reach("::1", door.address[1], 5.0)
        door.accept(5.0).close()
