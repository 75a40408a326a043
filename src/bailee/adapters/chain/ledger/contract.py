"""One contract of a ledger as seen by one account: what is asked, what is sent, what it said."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from bailee.adapters.chain.artefacts import artefact
from bailee.adapters.chain.ledger.events import Event, decoded, topics
from bailee.adapters.chain.ledger.reasons import in_words
from bailee.adapters.chain.refusals import outside
from bailee.errors import ChainError, InputError

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount

    from bailee.adapters.chain.chain import Chain

E = TypeVar("E", bound=Event)
MOST_GAS = 1_000_000
"""Of what calls a currency: many times what one takes, and a bound for one that would burn the caller's money."""
_PIECE = 10_000
"""Blocks that a node is asked for events of at once, where it does not give all."""


@dataclass(frozen=True)
class Sent:
    """A transaction that went through. `events`: of the contract that was called, and of shares that took part."""

    block: int
    transaction: str
    gas: int
    events: tuple[Event, ...]

    def one(self, kind: type[Event]) -> Any:
        """The only event of that kind."""
        (found,) = (event for event in self.events if isinstance(event, kind))
        return found


class LedgerContract:
    """Base of the parts of a `Ledger`. `account` may be None: then it only reads."""

    NAME: ClassVar[str]

    def __init__(self, chain: Chain, address: str, account: LocalAccount | None) -> None:
        from eth_utils.address import to_checksum_address

        self.chain, self.account = chain, account
        self.address = to_checksum_address(address)
        self._contract = chain.web3.eth.contract(address=self.address, abi=artefact(self.NAME).abi)

    def events(self, first: int = 0, last: int | None = None) -> Iterator[Event]:
        """What this contract said in those blocks, in order; all at once, or in pieces where the node gives no more."""
        latest = self.chain.block().number
        last = latest if last is None else min(last, latest)
        try:
            yield from self._events(first, last)
            return
        except ChainError:
            if last - first < _PIECE:
                raise
        for begin in range(first, last + 1, _PIECE):
            yield from self._events(begin, min(begin + _PIECE - 1, last))

    def find(self, kind: type[E], first: int, last: int | None = None, **fields: Any) -> list[E]:
        """Its events of that kind in those blocks whose fields have these values."""
        said = [one for one in self.events(first, last) if isinstance(one, kind)]
        return [one for one in said if all(getattr(one, name) == value for name, value in fields.items())]

    def _events(self, first: int, last: int) -> tuple[Event, ...]:
        wanted = {"address": self.address, "fromBlock": first, "toBlock": last, "topics": [topics(self.NAME)]}
        with outside("events"):
            logs = self.chain.web3.eth.get_logs(wanted)  # type: ignore[arg-type]
            return tuple(decoded(self.chain.web3, self.NAME, logs))

    def _ask(self, name: str, *arguments: Any) -> Any:
        with in_words(), outside(f"{self.NAME}.{name}"):
            return self._contract.functions[name](*arguments).call()

    def _do(self, name: str, *arguments: Any, value: int = 0, most_gas: int | None = None) -> Sent:
        with in_words():
            with outside(f"{self.NAME}.{name}"):
                call = self._contract.functions[name](*arguments)
            receipt = self.chain.send(call, self._sender(), value, most_gas)
        said: list[Event] = []
        for log in receipt["logs"]:
            said += decoded(self.chain.web3, self.NAME if log["address"] == self.address else "Shares", [log])
        return Sent(
            int(receipt["blockNumber"]),
            bytes(receipt["transactionHash"]).hex(),
            int(receipt["gasUsed"]),
            tuple(said),
        )

    def _sender(self) -> LocalAccount:
        if self.account is None:
            raise InputError(f"{self.NAME}: sending needs an account: name one with --account")
        return self.account

    def _allow(self, currency: str, spender: str, amount: int) -> None:
        """Lets `spender` take that much of the account's ERC-20, where it may not yet."""
        coin = self.chain.web3.eth.contract(address=currency, abi=artefact("Coin").abi)  # type: ignore[call-overload]
        sender = self._sender()
        with outside("an allowance"):
            allowed = coin.functions.allowance(sender.address, spender).call()
        if allowed < amount:
            self.chain.send(coin.functions.approve(spender, amount), sender, most_gas=MOST_GAS)
