"""Getting the same range of any k fragments, from the fastest stores, without waiting for a slow or broken one."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

from bailee.adapters.stores.store import Store
from bailee.errors import DamageError, StorageError, StoreError
from bailee.seal.vault.blobs import errands
from bailee.seal.vault.blobs.pace import Pace

LATE = 0.05
"""A store may take so many seconds, or three times what the slowest asked was expected to, before another is asked."""
PATIENCE = 60.0
OnFault: TypeAlias = Callable[[Store, int, StorageError], None]


@dataclass(frozen=True)
class Source:
    """Where fragment `index` lies."""

    index: int
    store: Store
    path: str


Check: TypeAlias = Callable[[Source, bytes], None]


class Gathering:
    """One range of k fragments on its way. Begins at once; `result` waits. sources: in the order to be asked.

    check: raises a StorageError for bytes that are not believed; runs beside the other requests. late: as LATE.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        k: int,
        offset: int,
        length: int,
        pace: Pace,
        on_fault: OnFault,
        check: Check | None = None,
        late: float = LATE,
    ) -> None:
        self._waiting = list(reversed(sources))
        self._k, self._offset, self._length = k, offset, length
        self._pace, self._on_fault, self._check = pace, on_fault, check
        self._changed = threading.Condition()
        self._running: dict[int, tuple[Source, float]] = {}
        self._got: dict[int, bytes] = {}
        self.reasons: list[str] = []
        self._late = max([late, *(3 * pace.expected(source.store.name) for source in sources[:k])])
        with self._changed:
            for _ in range(min(k, len(sources))):
                self._ask()

    def result(self) -> dict[int, bytes]:
        """At least k answers by index. DamageError where there are too few; says why each of the others is missing."""
        with self._changed:
            while len(self._got) < self._k:
                if not self._running:
                    raise DamageError("; ".join(self.reasons))
                asked = max(since for _, since in self._running.values())
                rest = self._late if self._waiting else PATIENCE
                left = asked + rest - time.monotonic()
                if left > 0 and self._changed.wait(left):
                    continue
                if len(self._got) >= self._k or time.monotonic() < asked + rest:
                    continue
                if self._waiting:
                    for source, since in self._running.values():
                        self._pace.late(source.store.name, time.monotonic() - since)
                    self._ask()
                else:
                    names = ", ".join(source.store.name for source, _ in self._running.values())
                    raise DamageError("; ".join([*self.reasons, f"no answer within {PATIENCE:.0f} s from {names}"]))
            return dict(self._got)

    def _ask(self) -> None:
        source = self._waiting.pop()
        self._running[source.index] = (source, time.monotonic())
        errands.run(partial(self._fetch, source))

    def _fetch(self, source: Source) -> None:
        began = time.monotonic()
        fault: StorageError | None = None
        data = b""
        try:
            data = source.store.read(source.path, self._offset, self._length)
            if len(data) != self._length:
                fault = StoreError(f"store {source.store.name}: expected {self._length} bytes, got {len(data)}")
            elif self._check is not None:
                self._check(source, data)
        except StorageError as error:
            fault = error
        except Exception as error:
            fault = StoreError(f"store {source.store.name}: {type(error).__name__} while reading {source.path}")
        if fault is None:
            self._pace.answered(source.store.name, time.monotonic() - began)
        else:
            self._pace.failed(source.store.name)
        try:
            if fault is not None:  # told before anybody can have the range in its place, and go on without knowing
                self._on_fault(source.store, source.index, fault)
        finally:
            self._end(source, data, fault)

    def _end(self, source: Source, data: bytes, fault: StorageError | None) -> None:
        with self._changed:
            del self._running[source.index]
            if fault is None:
                if len(self._got) < self._k:
                    self._got[source.index] = data
            else:
                self.reasons.append(f"fragment {source.index}: {fault}")
                if self._waiting and len(self._got) < self._k:
                    self._ask()
            self._changed.notify_all()
