"""Plans: those of the folder, and a form that writes one, with what it costs while it is written."""

from __future__ import annotations

import shlex
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Route

from bailee.adapters.files import read_bytes
from bailee.errors import BaileeError
from bailee.party.planning import MAX_BYTES, SUMS, cost_of, keep_plan, plan_named, plans_of, written
from bailee.party.plans import parse_any_plan
from bailee.server.console.context import draft_of, party_of, visitor_of
from bailee.server.console.posting import Sent, mending, posted, then
from bailee.server.console.rendering import fragment, render
from bailee.server.console.words import N_
from bailee.statements.plan import Plan

FIELDS = (
    "file", "kind", "name", "purpose", "label", "features", "rounds", "epochs", "learning_rate", "momentum", "l2",
    "weight_decay", "loss", "hidden", "batch", "clip", "epsilon", "noise_multiplier", "delta",
)  # fmt: skip
_FRESH = {
    "kind": SUMS, "rounds": "20", "epochs": "20", "learning_rate": "0.5", "loss": "logistic", "batch": "full",
    "clip": "1", "epsilon": "2", "delta": "0.00001",
}  # fmt: skip
_MOST = 200
NEW = "/plans/new"


def plans(request: Request) -> Response:
    found = list(plans_of(party_of(request).path))
    return render(request, "plans.html", {"plans": found[:_MOST], "more": max(0, len(found) - _MOST)})


def plan(request: Request) -> Response:
    kept = plan_named(party_of(request).path, request.path_params["plan"])
    text = read_bytes(kept.path, MAX_BYTES, "plan").decode("utf-8", "replace")
    cost, problem = None, ""
    try:
        cost = None if kept.plan is None else cost_of(kept.plan)
    except BaileeError as error:
        problem = str(error)
    home, path = shlex.quote(str(party_of(request).path)), shlex.quote(str(kept.path))
    facts = {
        "kept": kept, "text": text, "cost": cost, "problem": problem, "is_sums": isinstance(kept.plan, Plan),
        "command": f"bailee train {path} --owner OWNER.json --home {home}",
        "lent_command": f"bailee train-model {path} --dataset {home}/lent/NAME --home {home}",
    }  # fmt: skip
    return render(request, "plan.html", facts)


def new(request: Request) -> Response:
    wanted = {name: request.query_params[name][:200] for name in ("label", "features") if name in request.query_params}
    typed = draft_of(request).texts
    fields = {name: typed[name][0] for name in FIELDS if name in typed} or _FRESH | wanted
    whole = dict.fromkeys(FIELDS, "") | fields
    return render(request, "plan_new.html", {"fields": whole, **_estimated(whole)})


def write(request: Request, sent: Sent) -> Response:
    """Kept, or with `do=estimate` shown again with what it would cost."""
    fields = {name: sent.text(name) for name in FIELDS}
    if sent.text("do") == "estimate":
        return mending(request, sent, NEW)
    kept = keep_plan(party_of(request).path, fields["file"], written(fields))
    visitor_of(request).tell("good", N_("The plan %(name)s is kept."), name=kept.name)
    return then(f"/plans/{kept.name}")


def estimate(request: Request, sent: Sent) -> Response:
    """The part of the form that a script asks for while somebody types."""
    facts = _estimated({name: sent.text(name) for name in FIELDS})
    return HTMLResponse(fragment(request, "plan_cost.html", facts))


def _estimated(fields: dict[str, str]) -> dict[str, Any]:
    """What the plan costs; while fields that change no cost are empty, stand-ins are there for them."""
    stand_ins = {name: fields.get(name) or "x" for name in ("name", "purpose", "label")}
    try:
        return {"cost": cost_of(parse_any_plan(written(fields | stand_ins))), "problem": ""}
    except BaileeError as error:
        return {"cost": None, "problem": str(error)}


ROUTES: list[BaseRoute] = [
    Route("/plans", plans),
    Route(NEW, new),
    posted(NEW, write, NEW),
    posted("/plans/estimate", estimate, None),
    Route("/plans/{plan}", plan),
]
