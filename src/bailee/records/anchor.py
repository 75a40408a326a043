"""What a session has on a ledger: every owner's spending, and the block whose hash is its public randomness.

`Spent` is an owner's word to the builder, `Anchor` the builder's to everybody; a passport of version 2 names the
anchor. What they must say, and what a node must know of it, is in `bailee.statements.anchor`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, ClassVar

from bailee.errors import RecordError
from bailee.records.envelope import Record
from bailee.records.fields import Count, Decimal, Hex32, Rule

_LEDGER = re.compile(r"eip155:[1-9][0-9]{0,31}:0x[0-9a-f]{40}")

LedgerName = Annotated[
    str,
    Rule(lambda text: _LEDGER.fullmatch(text) is not None, "eip155:CHAIN:0x and 40 lower-case hex digits (CAIP-10)"),
]
"""The contract Grants of a ledger. Lower case only, so that a plan has one spelling."""


@dataclass(frozen=True)
class Spending:
    """One owner's: under which grant, in which block, by which transaction, and how much of the dataset's budget."""

    owner: Hex32
    grant: Hex32
    """Id of the grant on the ledger: the EIP-712 digest of its offer. The grant/v1 has another name: its own digest."""
    block: Count
    transaction: Hex32
    epsilon: Decimal
    delta: Decimal


@dataclass(frozen=True)
class Beacon:
    """The first block after the last spending: nobody knew its hash when noise and coins were committed to."""

    number: Count
    hash: Hex32


@dataclass(frozen=True)
class Spent(Record):
    """An owner tells the builder where on the ledger its spending stands."""

    KIND: ClassVar[str] = "spent"
    SIGNER: ClassVar[str] = "owner"

    session: Hex32
    owner: Hex32
    ledger: LedgerName
    spending: Spending

    def require(self) -> None:
        if self.spending.owner != self.owner:
            raise RecordError("spent: the spending is another owner's than the one that signs")

    def subjects(self) -> tuple[tuple[str, str], ...]:
        return (("session", self.session),)


@dataclass(frozen=True)
class Anchor(Record):
    """Said by the builder after the last spending and before the first coin. `spendings`: in the invite's order."""

    KIND: ClassVar[str] = "anchor"
    SIGNER: ClassVar[str] = "builder"

    session: Hex32
    builder: Hex32
    ledger: LedgerName
    spendings: tuple[Spending, ...]
    beacon: Beacon

    def require(self) -> None:
        if not self.spendings:
            raise RecordError("anchor: expected a spending of at least one owner")

    def subjects(self) -> tuple[tuple[str, str], ...]:
        return (("session", self.session),)
