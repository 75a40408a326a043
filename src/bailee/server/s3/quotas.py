"""How much a bucket may hold, decided before a put, a part or a copy begins: bytes and objects, refused with 403.

What counts: every version with bytes, old ones too, and the parts of uploads under way; bytes as clients see them, so
neither padding nor erasure coding nor what de-duplication saved. The catalogue is counted again once the last count is
twenty times as old as it took; between, what this process has let in is added. What is under way while it is counted
is in neither: puts exceed a quota by no more than was under way at once. Processes do not ask each other: with several
of them, by what the others let in since the last count as well.

A quota is the bucket's, not a key's: a version does not say who put it. Only doors ask; the owner's own `put` does not.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import func, select

from bailee.adapters.catalogue import Catalogue
from bailee.adapters.catalogue.tables import blobs, loose, objects, uploads, versions
from bailee.errors import InputError
from bailee.server.s3.errors import S3Error

SETTING = "quota"
_REST = 20
"""Counting takes at most so small a part of the time."""


@dataclass(frozen=True)
class Quota:
    """None: no limit."""

    bytes: int | None = None
    objects: int | None = None

    def to_text(self) -> str:
        return json.dumps({"bytes": self.bytes, "objects": self.objects})

    @classmethod
    def from_text(cls, text: str) -> Quota:
        """Raises InputError for what is no quota: a door that cannot read it must not let everything in."""
        try:
            facts = json.loads(text)
            limits = facts["bytes"], facts["objects"]
        except (ValueError, KeyError, TypeError):
            limits = (-1, -1)
        if not all(limit is None or (isinstance(limit, int) and limit >= 0) for limit in limits):
            raise InputError("the bucket's quota in the catalogue is none; set it again: bailee vault bucket quota")
        return cls(*limits)


@dataclass(frozen=True)
class Held:
    """Bytes and versions of a bucket."""

    bytes: int
    objects: int


def count(catalogue: Catalogue, bucket: str) -> Held:
    """What the catalogue says now: O(versions of the bucket)."""
    inside = (objects.c.name >= f"{bucket}/", objects.c.name < f"{bucket}0")  # 0 follows / in ASCII
    kept = select(func.count(), func.coalesce(func.sum(versions.c.length), 0)).where(*inside, ~versions.c.is_marker)
    coming = select(func.coalesce(func.sum(blobs.c.length), 0)).where(uploads.c.bucket == bucket)
    with catalogue.reading() as connection:
        number, size = connection.execute(kept.join_from(objects, versions, versions.c.object == objects.c.row)).one()
        parts = connection.execute(
            coming.join_from(uploads, loose, loose.c.upload == uploads.c.row).join(blobs, blobs.c.row == loose.c.blob)
        ).scalar_one()
    return Held(int(size) + int(parts), int(number))


class Quotas:
    """The quotas of one door. Safe to use from several threads. clock: seconds that never jump."""

    def __init__(self, catalogue: Catalogue, clock: Callable[[], float] = time.monotonic) -> None:
        self._catalogue, self._clock = catalogue, clock
        self._guard = threading.Lock()
        self._used: dict[str, _Used] = {}

    def admit(self, bucket: str, text: str | None, size: int, number: int = 1) -> None:
        """text: the bucket's setting; size, number: bytes and objects that are to come. Raises S3Error QuotaExceeded,
        as other doors with quotas do."""
        if text is None:
            return
        quota = Quota.from_text(text)
        with self._guard:
            if len(self._used) > 1000:
                self._used.clear()
            used = self._used.setdefault(bucket, _Used())
        with used.guard:
            if self._clock() >= used.until:
                self._count(bucket, used)
            _check("bytes", quota.bytes, used.held.bytes, size)
            _check("objects", quota.objects, used.held.objects, number)
            used.held = Held(used.held.bytes + size, used.held.objects + number)

    def _count(self, bucket: str, used: _Used) -> None:
        began = self._clock()
        used.held = count(self._catalogue, bucket)
        now = self._clock()
        used.until = now + _REST * (now - began)


class _Used:
    """What is known of one bucket: counted until a moment, with what was let in since."""

    def __init__(self) -> None:
        self.guard = threading.Lock()
        self.held, self.until = Held(0, 0), float("-inf")


def _check(what: str, limit: int | None, held: int, more: int) -> None:
    # What adds nothing of a kind is not refused for it: parts add no object, and completing adds no bytes.
    if limit is not None and more and held + more > limit:
        raise S3Error(
            "QuotaExceeded",
            f"The bucket may hold {limit} {what} and holds {held} (versions and unfinished uploads count); delete "
            "some for good, or ask for a larger quota.",
        )
