"""The blob engine of the vault, 8 of 12 on stores in memory, beside the same libraries called in a loop.

    python benchmarks/bench_vault.py [--mib N] [--huge GIB]

put and get of N MiB with encryption, erasure code and hashes; by one sealing thread on one core, by two; a read with
four stores gone; a rebuild; memory for an object of GIB on stores that forget. Libraries alone: AES-GCM, ISA-L and
BLAKE3 on the same buffers, nothing written, nothing read.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import numpy as np
from blake3 import blake3
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from measure import machine, peak_memory, resident

from bailee.adapters.stores.memory import MemoryStore
from bailee.keys import Secret
from bailee.seal.vault.blobs import pieces
from bailee.seal.vault.blobs.fragments import NamingKey
from bailee.seal.vault.blobs.layout import PLAIN, SEGMENT
from bailee.seal.vault.blobs.reading import read_blob
from bailee.seal.vault.blobs.rebuilding import rebuild
from bailee.seal.vault.blobs.writing import BlobWriter
from bailee.seal.vault.facts import Blob, Code

CODE = Code(8, 12)
NAMING = NamingKey(Secret(bytes(32)))
KEY = Secret(bytes(range(32)))
ID = bytes(16)


class _Forgetful:
    """Takes everything and keeps nothing."""

    def write(self, data: bytes | memoryview) -> None: ...

    def finish(self) -> None: ...

    def abandon(self) -> None: ...


class WarmStore(MemoryStore):
    """Writes over what it had under the same name: what a run costs is not the kernel's new pages for the store."""

    def write(self, path: str) -> _Over:
        return _Over(self.strings.setdefault(path, bytearray()))


class _Over:
    def __init__(self, data: bytearray) -> None:
        self._data, self._size = data, 0

    def write(self, data: bytes | memoryview) -> None:
        end = self._size + len(data)
        if end > len(self._data):
            self._data += bytes(end - len(self._data))
        with memoryview(self._data) as view:  # a bytearray would copy twice
            view[self._size : end] = data
        self._size = end

    def finish(self) -> None:
        del self._data[self._size :]

    def abandon(self) -> None: ...


class ForgetfulStore(MemoryStore):
    def write(self, path: str) -> _Forgetful:
        return _Forgetful()


@contextmanager
def one_core() -> Iterator[None]:
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def rate(name: str, amount: float, work: Callable[[], object], repeat: int = 3, unit: str = "MB") -> float:
    """Print `amount` a second of the best of some runs, and a second of one core at work, which a busy machine changes
    less."""
    seconds, busy = [], []
    for _ in range(repeat):
        start, spent = time.perf_counter(), time.process_time()
        work()
        seconds.append(time.perf_counter() - start)
        busy.append(time.process_time() - spent)
    found, median = amount / min(seconds), amount / sorted(seconds)[repeat // 2]
    print(f"{name:45} {found:6.0f} {unit}/s (median {median:5.0f}); {amount / min(busy):6.0f} {unit} a core second")
    return found


def libraries(data: bytes) -> None:
    """What put must do at least: one AES-GCM, one code and n hashes a segment, on buffers made once."""
    aead, view, made = AESGCM(bytes(32)), memoryview(data), pieces.room(CODE, SEGMENT)
    target = made.reshape(-1).data[:SEGMENT]
    for segment in range(len(data) // PLAIN):
        aead.encrypt_into(segment.to_bytes(12, "big"), view[segment * PLAIN : (segment + 1) * PLAIN], b"", target)
        pieces.complete(CODE, made)
        for piece in made:
            blake3(piece.data).digest()


def at_once(work: Callable[..., object], *each: Sequence[object]) -> None:
    """work(each[0][i], each[1][i], ...) for every i, in a thread each."""
    with ThreadPoolExecutor(len(each[0])) as pool:
        list(pool.map(work, *each))


def put(data: bytes, stores: Sequence[MemoryStore], workers: int) -> Blob:
    writer = BlobWriter(ID, KEY, CODE, stores, NAMING, 10, workers=workers)
    writer.write(data)
    return writer.finish()


def get(blob: Blob, stores: Sequence[MemoryStore]) -> int:
    return sum(map(len, read_blob(blob, KEY, {store.name: store for store in stores}, NAMING)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mib", type=int, default=256)
    parser.add_argument("--huge", type=float, default=0)
    arguments = parser.parse_args()
    machine()
    data = np.random.default_rng(1).bytes(arguments.mib << 20)
    size = len(data) / 1e6
    stores = [WarmStore(f"memory{j}") for j in range(CODE.n)]
    with one_core():
        alone = rate("libraries alone, one core", size, lambda: libraries(data))
        first = rate("put, one sealing thread, one core", size, lambda: put(data, stores, 1))
        rate("get, one core", size, lambda: get(blob_of(data, stores), stores))
    halves = [data[: len(data) // 2], data[len(data) // 2 :]]
    pair = rate("libraries alone, two threads", size, lambda: at_once(libraries, halves), 5)
    rate("put, one sealing thread, all cores", size, lambda: put(data, stores, 1))
    both = rate("put of one object, two sealing threads", size, lambda: put(data, stores, 2), 5)
    shelves = [stores, [WarmStore(store.name) for store in stores]]
    rate("put of two objects at once, a thread each", size, lambda: at_once(put, halves, shelves, [1, 1]), 5)
    blob = put(data, stores, 2)
    healthy = rate("get", size, lambda: get(blob, stores), 5)
    degraded = rate("get, stores 0 to 3 gone", size, lambda: get(blob, stores[4:]), 5)
    print(f"put / libraries alone: one thread {first / alone:.2f}, two {both / pair:.2f}")
    print(f"degraded get takes {healthy / degraded:.2f} x a healthy one")
    spare = {3: WarmStore("spare")}
    rate("rebuild of one fragment (of its blob's bytes)", size, lambda: rebuild(blob, spare, named(stores), NAMING))
    small = os.urandom(4096)
    count = 300
    rate("put objects of 4 KiB", count, lambda: [put(small, stores, 1) for _ in range(count)], unit="puts")
    tiny = put(small, stores, 1)
    rate("get objects of 4 KiB", count, lambda: [get(tiny, stores) for _ in range(count)], unit="gets")
    if arguments.huge:
        huge(arguments.huge)


def huge(gib: float) -> None:
    stores = [ForgetfulStore(f"forgetful{j}") for j in range(CODE.n)]
    chunk = os.urandom(8 << 20)
    before = resident()
    with peak_memory() as peak:
        writer = BlobWriter(ID, KEY, CODE, stores, NAMING, 10, workers=2)
        for _ in range(int(gib * 128)):
            writer.write(chunk)
        writer.finish()
    print(
        f"memory for an object of {gib} GiB: {(peak[0] - before) / 1e6:.0f} MB above the {before / 1e6:.0f} MB before"
    )


def named(stores: Sequence[MemoryStore]) -> dict[str, MemoryStore]:
    return {store.name: store for store in stores}


_BLOBS: dict[int, Blob] = {}


def blob_of(data: bytes, stores: Sequence[MemoryStore]) -> Blob:
    if id(data) not in _BLOBS:
        _BLOBS[id(data)] = put(data, stores, 1)
    return _BLOBS[id(data)]


if __name__ == "__main__":
    sys.exit(main())
