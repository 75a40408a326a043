"""What a party has, what it allowed, and what that has cost: as facts, for every face."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from bailee.party.home import PartyHome
from bailee.records import Card, Grant, Signed
from bailee.records.fields import parse_time
from bailee.seal import Dataset
from bailee.train.ledger import Ledger


def standing(party: PartyHome, now: datetime) -> dict[str, Any]:
    """Datasets, grants and sessions. Raises InputError where there is no party."""
    public, ledger = party.identity.public, party.ledger()
    taken = {revocation.record.grant: revocation.record.revoked for revocation in party.revocations()}
    return {
        "name": public.name,
        "key": public.public_key.hex(),
        "datasets": [dataset_facts(party, ledger, dataset) for dataset in party.datasets()],
        "grants": [grant_standing(grant, taken.get(grant.digest), now) for grant in party.grants()],
        "sessions": [
            {"session": path.name, "finished": (path / "passport.json").is_file()}
            for path in sorted(party.sessions.glob("*"))
            if path.is_dir()
        ],
    }


def dataset_facts(party: PartyHome, ledger: Ledger, dataset: Dataset) -> dict[str, Any]:
    """What is left of a dataset, for its owner."""
    budget = dataset.ledger.budget()
    return {
        "name": dataset.directory.name,
        "rows": dataset.card.record.rows,
        "openings_left": budget.remaining,
        "can_reseal": budget.can_reseal,
        "epsilon_spent": str(ledger.spent(party.origin(dataset))),
        "card": dataset.card.digest,
    }


def card_facts(card: Signed[Card]) -> dict[str, Any]:
    """What a card says."""
    record = card.record
    return {
        "dataset": record.name,
        "owner": record.owner_name,
        "key": record.owner,
        "rows": record.rows,
        "columns": list(record.columns),
        "created": record.created,
        "renews": None if record.renews is None else record.renews.card,
        "commitment": dict(record.commitment),
        "card": card.digest,
    }


GrantState = Literal["holds", "not yet", "expired", "revoked"]


def grant_state(record: Grant, revoked: str | None, now: datetime) -> GrantState:
    """Whether a grant holds; `revoked`: when it was taken back, if it was."""
    if revoked is not None:
        return "revoked"
    if now > parse_time(record.not_after):
        return "expired"
    return "not yet" if now < parse_time(record.not_before) else "holds"


def grant_state_words(grant: Signed[Grant], revoked: str | None, now: datetime) -> str:
    """The state, and when it was taken back: `revoked 2027-01-31T12:00:00Z`."""
    state = grant_state(grant.record, revoked, now)
    return f"{state} {revoked}" if state == "revoked" else state


def grant_standing(grant: Signed[Grant], revoked: str | None, now: datetime) -> dict[str, Any]:
    record = grant.record
    return {
        "grant": record.id,
        "state": grant_state_words(grant, revoked, now),
        "builder": record.builder,
        "purpose": record.purpose,
        "until": record.not_after,
        "max_epsilon": record.max_epsilon,
    }
