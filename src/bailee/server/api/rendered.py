"""Bodies of lists that are asked again and again, kept until something they show has changed.

A list depends on folders: what is new, gone or replaced in one changes its date, for all files of a home are written
beside and then renamed. A date that is only seconds old is not relied on: another change might leave the same one.
"""

from __future__ import annotations

import os
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from bailee.server.api.limits import TICK

_MOST = 256
_LARGEST = 1 << 17
"""Bytes of a body that is kept."""

Stamp = tuple[int, int]


@dataclass(frozen=True)
class Body:
    """data: what is sent; folders: what it depends on; until: seconds since 1970 when it would be another by itself."""

    data: bytes
    folders: Sequence[str] = ()
    until: float = float("inf")


@dataclass
class Rendered:
    _kept: OrderedDict[tuple[str, ...], tuple[float, Body, tuple[Stamp, ...]]] = field(default_factory=OrderedDict)

    def body(self, key: tuple[str, ...], now: float, render: Callable[[], Body]) -> bytes:
        """What `render` gives, or gave when nothing was other than it is. key: who asked for what; now: as `until`."""
        kept = self._kept.get(key)
        if kept is not None:
            since, body, stamps = kept
            if since <= now < body.until and stamps == _stamps(body.folders):
                return body.data
        looked = time.time_ns()
        body = render()
        stamps = _stamps(body.folders)  # after: what changed meanwhile is too young to be relied on
        self._kept.pop(key, None)
        if len(body.data) <= _LARGEST and all(looked - date > TICK for date, _ in stamps):
            self._kept[key] = (now, body, stamps)
            if len(self._kept) > _MOST:
                self._kept.popitem(last=False)
        return body.data


def _stamps(folders: Sequence[str]) -> tuple[Stamp, ...]:
    return tuple(map(_stamp, folders))


def _stamp(folder: str) -> Stamp:
    try:
        found = os.stat(folder)
    except OSError:
        return (0, 0)
    return (found.st_mtime_ns, found.st_ino)
