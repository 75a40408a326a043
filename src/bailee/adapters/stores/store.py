"""What a vault asks of a place that keeps fragments: five verbs over byte strings under names.

Every failure is a StoreError that names the store. Nothing here knows what the bytes mean.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable


@dataclass(frozen=True)
class Stored:
    """One entry of a listing. modified: seconds since 1970, by the store's own clock."""

    path: str
    size: int
    modified: float


class Writing(Protocol):
    """A byte string on its way to a store: invisible until `finish` returns, and gone after `abandon`."""

    def write(self, data: bytes | memoryview) -> None: ...

    def finish(self) -> None: ...

    def abandon(self) -> None: ...


class Store(Protocol):
    """One place. Paths are ASCII, relative, of plain components. Safe to use from several threads."""

    @property
    def name(self) -> str: ...

    def write(self, path: str) -> Writing:
        """A new string at `path`; what was there before stays until `finish` replaces it at once."""

    def read(self, path: str, offset: int = 0, length: int | None = None) -> bytes:
        """Exactly the range. Raises MissingError where nothing is under `path`, StoreError for all else (a short
        answer too)."""

    def delete(self, path: str) -> None:
        """Nothing is under `path` afterwards; to delete what is not there is no error."""

    def paths(self, prefix: str = "") -> Iterator[Stored]:
        """All finished strings under `prefix`, in any order. Drafts are not listed."""


@runtime_checkable
class TakesMany(Protocol):
    """A store to which many small strings at once cost less than one after the other."""

    def write_many(self, strings: Sequence[tuple[str, bytes | memoryview]]) -> None:
        """New strings under new paths; all are kept when it returns.

        Until then, and after a failure or a crash, some may be there, whole or in part: only for paths that nobody
        reads before this returns. Nothing may be under them.
        """


@runtime_checkable
class AtOnce(Protocol):
    """A store that takes bytes without waiting for anything: to wake a thread for it costs more than the write."""

    @property
    def is_at_once(self) -> bool: ...
