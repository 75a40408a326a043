"""The first page: what needs its owner, what there is, what to do next."""

from __future__ import annotations

import sys
from decimal import Decimal

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from bailee.errors import BaileeError
from bailee.party.owning import owned
from bailee.party.store_health import has_vault, vault_health
from bailee.party.uses import uses_of
from bailee.server.console.context import context_of, party_of
from bailee.server.console.rendering import fragment, render
from bailee.server.console.streams import stream

_SHOWN = 5


def overview(request: Request) -> Response:
    party, now = party_of(request), context_of(request).clock()
    found = owned(party, now)
    try:
        uses = uses_of(party, now).all
    except BaileeError:  # what is damaged is among the faults
        uses = ()
    origins = {one.origin: one for one in found.datasets}
    facts = {
        "found": found,
        "rows": sum(one.rows for one in origins.values()),
        "holding": sum(one.state == "holds" for one in found.grants),
        "spent": sum((one.spent for one in origins.values()), Decimal(0)),
        "few": [one for one in found.datasets if one.needs_openings],
        "ending": found.ending(now),
        "uses": uses[:_SHOWN],
        "vault": has_vault(party),
        "tasks": context_of(request).tasks.running(),
    }
    return render(request, "overview.html", facts)


def store_alert(request: Request) -> Response:
    """Asked after the page is there: stores may take seconds to say that they are gone."""
    party = party_of(request)

    def draw() -> tuple[str, bool]:
        problem, found = None, None
        try:
            found = vault_health(party)
        except BaileeError as error:
            print(f"the vault's health: {error}", file=sys.stderr)
            problem = type(error).__name__
        return fragment(request, "store_alert.html", {"vault": found, "problem": problem}), True

    return stream(request, draw)


ROUTES: list[BaseRoute] = [Route("/", overview), Route("/stores/alert", store_alert)]
