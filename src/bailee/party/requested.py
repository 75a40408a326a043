"""Requests for grants as a folder keeps them. What has become of one follows from the files; nothing else is stored.

asked/ID.json      what this party asked others for     requests/ID.json    what others asked of this party
  ID.answer.json   the owner's answer                     ID.answer.json    its answer
  ID.grant.json    the grant that was given               ID.grant.json     the grant, from the moment it is decided
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from bailee.adapters.files import read_bytes
from bailee.errors import NotFoundError, RecordError
from bailee.grant import open_grant
from bailee.party.granting import Terms, is_unprotected, plan_loss
from bailee.party.home import PartyHome
from bailee.records import Grant, Signed, open_signed
from bailee.records.fields import parse_time
from bailee.records.request import GIVEN, GrantAnswer, GrantRequest
from bailee.statements.tasks import AnyPlan, plan_of

ASKED, REQUESTS = "asked", "requests"
MAX_BYTES = 1 << 16
"""Of a request's envelope."""
_ID = re.compile(r"[0-9a-f]{32}")

State = Literal["open", "given", "refused", "expired"]


@dataclass(frozen=True)
class Asked:
    """A request and what has become of it. expired: its time was over before anybody answered."""

    request: Signed[GrantRequest]
    state: State
    answer: Signed[GrantAnswer] | None = None
    grant: Signed[Grant] | None = None

    @property
    def id(self) -> str:
        return self.request.record.id

    @property
    def plan(self) -> AnyPlan:
        return plan_of(self.request.record.plan)

    @property
    def unprotected(self) -> bool:
        """Whether its plan promises no privacy: then giving needs the owner's word for that too."""
        return is_unprotected(self.plan)


def terms_of(request: GrantRequest, unprotected: bool = False) -> Terms:
    """What was asked, as terms of a grant. unprotected: the owner's word, which no request can say."""
    return Terms(
        request.builder,
        parse_time(request.begins),
        parse_time(request.ends),
        request.fields,
        request.max_epsilon,
        request.max_delta,
        request.purpose,
        unprotected,
    )


def open_request(data: bytes) -> Signed[GrantRequest]:
    """Form, size and signature checked, and that its plan is one. RecordError, SignatureError, PlanError."""
    if len(data) > MAX_BYTES:
        raise RecordError(f"a request has at most {MAX_BYTES} bytes, this one {len(data)}: ask for a smaller plan")
    signed = open_signed(data, GrantRequest)
    if plan_of(signed.record.plan).digest != signed.record.plan_digest:
        raise RecordError("grant-request: the plan has another spelling than plans have; ask with `bailee ask`")
    return signed


def find(party: PartyHome, folder: str, request_id: str, now: datetime) -> Asked:
    """The one kept under exactly that id. Raises NotFoundError."""
    path = _path(party, folder, request_id)
    if path is None or not path.is_file():
        raise NotFoundError(f"no request of the id {request_id[:100]!r}; list them to see which there are")
    return _asked(path, now)


def all_in(party: PartyHome, folder: str, now: datetime) -> list[Asked]:
    """Newest first."""
    found = [_asked(path, now) for path in paths_in(party, folder)]
    return sorted(found, key=lambda one: (one.request.record.asked, one.id), reverse=True)


def paths_in(party: PartyHome, folder: str) -> Iterator[Path]:
    return (path for path in sorted((party.path / folder).glob("*.json")) if _ID.fullmatch(path.stem))


def answer_path(path: Path) -> Path:
    return path.with_name(f"{path.stem}.answer.json")


def grant_path(path: Path) -> Path:
    return path.with_name(f"{path.stem}.grant.json")


def read_grant(path: Path) -> Signed[Grant] | None:
    """The grant beside a request's file."""
    place = grant_path(path)
    return open_grant(read_bytes(place, MAX_BYTES, "grant")) if place.is_file() else None


def restated(one: Asked, now: datetime) -> Asked:
    """As it stands at another moment: an unanswered one ends with its time."""
    if one.answer is not None:
        return one
    return replace(one, state="expired" if now > parse_time(one.request.record.ends) else "open")


def asked_bounds(record: GrantRequest, plan: AnyPlan) -> tuple[str, str]:
    """Epsilon and delta that were asked for: the plan's where the request names none."""
    loss = plan_loss(plan)
    return record.max_epsilon or loss.epsilon or "0", record.max_delta or loss.delta


def facts_of(one: Asked) -> dict[str, Any]:
    """What a request says, and what has become of it."""
    record = one.request.record
    answer = None if one.answer is None else one.answer.record
    return {
        "request": record.id,
        "state": one.state,
        "builder": record.builder,
        "builder_name": record.builder_name,
        "owner": record.owner,
        "dataset": record.dataset,
        "card": record.card,
        "purpose": record.purpose,
        "plan": record.plan_digest,
        "fields": None if record.fields is None else list(record.fields),
        "from": record.begins,
        "until": record.ends,
        "max_epsilon": record.max_epsilon,
        "max_delta": record.max_delta,
        "unprotected": one.unprotected,
        "message": record.message,
        "asked": record.asked,
        "answered": None if answer is None else answer.answered,
        "reason": None if answer is None else answer.reason,
        "grant": None if answer is None else answer.grant_id,
    }


def check_answer(request: Signed[GrantRequest], answer: Signed[GrantAnswer]) -> None:
    """That it answers this request, and is by whom was asked. Raises RecordError."""
    if answer.record.request != request.digest or answer.record.owner != request.record.owner:
        raise RecordError(f"the answer is to another request than {request.record.id}, or by another owner")


def _path(party: PartyHome, folder: str, request_id: str) -> Path | None:
    return party.path / folder / f"{request_id}.json" if _ID.fullmatch(request_id) else None


def _asked(path: Path, now: datetime) -> Asked:
    request = open_request(read_bytes(path, MAX_BYTES, "request"))
    place = answer_path(path)
    if not place.is_file():
        return restated(Asked(request, "open"), now)
    answer = open_signed(read_bytes(place, MAX_BYTES, "answer"), GrantAnswer)
    check_answer(request, answer)
    if answer.record.decision != GIVEN:
        return Asked(request, "refused", answer)
    return Asked(request, "given", answer, read_grant(path))
