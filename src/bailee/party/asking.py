"""Asking for a grant, and answering: a builder's folder and an owner's, with a network or a letter between them.

A request gives nothing. The owner's grant is signed on the owner's side, from what was asked or from less, never more.
Everything here may be repeated: the same arguments keep the same bytes, and what was decided once stays.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

from bailee.adapters.files import storage_errors, turns
from bailee.errors import ConflictError, GrantError, InputError, RecordError, SignatureError
from bailee.grant import granted_fields, open_grant
from bailee.keys import Identity
from bailee.party.answered import keep_card
from bailee.party.granting import Given, Terms, asked_loss, is_unprotected, keep_given, sign_grant
from bailee.party.home import PartyHome
from bailee.party.requested import (
    ASKED,
    MAX_BYTES,
    REQUESTS,
    Asked,
    all_in,
    answer_path,
    asked_bounds,
    check_answer,
    find,
    grant_path,
    open_request,
    paths_in,
    read_grant,
    terms_of,
)
from bailee.records import Card, Grant, Signed, open_signed, sign, time_text
from bailee.records.fields import parse_time
from bailee.records.request import GIVEN, REFUSED, GrantAnswer, GrantRequest
from bailee.seal import Dataset
from bailee.statements.tasks import AnyPlan, plan_of

MAX_OPEN = 64
"""Requests of one builder that wait for an answer."""
MAX_AGE = timedelta(days=1)
"""A request is taken so long after it was signed: an old one may be a replay of what its builder has given up."""
_SKEW = timedelta(minutes=10)


# ------------------------------------------------------------------------------------------------ the builder's side


def ask(
    party: PartyHome,
    builder: Identity,
    card: Signed[Card],
    plan: AnyPlan,
    terms: Terms,
    message: str,
    now: datetime,
    request_id: bytes,
) -> Signed[GrantRequest]:
    """Sign and keep a request for a grant on the dataset of `card`. request_id: 16 fresh random bytes.

    Raises InputError, PlanError, SchemaError (the plan does not fit the dataset), GrantError (no such field),
    RecordError (a term that makes no sense).
    """
    if terms.builder != builder.public_key.hex():
        raise GrantError("a grant is asked for by the builder whom it is for; ask from that builder's home")
    if len(request_id) != 16:
        raise RecordError(f"expected a request id of 16 bytes, got {len(request_id)}")
    request = GrantRequest(
        id=request_id.hex(),
        builder=terms.builder,
        builder_name=builder.name,
        owner=card.record.owner,
        card=card.digest,
        dataset=card.record.name,
        plan=plan.to_mapping(),
        fields=None if terms.fields is None else tuple(terms.fields),
        begins=time_text(terms.begins),
        ends=time_text(terms.ends),
        max_epsilon=terms.max_epsilon,
        max_delta=terms.max_delta,
        purpose=terms.purpose or plan.purpose,
        message=message,
        asked=time_text(now),
    )
    _check_fits(request, card.record, plan, terms.unprotected)
    signed = sign(request, builder)
    open_request(signed.envelope)
    keep_card(party, card)
    with turns(party.path / ASKED):
        _keep_once(party, ASKED, signed)
    return signed


def asked(party: PartyHome, now: datetime) -> list[Asked]:
    """What this party asked for, newest first."""
    return all_in(party, ASKED, now)


def take_answer(party: PartyHome, request_id: str, answer: bytes, grant: bytes | None, now: datetime) -> Asked:
    """Keep what an owner answered to a request of this party; checked, so that nobody between them could answer.

    answer, grant: envelopes; the grant's only where one was given. Raises RecordError, SignatureError, GrantError,
    ConflictError where another answer is kept: an owner answers once.
    """
    with turns(party.path / ASKED):
        mine = find(party, ASKED, request_id, now)
        said = open_signed(_bounded(answer, "answer"), GrantAnswer, bytes.fromhex(mine.request.record.owner))
        check_answer(mine.request, said)
        if mine.answer is not None and mine.answer.envelope != said.envelope:
            raise ConflictError(f"another answer to the request {request_id} is kept; an owner answers once")
        if said.record.decision == GIVEN:
            if grant is None:
                raise RecordError("the answer names a grant, and none came with it; ask its owner for the grant")
            given = open_grant(_bounded(grant, "grant"))
            _check_given(mine.request.record, said.record, given)
            party.keep(ASKED, f"{request_id}.grant", given.envelope)
        party.keep(ASKED, f"{request_id}.answer", said.envelope)
        return find(party, ASKED, request_id, now)


# ------------------------------------------------------------------------------------------------ the owner's side


def receive(party: PartyHome, data: bytes, now: datetime) -> Asked:
    """Keep a request that somebody sent; one that is kept already is given back as it stands.

    Raises RecordError, SignatureError (forged), PlanError, SchemaError, InputError, NotFoundError (no such dataset),
    GrantError (for another owner, stale, over, too many), ConflictError (another request has that id).
    """
    signed = open_request(data)
    record = signed.record
    if record.owner != party.public.public_key.hex():
        raise GrantError(f"this request is to the owner {record.owner[:16]}..., not to this party; send it there")
    with turns(party.path / REQUESTS):
        if (party.path / REQUESTS / f"{record.id}.json").is_file():
            return _same(find(party, REQUESTS, record.id, now), signed)
        _check_fresh(record, now)
        card = _dataset_of(party, record).card.record
        plan = plan_of(record.plan)
        _check_fits(record, card, plan, is_unprotected(plan))
        _make_room(party, record.builder, now)
        _keep_once(party, REQUESTS, signed)
        return find(party, REQUESTS, record.id, now)


def requests(party: PartyHome, now: datetime) -> list[Asked]:
    """What others asked of this party, newest first."""
    return all_in(party, REQUESTS, now)


def answer_give(
    party: PartyHome,
    owner: Identity,
    request_id: str,
    now: datetime,
    grant_id: bytes,
    *,
    terms: Terms | None = None,
) -> Given:
    """Give what was asked, or less (`terms`): sign and keep a grant and the answer that names it.

    terms: as `terms_of(request)`, narrowed; None for what was asked. A plan without privacy needs terms that say
    `unprotected`. What is given already is given back, whatever the terms now: a request is answered once. One who was
    killed in between finds the grant that was decided on, and no second one.
    Raises NotFoundError, GrantError (wider than asked, over, refused before), InputError, PlanError, SchemaError.
    """
    with turns(party.path / REQUESTS):
        found = find(party, REQUESTS, request_id, now)
        record, plan = found.request.record, found.plan
        path = party.path / REQUESTS / f"{request_id}.json"
        decided = read_grant(path)
        if found.state == "refused":
            raise GrantError(f"the request {request_id} was refused; its builder may ask again")
        if decided is None:
            if found.state != "open":
                raise GrantError(f"the request {request_id} was for a time that is over; its builder may ask again")
            wanted, dataset = (
                terms_of(record) if terms is None else _narrowed(record, terms),
                _dataset_of(party, record),
            )
            decided = sign_grant(owner, dataset, plan, wanted, grant_id)
            _check_within(record, plan, decided.record, dataset.card.record)
            if (party.path / "grants" / f"{decided.record.id}.json").exists():
                raise ConflictError(f"another grant has the id {decided.record.id}; draw a fresh one")
            party.keep(REQUESTS, f"{request_id}.grant", decided.envelope)  # decided here: what follows can be repeated
        given = keep_given(party, owner, decided, plan, now)
        if found.answer is None:
            _answer(party, owner, found, GIVEN, decided, "", now)
        return given


def answer_refuse(party: PartyHome, owner: Identity, request_id: str, reason: str, now: datetime) -> Asked:
    """Say no, with a reason for the builder (may be empty). Refused before stays as it was.

    Raises NotFoundError, GrantError where it was given, RecordError for a reason that is no plain text.
    """
    with turns(party.path / REQUESTS):
        found = find(party, REQUESTS, request_id, now)
        if found.state == "refused":
            return found
        if grant_path(party.path / REQUESTS / f"{request_id}.json").is_file():
            raise GrantError(f"the request {request_id} was given a grant; take that back with: bailee revoke")
        _answer(party, owner, found, REFUSED, None, reason, now)
        return find(party, REQUESTS, request_id, now)


def request_named(party: PartyHome, folder: str, name: str, now: datetime) -> Asked:
    """The one in `folder` (ASKED, REQUESTS) whose id begins with `name`. Raises InputError."""
    found = [one for one in all_in(party, folder, now) if name and one.id.startswith(name)]
    if len(found) != 1:
        known = ", ".join(path.stem for path in paths_in(party, folder)) or "none"
        problem = f"{len(found)} requests begin with {name[:80]!r}" if found else f"no request {name[:80]!r}"
        raise InputError(f"{problem} in {party.path / folder}; there are: {known[:2000]}")
    return found[0]


# ------------------------------------------------------------------------------------------------ what must hold


def _check_fits(record: GrantRequest, card: Card, plan: AnyPlan, unprotected: bool) -> None:
    """That the plan can be run on this dataset, and the request bounds what it may cost."""
    loss = asked_loss(plan, card, unprotected)
    if record.max_epsilon is None and loss.epsilon is None:
        raise InputError("the plan names a noise multiplier and no epsilon; ask for at most so much with --max-epsilon")
    granted_fields(card, record.fields)


def _check_fresh(record: GrantRequest, now: datetime) -> None:
    signed = parse_time(record.asked)
    if now - signed > MAX_AGE:
        raise GrantError(f"this request was signed at {record.asked}, more than a day ago; sign a fresh one")
    if signed - now > _SKEW:
        raise GrantError(f"this request was signed at {record.asked}, which is to come; set the clock right")
    if now > parse_time(record.ends):
        raise GrantError(f"this request is for a time that is over: it ends at {record.ends}")


def _dataset_of(party: PartyHome, record: GrantRequest) -> Dataset:
    for dataset in party.datasets():
        if dataset.card.digest == record.card and dataset.card.record.owner == record.owner:
            if dataset.card.record.name != record.dataset:
                raise RecordError(f"the request names {record.dataset!r}, its card {dataset.card.record.name!r}")
            return dataset
    raise GrantError(
        f"no dataset here has the card {record.card[:16]}...: it was resealed, or is another owner's; look at its "
        "card again and ask anew"
    )


def _make_room(party: PartyHome, builder: str, now: datetime) -> None:
    """At most MAX_OPEN unanswered ones of a builder are kept; those whose time is over make room for new ones."""
    waiting = [path for path in paths_in(party, REQUESTS) if not answer_path(path).is_file()]
    mine = [one for one in (find(party, REQUESTS, path.stem, now) for path in waiting) if _is_of(one, builder)]
    if len(mine) < MAX_OPEN:
        return
    for one in mine:
        path = party.path / REQUESTS / f"{one.id}.json"
        if one.state == "expired" and not grant_path(path).is_file():
            with storage_errors(path):
                path.unlink()
    if sum(one.state == "open" for one in mine) >= MAX_OPEN:
        raise GrantError(f"{MAX_OPEN} requests of yours wait for an answer here; no more are taken until then")


def _is_of(one: Asked, builder: str) -> bool:
    return one.request.record.builder == builder


def _same(kept: Asked, signed: Signed[GrantRequest]) -> Asked:
    if kept.request.envelope != signed.envelope:
        raise ConflictError("another request has that id; ask under a fresh one")
    return kept


def _keep_once(party: PartyHome, folder: str, signed: Signed[GrantRequest]) -> Path:
    path = party.path / folder / f"{signed.record.id}.json"
    if path.is_file():
        _same(Asked(open_request(path.read_bytes()), "open"), signed)
        return path
    return party.keep(folder, signed.record.id, signed.envelope)


def _narrowed(record: GrantRequest, terms: Terms) -> Terms:
    """`terms` with what they leave open as it was asked; `_check_within` then looks at the grant itself."""
    return Terms(
        terms.builder,
        terms.begins,
        terms.ends,
        record.fields if terms.fields is None else terms.fields,
        terms.max_epsilon or record.max_epsilon,
        terms.max_delta or record.max_delta,
        terms.purpose or record.purpose,
        terms.unprotected,
    )


def _check_within(record: GrantRequest, plan: AnyPlan, grant: Grant, card: Card | None = None) -> None:
    """That a grant allows nothing that was not asked for; of its fields where the card is at hand. GrantError."""
    epsilon, delta = asked_bounds(record, plan)
    fields = grant.fields if card is None else granted_fields(card, record.fields)
    wider = {
        "another builder": grant.builder != record.builder,
        "another dataset": grant.card != record.card or grant.owner != record.owner,
        "another plan": grant.plan != record.plan_digest,
        "another purpose": grant.purpose != record.purpose,
        f"an earlier beginning than {record.begins}": parse_time(grant.not_before) < parse_time(record.begins),
        f"a later end than {record.ends}": parse_time(grant.not_after) > parse_time(record.ends),
        "more fields": not set(grant.fields) <= set(fields),
        f"a larger epsilon than {epsilon}": Decimal(grant.max_epsilon) > Decimal(epsilon),
        f"a larger delta than {delta}": Decimal(grant.max_delta) > Decimal(delta),
    }
    found = [what for what, is_wider in wider.items() if is_wider]
    if found:
        raise GrantError(f"a request is given as it was asked, or less; this would give {', '.join(found)}")


def _check_given(record: GrantRequest, answer: GrantAnswer, grant: Signed[Grant]) -> None:
    """What the builder is given is what the answer names, and not more than it asked for."""
    if grant.digest != answer.grant or grant.record.id != answer.grant_id:
        raise RecordError("the grant is another one than the answer names; ask its owner for the right one")
    if grant.record.owner != record.owner:
        raise SignatureError("the grant is signed by somebody else than the owner who was asked")
    _check_within(record, plan_of(record.plan), grant.record)


def _answer(
    party: PartyHome, owner: Identity, found: Asked, decision: str, grant: Signed[Grant] | None, reason: str,
    now: datetime,
) -> None:  # fmt: skip
    said = GrantAnswer(
        owner=owner.public_key.hex(),
        request=found.request.digest,
        decision=decision,
        grant_id=None if grant is None else grant.record.id,
        grant=None if grant is None else grant.digest,
        reason=reason,
        answered=time_text(now),
    )
    party.keep(REQUESTS, f"{found.id}.answer", sign(said, owner).envelope)


def _bounded(data: bytes, what: str) -> bytes:
    if len(data) > MAX_BYTES:
        raise RecordError(f"{what}: expected at most {MAX_BYTES} bytes, got {len(data)}")
    return data
