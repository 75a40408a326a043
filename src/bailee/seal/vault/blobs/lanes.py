"""A lane: one fragment on its way to one store, in order; and what happens to lanes that hold up the others."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial

from bailee.adapters.stores.store import AtOnce, Store, Writing
from bailee.errors import StoreError
from bailee.seal.vault.blobs import errands

DEPTH = 3
"""Loads that may wait in a lane."""


class Load:
    """What goes to all stores at once: parts by index of fragment. `release` is called when no store needs them more.

    New memory for every segment would cost as much as encrypting it; so buffers are used again.
    """

    def __init__(self, parts: Mapping[int, Sequence[memoryview | bytes]], release: Callable[[], None]) -> None:
        self.parts = parts
        self._release, self._users = release, 1

    def take(self) -> None:
        self._users += 1

    def leave(self) -> None:
        self._users -= 1
        if self._users == 0:
            self._release()


class Lane:
    """Loads go in by `send`, the store's `Writing` takes them in another thread, or in this one where the store never
    waits (`AtOnce`). `changed` is shared by all lanes."""

    def __init__(
        self, index: int, store: Store, path: str, changed: threading.Condition, clock: Callable[[], float]
    ) -> None:
        self.index, self.store, self.path = index, store, path
        self.error: StoreError | None = None
        self.finished = False
        self.waited = 0.0
        """Seconds for which all others had to wait for this lane."""
        self.moved = 0.0
        """When it last took something."""
        self._changed, self._clock = changed, clock
        self._loads: deque[Load] = deque()
        self._taking: Load | None = None
        self._is_unwanted = self._is_closing = False
        self._is_running = False
        self._is_at_once = isinstance(store, AtOnce) and store.is_at_once
        self._writing: Writing | None = None

    @property
    def is_live(self) -> bool:
        return self.error is None

    @property
    def is_full(self) -> bool:
        return self.is_live and len(self._loads) >= DEPTH

    @property
    def is_settled(self) -> bool:
        """Finished or given up, and nothing of it runs any more."""
        return not self._is_running and (self.error is not None or (self.finished and not self._is_unwanted))

    def send(self, load: Load, is_last: bool = False) -> None:
        """Under `changed`. Starts an errand unless one is under way."""
        load.take()
        self._loads.append(load)
        self._is_closing = is_last
        self._start()

    def drop(self, error: StoreError) -> None:
        """Under `changed`. Nothing more goes to this store, and what is there of the fragment is abandoned."""
        if self.error is None and not self.finished:
            self.error = error
            self._forget()
            self._start()

    def discard(self) -> None:
        """Under `changed`. As `drop`, and a fragment that was finished, or is finishing now, is deleted."""
        self._is_unwanted = True
        self.drop(self._abandoned())
        if self.finished:
            self._start()

    def _abandoned(self) -> StoreError:
        return StoreError(f"store {self.store.name}: the blob was abandoned")

    def _forget(self) -> None:
        for load in self._loads:
            if load is not self._taking:
                load.leave()
        self._loads.clear()

    def _start(self) -> None:
        if not self._is_running:
            self._is_running = True
            if self._is_at_once:
                self._drain()
            else:
                errands.run(self._drain)

    def _drain(self) -> None:
        while True:
            with self._changed:
                if not self._loads:
                    break
                self._taking, is_last = self._loads[0], self._is_closing and len(self._loads) == 1
            problem = self._attempt(self._taking, is_last)
            with self._changed:
                self.moved = self._clock()
                self._taking.leave()
                self._taking = None
                if self._loads:  # a dropped lane has none left
                    self._loads.popleft()
                if problem is None and is_last:
                    # Even if it was given up meanwhile: the fragment is whole, and is the one that was meant.
                    self.finished, self.error = True, None
                elif problem is not None and self.error is None:
                    self.error = problem
                    self._forget()
                self._changed.notify_all()
        self._clean()

    def _clean(self) -> None:
        """Nothing is left to take: leave, after tidying up what nobody wants."""
        while True:
            with self._changed:
                if self.finished and self._is_unwanted:
                    tidy: Callable[[], None] = partial(self.store.delete, self.path)
                    self.finished, self.error = False, self._abandoned()
                elif self.error is not None and self._writing is not None and not self.finished:
                    tidy, self._writing = self._writing.abandon, None
                else:
                    self._is_running = False
                    if self._loads:  # came since
                        self._start()
                    self._changed.notify_all()
                    return
            with suppress(Exception):  # what cannot be tidied now is found by a scrub: nothing names it
                tidy()

    def _attempt(self, load: Load, is_last: bool) -> StoreError | None:
        try:
            self._take(load, is_last)
        except StoreError as error:
            return error
        except Exception as error:
            return StoreError(f"store {self.store.name}: {type(error).__name__} while writing {self.path}")
        return None

    def _take(self, load: Load, is_last: bool) -> None:
        if self._writing is None:
            self._writing = self.store.write(self.path)
        for data in load.parts[self.index]:
            self._writing.write(data)
        if is_last:
            self._writing.finish()


class Lanes:
    """All lanes of a blob. Raises StoreError as soon as fewer than `need` can still arrive."""

    def __init__(
        self,
        places: Sequence[tuple[int, Store, str]],
        need: int,
        patience: float,
        clock: Callable[[], float],
    ) -> None:
        self._changed = threading.Condition()
        self.all = tuple(Lane(index, store, path, self._changed, clock) for index, store, path in places)
        self._need, self._patience, self._clock = need, patience, clock
        self._began = clock()

    def send(self, load: Load, is_last: bool = False) -> None:
        """To each live lane, when each has room for it. Waits for slow stores, but not for ever."""
        with self._changed:
            self._wait(lambda lane: lane.is_full)
            for lane in self.all:
                if lane.is_live:
                    lane.send(load, is_last)
            load.leave()

    def settle(self) -> None:
        """Wait until every lane has finished or failed."""
        with self._changed:
            self._wait(lambda lane: not lane.finished)

    def abandon(self) -> None:
        """Give all up; waits a little for drafts to be gone."""
        with self._changed:
            for lane in self.all:
                lane.discard()
            self._changed.wait_for(lambda: all(lane.is_settled for lane in self.all), self._patience)

    def _wait(self, is_late: Callable[[Lane], bool]) -> None:
        began = self._clock()
        while True:
            live = [lane for lane in self.all if lane.is_live]
            if len(live) < self._need:
                raise StoreError(self._too_few(len(live)))
            late = [lane for lane in live if is_late(lane)]
            if not late:
                return
            before = self._clock()
            self._changed.wait(min(1.0, self._patience))
            now = self._clock()
            if len(live) - len(late) >= self._need:  # only these hold up the blob
                for lane in late:
                    lane.waited += now - before
                    stuck = now - max(began, lane.moved) > self._patience
                    # A store may be slow, but not make the whole of a long put more than twice as long.
                    drags = lane.waited > self._patience and lane.waited > (now - self._began) / 2
                    if (stuck or drags) and is_late(lane) and lane.is_live:
                        lane.drop(StoreError(f"store {lane.store.name}: took too long to write {lane.path}"))
            elif now - max([began, *(lane.moved for lane in live)]) > 6 * self._patience:
                raise StoreError(self._too_few(len(live) - len(late)))

    def _too_few(self, left: int) -> str:
        reasons = "; ".join(str(lane.error) for lane in self.all if lane.error is not None)
        late = "" if reasons else "the others do not answer"
        return f"{left} stores take fragments, {self._need} are needed, nothing was stored: {reasons or late}"
