"""What the console's pages work with."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic

from starlette.requests import Request

from bailee.errors import BaileeError
from bailee.keys import PRIVATE_FILE
from bailee.party.home import PartyHome
from bailee.server.console.access import Access, Visitor
from bailee.server.console.checks import Checks
from bailee.server.console.drafts import Draft, Drafts
from bailee.server.console.tasks import Tasks


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class ConsoleContext:
    """home: the party's folder, which need not exist yet. hosts: what a `Host` header may say, with the port.

    clock: the time (aware). `stopping` is set when the server wants to go: streams end then.
    """

    home: Path
    hosts: frozenset[str]
    tls: bool = False
    clock: Callable[[], datetime] = _now
    access: Access = field(default_factory=lambda: Access(monotonic))
    tasks: Tasks = field(default_factory=Tasks)
    drafts: Drafts = field(default_factory=Drafts)
    checks: Checks = field(default_factory=Checks)
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    closing: list[Callable[[], None]] = field(default_factory=list)
    """Called when the server goes: what is running or lying about."""

    def __post_init__(self) -> None:
        self.closing.append(self.checks.stop)

    @property
    def party(self) -> PartyHome | None:
        """None until the folder has keys."""
        return PartyHome(self.home) if (self.home / PRIVATE_FILE).is_file() else None

    def told(self, error: BaileeError) -> str:
        """An error's words without the folder's place, which is nobody's business who looks over a shoulder."""
        home = str(self.home)
        return str(error).replace(home, "HOME") if len(home) > 1 else str(error)

    @property
    def cookie(self) -> str:
        """The session cookie's name. Cookies do not tell ports apart, so its name does: consoles of several parties
        on one machine must not sign each other out."""
        port = min(self.hosts).rpartition(":")[2]
        return f"__Host-bailee-{port}" if self.tls else f"bailee-{port}"


def context_of(request: Request) -> ConsoleContext:
    found = request.app.state.context
    if not isinstance(found, ConsoleContext):
        raise TypeError("the application has no context")
    return found


def visitor_of(request: Request) -> Visitor:
    """Who asks. Every page behind the door has one."""
    found = request.scope["state"].get("visitor")
    if not isinstance(found, Visitor):
        raise TypeError("this page is not behind the door")
    return found


def draft_of(request: Request) -> Draft:
    """What was typed into the form of this page when it could not be done; an empty one where nothing was."""
    return context_of(request).drafts.get(request.query_params.get("mend", ""))


def party_of(request: Request) -> PartyHome:
    """The folder's party. Raises InputError where there is none; the door sends such visitors to /welcome first."""
    context = context_of(request)
    return context.party or _without_keys(context.home)


def _without_keys(home: Path) -> PartyHome:
    party = PartyHome(home)
    _ = party.identity  # says what to do
    return party
