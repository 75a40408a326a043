"""An owner's sealed datasets: all of them, and one of them."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from bailee.errors import BaileeError
from bailee.party.owning import owned
from bailee.party.uses import uses_of
from bailee.server.console.context import context_of, party_of
from bailee.server.console.rendering import render
from bailee.server.console.tasks import SEALING


def datasets(request: Request) -> Response:
    return render(request, "datasets.html", {"found": owned(party_of(request), context_of(request).clock())})


def dataset(request: Request) -> Response:
    party, now = party_of(request), context_of(request).clock()
    found = owned(party, now)
    one = found.dataset(request.path_params["name"])
    if one is None:
        raise HTTPException(404)
    same_rows = {other.name for other in found.datasets if other.origin == one.origin}
    try:
        uses = tuple(use for use in uses_of(party, now).all if use.dataset in same_rows)
    except BaileeError:  # what is damaged is said on the overview
        uses = ()
    given = tuple(grant for grant in found.grants if grant.dataset == one.name)
    sealing = next((task for task in context_of(request).tasks.running() if task.kind == SEALING), None)
    facts = {"one": one, "found": found, "given": given, "uses": uses, "sealing": sealing, "home": str(party.path)}
    return render(request, "dataset.html", facts)


ROUTES: list[BaseRoute] = [Route("/datasets", datasets), Route("/datasets/{name}", dataset)]
