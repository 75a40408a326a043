"""Logs of a ledger's contracts as the node gives them, in bounded pieces, and as rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from bailee.adapters.chain.ledger import Ledger
from bailee.adapters.chain.ledger.events import Registered, decoded, topics
from bailee.adapters.chain.refusals import outside

_ADDRESSES = 200
"""Contracts that a node is asked about at once."""


@dataclass(frozen=True)
class LogRow:
    """A row of `ledger_logs`, without the ledger's name."""

    block: int
    position: int
    block_hash: str
    sender: str
    contract: str
    transaction: str
    topics: str
    data: str

    def as_log(self) -> dict[str, Any]:
        """As web3.py has logs."""
        from eth_utils.address import to_checksum_address
        from hexbytes import HexBytes

        return {
            "address": to_checksum_address(f"0x{self.sender}"), "blockNumber": self.block, "logIndex": self.position,
            "blockHash": HexBytes(self.block_hash), "transactionHash": HexBytes(self.transaction),
            "topics": [HexBytes(one) for one in self.topics.split()], "data": HexBytes(self.data),
            "transactionIndex": 0,
        }  # fmt: skip


def row(log: Mapping[str, Any], contract: str) -> LogRow:
    return LogRow(
        int(log["blockNumber"]), int(log["logIndex"]), bytes(log["blockHash"]).hex(), str(log["address"])[2:].lower(),
        contract, bytes(log["transactionHash"]).hex(), " ".join(bytes(one).hex() for one in log["topics"]),
        bytes(log["data"]).hex(),
    )  # fmt: skip


def fixed(ledger: Ledger) -> dict[str, str]:
    """Address (lower-case digits) to contract, of those that every ledger has."""
    found = ledger.addresses
    named = {"Registry": found.registry, "Grants": found.grants, "Verifiers": found.verifiers}
    return {address[2:].lower(): name for name, address in (named | {"Arbiters": found.arbiters}).items()}


def shares_in(ledger: Ledger, rows: Iterable[LogRow]) -> set[str]:
    """Contracts of shares that registrations among these logs name."""
    registrations = [one.as_log() for one in rows if one.contract == "Registry"]
    said = decoded(ledger.chain.web3, "Registry", registrations)
    return {one.shares[2:].lower() for one in said if isinstance(one, Registered)}


def fetched(ledger: Ledger, shares: set[str], first: int, last: int) -> tuple[list[LogRow], set[str]]:
    """Logs of blocks `first` to `last` in order, and the shares that were registered in them. `shares`: those known."""
    known = fixed(ledger)
    rows = _asked(ledger, known, first, last)
    new = shares_in(ledger, rows) - shares
    rows += _asked(ledger, dict.fromkeys(sorted(shares | new), "Shares"), first, last)
    return sorted(rows, key=lambda one: (one.block, one.position)), new


def _asked(ledger: Ledger, contracts: dict[str, str], first: int, last: int) -> list[LogRow]:
    from eth_utils.address import to_checksum_address

    rows, every = [], [to_checksum_address(f"0x{one}") for one in contracts]
    for at in range(0, len(every), _ADDRESSES):
        addresses = every[at : at + _ADDRESSES]
        told = sorted({topic for name in set(contracts.values()) for topic in topics(name)})
        wanted: Any = {"address": addresses, "fromBlock": first, "toBlock": last, "topics": [told]}
        with outside("events"):
            found = ledger.chain.web3.eth.get_logs(wanted)
        rows += [row(log, contracts[str(log["address"])[2:].lower()]) for log in found]
    return rows
