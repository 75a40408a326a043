"""Names of chains and of accounts on them that every wallet and indexer reads: CAIP-2 and CAIP-10, EVM chains only.

`eip155:31337` is a chain, `eip155:31337:0xAb16a96D359eC26a11e2C2b3d8f8B8942d5Bfcdb` an account or a contract on it.
CAIP-10 allows any case in an address; here it must be all lower case or carry a right EIP-55 check sum, so that a
mistyped one is refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from bailee.errors import RecordError

_CHAIN = re.compile(r"eip155:([1-9][0-9]{0,31})")
_ACCOUNT = re.compile(r"eip155:([1-9][0-9]{0,31}):(0x[0-9a-fA-F]{40})")


@dataclass(frozen=True)
class ChainName:
    """CAIP-2: `eip155:<chain id>`."""

    chain_id: int

    def __str__(self) -> str:
        return f"eip155:{self.chain_id}"


@dataclass(frozen=True)
class AccountName:
    """CAIP-10: `eip155:<chain id>:<address>`; `address` as it was written."""

    chain: ChainName
    address: str

    def __str__(self) -> str:
        return f"{self.chain}:{self.address}"


def parse_chain(text: str) -> ChainName:
    """The chain that `text` names. RecordError."""
    found = _CHAIN.fullmatch(text)
    if found is None:
        raise RecordError(f"expected a chain as eip155:<number> (CAIP-2), got {text!r}")
    return ChainName(int(found[1]))


def parse_account(text: str) -> AccountName:
    """The account that `text` names. RecordError, also where the address has a wrong check sum."""
    found = _ACCOUNT.fullmatch(text)
    if found is None:
        raise RecordError(f"expected an account as eip155:<number>:0x<40 hexadecimal digits> (CAIP-10), got {text!r}")
    check_address(found[2])
    return AccountName(ChainName(int(found[1])), found[2])


def check_address(address: str) -> None:
    """RecordError unless `address` is 0x and 40 digits, in lower case or with its EIP-55 check sum."""
    if not re.fullmatch(r"0x[0-9a-fA-F]{40}", address):
        raise RecordError(f"expected an address as 0x and 40 hexadecimal digits, got {address!r}")
    if address != address.lower():
        from eth_utils.address import to_checksum_address  # only where a check sum is to be checked

        right = to_checksum_address(address.lower())
        if address != right:
            raise RecordError(f"the address {address} has a wrong check sum (its letters' case); is a digit mistyped?")
