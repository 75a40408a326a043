"""Threads for the kernels: compiled ranges run without the GIL, so a plain thread pool uses every core.

Kernels take (start, stop) and are pure or write disjoint ranges; nothing here knows what they compute.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from threading import local
from typing import TypeVar

R = TypeVar("R")

WORKERS = os.cpu_count() or 1
MINIMUM = 1 << 12  # fewer elements than this for each thread cost more to hand over than to compute

_LOCAL = local()
_POOL = ThreadPoolExecutor(max_workers=WORKERS, thread_name_prefix="bailee-kernel")


def split(n: int, minimum: int = MINIMUM) -> list[tuple[int, int]]:
    """[0, n) as at most WORKERS ranges of at least `minimum` (a single range where n is smaller)."""
    parts = max(1, min(WORKERS, n // max(1, minimum)))
    bounds = [n * i // parts for i in range(parts + 1)]
    return list(pairwise(bounds))


def over(n: int, task: Callable[[int, int], R], minimum: int = MINIMUM) -> list[R]:
    """task(start, stop) over a split of [0, n), in order; in this thread when there is one range. Errors propagate.

    The calling thread works too, on the last range. A task that calls `over` in turn gets one range: the pool could
    otherwise wait for itself.
    """
    if getattr(_LOCAL, "busy", False):
        return [task(0, n)]
    ranges = split(n, minimum)
    if len(ranges) == 1:
        return [task(0, n)]

    def alone(start: int, stop: int) -> R:
        _LOCAL.busy = True
        try:
            return task(start, stop)
        finally:
            _LOCAL.busy = False

    pending = [_POOL.submit(alone, start, stop) for start, stop in ranges[:-1]]
    last = alone(*ranges[-1])
    return [future.result() for future in pending] + [last]
