"""The signed head of a vault's log: so many events, under this root. docs/vault.md, section 7."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from bailee.errors import RecordError
from bailee.records.envelope import Record
from bailee.records.fields import Count, Hex16, Hex32, Time
from bailee.records.tree import EMPTY


@dataclass(frozen=True)
class TreeHead(Record):
    KIND: ClassVar[str] = "tree-head"
    SIGNER: ClassVar[str] = "owner"

    owner: Hex32
    vault: Hex16
    """Which of the owner's vaults: a head of one says nothing of another."""
    size: Count
    root: Hex32
    """RFC 9162 root (SHA-256) over the canonical bytes of `size` log entries."""
    created: Time

    def require(self) -> None:
        if self.size == 0 and self.root != EMPTY.hex():
            raise RecordError("tree-head: a log without entries has the root of the empty tree")

    def subjects(self) -> tuple[tuple[str, str], ...]:
        # The subject's digest is called blake3 in every record; the tree's root stands in for the log it commits to.
        return ((f"log of {self.size}", self.root),)
