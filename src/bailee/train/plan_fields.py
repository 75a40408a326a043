"""What reading both kinds of plan has in common: fields as TOML has them, and cards that go together."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from bailee.errors import BaileeError, PlanError, RecordError
from bailee.records import Card, decimal_text
from bailee.records.caip import parse_account


def plan_decimal(name: str, value: object) -> object:
    """A real of a plan (Decimal, int or its text) as the text that a record holds; anything else as it is."""
    if isinstance(value, (int, str, Decimal)) and not isinstance(value, bool):
        try:
            return decimal_text(value)
        except BaileeError as error:
            raise PlanError(f"{name}: {error}") from None
    return value


def ledger_name(value: object) -> object:
    """The name of a ledger as a plan holds it: in lower case. Capitals are a check sum, which must be right."""
    if not isinstance(value, str):
        return value
    try:
        return str(parse_account(value)).lower()
    except RecordError as error:
        raise PlanError(f"ledger: {error}") from None


def listed(value: object) -> object:
    """One name stands for a list of one."""
    return [value] if isinstance(value, str) else value


def same_schema(cards: Sequence[Card]) -> Card:
    """The first of them; all others have its schema. Raises PlanError."""
    if not cards:
        raise PlanError("training needs the card of at least one dataset")
    first = cards[0]
    for card in cards[1:]:
        if card.columns != first.columns or card.schema != first.schema:
            raise PlanError(
                f"the cards of {first.owner_name} and {card.owner_name} have different schemas: "
                "owners whose rows are trained on together seal under the same schema"
            )
    return first
