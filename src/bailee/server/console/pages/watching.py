"""Training and proving, watched: the sessions of the folder, and one of them live."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from bailee.party.followed import Followed, session_of, sessions_of, stages_of
from bailee.party.papers import paper_of
from bailee.party.people import known_people
from bailee.server.console.context import context_of, party_of
from bailee.server.console.rendering import fragment, render
from bailee.server.console.rounds_picture import rounds_picture
from bailee.server.console.streams import stream
from bailee.server.console.words import N_, catalogue

STAGE_WORDS = {
    "invited": N_("The builder invited the owners"),
    "committed": N_("Owners fixed their noise"),
    "coins": N_("Coins were shown"),
    "rounds": N_("Rounds: noisy sums"),
    "closing": N_("The rounds were closed"),
    "proofs": N_("Owners proved what they sent"),
    "passport": N_("The passport was made"),
    "opened": N_("The run was opened"),
    "spent": N_("Spent on the ledger"),
    "anchored": N_("A ledger's block went into the noise"),
    "shuffled": N_("Rows were put into a secret order"),
    "trained": N_("Chunks trained"),
    "chunks": N_("Chunks proven"),
}
N_("damaged")
_MOST = 200


def sessions(request: Request) -> Response:
    home, now = party_of(request).path, context_of(request).clock()
    found = sessions_of(home, now)
    facts = {"sessions": found[:_MOST], "more": max(0, len(found) - _MOST), "people": known_people(home)}
    return render(request, "sessions.html", facts | {"home": str(home)})


def session(request: Request) -> Response:
    return render(request, "session.html", facts_of(request))


def events(request: Request) -> Response:
    facts_of(request)  # an unknown one is said at once

    def draw() -> tuple[str, bool]:
        facts = facts_of(request)
        return fragment(request, "session_live.html", facts), facts["one"].done

    return stream(request, draw, every=0.5)


def facts_of(request: Request) -> dict[str, Any]:
    """What the page of a session and its stream show."""
    home, context = party_of(request).path, context_of(request)
    one = session_of(home, request.path_params["session"], context.clock())
    people = known_people(home)
    words = catalogue(request.scope["state"]["language"])

    def name(key: str) -> str:
        own = {"own": N_("This party"), "trained": N_("trained"), "chunk-proved": N_("proven")}
        return words.gettext(own[key]) if key in own else people.get(key) or f"{key[:8]}…"

    def label(row: str, reached: int) -> str:
        return words.gettext(N_("%(row)s reached %(round)s.")) % {"row": row, "round": reached}

    title = words.gettext(N_("Answers by round") if one.leader.kind == "sums" else N_("Chunks trained and proven"))
    return {
        "one": one,
        "home": str(home),
        "people": people,
        "stages": [(stage, STAGE_WORDS[stage.kind]) for stage in stages_of(one)],
        "picture": rounds_picture(one, name, title, label),
        "paper": paper_of(home, one.id) if one.done else None,
        "part": _part(one),
    }


def _part(one: Followed) -> float:
    stages = stages_of(one)
    if one.done:
        return 1.0
    return sum(min(stage.done / stage.all, 1) if stage.all else 0 for stage in stages) / len(stages)


ROUTES: list[BaseRoute] = [
    Route("/sessions", sessions),
    Route("/sessions/{session}", session),
    Route("/sessions/{session}/events", events),
]
