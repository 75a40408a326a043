"""Look-ups among very many registered fingerprints: how long they take, and what the index costs to build and to hold.

    python benchmarks/bench_index.py FOLDER [--count 1000000] [--kinds table text image] [--queries 200]

The works are random codes, as unrelated works have them, and one family of 1,000 near copies of a single work, so that
some look-ups meet many at once. Half of the queries are edited copies, which must be found, half are strangers, for
which nothing may be found; those of the family are told apart. Times are of a process that has looked up before; the
first look-up of a process (kernels loaded, files not in memory) is told too. FOLDER keeps the index: delete it.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from bailee.own.near_copies import NEAR_COPY, Entry, NearCopies
from bailee.records.fingerprint import BINS, COLUMN_BYTES, KINDS, PROBE_BYTES, TABLE, VIEW, VIEW_COUNT, Fingerprint

Random = np.random.Generator
FAMILY = 1_000
_ROWS = 5_000
_LOGGED = 49
"""`_ROWS` as a sketch tells it: 4 log2(n + 1)."""


def stranger(kind: str, rng: Random) -> Fingerprint:
    some = rng.bytes
    parts = {"instance": some(32), "meta": some(32)}
    if kind == TABLE:
        cells = rng.integers(1, 256, PROBE_BYTES, np.uint8)
        cells[sum(BINS) :] = _LOGGED
        columns = some(COLUMN_BYTES * 10)
        return Fingerprint(kind, _ROWS, {**parts, "schema": some(32), "probes": cells.tobytes(), "columns": columns})
    parts["data"] = some(32)
    if kind != "bytes":
        parts["content"] = some(32)
    if kind == "image":
        parts["views"] = some(VIEW * VIEW_COUNT)
    if kind == "text":
        parts["words"] = some(32)
    return Fingerprint(kind, 0 if kind == "image" else _ROWS, parts)


def edited(whole: Fingerprint, rng: Random) -> Fingerprint:
    """A near copy under another title: one bit in ten is another, and one cell of a sketch in two."""
    parts = {**whole.parts, "instance": rng.bytes(32), "meta": rng.bytes(32)}
    if whole.kind == TABLE:
        cells = np.frombuffer(parts["probes"], np.uint8).copy()
        other = np.flatnonzero(rng.random(sum(BINS)) < 0.5)
        cells[other] = rng.integers(1, 256, len(other), np.uint8)
        parts |= {"probes": cells.tobytes(), "schema": rng.bytes(32), "columns": rng.bytes(COLUMN_BYTES * 7)}
    for name in ("data", "content", "words"):
        if name in parts:
            turned = np.packbits(rng.random(256) < 0.1)
            parts[name] = (np.frombuffer(parts[name], np.uint8) ^ turned).tobytes()
    return Fingerprint(whole.kind, whole.extent, parts)


def works(kind: str, count: int, rng: Random) -> Iterator[Entry]:
    original = stranger(kind, rng)
    every = max(1, count // FAMILY)
    for at in range(count):
        found = edited(original, rng) if at % every == 0 else stranger(kind, rng)
        yield Entry(f"{at:064x}", at, found)


def measure(folder: Path, kind: str, count: int, queries: int) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in works(kind, min(count, 20_000), np.random.default_rng(1)):
        pass
    made = (time.process_time() - cpu) * count / min(count, 20_000)
    wall, cpu = time.perf_counter(), time.process_time()
    NearCopies(folder).add(works(kind, count, np.random.default_rng(0)))
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    disk = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    print(f"\n{kind}: {count} works; built in {wall:.0f} s, {cpu - made:.0f} s of a core (and {made:.0f} s to invent "
          f"them); peak {peak:.1f} GiB, {disk / 1e9:.2f} GB on disk", flush=True)  # fmt: skip
    look_up(folder, kind, queries)


def look_up(folder: Path, kind: str, queries: int) -> None:
    before = time.perf_counter()
    index = NearCopies(folder)
    opened = time.perf_counter() - before
    rng, count = np.random.default_rng(2), len(index)
    every = max(1, count // FAMILY)
    asked: dict[str, list[tuple[Entry, str | None]]] = {"copies": [], "strangers": [], "of the family": []}
    entries = [index._entry(int(place)) for place in rng.integers(0, count, queries)]
    for number, entry in enumerate(entries):
        if int(entry.work, 16) % every == 0:
            continue
        new = edited(entry.fingerprint, rng) if number % 2 else stranger(kind, rng)
        asked["copies" if number % 2 else "strangers"].append((Entry("f" * 64, count, new), entry.work))
    family = index._entry(0)
    asked["of the family"] = [(Entry("f" * 64, count, edited(family.fingerprint, rng)), family.work) for _ in range(20)]
    before = time.perf_counter()
    index.find(asked["strangers"][0][0])
    print(f"opened in {opened * 1e3:.1f} ms; first look-up {(time.perf_counter() - before) * 1e3:.0f} ms")
    for name, some in asked.items():
        walls, cpus, right = [], [], 0
        for entry, work in some:
            wall, cpu = time.perf_counter(), time.process_time()
            found = index.find(entry)
            walls.append(time.perf_counter() - wall)
            cpus.append(time.process_time() - cpu)
            near = [verdict.other.work for verdict in found if verdict.decision == NEAR_COPY]
            right += near == [work] if name == "copies" else not near if name == "strangers" else bool(near)
        wall_ms, cpu_ms = np.array(walls) * 1e3, np.array(cpus) * 1e3
        print(f"  {name}: {right} of {len(some)} answered rightly; wall: median {np.median(wall_ms):.1f}, least "
              f"{wall_ms.min():.1f}, worst {wall_ms.max():.1f} ms; of all cores: median {np.median(cpu_ms):.1f}, worst "
              f"{cpu_ms.max():.1f} ms", flush=True)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--kinds", nargs="+", default=[TABLE, "image", "text"], choices=KINDS)
    parser.add_argument("--queries", type=int, default=200)
    parser.add_argument("--built", action="store_true", help="FOLDER/KIND is built already: look up only.")
    given = parser.parse_args()
    for kind in given.kinds:
        if given.built:
            look_up(given.folder / kind, kind, given.queries)
        else:
            measure(given.folder / kind, kind, given.count, given.queries)


if __name__ == "__main__":
    main()
