"""What the contracts of a ledger said, as frozen records. Digests and ids of grants are hex, as in signed records.

A field has the name and the order that the contract's event has; `where` says which log it was.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from bailee.adapters.chain.artefacts import artefact
from bailee.adapters.chain.ledger.facts import Naming

if TYPE_CHECKING:
    from web3 import Web3


@dataclass(frozen=True)
class Where:
    """A log: `transaction` and `block_hash` hex without 0x, `index` within the block, `contract` with check sum."""

    block: int
    block_hash: str
    transaction: str
    index: int
    contract: str


@dataclass(frozen=True)
class Event:
    where: Where


@dataclass(frozen=True)
class Registered(Event):
    id: int
    registrant: str
    commitment: str
    kind: int
    naming: Naming
    fingerprint: bytes
    uri: str
    shares: str
    since: int


@dataclass(frozen=True)
class Derived(Event):
    id: int
    parent: int
    grant: str
    share: int
    units: int


@dataclass(frozen=True)
class Reserved(Event):
    ticket: str


@dataclass(frozen=True)
class Disputed(Event):
    id: int
    earlier: int
    by: str
    evidence: str
    uri: str


@dataclass(frozen=True)
class DisputeConcluded(Event):
    id: int
    upheld: bool


@dataclass(frozen=True)
class Refunded(Event):
    to: str
    amount: int


@dataclass(frozen=True)
class WorkTransferred(Event):
    sender: str
    receiver: str
    id: int


@dataclass(frozen=True)
class WorkApproved(Event):
    owner: str
    approved: str
    id: int


@dataclass(frozen=True)
class OperatorApproved(Event):
    owner: str
    operator: str
    approved: bool


@dataclass(frozen=True)
class Accepted(Event):
    grant: str
    work: int
    builder: str
    record: str
    price: int
    currency: str
    royalty: int


@dataclass(frozen=True)
class Revoked(Event):
    grant: str
    work: int


@dataclass(frozen=True)
class BudgetSet(Event):
    work: int
    epsilon: int
    delta: int


@dataclass(frozen=True)
class Spent(Event):
    grant: str
    work: int
    session: str
    epsilon: int
    delta: int
    anchor: str


@dataclass(frozen=True)
class Joined(Event):
    verifier: str


@dataclass(frozen=True)
class Left(Event):
    verifier: str


@dataclass(frozen=True)
class Withdrawn(Event):
    verifier: str


@dataclass(frozen=True)
class Attested(Event):
    claim: str
    verifier: str


@dataclass(frozen=True)
class Retracted(Event):
    claim: str
    verifier: str


@dataclass(frozen=True)
class Challenged(Event):
    claim: str
    by: str
    evidence: str
    uri: str


@dataclass(frozen=True)
class ChallengeConcluded(Event):
    claim: str
    upheld: bool


@dataclass(frozen=True)
class Slashed(Event):
    verifier: str
    claim: str
    amount: int


@dataclass(frozen=True)
class Voted(Event):
    case: str
    arbiter: str
    upheld: bool


@dataclass(frozen=True)
class Decided(Event):
    case: str
    upheld: bool


@dataclass(frozen=True)
class Paid(Event):
    currency: str
    payer: str
    use: str
    amount: int


@dataclass(frozen=True)
class Credited(Event):
    currency: str
    amount: int


@dataclass(frozen=True)
class Claimed(Event):
    holder: str
    currency: str
    amount: int
    to: str


@dataclass(frozen=True)
class Gathered(Event):
    child: str
    currency: str
    amount: int


@dataclass(frozen=True)
class CurrencyAccepted(Event):
    currency: str


@dataclass(frozen=True)
class UnitsTransferred(Event):
    sender: str
    receiver: str
    value: int


@dataclass(frozen=True)
class UnitsApproved(Event):
    owner: str
    spender: str
    value: int


KINDS: Mapping[str, Mapping[str, type[Event]]] = {
    "Registry": {
        "Registered": Registered, "Derived": Derived, "Reserved": Reserved, "Disputed": Disputed,
        "Concluded": DisputeConcluded, "Refunded": Refunded, "Transfer": WorkTransferred, "Approval": WorkApproved,
        "ApprovalForAll": OperatorApproved,
    },
    "Grants": {"Accepted": Accepted, "Revoked": Revoked, "BudgetSet": BudgetSet, "Spent": Spent},
    "Verifiers": {
        "Joined": Joined, "Left": Left, "Withdrawn": Withdrawn, "Attested": Attested, "Retracted": Retracted,
        "Challenged": Challenged, "Concluded": ChallengeConcluded, "Slashed": Slashed, "Refunded": Refunded,
    },
    "Arbiters": {"Voted": Voted, "Decided": Decided},
    "Shares": {
        "Paid": Paid, "Credited": Credited, "Claimed": Claimed, "Gathered": Gathered,
        "CurrencyAccepted": CurrencyAccepted, "Transfer": UnitsTransferred, "Approval": UnitsApproved,
    },
}  # fmt: skip
"""By contract and name of the event."""


def decoded(web3: Web3, name: str, logs: Iterable[Any]) -> Iterator[Event]:
    """Events of one contract (a name of KINDS) out of logs, in their order; what is no event of its is left out."""
    from eth_abi.exceptions import DecodingError
    from web3.exceptions import LogTopicError, MismatchedABI

    for log in logs:
        event = _topics(name).get(bytes(log["topics"][0])) if log["topics"] else None
        if event is None:
            continue
        try:
            found = _reader(web3, name).events[event["name"]]().process_log(log)
        except (LogTopicError, MismatchedABI, DecodingError):
            continue  # the same first topic with other fields: another contract's event
        where = Where(
            int(log["blockNumber"]),
            bytes(log["blockHash"]).hex(),
            bytes(log["transactionHash"]).hex(),
            int(log["logIndex"]),
            str(log["address"]),
        )
        values = [_plain(one["type"], found["args"][one["name"]]) for one in event["inputs"]]
        yield KINDS[name][event["name"]](where, *values)


def topics(name: str) -> list[bytes]:
    """First topics of a contract's events, for a filter."""
    return list(_topics(name))


@lru_cache(maxsize=8)
def _reader(web3: Web3, name: str) -> Any:
    """Made once: an index decodes a log at a time, and making one takes longer than that."""
    return web3.eth.contract(abi=artefact(name).abi)


@cache
def _topics(name: str) -> dict[bytes, dict[str, Any]]:
    from eth_utils.abi import event_abi_to_log_topic

    events = [entry for entry in artefact(name).abi if entry["type"] == "event"]
    for entry in events:  # what is written above agrees with what is compiled
        kind = KINDS[name][entry["name"]]
        if [field.name for field in dataclasses.fields(kind)][1:] != [one["name"] for one in entry["inputs"]]:
            raise TypeError(f"{kind.__name__} has other fields than the event {entry['name']} of {name}")
    return {event_abi_to_log_topic(entry): entry for entry in events}  # type: ignore[arg-type]


def _plain(kind: str, value: Any) -> Any:
    if kind == "bytes32":
        return bytes(value).hex()
    if kind == "bytes":
        return bytes(value)
    if kind == "tuple":  # Naming is the only one
        return Naming.from_words(value.values() if isinstance(value, Mapping) else value)
    return value
