"""Data of others: the servers that a builder knows, what is sealed there, asking for a grant, and what was answered."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from bailee.errors import BaileeError, InputError
from bailee.keys import PublicIdentity
from bailee.party.answered import received
from bailee.party.asking import ask, asked
from bailee.party.granting import Terms
from bailee.party.planning import plan_named, plans_of
from bailee.party.remotes import add_remote, find_remote, remotes, remove_remote
from bailee.records.fields import parse_time
from bailee.server.console.context import context_of, party_of, visitor_of
from bailee.server.console.posting import Sent, posted, then
from bailee.server.console.rendering import render
from bailee.server.console.words import N_

_IDENTITY, _CA = 1 << 16, 1 << 20
_MOST = 500
_DAYS = 30


def find(request: Request) -> Response:
    """One server is asked at a time, when it is chosen: a page must not wait for all of them."""
    home = party_of(request).path
    known, name = remotes(home), request.query_params.get("remote", "")
    words = request.query_params.get("words", "").strip()[:100]
    chosen, found, problem = None, [], ""
    if name:
        chosen = find_remote(home, name)
        try:
            found = _datasets(request, name)
        except BaileeError as error:
            problem = str(error)
    shown = [one for one in found if _fits(one, words)]
    facts = {
        "remotes": known, "chosen": chosen, "words": words, "problem": problem, "found": len(found),
        "datasets": shown[:_MOST], "more": max(0, len(shown) - _MOST),
    }  # fmt: skip
    return render(request, "find.html", facts)


def remember(request: Request, sent: Sent) -> Response:
    name = sent.needed("name")
    data = _file(sent, "identity", _IDENTITY)
    if data is None:
        raise InputError("no identity came; choose the identity.json that the other party gave to you")
    add_remote(party_of(request).path, name, sent.needed("url"), PublicIdentity.from_json(data), _file(sent, "ca", _CA))
    visitor_of(request).tell(
        "good", N_("%(name)s is kept. It is believed only with the key of that identity."), name=name
    )
    return then(f"/find?remote={name}")


def forget(request: Request, sent: Sent) -> Response:
    name = sent.needed("name")
    remove_remote(party_of(request).path, name)
    visitor_of(request).tell("note", N_("%(name)s is forgotten. What you asked there stays here."), name=name)
    return then("/find")


def ask_form(request: Request) -> Response:
    home, name = party_of(request).path, request.path_params["remote"]
    remote = find_remote(home, name)
    wanted = request.query_params.get("dataset", "")
    dataset = next((one for one in _datasets(request, name) if one["name"] == wanted), None)
    if dataset is None:
        raise InputError(f"{remote.name} has no dataset {wanted[:80]!r} any more; look again at what is there")
    facts = {"remote": remote, "dataset": dataset, "plans": [one for one in plans_of(home) if one.plan], "days": _DAYS}
    return render(request, "ask.html", facts)


def send_ask(request: Request, sent: Sent) -> Response:
    """Signed and kept first, then sent: what did not arrive is sent again from the list of requests."""
    from bailee.party.correspondence import card_at, reached, send

    party, now = party_of(request), context_of(request).clock()
    remote, kept = find_remote(party.path, request.path_params["remote"]), plan_named(party.path, sent.needed("plan"))
    if kept.plan is None:
        raise InputError(f"the plan {kept.name} cannot be read: {kept.fault}")
    me = party.identity
    ends = now + timedelta(days=_days(sent.text("days")))
    terms = Terms(me.public_key.hex(), now, ends, max_epsilon=sent.text("max_epsilon") or None)
    with reached(party, remote) as client:
        card = card_at(client, sent.needed("dataset"), remote.identity.public_key)
        signed = ask(party, me, card, kept.plan, terms, sent.text("message"), now, secrets.token_bytes(16))
        send(client, party, signed.record.id, now)
    visitor_of(request).tell(
        "good", N_("Your request is with %(name)s. It decides; you see here what it answers."), name=remote.name
    )
    return then("/asks")


def asks(request: Request) -> Response:
    party, now = party_of(request), context_of(request).clock()
    people = {one.identity.public_key.hex(): one for one in remotes(party.path)}
    found = asked(party, now)
    given = {one.id: received(party, one) for one in found[:_MOST]}
    over = {name for name, got in given.items() if got and now > parse_time(got.grant.record.not_after)}
    facts = {
        "asks": found[:_MOST], "given": given, "remotes": people, "over": over,
        "waiting": any(one.state == "open" and one.request.record.owner in people for one in found),
        "ready": any(got and not got.lacks and name not in over for name, got in given.items()),
    }  # fmt: skip
    return render(request, "asks.html", facts)


def look(request: Request, sent: Sent) -> Response:
    """Ask all servers that owe an answer."""
    from bailee.party.correspondence import look_at_all

    del sent
    _, wrong = look_at_all(party_of(request), context_of(request).clock())
    visitor = visitor_of(request)
    for name, why in list(wrong.items())[:5]:
        visitor.tell("bad", N_("%(name)s: %(why)s"), name=name, why=why)
    if not wrong:
        visitor.tell("good", N_("All answers that there are, are here."))
    return then("/asks")


def _datasets(request: Request, name: str) -> list[dict[str, Any]]:
    """What the cards there say, as far as it has the shape that a page can show; all of it is a stranger's word."""
    from bailee.party.correspondence import reached

    party = party_of(request)
    with reached(party, find_remote(party.path, name)) as client:
        told = client.datasets()
    found = []
    for one in told:
        columns = one.get("columns")
        if _is_name(one.get("name")) and isinstance(columns, list) and type(one.get("rows")) is int:
            created = one.get("created")
            found.append(
                {"name": one["name"], "rows": one["rows"], "columns": [str(column) for column in columns],
                 "created": created if isinstance(created, str) else ""}
            )  # fmt: skip
    return found


def _asking(request: Request, sent: Sent) -> str:
    remote, dataset = request.path_params["remote"], sent.text("dataset")
    return f"/find/{quote(remote, safe='')}/ask?dataset={quote(dataset, safe='')}"


def _is_name(name: object) -> bool:
    """Whether a card could have it; it goes into addresses, which not every text can."""
    return isinstance(name, str) and 0 < len(name) <= 200 and name.isprintable()


def _fits(one: dict[str, Any], words: str) -> bool:
    """Every word is somewhere in its name or columns."""
    there = " ".join([one["name"], *one["columns"]]).casefold()
    return all(word in there for word in words.casefold().split())


def _file(sent: Sent, name: str, most: int) -> bytes | None:
    chosen = [one for one in sent.files.get(name, []) if one.filename]
    if not chosen:
        return None
    data = chosen[0].file.read(most + 1)
    if len(data) > most:
        raise InputError(f"the file for {name} is larger than {most} bytes; is it the right one?")
    return data


def _days(text: str) -> int:
    if not text:
        return _DAYS
    if not (text.isascii() and text.isdecimal()) or not 1 <= int(text[:6]) <= 3650:
        raise InputError(f"expected 1 to 3650 days, got {text[:20]!r}")
    return int(text)


ROUTES: list[BaseRoute] = [
    Route("/find", find),
    posted("/find/add", remember, "/find", most=2 << 20),
    posted("/find/forget", forget, "/find"),
    Route("/find/{remote}/ask", ask_form),
    posted("/find/{remote}/ask", send_ask, _asking),
    Route("/asks", asks),
    posted("/asks/look", look, "/asks"),
]
