"""What is large: one object of many gigabytes, a part of 5 GiB, 5 GiB of zeros, through a vault of 8 of 12 on folders.

    python benchmarks/bench_large.py [--object GB] [--part GIB] [--zeros GIB] [--folder DIR]

Default: 1 of each. Stores are folders below DIR (a new one in the system's place for such), synced as they are by
default, all on one disk, and are removed afterwards; an object takes 1.5 times its size until then. Memory is this
process's, over what it was before. What comes back is compared by hash with what was put. Baseline: the same bytes,
times 1.5, written to one file with a sync at the end.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from blake3 import blake3
from measure import machine, peak_memory, resident

from bailee.adapters.stores.entry import StoreEntry
from bailee.keys import Identity
from bailee.seal.vault.facts import Code, Policy
from bailee.seal.vault.vault import Vault

CODE = Code(8, 12)
BLOCK = 1 << 20


class Source:
    """`size` bytes in blocks, no two the same, or all zeros. They go into `known` as they are taken."""

    def __init__(self, size: int, known: blake3, zeros: bool = False) -> None:
        self._size, self._known, self._zeros = size, known, zeros

    def __iter__(self) -> Iterator[bytes]:
        block = bytes(BLOCK) if self._zeros else os.urandom(BLOCK)
        for start in range(0, self._size, BLOCK):
            chunk = block[: self._size - start]
            if not self._zeros:
                chunk = start.to_bytes(8, "big") + chunk[8:]
            self._known.update(chunk)
            yield chunk


def measured(what: str, size: int, work: Callable[[], None]) -> None:
    before = resident()
    with peak_memory() as peak:
        start, busy = time.perf_counter(), time.process_time()
        work()
        seconds, busy = time.perf_counter() - start, time.process_time() - busy
    print(
        f"{what:32} {seconds:7.1f} s {size / seconds / 1e6:6.0f} MB/s {busy:7.1f} s of cores, "
        f"{(peak[0] - before) / 1e6:4.0f} MB above {before / 1e6:.0f} MB",
        flush=True,
    )


def baseline(folder: Path) -> None:
    block, size = os.urandom(BLOCK), 2_000_000_000

    def work() -> None:
        with (folder / "baseline").open("wb", buffering=0) as file:
            for _ in range(size * 3 // 2 // BLOCK):
                file.write(block)
            os.fsync(file.fileno())

    measured("2 GB, as 3 GB to one file", size, work)
    (folder / "baseline").unlink()


def fetch(vault: Vault, known: blake3) -> None:
    found = blake3()
    for chunk in vault.get("object"):
        found.update(chunk)
    if found.digest() != known.digest():
        raise SystemExit("other bytes came back than were put")


def one_object(vault: Vault, folder: Path, what: str, size: int, zeros: bool = False) -> None:
    known = blake3()
    measured(f"put {what}", size, lambda: vault.put("object", Source(size, known, zeros)) and None)
    told(vault, folder)
    measured(f"get {what}", size, lambda: fetch(vault, known))
    vault.erase("object")


def one_part(vault: Vault, folder: Path, size: int) -> None:
    """As a multipart upload of S3 does it: a part of the full size and a small last one."""
    known = blake3()

    def put() -> None:
        parts = []
        for source in (Source(size, known), Source(1000, known)):
            with vault.part_writer() as writer:
                for chunk in source:
                    writer.write(chunk)
                parts.append(writer.finish())
        vault.compose("object", parts)

    measured(f"upload a part of {size / 2**30:g} GiB", size, put)
    told(vault, folder)
    measured("get it", size, lambda: fetch(vault, known))
    vault.erase("object")


def told(vault: Vault, folder: Path) -> None:
    on_disk = sum(path.stat().st_blocks * 512 for path in folder.glob("s*/??/*"))
    missing = sum(not one.store for part in vault.parts("object") for one in part.blob.fragments)
    print(f"    on the stores {on_disk / 1e9:.2f} GB, {missing} fragments missing", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--object", type=float, default=1, metavar="GB")
    parser.add_argument("--part", type=float, default=1, metavar="GIB")
    parser.add_argument("--zeros", type=float, default=1, metavar="GIB")
    parser.add_argument("--folder", type=Path, default=None)
    asked = parser.parse_args()
    machine()
    with tempfile.TemporaryDirectory(dir=asked.folder) as made:
        folder = Path(made)
        stores = [StoreEntry(f"s{j}", f"file://{folder}/s{j}") for j in range(CODE.n)]
        with Vault.create(folder / "home", Identity.generate("bench"), stores, Policy(CODE)) as vault:
            vault.put("warm", bytes(BLOCK))
            vault.erase("warm")
            if asked.object:
                baseline(folder)
                one_object(vault, folder, f"{asked.object:g} GB", int(asked.object * 1e9))
            if asked.part:
                one_part(vault, folder, int(asked.part * 2**30))
            if asked.zeros:
                one_object(vault, folder, f"{asked.zeros:g} GiB of zeros", int(asked.zeros * 2**30), zeros=True)


if __name__ == "__main__":
    sys.exit(main())
