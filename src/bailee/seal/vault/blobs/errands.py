"""Errands to stores: threads that are used again, never wait for one another and never hold up the end of the process.

A pool of fixed size would let a few stores that hang stop all the others; here a hanging store costs its own thread.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import TypeAlias

Errand: TypeAlias = Callable[[], None]
_REST = 30.0
"""Seconds without an errand after which a thread ends."""
_idle: list[SimpleQueue[Errand]] = []
_lock = threading.Lock()


def run(errand: Errand) -> None:
    """Start `errand` at once in another thread. It must handle its own exceptions."""
    with _lock:
        box = _idle.pop() if _idle else None
    if box is None:
        box = SimpleQueue()
        threading.Thread(target=_work, args=(box,), name="bailee-store", daemon=True).start()
    box.put(errand)


def _work(box: SimpleQueue[Errand]) -> None:
    while True:
        try:
            errand = box.get(timeout=_REST)
        except Empty:
            with _lock:
                if box in _idle:
                    _idle.remove(box)
                    return
            continue  # an errand is on its way
        errand()
        del errand  # it holds buffers
        with _lock:
            _idle.append(box)


def _after_fork() -> None:
    global _lock
    _lock = threading.Lock()
    _idle.clear()


os.register_at_fork(after_in_child=_after_fork)
