"""Amounts of money as people write them, and as contracts count them: native money and any ERC-20, exactly."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated

import typer

from bailee.errors import InputError
from bailee.party.amounts import currency_words, in_words, money
from bailee.records.caip import check_address

if TYPE_CHECKING:
    from bailee.adapters.chain.chain import Chain

__all__ = ["CurrencyOption", "currency_address", "in_words", "money", "parse_money", "smallest_units"]

CurrencyOption = Annotated[
    str | None, typer.Option("--currency", help="Address of an ERC-20; the chain's native money by default.")
]
_AMOUNT = re.compile(r"([0-9]{1,34})(?:\.([0-9]{1,77}))?")
_MOST = 2**112
"""What a work's shares take of one currency in all; more is a slip."""


def currency_address(text: str | None) -> str:
    """With check sum; `NATIVE` for None. InputError."""
    from eth_utils.address import to_checksum_address

    from bailee.adapters.chain.ledger.facts import NATIVE

    if text is None:
        return NATIVE
    check_address(text)
    return str(to_checksum_address(text.lower()))


def smallest_units(chain: Chain, currency: str, text: str) -> int:
    """An amount such as `3.50` in the currency's smallest unit. InputError."""
    from bailee.adapters.chain.ledger.facts import NATIVE
    from bailee.adapters.chain.refusals import outside

    if currency != NATIVE:
        with outside("a currency's code"):
            if not chain.web3.eth.get_code(currency):  # type: ignore[arg-type]
                raise InputError(f"{currency} is no contract on {chain.caip2}: it cannot be a currency there")
    return parse_money(text, currency_words(chain, currency).decimals)


def parse_money(text: str, decimals: int = 18) -> int:
    """An amount in the smallest unit; of native money, in wei. InputError."""
    found = _AMOUNT.fullmatch(text)
    if found is None:
        raise InputError(f"expected an amount such as 10 or 0.5, got {text[:80]!r}")
    whole, rest = found[1], found[2] or ""
    if len(rest.rstrip("0")) > decimals:
        raise InputError(f"expected an amount with at most {decimals} digits behind the point, got {text!r}")
    amount: int = int(whole) * 10**decimals + int(rest[:decimals].ljust(decimals, "0") or "0")
    if amount >= _MOST:
        raise InputError(f"expected an amount below 2^112 of the smallest unit, got {text}")
    return amount
