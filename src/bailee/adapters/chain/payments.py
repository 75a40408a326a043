"""EIP-3009 payments into a work's shares: cash one in a transaction of one's own, or find who cashed it.

Whoever sees a transaction in flight can cash the authorization in it at the currency itself. That only brings the
money: so a payment counts by what the currency logged, AuthorizationUsed and behind it the Transfer, whoever sent it.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bailee.adapters.chain.artefacts import artefact
from bailee.adapters.chain.refusals import outside
from bailee.errors import ChainError, RevertError

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount
    from web3.types import TxReceipt

    from bailee.adapters.chain.chain import Chain

_LOG = logging.getLogger("bailee.payments")


@dataclass(frozen=True)
class Cheque:
    """An authorization and where it is cashed. currency, payer, shares: addresses; nonce: hex; signature: 65 bytes."""

    currency: str
    payer: str
    shares: str
    amount: int
    valid_after: int
    valid_before: int
    nonce: str
    signature: bytes


@dataclass(frozen=True)
class Cashed:
    """transaction: hex without 0x; credited: whether the money was credited to the holders by it."""

    transaction: str
    block: int
    credited: bool


class Payments:
    """`account` sends the transactions and pays for their gas. depth: blocks on top of one that counts."""

    def __init__(self, chain: Chain, account: LocalAccount, depth: int = 0) -> None:
        from web3 import Web3

        self._chain, self._account, self._depth = chain, account, depth
        self._used = "0x" + Web3.keccak(text="AuthorizationUsed(address,bytes32)").hex().removeprefix("0x")
        self._moved = "0x" + Web3.keccak(text="Transfer(address,address,uint256)").hex().removeprefix("0x")
        self._paid = "0x" + Web3.keccak(text="Paid(address,address,bytes32,uint256)").hex().removeprefix("0x")

    def newest(self) -> int:
        """The number of the newest block."""
        return self._chain.block().number

    def check(self, cheque: Cheque) -> None:
        """That it could be cashed now: unused, covered, of this chain. RevertError says why not; nothing is sent."""
        with outside("a payment"):
            self._call(cheque).call({"from": self._account.address})

    def cash(self, cheque: Cheque, since: int) -> Cashed:
        """Cash it, unless somebody has since that block; returns when it is `depth` blocks deep, and credited.

        RevertError: the currency refuses, and nobody cashed it. ChainError: unknown; ask again.
        """
        found = self.find(cheque, since)
        if found is None:
            try:
                self._chain.send(self._call(cheque), self._account)
            except RevertError:
                found = self.find(cheque, since)
                if found is None:
                    raise
        if self._depth:
            self._chain.wait_block((found.block if found else self.newest()) + self._depth)
        found = self.find(cheque, since)
        if found is None:
            raise ChainError("a payment that was executed is not in the chain: it was reorganised; ask again")
        if not found.credited:
            self._credit(cheque)
        return found

    def find(self, cheque: Cheque, since: int) -> Cashed | None:
        """The transaction since that block in which the currency took the authorization and moved the money."""
        wanted = {
            "address": self._address(cheque.currency),
            "fromBlock": since,
            "toBlock": "latest",
            "topics": [self._used, _word(cheque.payer), "0x" + cheque.nonce],
        }
        with outside("payments"):
            for log in self._chain.web3.eth.get_logs(wanted):  # type: ignore[arg-type]
                receipt = self._chain.web3.eth.get_transaction_receipt(log["transactionHash"])
                if self._brought(cheque, receipt, int(log["logIndex"])):
                    credited = any(self._is_paid(cheque, other) for other in receipt["logs"])
                    return Cashed(bytes(receipt["transactionHash"]).hex(), int(receipt["blockNumber"]), credited)
        return None

    def _brought(self, cheque: Cheque, receipt: TxReceipt, place: int) -> bool:
        """The very next log is the transfer to the shares. (One further off may be of another authorization.)"""
        for log in receipt["logs"]:
            if int(log["logIndex"]) == place + 1 and log["address"].lower() == cheque.currency.lower():
                topics = ["0x" + bytes(topic).hex() for topic in log["topics"]]
                amount = int.from_bytes(bytes(log["data"]), "big")
                return topics == [self._moved, _word(cheque.payer), _word(cheque.shares)] and amount == cheque.amount
        return False

    def _is_paid(self, cheque: Cheque, log: Any) -> bool:
        topics = ["0x" + bytes(topic).hex() for topic in log["topics"]]
        wanted = [self._paid, _word(cheque.currency), _word(cheque.payer), "0x" + cheque.nonce]
        return bool(log["address"].lower() == cheque.shares.lower() and topics == wanted)

    def _credit(self, cheque: Cheque) -> None:
        """Somebody else cashed it: the money is there, and credited with the next payment at the latest."""
        try:
            self._chain.send(self._shares(cheque).functions.credit(self._address(cheque.currency)), self._account)
        except (RevertError, ChainError) as error:
            _LOG.warning("a payment that somebody else delivered to %s is not credited yet: %s", cheque.shares, error)

    def _call(self, cheque: Cheque) -> Any:
        return self._shares(cheque).functions.pay_with_transfer_authorization(
            self._address(cheque.currency), self._address(cheque.payer), cheque.amount,
            cheque.valid_after, cheque.valid_before, bytes.fromhex(cheque.nonce), cheque.signature,
        )  # fmt: skip

    def _shares(self, cheque: Cheque) -> Any:
        return self._chain.web3.eth.contract(address=self._address(cheque.shares), abi=artefact("Shares").abi)

    @staticmethod
    def _address(text: str) -> Any:
        from eth_utils.address import to_checksum_address

        return to_checksum_address(text)


def _word(address: str) -> str:
    return "0x" + "0" * 24 + address[2:].lower()
