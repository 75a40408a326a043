"""Large bodies go straight from a thread; slow clients, those that leave and what cannot be read end as they should."""

import random
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from bailee.seal.vault.blobs.layout import PLAIN
from bailee.server.s3 import sending, straight
from server.s3.door import sign

DATA = random.Random(3).randbytes(6 * PLAIN + 777)


@pytest.fixture(scope="module")
def bucket(s3):
    s3.create_bucket(Bucket="large")
    s3.put_object(Bucket="large", Key="x", Body=DATA)
    return "large"


@pytest.fixture
def sent(monkeypatch):
    """Bytes that went straight, of each body."""
    counts = []
    ordinary = sending.send_straight

    def count(*arguments):
        size, left = ordinary(*arguments)
        counts.append(size)
        return size, left

    monkeypatch.setattr(sending, "send_straight", count)
    return counts


def knock(door, owner, headers=None, buffer=None):
    """A connection that has asked for the object."""
    given = sign(owner, "GET", "/large/x", (), b"", headers or {}, host=f"127.0.0.1:{door.port}")
    lines = {"host": f"127.0.0.1:{door.port}", **(headers or {}), **given}
    connection = socket.socket()
    if buffer:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    connection.connect(("127.0.0.1", door.port))
    head = "GET /large/x HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in lines.items()) + "\r\n"
    connection.sendall(head.encode())
    return connection


def take(connection):
    """The body, as long as its head says."""
    with connection.makefile("rb") as stream:
        length = 0
        while line := stream.readline().strip():
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        return stream.read(length)


def test_all_of_it_and_ranges_on_one_connection(s3, bucket, sent):
    assert s3.get_object(Bucket=bucket, Key="x")["Body"].read() == DATA
    assert s3.get_object(Bucket=bucket, Key="x", Range="bytes=5-")["Body"].read() == DATA[5:]
    assert s3.get_object(Bucket=bucket, Key="x", Range=f"bytes=9-{3 * PLAIN}")["Body"].read() == DATA[9 : 3 * PLAIN + 1]
    s3.get_object(Bucket=bucket, Key="x", Range="bytes=0-1")  # the door is through with what was before
    assert sent == [len(DATA), len(DATA) - 5, 3 * PLAIN - 8]


def test_several_at_once_more_than_go_straight(s3, bucket, sent):
    with ThreadPoolExecutor(2 * straight.AT_ONCE) as pool:
        bodies = list(pool.map(lambda _: s3.get_object(Bucket=bucket, Key="x")["Body"].read(), range(20)))
    assert all(body == DATA for body in bodies)
    assert 0 < len(sent) <= 20


def test_a_slow_client_is_given_back_to_the_loop(door, owner, bucket, sent, monkeypatch):
    monkeypatch.setattr(straight, "SLOW", 0.05)
    with knock(door, owner, buffer=4096) as connection:
        until = time.monotonic() + 120
        while not sent and time.monotonic() < until:
            time.sleep(0.01)
        assert sent[0] < len(DATA)
        assert take(connection) == DATA


def test_where_the_head_does_not_leave_the_loop_sends_all(s3, bucket, sent, monkeypatch):
    monkeypatch.setattr(straight, "_TRIES", 0)
    assert s3.get_object(Bucket=bucket, Key="x")["Body"].read() == DATA
    assert sent == []


def test_who_leaves_ends_the_reading(door, owner, s3, bucket, monkeypatch):
    ends = []
    ordinary = straight.send_straight

    def watch(*arguments):
        try:
            return ordinary(*arguments)
        except BaseException as error:
            ends.append(type(error))
            raise

    monkeypatch.setattr(sending, "send_straight", watch)
    connection = knock(door, owner, buffer=4096)
    came = b""
    while not came.partition(b"\r\n\r\n")[2]:  # the first of the body: now it is being sent
        came += connection.recv(4096)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    connection.close()
    until = time.monotonic() + 120
    while not ends and time.monotonic() < until:
        time.sleep(0.01)
    assert ends == [ConnectionResetError]
    assert s3.get_object(Bucket=bucket, Key="x")["Body"].read() == DATA


def test_what_cannot_be_read_any_more_ends_the_connection(door, owner, vault, home, s3, bucket):
    s3.put_object(Bucket=bucket, Key="x", Body=DATA)
    (part,) = vault.parts("large/x")
    for placed in part.blob.fragments[1:]:
        path = home / placed.store / vault.ground.keyring.naming.path(part.blob.id, placed.index)
        raw = bytearray(path.read_bytes())
        raw[3 * (PLAIN + 16) // 2 + 5] ^= 1  # in the fourth segment of three of four fragments
        path.write_bytes(raw)
    with knock(door, owner) as connection:
        body = take(connection)
    assert len(body) < len(DATA)
    assert body == DATA[: len(body)]
    s3.put_object(Bucket=bucket, Key="x", Body=DATA)
