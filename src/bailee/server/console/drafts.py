"""What somebody typed into a form that could not be done: kept until it is, so that it is mended and not typed again.

In memory only, as tasks are.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Lock

_KEPT = 8
"""Forms; one may have megabytes."""
_LARGEST = 8 << 20
"""Letters of a form that is kept: more than any form of ours has."""

_ANEW = ("csrf", "public", "unprotected")


@dataclass(frozen=True)
class Draft:
    """texts: the form's fields by name. problem: why it was not done, in the words of its error; None: nobody said."""

    texts: Mapping[str, list[str]] = field(default_factory=dict)
    problem: str | None = None


class Drafts:
    """By a name, the newest. `csrf` and what must be ticked anew each time (_ANEW) are never kept, nor texts larger
    than any form's."""

    def __init__(self) -> None:
        self._all: dict[str, Draft] = {}
        self._lock = Lock()

    def keep(self, name: str, texts: Mapping[str, list[str]], problem: str | None = None) -> None:
        kept = {key: list(values) for key, values in texts.items() if key not in _ANEW}
        if sum(len(value) for values in kept.values() for value in values) > _LARGEST:
            kept = {}
        with self._lock:
            self._all.pop(name, None)
            self._all[name] = Draft(kept, problem)
            for old in list(self._all)[:-_KEPT]:
                del self._all[old]

    def keep_new(self, texts: Mapping[str, list[str]], problem: str | None = None) -> str:
        """Under a fresh name, which it returns."""
        name = secrets.token_hex(8)
        self.keep(name, texts, problem)
        return name

    def get(self, name: str) -> Draft:
        """An empty one where nothing is kept."""
        return self._all.get(name, Draft())

    def forget(self, name: str) -> None:
        with self._lock:
            self._all.pop(name, None)
