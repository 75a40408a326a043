"""The S3 door beside SeaweedFS's own S3, on the same disk, with the same client in a process of its own.

    python benchmarks/bench_s3.py [--objects N] [--mib N] [--folder FOLDER]

small   N objects of 1 to 4 KiB, put and read once each over 64 connections that stay open
large   one object of so many MiB, put and read over one connection, five times: the median
cpu     milliseconds of processor time for each of these requests: of the server, of all its processes / of the client

The client shares the machine with the server, so it is cheap: plain sockets that stay open, one thread, requests
signed beforehand, with their bodies unsigned. What it costs is told. Bailee encrypts, codes and syncs; SeaweedFS keeps
bytes as they are and leaves it to the system when they reach the disk. Lines with `sync=no` leave it to the system too.
SeaweedFS has no code of k + 1 for what is written, so its redundancy is copies on volume servers: 000 is one copy, 001
two, which outlive one loss as `1 of 2` and `2 of 3` do here. `1 of 2` takes the same room as 001, `2 of 3` three
quarters of it.
"""

from __future__ import annotations

import argparse
import hashlib
import hmac
import os
import random
import selectors
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.error import HTTPError, URLError

from measure import machine

from bailee.adapters.stores.entry import StoreEntry
from bailee.keys import Identity
from bailee.seal.vault.facts import Code, Policy
from bailee.seal.vault.vault import Vault
from bailee.server.s3 import new_access_key, serve, serve_workers

MIB = 1 << 20
CONNECTIONS = 64
ROUNDS = 5
READY = 60.0


@dataclass(frozen=True)
class Door:
    port: int
    key: str
    secret: str
    pids: tuple[int, ...]

    def request(self, method: str, path: str, body: bytes = b"") -> bytes:
        """A whole request, signed for now."""
        host, stamp = f"127.0.0.1:{self.port}", time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        scope = f"{stamp[:8]}/us-east-1/s3/aws4_request"
        names = "host;x-amz-content-sha256;x-amz-date"
        headers = f"host:{host}\nx-amz-content-sha256:UNSIGNED-PAYLOAD\nx-amz-date:{stamp}\n"
        canonical = f"{method}\n{path}\n\n{headers}\n{names}\nUNSIGNED-PAYLOAD"
        text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        key = b"AWS4" + self.secret.encode()
        for part in scope.split("/"):
            key = hmac.digest(key, part.encode(), "sha256")
        signature = hmac.digest(key, text.encode(), "sha256").hex()
        given = f"AWS4-HMAC-SHA256 Credential={self.key}/{scope}, SignedHeaders={names}, Signature={signature}"
        lines = "".join(f"{line}\r\n" for line in headers.splitlines())
        head = f"{method} {path} HTTP/1.1\r\n{lines}Authorization: {given}\r\nContent-Length: {len(body)}\r\n\r\n"
        return head.encode() + body


