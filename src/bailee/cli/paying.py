"""What is looked at before money goes to a work."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bailee.errors import GrantError, InputError

if TYPE_CHECKING:
    from bailee.adapters.chain.ledger import Ledger


def require_good(ledger: Ledger, work: int) -> None:
    """GrantError where the arbiters voided it: whoever registered it may not own it."""
    from bailee.adapters.chain.ledger.facts import Status

    if ledger.registry.work(work).status is Status.VOID:
        raise GrantError(f"work {work} was voided by the arbiters: whoever registered it may not own it; pay nothing")


def require_taken(ledger: Ledger, work: int, currency: str) -> None:
    """InputError where the work cannot be paid in that currency."""
    taken = ledger.shares(work).currencies()
    if currency not in taken:
        told = ", ".join(taken[1:]) or "no ERC-20"
        raise InputError(
            f"work {work} takes native money and {told}, got --currency {currency}; its owner lists more with: "
            "bailee royalty accept-currency"
        )
