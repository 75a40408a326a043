"""What the folder's ledger says, for calls: asked of a node at most once a minute, and kept between."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from bailee.errors import BaileeError
from bailee.party.ledger_view import FILE, LedgerView, kept_view, refresh_view
from bailee.party.opened_ledger import remembered
from bailee.records import parse_time

FRESH = 60.0
"""Seconds that what a node said is good for."""
_AGAIN = 10.0
"""Seconds after which a node that did not answer is asked again."""
NO_LEDGER = "this folder remembers no ledger; its owner names one with: bailee ledger use"


@dataclass
class LedgerViews:
    """Of the folder `home`; `clock` gives the time (aware)."""

    home: Path
    clock: Callable[[], datetime]
    _asking: asyncio.Lock = field(default_factory=asyncio.Lock)
    _failed: tuple[float, str] | None = None
    _read: tuple[tuple[int, int, int], LedgerView | None] | None = None

    async def look(self) -> tuple[LedgerView | None, str | None]:
        """(what was said last, why it is not newer): either may be None."""
        try:
            if remembered(self.home) is None:
                return None, NO_LEDGER
        except BaileeError as error:
            return None, str(error)
        async with self._asking:
            found, now = await asyncio.to_thread(self._kept), self.clock()
            if found is not None and 0 <= (now - parse_time(found.seen)).total_seconds() < FRESH:
                return found, None
            if self._failed is not None and now.timestamp() - self._failed[0] < _AGAIN:
                return found, self._failed[1]
            try:
                found = await asyncio.to_thread(refresh_view, self.home, now)
            except ImportError as error:
                reason = f"the ledger needs: pip install 'bailee[ledger]' ({error.name} is missing)"
                self._failed = (now.timestamp(), reason)
            except BaileeError as error:
                self._failed = (now.timestamp(), str(error))
            else:
                self._failed = None
            return found, None if self._failed is None else self._failed[1]

    def _kept(self) -> LedgerView | None:
        """Read again only when the file is another."""
        try:
            facts = (self.home / FILE).stat()
        except OSError:
            return None
        stamp = (facts.st_mtime_ns, facts.st_size, facts.st_ino)
        if self._read is None or self._read[0] != stamp:
            self._read = (stamp, kept_view(self.home))
        return self._read[1]