class Client:
    """One connection: a request out, its answer in. `rest`: bytes of the answer that are still to come."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = memoryview(bytearray(4 * MIB))

    def send(self, request: bytes) -> None:
        self.socket.sendall(request)

    def receive(self) -> int:
        """Bytes of the body. Raises RuntimeError unless the answer is a good one."""
        size = 0
        while (end := bytes(self._buffer[: min(size, 1 << 14)]).find(b"\r\n\r\n")) < 0:
            got = self.socket.recv_into(self._buffer[size:])
            if not got:
                raise RuntimeError("the connection ended")
            size += got
        head = bytes(self._buffer[:end]).lower()
        if not head.startswith(b"http/1.1 20"):
            raise RuntimeError(bytes(self._buffer[:size]).decode())
        length = int(head.partition(b"content-length:")[2].split(b"\r\n")[0]) if b"content-length:" in head else 0
        left = length - (size - end - 4)
        while left:
            got = self.socket.recv_into(self._buffer)
            if not got:
                raise RuntimeError("the connection ended")
            left -= got
        return length


def ask(port: int, request: bytes) -> int:
    client = Client(port)
    client.send(request)
    length = client.receive()
    client.socket.close()
    return length


def per_second(port: int, requests: Sequence[bytes]) -> float:
    """Requests a second, CONNECTIONS at a time."""
    waiting = list(reversed(requests))
    with selectors.DefaultSelector() as selector:
        clients = [Client(port) for _ in range(min(CONNECTIONS, len(waiting)))]
        began = time.perf_counter()
        for client in clients:
            selector.register(client.socket, selectors.EVENT_READ, client)
            client.send(waiting.pop())
        busy = len(clients)
        while busy:
            for event, _ in selector.select():
                event.data.receive()
                if waiting:
                    event.data.send(waiting.pop())
                else:
                    busy -= 1
        took = time.perf_counter() - began
        for client in clients:
            client.socket.close()
    return len(requests) / took


def spent(pid: int) -> float:
    """Seconds of processor time of a process and its children."""
    total, left = 0.0, [pid]
    while left:
        one = left.pop()
        try:
            fields = Path(f"/proc/{one}/stat").read_text().rsplit(")", 1)[1].split()
            for task in Path(f"/proc/{one}/task").iterdir():
                left += map(int, (task / "children").read_text().split())
        except OSError:  # no Linux, or it has ended
            continue
        total += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return total


class Meter:
    """Processor time of the servers and of this process, in milliseconds a request."""

    def __init__(self, pids: Sequence[int]) -> None:
        self._pids, self.told = pids, list[str]()

    @contextmanager
    def over(self, requests: int) -> Iterator[None]:
        before = sum(map(spent, self._pids)), time.process_time()
        yield
        after = sum(map(spent, self._pids)), time.process_time()
        self.told.append(" / ".join(f"{(b - a) / requests * 1e3:.2f}" for a, b in zip(before, after, strict=True)))


def measure(name: str, door: Door, objects: int, size: int) -> tuple[float, float, float, float]:
    """Small puts and gets a second, MB/s of large puts and gets."""
    meter = Meter(door.pids)
    ask(door.port, door.request("PUT", "/bench"))
    draw = random.Random(1)
    bodies = [draw.randbytes(draw.randrange(1024, 4097)) for _ in range(min(objects, 500))]
    warm = [door.request("PUT", f"/bench/warm/{at}", bodies[at % len(bodies)]) for at in range(objects // 10)]
    per_second(door.port, warm)
    requests = [door.request("PUT", f"/bench/{at}", bodies[at % len(bodies)]) for at in range(objects)]
    with meter.over(objects):
        puts = per_second(door.port, requests)
    requests = [door.request("GET", f"/bench/{at}") for at in range(objects)]
    with meter.over(objects):
        gets = per_second(door.port, requests)
    large = os.urandom(size)
    seconds: dict[str, list[float]] = {"PUT": [], "GET": []}
    for at in range(ROUNDS):
        for kind in seconds:
            request = door.request(kind, f"/bench/large{at}", large if kind == "PUT" else b"")
            with meter.over(1) if at == ROUNDS - 1 else nullcontext():
                began = time.perf_counter()
                length = ask(door.port, request)
                seconds[kind].append(time.perf_counter() - began)
        if length != size:
            raise RuntimeError(f"expected {size} bytes, got {length}")
    put_rate, get_rate = (size / statistics.median(took) / 1e6 for took in seconds.values())
    print(f"{name:<32} {puts:6.0f} puts/s {gets:6.0f} gets/s   {put_rate:5.0f} MB/s put {get_rate:5.0f} MB/s get")
    print(f"{'':<32} cpu: " + "   ".join(meter.told))
    return puts, gets, put_rate, get_rate


@contextmanager
def bailee(folder: Path, code: Code, sync: bool, workers: int) -> Iterator[Door]:
    port, home = free_port(), folder / "home"
    owner = Identity.create(home, "bench")
    stores = [StoreEntry(f"s{at}", f"file://{folder}/s{at}{'' if sync else '?sync=no'}") for at in range(code.n)]
    Vault.create(home, owner, stores, Policy(code, need=code.n)).close()
    key = new_access_key(home, "owner")
    command = [sys.executable, __file__, "--serve", str(home), "--port", str(port), "--workers", str(workers)]
    with running(command, folder / "log", port) as pid:
        yield Door(port, key.id, key.secret.reveal().decode(), (pid,))


@contextmanager
def seaweed(folder: Path, copies: int) -> Iterator[Door]:
    config = folder / "s3.json"
    config.write_text(
        '{"identities": [{"name": "t", "credentials": [{"accessKey": "tester", "secretKey": "secret"}], '
        '"actions": ["Admin", "Read", "Write", "List", "Tagging"]}]}'
    )
    weed = str(Path(sys.executable).with_name("weed"))
    ports = {name: free_port() for name in ("master", "volume", "filer", "s3", "second")}
    grpc = {name: free_port() for name in ports}
    options = [f"-{name}.port={ports[name]}" for name in ("master", "volume", "filer", "s3")]
    options += [f"-{name}.port.grpc={grpc[name]}" for name in ("master", "volume", "filer", "s3")]
    (folder / "v1").mkdir()
    (folder / "v2").mkdir()
    server = [weed, "server", f"-dir={folder}/v1", "-ip=127.0.0.1", "-filer", "-s3", f"-s3.config={config}", *options,
              "-s3.port.iceberg=0", "-s3.port.lance=0", "-master.telemetry=false", "-volume.max=100",
              f"-master.defaultReplication=00{copies - 1}"]  # fmt: skip
    second = [weed, "volume", f"-dir={folder}/v2", "-ip=127.0.0.1", f"-port={ports['second']}", "-max=100",
              f"-port.grpc={grpc['second']}", f"-mserver=127.0.0.1:{ports['master']}.{grpc['master']}"]  # fmt: skip
    with running(server, folder / "log", ports["s3"]) as pid:
        if copies == 1:
            yield Door(ports["s3"], "tester", "secret", (pid,))
            return
        with running(second, folder / "log2", ports["second"]) as other:
            time.sleep(6)  # until the master knows of it
            yield Door(ports["s3"], "tester", "secret", (pid, other))


@contextmanager
def running(command: Sequence[str], log_path: Path, port: int) -> Iterator[int]:
    with log_path.open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + READY
        while not answers(port):
            if time.monotonic() > deadline or process.poll() is not None:
                raise RuntimeError(f"{command[0]} did not start: {log_path.read_text()[-2000:]}")
            time.sleep(0.1)
        yield process.pid
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(10)
        process.kill()
        process.wait()


def answers(port: int) -> bool:
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{port}", timeout=2).close()
    except HTTPError:
        return True
    except (URLError, OSError):
        return False
    return True


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--objects", type=int, default=10_000)
    arguments.add_argument("--mib", type=int, default=64)
    arguments.add_argument("--folder", type=Path, default=None, help="where all stores lie; a temporary one by default")
    arguments.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    arguments.add_argument("--port", type=int, help=argparse.SUPPRESS)
    arguments.add_argument("--workers", type=int, default=1, help=argparse.SUPPRESS)
    asked = arguments.parse_args()
    if asked.serve is not None:
        home: Path = asked.serve
        if asked.workers > 1:
            serve_workers(lambda: Vault.open(home, Identity.load(home)), home, port=asked.port, workers=asked.workers)
            return
        with Vault.open(home, Identity.load(home)) as vault:
            serve(vault, home, port=asked.port)
        return
    machine()
    with ExitStack() as cleaning:
        compare(asked, cleaning)


def compare(asked: argparse.Namespace, cleaning: ExitStack) -> None:
    found = {}
    for name, code, sync, number in (
        ("SeaweedFS 001, two copies", None, False, 2),
        ("SeaweedFS 000, one copy", None, False, 1),
        ("Bailee 1 of 2", Code(1, 2), True, 1),
        ("Bailee 1 of 2, two workers", Code(1, 2), True, 2),
        ("Bailee 2 of 3", Code(2, 3), True, 1),
        ("Bailee 2 of 3, two workers", Code(2, 3), True, 2),
        ("Bailee 2 of 3, sync=no", Code(2, 3), False, 1),
    ):
        place = Path(cleaning.enter_context(tempfile.TemporaryDirectory(dir=asked.folder, ignore_cleanup_errors=True)))
        with seaweed(place, number) if code is None else bailee(place, code, sync, number) as door:
            found[name] = measure(name, door, asked.objects, asked.mib * MIB)
        print(f"  load {os.getloadavg()[0]:.1f}")
    base = found["SeaweedFS 001, two copies"]
    for name, rates in found.items():
        if name.startswith("Bailee"):
            print(
                f"{name} / SeaweedFS 001: "
                + ", ".join(f"{ours / theirs:.2f}" for ours, theirs in zip(rates, base, strict=True))
            )


if __name__ == "__main__":
    main()
