"""Amounts of money as people write them, and as contracts count them: native money and any ERC-20, exactly."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from bailee.errors import BaileeError, InputError
from bailee.own.one_line import one_line
from bailee.records.caip import check_address

if TYPE_CHECKING:
    from bailee.adapters.chain.chain import Chain

_AMOUNT = re.compile(r"([0-9]{1,34})(?:\.([0-9]{1,77}))?")
_MOST = 2**112
"""What a work's shares take of one currency in all; more is a slip."""
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
    require_currency(chain, currency)
    return parse_money(text, currency_words(chain, currency).decimals)


def require_currency(chain: Chain, currency: str) -> None:
    """InputError where nothing is at that address that could be an ERC-20."""
    from bailee.adapters.chain.ledger.facts import NATIVE
    from bailee.adapters.chain.refusals import outside

    if currency != NATIVE:
        with outside("a currency's code"):
            if not chain.web3.eth.get_code(currency):  # type: ignore[arg-type]
                raise InputError(f"{currency} is no contract on {chain.caip2}: it cannot be a currency there")


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
