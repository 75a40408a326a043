"""What builders ask an owner for, and the owner's answer: what was asked, less, or no."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import replace
from datetime import time

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from bailee.errors import InputError, RecordError
from bailee.party.asking import answer_give, answer_refuse
from bailee.party.granting import moment, plan_loss
from bailee.party.home import PartyHome
from bailee.party.owning import OwnedDataset, owned
from bailee.party.requested import REQUESTS, Asked, find, terms_of
from bailee.records.fields import decimal_text, parse_time
from bailee.server.console.columns import Choice, choices_of, fields_of
from bailee.server.console.context import context_of, party_of, visitor_of
from bailee.server.console.posting import Sent, posted, then
from bailee.server.console.rendering import render
from bailee.server.console.words import N_


def requests(request: Request) -> Response:
    return render(request, "requests.html", {"found": owned(party_of(request), context_of(request).clock())})


def one_request(request: Request) -> Response:
    party, now = party_of(request), context_of(request).clock()
    asked = find(party, REQUESTS, request.path_params["id"], now)
    party.ledger().entries()  # nobody should decide on a budget that cannot be read
    found, record, loss = owned(party, now), asked.request.record, plan_loss(asked.plan)
    dataset = next((one for one in found.datasets if one.card == record.card), None)
    facts = {
        "choices": _choices(party, asked, dataset, record.fields),
        "needed": [one.name for one in _choices(party, asked, dataset, None) if one.needed],
        "asked": asked,
        "record": record,
        "plan": asked.plan,
        "epsilon": record.max_epsilon or loss.epsilon,
        "delta": record.max_delta or loss.delta,
        "dataset": dataset,
        "until": parse_time(record.ends).strftime("%Y-%m-%d"),
    }
    return render(request, "request.html", facts)


def give(request: Request, sent: Sent) -> Response:
    party, now, name = party_of(request), context_of(request).clock(), request.path_params["id"]
    asked = find(party, REQUESTS, name, now)
    record = asked.request.record
    terms = terms_of(record, unprotected=sent.text("unprotected") == "yes")
    if until := sent.text("until"):
        terms = replace(terms, ends=min(moment(until, time.max), parse_time(record.ends)))
    if epsilon := sent.text("epsilon"):
        terms = replace(terms, max_epsilon=_number(epsilon))
    if "narrowed" in sent.texts:  # the form lists fields: those that are ticked are given
        fields = sent.texts.get("field", [])
        if not fields:
            raise InputError("no column is ticked: a grant allows at least one; refuse the request instead")
        sealed = next((one for one in owned(party, now).datasets if one.card == record.card), None)
        terms = replace(terms, fields=fields_of(_choices(party, asked, sealed, record.fields), fields))
    given = answer_give(party, party.identity, name, now, secrets.token_bytes(16), terms=terms)
    visitor_of(request).tell("good", N_("The grant is given. Its builder is told when it asks for the answer."))
    if given.useless is not None:
        visitor_of(request).tell("note", N_("Note: %(why)s"), why=given.useless)
    return then("/grants")


def _choices(
    party: PartyHome, asked: Asked, dataset: OwnedDataset | None, fields: Sequence[str] | None
) -> tuple[Choice, ...]:
    """None where its dataset is not here any more."""
    if dataset is None:
        return ()
    return choices_of(asked.plan, party.own_dataset(dataset.name).card.record, fields)


def refuse(request: Request, sent: Sent) -> Response:
    party = party_of(request)
    now, reason = context_of(request).clock(), sent.text("reason")
    answer_refuse(party, party.identity, request.path_params["id"], reason, now)
    visitor_of(request).tell("good", N_("The request is refused. Its builder is told when it asks for the answer."))
    return then("/requests")


def _number(text: str) -> str:
    try:
        found = decimal_text(text)
    except RecordError:
        found = "-"
    if found.startswith("-"):
        raise InputError(f"expected a number as epsilon, of at least 0, got {text[:50]!r}")
    return found


ROUTES: list[BaseRoute] = [
    Route("/requests", requests),
    Route("/requests/{id}", one_request),
    posted("/requests/{id}/give", give, "/requests/{id}"),
    posted("/requests/{id}/refuse", refuse, "/requests/{id}"),
]
