"""What one request costs: an amount of one currency, paid to the shares of one work on one chain."""

from __future__ import annotations

from dataclasses import dataclass

from bailee.errors import InputError
from bailee.records.caip import ChainName, check_address

MOST = 2**112 - 1
"""What a work's shares take of one currency in all."""


@dataclass(frozen=True)
class Currency:
    """An ERC-20 with EIP-3009. name, version: those of its EIP-712 domain; address in any right spelling."""

    chain_id: int
    address: str
    name: str
    version: str

    def __post_init__(self) -> None:
        check_address(self.address)
        if int(self.address, 16) == 0:
            raise InputError("native money knows no authorizations: name an ERC-20 with EIP-3009")

    @property
    def network(self) -> str:
        """CAIP-2."""
        return str(ChainName(self.chain_id))


@dataclass(frozen=True)
class Price:
    """amount: in the currency's smallest unit; shares: the address of the work's Shares contract.

    patience: seconds that an authorization may be valid for at most, as payers are told.
    """

    currency: Currency
    amount: int
    shares: str
    patience: int = 300

    def __post_init__(self) -> None:
        check_address(self.shares)
        if not 0 < self.amount <= MOST:
            raise InputError(f"expected a price from 1 to {MOST} of the smallest unit, got {self.amount}")
        if self.patience < 1:
            raise InputError(f"expected a patience of at least a second, got {self.patience}")
