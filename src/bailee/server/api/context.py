"""What the calls of one server work with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from fastapi import Request

from bailee.keys import PublicIdentity
from bailee.party.home import PartyHome
from bailee.server.api.challenges import Challenges
from bailee.server.api.ethereum import EthereumSignIns
from bailee.server.api.gate import Gate
from bailee.server.api.jobs import Jobs
from bailee.server.api.ledger_views import LedgerViews
from bailee.server.api.limits import Limits
from bailee.server.api.logs import Log
from bailee.server.api.metrics import Metrics
from bailee.server.api.once import Once
from bailee.server.api.rendered import Rendered
from bailee.server.api.shelf import Shelf
from bailee.server.api.streams import Streams


@dataclass(frozen=True)
class Context:
    """clock gives the time (aware)."""

    party: PartyHome
    public: PublicIdentity
    shelf: Shelf
    rendered: Rendered
    gate: Gate
    challenges: Challenges
    ethereum: EthereumSignIns
    once: Once
    jobs: Jobs
    ledger: LedgerViews
    streams: Streams
    limits: Limits
    log: Log
    metrics: Metrics
    clock: Callable[[], datetime]


def context_of(request: Request) -> Context:
    found = request.app.state.context
    if not isinstance(found, Context):
        raise TypeError("the application has no context")
    return found
