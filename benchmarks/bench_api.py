"""The HTTP API under readers and streams: `python benchmarks/bench_api.py [--readers 200] [--streams 20]`.

One server process (`bailee serve`, with wide limits), one client process. Readers wait `--pause` seconds between two
requests of theirs, each over a connection of its own; with `--pause 0` they do not wait, and the time of an answer is
then mostly the queue before it. Streams follow a session whose files come while the readers read.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from bailee.keys import Identity
from bailee.records.sign_in import answer
from commands import free_address, give, make_world

SERVER = """
import sys
from dataclasses import replace
from pathlib import Path
from bailee.server.api.application import context_for
from bailee.server.api.limits import Limits, Pace
from bailee.server.api.serving import serve
from bailee.server.api.logs import Log
wide = Pace(1e9, 10**9)
limits = Limits(strangers=wide, callers=wide, writes=wide, streams_of_one=1000, streams=1000)
serve(context_for(Path(sys.argv[1]), limits, Log(lambda line: None)), port=int(sys.argv[2]))
"""
PATHS = ("/v1/datasets", "/v1/datasets/tiny", "/v1/grants", "/v1/sessions", "/v1/revocations")


def sign_in(url: str, home: Path) -> str:
    me = Identity.load(home)
    told = httpx.post(f"{url}/v1/auth/challenges", json={"key": me.public_key.hex()}).json()
    asked = {"challenge": told["challenge"], "signature": answer(me, told["challenge"], told["audience"])}
    return str(httpx.post(f"{url}/v1/auth/tokens", json=asked).json()["token"])


async def read(address: str, head: str, number: int, end: float, pause: float, times: list[float]) -> None:
    """Requests one after another over one connection, by hand: a client's library would cost more than the server."""
    host, _, port = address.partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    await asyncio.sleep(pause * number / 200)
    while time.perf_counter() < end:
        number += 1
        begun = time.perf_counter()
        writer.write(f"GET {PATHS[number % len(PATHS)]} HTTP/1.1\r\n{head}\r\n".encode())
        answer_head = await reader.readuntil(b"\r\n\r\n")
        if not answer_head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(answer_head.decode())
        length = next(line for line in answer_head.split(b"\r\n") if line.lower().startswith(b"content-length"))
        await reader.readexactly(int(length.split(b":")[1]))
        times.append(time.perf_counter() - begun)
        await asyncio.sleep(pause)
    writer.close()


async def follow(address: str, head: str, session: str, late: list[float]) -> None:
    host, _, port = address.partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(f"GET /v1/sessions/{session}/events HTTP/1.1\r\n{head}\r\n".encode())
    try:
        while line := await reader.readline():
            if line.startswith(b"id: round-"):
                late.append(time.time() - SENT[line[4:].strip().decode()])
    finally:
        writer.close()


SENT: dict[str, float] = {}


async def go_on(folder: Path, end: float) -> None:
    """A message of the session twice a second."""
    number = 0
    while time.perf_counter() < end:
        name = f"round-{number:05}.json"
        SENT[name] = time.time()
        (folder / name).write_text("{}")
        number += 1
        await asyncio.sleep(0.5)


async def load(address: str, token: str, session: Path, asked: argparse.Namespace) -> tuple[list[float], list[float]]:
    head = f"Host: x\r\nAuthorization: Bearer {token}\r\n"
    times: list[float] = []
    late: list[float] = []
    end = time.perf_counter() + asked.seconds
    streams = [asyncio.create_task(follow(address, head, session.name, late)) for _ in range(asked.streams)]
    readers = [read(address, head, number, end, asked.pause, times) for number in range(asked.readers)]
    await asyncio.gather(go_on(session, end), *readers)
    for stream in streams:
        stream.cancel()
    await asyncio.gather(*streams, return_exceptions=True)
    return times, late


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--readers", type=int, default=200)
    parser.add_argument("--streams", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--pause", type=float, default=1.0)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        world = make_world(Path(folder))
        for _ in range(10):
            give(world)
        session = world / "owner" / "sessions" / ("ab" * 32)
        session.mkdir(parents=True)
        address = free_address()
        server = subprocess.Popen([sys.executable, "-c", SERVER, str(world / "owner"), address.partition(":")[2]])
        try:
            while True:
                try:
                    httpx.get(f"http://{address}/healthz")
                    break
                except httpx.TransportError:
                    time.sleep(0.1)
            token = sign_in(f"http://{address}", world / "owner")
            gc.collect()
            gc.freeze()  # what this process has loaded must not stop its clocks
            before = _cpu(server.pid)
            times, late = asyncio.run(load(address, token, session, asked))
            used = _cpu(server.pid) - before
        finally:
            server.terminate()
            server.wait()
    times.sort()
    late.sort()
    own = resource.getrusage(resource.RUSAGE_SELF)
    print(f"{asked.readers} readers, a pause of {asked.pause:g} s, {asked.streams} streams, {asked.seconds:g} s")
    print(f"reads: {len(times)}, {len(times) / asked.seconds:.0f} a second")
    print(f"server: {used / len(times) * 1e3:.2f} ms CPU a read, streams included")
    for part in (0.5, 0.9, 0.99, 1.0):
        print(f"  p{part * 100:g}: {times[min(len(times) - 1, int(len(times) * part))] * 1e3:.1f} ms")
    if late:
        half, most = late[len(late) // 2], late[int(len(late) * 0.99)]
        print(f"streams: {len(late)} events, p50 {half * 1e3:.0f} ms, p99 {most * 1e3:.0f} ms late")
    print(f"client: {own.ru_utime + own.ru_stime:.1f} s CPU in all; load average {os.getloadavg()[0]:.1f}")


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
