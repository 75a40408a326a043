"""Who is let in: whoever brings the link that was printed in the terminal, once, gets a session.

Links and cookies are kept as hashes and in memory only: they end with the process.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock

from blake3 import blake3

from bailee.tags import CONSOLE_TOKEN

LINK_SECONDS = 600.0
IDLE_SECONDS = 4 * 3600.0
SESSION_SECONDS = 24 * 3600.0
_SESSIONS = 32
_LINKS = 16
_FLASHES = 8


@dataclass
class Visitor:
    """One signed-in browser. `flashes` wait for its next page: (kind, text to translate, values)."""

    name: str
    """Hash of its cookie: names the session, opens nothing."""
    form_token: str
    began: float
    seen: float
    flashes: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)

    def tell(self, kind: str, text: str, **values: str) -> None:
        """kind: good, note or bad. The oldest are dropped where nobody looks."""
        self.flashes = [*self.flashes, (kind, text, values)][-_FLASHES:]


class Access:
    """ticks: seconds that never go back."""

    def __init__(self, ticks: Callable[[], float]) -> None:
        self._ticks = ticks
        self._links: dict[str, float] = {}
        self._sessions: dict[str, Visitor] = {}
        self._lock = Lock()

    def new_link(self) -> str:
        """A fresh token for `/enter`; it works once, for ten minutes."""
        token = secrets.token_urlsafe(32)
        with self._lock:
            self._links[_hash(token)] = self._ticks() + LINK_SECONDS
            while len(self._links) > _LINKS:
                del self._links[next(iter(self._links))]
        return token

    def enter(self, token: str) -> str | None:
        """The cookie of a new session, or None for a token that is unknown, used or over."""
        now = self._ticks()
        with self._lock:
            until = self._links.pop(_hash(token), None)
            if until is None or now > until:
                return None
            cookie = secrets.token_urlsafe(32)
            self._sessions[_hash(cookie)] = Visitor(_hash(cookie), secrets.token_urlsafe(32), now, now)
            while len(self._sessions) > _SESSIONS:
                del self._sessions[min(self._sessions, key=lambda name: self._sessions[name].seen)]
        return cookie

    def visitor(self, cookie: str) -> Visitor | None:
        """The session of a cookie, if it still runs."""
        now, name = self._ticks(), _hash(cookie)
        with self._lock:
            found = self._sessions.get(name)
            if found is None:
                return None
            if now - found.seen > IDLE_SECONDS or now - found.began > SESSION_SECONDS:
                del self._sessions[name]
                return None
            found.seen = now
            return found

    def runs(self, visitor: Visitor) -> bool:
        """Whether the session has neither been left nor dropped: what streams ask."""
        return self._sessions.get(visitor.name) is visitor and self._ticks() - visitor.began <= SESSION_SECONDS

    def leave(self, visitor: Visitor) -> None:
        with self._lock:
            self._sessions.pop(visitor.name, None)


def is_token_of(visitor: Visitor, token: str) -> bool:
    """Whether a form came from a page of this session."""
    return hmac.compare_digest(visitor.form_token.encode(), token.encode("utf-8", "replace"))


def _hash(token: str) -> str:
    return blake3(token.encode("utf-8", "replace"), key=CONSOLE_TOKEN).hexdigest()
