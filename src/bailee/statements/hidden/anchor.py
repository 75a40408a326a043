"""What the anchor of a hidden-model run must say: the same for lender, trainer and verifier.

Where a session's owners spend for their noise commitments, the owners of a hidden run spend for its opening: it fixes
plan, terms, cards, grants, promised coins and all noise (docs/sessions.md, *A hidden plan that names a ledger*).
"""

from __future__ import annotations

from collections.abc import Mapping

from bailee.records import Card, Signed, canonical, digest
from bailee.records.model import ModelOpening
from bailee.statements.anchor import Expected
from bailee.statements.hidden.accounting import ModelLoss


def expected_spendings(
    opening: Signed[ModelOpening], loss: ModelLoss, cards: Mapping[str, Card]
) -> tuple[Expected, ...]:
    """One a dataset, as they stand in the opening. cards: those known to whoever checks, by digest; loss: the run's."""
    return tuple(
        Expected(
            owner=one.owner,
            record=one.grant,
            anchor=opening.digest,
            commitment=commitment_of(cards[one.card]) if one.card in cards else None,
            epsilon=loss.epsilon,
            delta=loss.delta,
        )
        for one in opening.record.owners
    )


def commitment_of(card: Card) -> str:
    """How a ledger names a dataset: digest of its card's commitment."""
    return digest(canonical(card.commitment))
