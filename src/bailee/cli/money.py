"""Amounts of money as commands take and show them; what they mean is in `bailee.party.amounts`."""

from __future__ import annotations

from typing import Annotated

import typer

from bailee.party.amounts import currency_address, in_words, money, parse_money, require_currency, smallest_units

__all__ = [
    "CurrencyOption",
    "currency_address",
    "in_words",
    "money",
    "parse_money",
    "require_currency",
    "smallest_units",
]

CurrencyOption = Annotated[
    str | None, typer.Option("--currency", help="Address of an ERC-20; the chain's native money by default.")
]
