"""Threads for the kernels: compiled ranges run without the GIL, so a plain thread pool uses every core.

Kernels take (start, stop) and are pure or write disjoint ranges; nothing here knows what they compute.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from itertools import count, pairwise
from threading import local
from typing import TypeVar

R = TypeVar("R")

WORKERS = os.cpu_count() or 1
MINIMUM = 1 << 12  # fewer elements than this for each thread cost more to hand over than to compute
_SHARES = 4  # ranges for each thread where there is much to do: a thread that is held up leaves its share to others

_LOCAL = local()
_POOL = ThreadPoolExecutor(max_workers=WORKERS, thread_name_prefix="bailee-kernel")


def split(n: int, minimum: int = MINIMUM) -> list[tuple[int, int]]:
    """[0, n) as ranges of at least `minimum` (a single range where n is smaller): WORKERS, or a few times as many."""
    most = n // max(1, minimum)
    parts = max(1, min(WORKERS, most) if most < 4 * _SHARES * WORKERS else _SHARES * WORKERS)
    bounds = [n * i // parts for i in range(parts + 1)]
    return list(pairwise(bounds))


def over(n: int, task: Callable[[int, int], R], minimum: int = MINIMUM) -> list[R]:
    """task(start, stop) over a split of [0, n), in order; in this thread when there is one range. Errors propagate.

    The calling thread works too; each thread takes the next range that nobody has. A task that calls `over` in turn
    gets one range: the pool could otherwise wait for itself.
    """
    if getattr(_LOCAL, "busy", False):
        return [task(0, n)]
    ranges = split(n, minimum)
    if len(ranges) == 1:
        return [task(0, n)]
    turns, found = count(), dict[int, R]()

    def work() -> None:
        _LOCAL.busy = True
        try:
            while (turn := next(turns)) < len(ranges):
                found[turn] = task(*ranges[turn])
        finally:
            _LOCAL.busy = False

    pending = [_POOL.submit(work) for _ in range(min(WORKERS, len(ranges)) - 1)]
    try:
        work()
    finally:
        wait(pending)
    for future in pending:
        future.result()
    return [found[turn] for turn in range(len(ranges))]
