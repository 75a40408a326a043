"""What time it is, where a clock may be wrong or be set: for stamping one answer, for letting go another.

Stamps follow the system's clock but never go back: the highest time that was ever seen is kept in the catalogue. What
ends by time (a lock, a purpose) ends by the *least* plausible time: that clock, but within one process never further
than the time that really passed since it began. A clock that jumps forward meanwhile frees nothing; one that was set
wrong before the start cannot be told from a right one, but leaves its mark: once it is back, `check` sees it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

from bailee.errors import LockedError

SLACK = 120.0
"""Seconds a clock may be corrected by without anybody being asked."""


def since_boot() -> float:
    """Seconds that no setting of the clock changes, sleep included where the system counts it."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


class Timekeeper:
    """clock: seconds since 1970; passed: seconds that never jump, by default the system's beside the system's clock and
    `clock` itself beside any other. Safe to use from several threads."""

    def __init__(
        self,
        clock: Callable[[], float] = time.time,
        passed: Callable[[], float] | None = None,
        highest: float = 0.0,
    ) -> None:
        self._clock, self._passed = clock, passed or (since_boot if clock is time.time else clock)
        self._begin, self._begin_passed = clock(), self._passed()
        self._highest = max(highest, 0.0)
        self._guard = threading.Lock()

    @property
    def highest(self) -> float:
        return self._highest

    def see(self, other: float) -> None:
        """Another process was this far."""
        with self._guard:
            self._highest = max(self._highest, other)

    def now(self) -> float:
        """For stamps: never before an earlier stamp."""
        with self._guard:
            self._highest = max(self._highest, self._clock())
            return self._highest

    def surely(self) -> float:
        """For letting go: it is at least this late."""
        return min(self._clock(), self._begin + (self._passed() - self._begin_passed) + SLACK)

    def is_over(self, until: float) -> bool:
        return self.surely() >= until

    def check(self) -> None:
        """Raises LockedError while the clock is behind what was seen before: then nothing is erased by time."""
        behind = self._highest - self._clock()
        if behind > SLACK:
            raise LockedError(
                f"the clock says {time_words(self._clock())}, but this vault has seen {time_words(self._highest)}; "
                "nothing is erased by time until one of the two is right: set the clock, or, if it was wrong "
                "then, accept it (accept_clock)"
            )

    def accept(self) -> float:
        """The clock is right and what was seen was wrong. Returns the highest time there was."""
        with self._guard:
            before, self._highest = self._highest, self._clock()
            self._begin, self._begin_passed = self._highest, self._passed()
            return before


def time_words(moment: float) -> str:
    try:
        return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (ValueError, OverflowError, OSError):
        return f"{moment} s since 1970"
