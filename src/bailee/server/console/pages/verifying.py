"""Checking a passport in the browser: dropped, chosen, or one of the folder's own; each link as it holds or breaks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from bailee.errors import InputError
from bailee.keys import PublicIdentity
from bailee.party.loss_words import LossWords, words_of
from bailee.party.papers import paper_named
from bailee.party.people import handed_people
from bailee.server.api.limits import Limits
from bailee.server.console.checks import MOST_FILES, RUNNING, Check, File
from bailee.server.console.context import context_of, party_of
from bailee.server.console.link_words import NOT_PROVEN, link_words
from bailee.server.console.posting import Sent, posted, then
from bailee.server.console.rendering import fragment, render
from bailee.server.console.streams import stream

_IDENTITY = 1 << 16
_SHOWN = 400
"""Links that a page shows; a hidden model has one for each chunk."""


def page(request: Request) -> Response:
    limits = Limits()
    facts = {"most_files": MOST_FILES, "most_bytes": limits.upload, "most_unpacked": limits.zip_unpacked}
    return render(request, "verify.html", facts)


def send(request: Request, sent: Sent) -> Response:
    """Of three inputs for files (a folder, a zip, single files), whichever has some."""
    chosen = [one for name in ("folder", "files") for one in sent.files.get(name, []) if one.filename]
    trusted = [
        _key(one.file.read(_IDENTITY + 1), one.filename or "") for one in sent.files.get("trusted", []) if one.filename
    ]
    files = [File(one.filename or "", one.file) for one in chosen]
    check = context_of(request).checks.take(files, trusted, bool(sent.text("plain")))
    return then(f"/verify/{check.id}")


def send_own(request: Request, sent: Sent) -> Response:
    """One of the folder's own passports, where it lies."""
    paper = paper_named(party_of(request).path, sent.needed("paper"))
    return then(f"/verify/{context_of(request).checks.begin(paper.folder, paper.name).id}")


def result(request: Request) -> Response:
    check = context_of(request).checks.get(request.path_params["check"])
    return render(request, "verify_result.html", facts_of(request, check))


def events(request: Request) -> Response:
    """The whole of it, or with ?said one sentence for those who listen: a few times on the way, and the end."""
    check = context_of(request).checks.get(request.path_params["check"])
    template = "verify_said.html" if "said" in request.query_params else "verify_links.html"

    def draw() -> tuple[str, bool]:
        last = check.state != RUNNING
        return fragment(request, template, facts_of(request, check)), last

    return stream(request, draw, every=0.2)


def facts_of(request: Request, check: Check) -> dict[str, Any]:
    """What the page and its stream show."""
    from bailee.server.api.apart import links_of

    state, end = check.state, check.end
    found = links_of(list(check.told))
    statement = end.get("statement") if state == "holds" else None
    people = handed_people(context_of(request).home)
    return {
        "check": check,
        "state": state,
        "links": [(one["state"], *link_words(one["link"])) for one in found[:_SHOWN]],
        "more": max(0, len(found) - _SHOWN),
        "holding": sum(one["state"] == "holds" for one in found),
        "error": end.get("error"),
        "reason": str(end.get("reason", "")),
        "statement": statement,
        "parties": [] if statement is None else _parties(statement, people, check.trusted),
        "losses": [] if statement is None else _losses(statement),
        "not_proven": NOT_PROVEN,
        "not_checked": _not_checked(statement),
    }


def _key(data: bytes, name: str) -> str:
    try:
        if len(data) > _IDENTITY:
            raise InputError("it is too large")
        return PublicIdentity.from_json(data).public_key.hex()
    except InputError as error:
        raise InputError(f"{name[:80]!r} is no public identity ({error}); choose somebody's identity.json") from None


def _parties(statement: Mapping[str, Any], people: Mapping[str, str], trusted: tuple[str, ...]) -> list[dict[str, Any]]:
    """Everybody whose word counts in it: what the paper calls them, and what this folder knows that key as."""
    told: dict[str, dict[str, Any]] = {}

    def add(key: Any, name: Any, role: str) -> None:
        if isinstance(key, str) and key:
            one = told.setdefault(key, {"key": key, "name": str(name or ""), "roles": []})
            one["roles"] = [*one["roles"], role] if role not in one["roles"] else one["roles"]

    add(statement.get("builder"), statement.get("builder_name"), "builder")
    for owner in statement.get("owners") or ():
        add(owner["key"], owner["name"], "owner")
    rows_of = statement.get("rows_of")
    if rows_of:
        add(rows_of[0], rows_of[1], "owner")
    record = statement.get("record")
    if isinstance(record, dict) and record.get("owner_name"):
        add(record.get("owner"), record["owner_name"], "owner")
    for key in statement.get("coin_parties") or ():
        add(key, "", "coin")
    return [one | {"known": people.get(one["key"], ""), "trusted": one["key"] in trusted} for one in told.values()]


def _losses(statement: Mapping[str, Any]) -> list[tuple[str, LossWords]]:
    """Who bears which privacy loss; nothing for papers that train nothing."""
    if "accounting" in statement:  # a hidden model: one loss for all rows
        return [("", words_of(statement.get("epsilon"), statement.get("delta")))]
    return [
        (str(owner["name"]), words_of(owner["epsilon"], owner["delta"]))
        for owner in statement.get("owners") or ()
        if "epsilon" in owner
    ]


def _not_checked(statement: Mapping[str, Any] | None) -> list[str]:
    anchor = None if statement is None else statement.get("anchor")
    return list(anchor["not_checked"]) if isinstance(anchor, dict) else []


ROUTES: list[BaseRoute] = [
    Route("/verify", page),
    posted("/verify", send, "/verify", most=Limits().upload, files=MOST_FILES),
    posted("/verify/own", send_own, lambda request, sent: f"/models/{quote(sent.text('paper'), safe='')}"),
    Route("/verify/{check}", result),
    Route("/verify/{check}/events", events),
]
