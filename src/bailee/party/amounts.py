"""Amounts of money in words of people, exactly: native money and any ERC-20."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from bailee.errors import BaileeError
from bailee.own.one_line import one_line

if TYPE_CHECKING:
    from bailee.adapters.chain.chain import Chain

_WORD = re.compile(r"[^\W\d_][\w.$+-]*")
_MOST_DECIMALS = 77
_SYMBOL = 20
"""Letters of a symbol that are shown: it is a stranger's word."""


@dataclass(frozen=True)
class CurrencyWords:
    """What a currency says of itself; any contract may call itself what it likes, so only its address names it."""

    decimals: int
    symbol: str


def in_words(chain: Chain, currency: str, amount: int) -> str:
    """An amount in the smallest unit in words of people, exactly: `3.5 COIN`, `0.01 of native money`."""
    said = currency_words(chain, currency)
    return f"{money(amount, said.decimals)} {said.symbol}"


def currency_words(chain: Chain, currency: str) -> CurrencyWords:
    """Decimals and symbol. One that says none, or none that can be, is counted in its smallest unit."""
    from bailee.adapters.chain.ledger.facts import NATIVE

    if currency == NATIVE:
        return CurrencyWords(18, "of native money")
    known = _KNOWN.setdefault(chain, {})
    if currency not in known:
        known[currency] = _asked(chain, currency)
    return known[currency]


def money(amount: int, decimals: int = 18) -> str:
    """The same in words of people, exactly."""
    whole, rest = divmod(amount, 10**decimals)
    return str(whole) if not rest else f"{whole}.{rest:0{decimals}}".rstrip("0")


_KNOWN: WeakKeyDictionary[Chain, dict[str, CurrencyWords]] = WeakKeyDictionary()


def _asked(chain: Chain, currency: str) -> CurrencyWords:
    """A stranger's contract may answer anything: nothing that it says may keep others from being shown."""
    from bailee.adapters.chain.artefacts import artefact
    from bailee.adapters.chain.refusals import outside

    coin = chain.web3.eth.contract(address=currency, abi=artefact("Coin").abi)  # type: ignore[call-overload]
    try:
        with outside("a currency's decimals"):
            decimals = int(coin.functions.decimals().call())
    except BaileeError:
        decimals = _MOST_DECIMALS + 1
    if not 0 <= decimals <= _MOST_DECIMALS:
        return CurrencyWords(0, f"smallest units of {currency}")
    try:
        with outside("a currency's symbol"):
            symbol = one_line(" ".join(str(coin.functions.symbol().call()).split()))
    except BaileeError:  # older ones answer with 32 bytes
        symbol = ""
    return CurrencyWords(decimals, quoted(symbol[:_SYMBOL]) if symbol else f"of {currency}")


def quoted(symbol: str) -> str:
    """One that is no plain word could read as part of the number, or as native money."""
    return symbol if _WORD.fullmatch(symbol) else "'" + symbol.replace("'", "") + "'"
