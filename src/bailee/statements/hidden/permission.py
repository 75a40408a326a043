"""Whether an owner allows a hidden-model run: its grant, and for a plan without privacy its waiver as well."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bailee.errors import GrantError
from bailee.records import Card, Grant, Revocation, Signed, parse_time
from bailee.records.model import Waiver
from bailee.records.permission import Use, check_grant
from bailee.statements.network.plan import ModelPlan


@dataclass(frozen=True)
class ModelUse:
    """What a run asks of one dataset. epsilon is None for an unprotected plan: no number bounds its loss."""

    builder: str
    plan: ModelPlan
    columns: tuple[str, ...]
    """Of the card."""
    epsilon: str | None
    delta: str

    @property
    def fields(self) -> tuple[str, ...]:
        """Encoded columns that enter the model. The label is learned from, as the plan says, and never an input."""
        used = self.plan.used(self.columns)
        return tuple(name for name, inside in zip(self.columns, used, strict=True) if inside)


def check_model_grant(
    grant: Signed[Grant],
    waiver: Signed[Waiver] | None,
    card: Signed[Card],
    revocations: Sequence[Signed[Revocation]],
    use: ModelUse,
    now: datetime,
) -> None:
    """Raises GrantError unless the owner's signed word lets `use` be made of the dataset of `card` at `now` (aware)."""
    if use.epsilon is None:
        _check_waiver(grant, waiver, use, now)
    asked = Use(use.builder, use.plan.purpose, use.plan.digest, use.fields, use.epsilon or "0", use.delta)
    check_grant(grant, card, revocations, asked, now)


def check_rows_once(cards: Sequence[Card]) -> None:
    """Raises GrantError where two cards of one owner may commit to the same rows, one of them being renewed.

    Every row would be read twice in a pass, and the loss is counted for once. Who renews a card and grants the new one
    need not think of the grant on the old. Of several renewals only the last is seen: so equal row counts are enough.
    """
    for place, card in enumerate(cards):
        for other in cards[:place]:
            if card.owner == other.owner and card.rows == other.rows and (card.renews or other.renews):
                raise GrantError(
                    f"two cards of {card.owner_name} have {card.rows} rows each, and one is a renewal: their rows may "
                    "be the same, which would count twice; leave one of them out"
                )


def _check_waiver(grant: Signed[Grant], waiver: Signed[Waiver] | None, use: ModelUse, now: datetime) -> None:
    if waiver is None:
        raise GrantError(
            "the plan is unprotected: no epsilon bounds what the model tells about a row, so a grant is not enough; "
            "the owner must sign a waiver too (bailee grant --unprotected), or the plan must be private"
        )
    said = waiver.record
    if said.owner != grant.record.owner or said.grant != grant.digest:
        raise GrantError("the waiver is another owner's, or for another grant than this one")
    if said.plan != use.plan.digest:
        raise GrantError(f"the waiver is for another plan: {said.plan[:16]}..., not {use.plan.digest[:16]}...")
    if parse_time(said.created) > now:
        raise GrantError(f"the waiver is dated {said.created}, after the run began")
