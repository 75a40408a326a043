"""A task that is somebody's for a while: taken, kept as long as bytes move, given back. Repairs work under one.

Whoever stops without a word, killed or stuck, loses it when its time is over. Whoever lost it and goes on is told at
the next look, before it writes more: the other one may be at the same fragments.
"""

from __future__ import annotations

from dataclasses import replace

from bailee.adapters.catalogue import Unit
from bailee.adapters.catalogue.keeping import Task, hold_task, put_back, take_task
from bailee.errors import ConflictError
from bailee.seal.vault.keep.keeping import Keeping

LEASE = 600.0
"""Seconds without a look after which somebody else may take a task."""


class LostError(ConflictError):
    """Somebody else has the task now."""


class Lease:
    """Of one task, for `seconds` from each look at it. Not for several threads at once."""

    def __init__(self, keeping: Keeping, task: Task, seconds: float) -> None:
        self.task = task
        self._keeping, self._seconds = keeping, seconds

    def take(self) -> bool:
        """False where somebody else did, or it is done."""
        before, until = self.task, self._keeping.time.now() + self._seconds
        self.task = replace(before, due=until, attempts=before.attempts + 1)
        return self._keeping.catalogue.change(lambda unit: take_task(unit.connection, before, until))

    def keep(self, moved: int = 0) -> None:
        """Still at it. LostError where the task is somebody else's. moved: bytes; a hook of `rebuild` is told them."""
        now = self._keeping.time.now()
        if now < self.task.due - self._seconds / 2:
            return
        before, until = self.task, now + self._seconds
        if not self._keeping.catalogue.change(lambda unit: hold_task(unit.connection, before, until)):
            raise LostError("the task took longer than its lease, and somebody else has it")
        self.task = replace(before, due=until)

    def give_back(self, rest: float, problem: str) -> None:
        """Anybody may take it after `rest` seconds. Nothing happens where it is somebody else's."""
        due = self._keeping.time.now() + rest

        def work(unit: Unit) -> None:
            if hold_task(unit.connection, self.task, due):
                put_back(unit.connection, self.task.row, due, problem)

        self._keeping.catalogue.change(work)
