"""The vault's doors for people and Python: first byte from the cache, sealed paths, de-duplication.

    python benchmarks/bench_doors.py [--mib N] [--stores FOLDER]

first byte   of an object of N MiB, from the cache and from folders as stores, beside reading a plain file
fsspec       write and read of N MiB through bailee://, beside the same through fsspec on plain files
chunks       cutting alone; putting the same bytes again, shifted, edited: what is stored of it, and how fast
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import fsspec
from measure import machine

from bailee.adapters.stores.entry import StoreEntry
from bailee.keys import Identity
from bailee.seal.vault.cache import set_cache
from bailee.seal.vault.chunking import Chunker
from bailee.seal.vault.facts import Code, Policy
from bailee.seal.vault.vault import Vault

MIB = 1 << 20
TIMES = 50


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--mib", type=int, default=64)
    arguments.add_argument("--stores", type=Path, default=None, help="a folder for stores; a temporary one by default")
    asked = arguments.parse_args()
    machine()
    with tempfile.TemporaryDirectory(dir=asked.stores) as folder:
        home = Path(folder) / "home"
        owner = Identity.create(home, "bench")
        entries = [StoreEntry(f"s{index}", f"file://{folder}/s{index}") for index in range(12)]
        Vault.create(home, owner, entries, Policy(Code(8, 12))).close()
        data = os.urandom(asked.mib * MIB)
        first_byte(home, owner, data, Path(folder))
        sealed_paths(home, data, Path(folder))
        chunks(home, owner, data)


def first_byte(home: Path, owner: Identity, data: bytes, folder: Path) -> None:
    plain = folder / "plain"
    plain.write_bytes(data)
    with Vault.open(home, owner) as vault:
        vault.put("object", data)
        next(vault.get("object"))
        from_stores = median(lambda: next(vault.get("object")))
    set_cache(home, 4 * len(data))
    with Vault.open(home, owner) as vault:
        for _ in vault.get("object"):
            pass
        last = len(data) - 1
        from_cache = [median(lambda at=at: next(vault.get("object", start=at))) for at in (0, len(data) // 2, last)]
        whole = rate(len(data), lambda: all(vault.get("object")))
    set_cache(home, None)
    read = median(lambda: plain.open("rb").read(MIB))
    print(f"first byte, cached     {max(from_cache):6.2f} ms   (at the beginning, the middle and the end)")
    print(f"first byte, 12 folders {from_stores:6.2f} ms")
    print(f"plain file, 1 MiB      {read:6.2f} ms")
    print(f"all of it, cached      {whole:6.0f} MB/s")


def sealed_paths(home: Path, data: bytes, folder: Path) -> None:
    sealed = fsspec.filesystem("bailee", home=home)
    plain = fsspec.filesystem("file")
    for name, fs, path in (("bailee://", sealed, "path"), ("plain file", plain, str(folder / "path"))):

        def write(fs: fsspec.AbstractFileSystem = fs, path: str = path) -> None:
            with fs.open(path, "wb") as file:
                file.write(data)
                file.flush()

        def read(fs: fsspec.AbstractFileSystem = fs, path: str = path) -> None:
            with fs.open(path, "rb") as file:
                while file.read(4 * MIB):
                    pass

        print(f"fsspec {name:<12} write {rate(len(data), write):6.0f} MB/s   read {rate(len(data), read):6.0f} MB/s")


def chunks(home: Path, owner: Identity, data: bytes) -> None:
    half = len(data) // 2
    edits = bytearray(data)
    for place in range(0, len(data), 8 * MIB):
        edits[place : place + 4] = b"edit"
    with Vault.open(home, owner) as vault:
        chunker = Chunker(vault.ground.keyring.naming)
        cutting = rate(len(data), lambda: [chunker.print_of(one) for one in (*chunker.feed(data), *chunker.rest())])
        print(f"cutting and hashing    {cutting:6.0f} MB/s")
        print(f"put without sharing    {rate(len(data), lambda: vault.put('p', data)):6.0f} MB/s")
        for what, version in {
            "first time": data,
            "again": data,
            "shifted by 1 byte": b"x" + data,
            "7 bytes put into the middle": data[:half] + b"a few.." + data[half:],
            "4 bytes changed every 8 MiB": bytes(edits),
            "the second half alone": data[half:],
        }.items():
            began = time.perf_counter()
            with vault.writer("shared", deduplicate=True) as writer:
                for at in range(0, len(version), 4 * MIB):
                    writer.write(memoryview(version)[at : at + 4 * MIB])
                writer.finish()
            took = time.perf_counter() - began
            part = writer.stored / len(version)
            print(f"  {what:<28} {len(version) / took / 1e6:6.0f} MB/s   stored {100 * part:5.1f} %")


def median(what: Callable[[], object]) -> float:
    """Milliseconds."""
    times = []
    for _ in range(TIMES):
        began = time.perf_counter()
        what()
        times.append(time.perf_counter() - began)
    return 1e3 * statistics.median(times)


def rate(size: int, what: Callable[[], object], times: int = 3) -> float:
    """MB/s, the best of some."""
    best = float("inf")
    for _ in range(times):
        began = time.perf_counter()
        what()
        best = min(best, time.perf_counter() - began)
    return size / best / 1e6


if __name__ == "__main__":
    main()
