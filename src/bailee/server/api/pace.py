"""How fast somebody may ask: buckets of tokens, a bounded number of them."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable

from bailee.server.api.limits import Pace
from bailee.server.api.problems import ProblemError

_BUCKETS = 65_536


class Buckets:
    """A bucket for each name, full at first. `clock` gives seconds that never go back.

    The bucket not used for longest makes room for a new one: it has been filling all that time.
    """

    def __init__(self, pace: Pace, clock: Callable[[], float], most: int = _BUCKETS) -> None:
        self._pace, self._clock, self._most = pace, clock, most
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, name: str) -> None:
        """One more. Raises ProblemError (429) that says when to come back."""
        now = self._clock()
        left, since = self._buckets.pop(name, (float(self._pace.burst), now))
        left = min(float(self._pace.burst), left + (now - since) * self._pace.rate)
        if left < 1:
            self._buckets[name] = (left, now)
            wait = math.ceil((1 - left) / self._pace.rate)
            raise ProblemError(429, "TooManyRequests", f"come back in {wait} s", {"Retry-After": str(wait)})
        self._buckets[name] = (left - 1, now)
        if len(self._buckets) > self._most:
            self._buckets.popitem(last=False)
