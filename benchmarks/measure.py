"""What every benchmark shares: the machine line, timing, memory, and data of a given shape."""

from __future__ import annotations

import os
import platform
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bailee.statements.dataset import DatasetClaim, Domain

WORD = 8


def machine() -> None:
    """Print the machine, the versions and the command: figures mean nothing without them."""
    model = "unknown processor"
    try:
        with open("/proc/cpuinfo") as info:
            model = next(line.split(":")[1].strip() for line in info if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    revision = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    load = ", ".join(f"{x:.1f}" for x in os.getloadavg())
    print(f"machine: {model}, {os.cpu_count()} cores, {platform.system()} {platform.release()}, load {load}")
    print(f"python {platform.python_version()}, numpy {np.__version__}, revision {revision.stdout.strip() or 'none'}")
    print(f"command: {' '.join(sys.argv)}")


def timed(work: Callable[[], Any], repeat: int = 1) -> tuple[float, Any]:
    """The least wall time of `repeat` runs, in seconds, and the last result."""
    best, result = float("inf"), None
    for _ in range(repeat):
        start = time.perf_counter()
        result = work()
        best = min(best, time.perf_counter() - start)
    return best, result


def resident() -> int:
    """Bytes of this process in memory now."""
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * resource.getpagesize()


@contextmanager
def peak_memory() -> Iterator[list[int]]:
    """The largest resident size inside the block, in bytes, sampled every 2 ms into the list's only entry."""
    peak, done = [resident()], threading.Event()

    def watch() -> None:
        while not done.wait(0.002):
            peak[0] = max(peak[0], resident())

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield peak
    finally:
        done.set()
        thread.join()


def rows_of(rows: int, columns: int, seed: int = 1) -> tuple[DatasetClaim, NDArray[np.int16]]:
    """A dataset with numeric columns, one category of four, the bias and the label, and the claim that it satisfies."""
    draw = np.random.default_rng(seed)
    numeric = columns - 6
    matrix = np.zeros((rows, columns), dtype=np.int16)
    matrix[:, :numeric] = draw.integers(-1000, 1001, (rows, numeric))
    matrix[np.arange(rows), numeric + draw.integers(0, 4, rows)] = 4096
    matrix[:, columns - 2] = 4096
    matrix[:, columns - 1] = draw.integers(0, 2, rows)
    domains = [Domain(-4096, 4096)] * numeric + [Domain(0, 4096, 4096)] * 4 + [Domain(4096, 4096), Domain(0, 1)]
    bound = (numeric * 1000**2) + 2 * 4096**2 + 1
    names = tuple(f"c{i}" for i in range(columns))
    return DatasetClaim(rows, names, tuple(domains), (tuple(range(numeric, numeric + 4)),), 4096, bound), matrix
