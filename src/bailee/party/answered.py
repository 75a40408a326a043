"""What a builder was given, beside what it asked for: the grants kept under asked/, and whether their plans can run.

asked/cards/DIGEST.json   the cards of the datasets that were asked about, as their owners signed them
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from bailee.adapters.files import read_bytes
from bailee.errors import BaileeError, GrantError
from bailee.grant import granted_fields, open_card
from bailee.party.carrying import Lacking, lacking, why_not
from bailee.party.home import PartyHome
from bailee.party.requested import ASKED, Asked, all_in, asked_bounds, facts_of
from bailee.records import Card, Grant, Revocation, Signed
from bailee.records.canonical import MAX_BYTES
from bailee.records.fields import parse_time
from bailee.records.request import GrantRequest
from bailee.records.schema import BIAS
from bailee.statements.planned import belongs
from bailee.statements.tasks import AnyPlan

CARDS = f"{ASKED}/cards"


@dataclass(frozen=True)
class Received:
    """A grant that answers a request. narrowed: it allows less than was asked; lacks: what its plan needs beyond it."""

    grant: Signed[Grant]
    narrowed: bool
    lacks: Lacking

    @property
    def columns(self) -> tuple[str, ...]:
        """That were given; the constant column is no column of anybody's table."""
        return tuple(name for name in self.grant.record.fields if name != BIAS)


def keep_card(party: PartyHome, card: Signed[Card]) -> None:
    """So that it can be said later what a grant on its dataset leaves out."""
    party.keep(CARDS, card.digest, card.envelope)


def received(party: PartyHome, one: Asked) -> Received | None:
    """What was given for a request of this party; None where nothing was, or its grant is not here."""
    if one.grant is None:
        return None
    card = card_kept(party, one.request.record.card)
    return Received(one.grant, _is_less(one, one.grant.record, card), lacking(one.grant.record, one.plan, card))


def asked_facts(party: PartyHome, one: Asked) -> dict[str, Any]:
    """What was asked for, what has become of it, and what was given: `given`, `narrowed`, `lacks`."""
    found = received(party, one)
    if found is None:
        return facts_of(one) | {"given": None, "narrowed": False, "lacks": None}
    record = found.grant.record
    given = {
        "from": record.not_before,
        "until": record.not_after,
        "max_epsilon": record.max_epsilon,
        "max_delta": record.max_delta,
        "fields": list(record.fields),
    }
    return facts_of(one) | {"given": given, "narrowed": found.narrowed, "lacks": str(found.lacks) or None}


def require_carried(
    party: PartyHome,
    plan: AnyPlan,
    owners: Iterable[str],
    revocations: Sequence[Signed[Revocation]],
    now: datetime,
) -> None:
    """That no owner is invited whose grants for this plan, of those kept here, all cannot carry it. GrantError.

    owners: public keys, hex. One of whom no grant for the plan is kept here may have given it by hand: it is not held
    up. revocations: those that are known beside the home's own.
    """
    known = (*party.revocations(), *revocations)
    found = [one for one in all_in(party, ASKED, now) if one.grant is not None]
    for owner in owners:
        mine = [one for one in found if one.request.record.owner == owner and _is_for(one, plan)]
        reasons = [(one, _why_not(party, one, plan, known, now)) for one in mine]
        if not reasons or any(why is None for _, why in reasons):
            continue
        told = "; ".join(f"grant {one.grant.record.id[:8]}: {why}" for one, why in reasons if one.grant is not None)
        newest = reasons[0][0]
        raise GrantError(
            f"the owner of {newest.request.record.dataset!r} ({owner[:16]}...) gave what this plan cannot run under: "
            f"{told}. Change the plan to what is granted and ask for that one, or ask again with `bailee ask`. Where "
            f"the owner gave another grant by hand, move {party.path / ASKED / newest.id}.grant.json away"
        )


def card_kept(party: PartyHome, digest: str) -> Card | None:
    """The card that a request named, where it was kept; it is looked at as its digest names it, or not at all."""
    path = party.path / CARDS / f"{digest}.json"
    if not path.is_file():
        return None
    try:
        card = open_card(read_bytes(path, MAX_BYTES, "card"))
    except BaileeError:
        return None  # it only helps to say more: what was signed and given stands without it
    return card.record if card.digest == digest else None


def _is_for(one: Asked, plan: AnyPlan) -> bool:
    return one.grant is not None and one.grant.record.plan == plan.digest


def _why_not(
    party: PartyHome, one: Asked, plan: AnyPlan, known: Sequence[Signed[Revocation]], now: datetime
) -> str | None:
    card = card_kept(party, one.request.record.card)
    return None if one.grant is None else why_not(one.grant, plan, card, known, now)


def _is_less(one: Asked, grant: Grant, card: Card | None) -> bool:
    record, (epsilon, delta) = one.request.record, asked_bounds(one.request.record, one.plan)
    return (
        parse_time(grant.not_before) > parse_time(record.begins)
        or parse_time(grant.not_after) < parse_time(record.ends)
        or Decimal(grant.max_epsilon) < Decimal(epsilon)
        or Decimal(grant.max_delta) < Decimal(delta)
        or _leaves_out(record, grant, card)
    )


def _leaves_out(record: GrantRequest, grant: Grant, card: Card | None) -> bool:
    """Whether a column that was asked for is not given, as far as can be known without its dataset's card."""
    if card is not None:
        return not set(granted_fields(card, record.fields)) <= set(grant.fields)
    return any(not any(belongs(column, name) for column in grant.fields) for name in record.fields or ())
