"""A ledger on a chain, as Python: registry, grants, shares, verifiers and arbiters, with words for every refusal.

facts      what it knows           events     what it said            reasons    why it refuses
registry, grants, shares, verifiers    its contracts; each call that sends is one transaction, and gives `Sent`
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from bailee.adapters.chain.deployment import Addresses, check_code, found_at, ledger_name
from bailee.adapters.chain.ledger.contract import Sent
from bailee.adapters.chain.ledger.events import Event
from bailee.adapters.chain.ledger.grants import Grants
from bailee.adapters.chain.ledger.registry import Registry
from bailee.adapters.chain.ledger.shares import Shares
from bailee.adapters.chain.ledger.verifiers import Arbiters, Verifiers
from bailee.errors import InputError
from bailee.records.caip import parse_account

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount

    from bailee.adapters.chain.chain import Chain

__all__ = ["Arbiters", "Event", "Grants", "Ledger", "Registry", "Sent", "Shares", "Verifiers"]


class Ledger:
    """The contracts at `addresses`, used by `account`; None only reads. Whoever opened the chain closes it."""

    def __init__(self, chain: Chain, addresses: Addresses, account: LocalAccount | None = None) -> None:
        self.chain, self.addresses, self.account = chain, addresses, account
        self.registry = Registry(chain, addresses.registry, account)
        self.grants = Grants(chain, addresses.grants, account)
        self.verifiers = Verifiers(chain, addresses.verifiers, account)
        self.arbiters = Arbiters(chain, addresses.arbiters, account)
        self._shares: dict[str, Shares] = {}

    @classmethod
    def named(cls, chain: Chain, name: str, account: LocalAccount | None = None) -> Ledger:
        """The ledger that a plan names (CAIP-10 of Grants), its code checked. InputError, ChainError."""
        account_name = parse_account(name)
        if account_name.chain.chain_id != chain.chain_id:
            raise InputError(f"the ledger {name} is on {account_name.chain}, and the node on {chain.caip2}")
        found = found_at(chain, account_name.address)
        check_code(chain, found)
        return cls(chain, found, account)

    @property
    def name(self) -> str:
        """CAIP-10, as plans spell it."""
        return ledger_name(self.chain.chain_id, self.addresses)

    def shares(self, work: int) -> Shares:
        """Of that work. NotFoundError where there is none."""
        return self.shares_at(self.registry.work(work).shares)

    def shares_at(self, address: str) -> Shares:
        if address not in self._shares:
            self._shares[address] = Shares(self.chain, address, self.account)
        return self._shares[address]

    def events(self, first: int = 0, last: int | None = None) -> Iterator[Event]:
        """What registry, grants, verifiers and arbiters said in those blocks, in the chain's order."""
        parts = (self.registry, self.grants, self.verifiers, self.arbiters)
        every = [event for part in parts for event in part.events(first, last)]
        yield from sorted(every, key=lambda event: (event.where.block, event.where.index))
