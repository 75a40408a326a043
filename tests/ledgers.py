"""A ledger in memory, for sessions under a plan that names one: grants, budgets, spendings, blocks. No contract.

Every call that changes something makes a block, and nothing else does.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from blake3 import blake3

from bailee.errors import BudgetError, GrantError, InputError
from bailee.records import canonical, digest
from bailee.statements.anchor import Entry
from bailee.train.holding import Holding
from parties import PLAN as OFF_LEDGER
from parties import Cast, make_cast

NAME = "eip155:1337:0x" + "ab" * 20
PLAN = replace(OFF_LEDGER, ledger=NAME)


@dataclass
class Accepted:
    record: str
    work: str
    accepted: int
    revoked: int | None = None


@dataclass
class MemoryLedger:
    """What the contract holds; each party has a `MemoryNode` on it."""

    budget: tuple[int, int] = (10**11, 10**18)
    fork: str = "main"
    blocks: list[str] = field(default_factory=lambda: ["0" * 64])
    grants: dict[str, Accepted] = field(default_factory=dict)
    spent: dict[tuple[str, str], Entry] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock)

    def mine(self) -> int:
        """A new block; its number."""
        self.blocks.append(blake3(f"{self.fork}/{len(self.blocks)}/{self.blocks[-1]}".encode()).hexdigest())
        return len(self.blocks) - 1

    def accept(self, holding: Holding, salt: str = "") -> str:
        """A grant of the holding's dataset that stands for its grant/v1; its id."""
        with self.lock:
            record = holding.grant.digest
            grant = blake3(f"{record}{salt}".encode()).hexdigest()
            self.grants[grant] = Accepted(record, digest(canonical(holding.card.record.commitment)), self.mine())
            return grant

    def revoke(self, grant: str) -> None:
        with self.lock:
            self.grants[grant].revoked = self.mine()

    def enter(self, grant: str, session: str, epsilon: int, delta: int, anchor: str) -> None:
        """What the contract does: checks, once a grant and session, in a block of its own."""
        with self.lock:
            self.require_live(grant)
            self.require_left(grant, epsilon, delta)
            if (grant, session) in self.spent:
                raise BudgetError("spent already")
            known, block = self.grants[grant], self.mine()
            transaction = blake3(f"{grant}{session}".encode()).hexdigest()
            self.spent[grant, session] = Entry(
                record=known.record, commitment=known.work, first=True, accepted=known.accepted, revoked=None,
                block=block, transaction=transaction, epsilon=epsilon, delta=delta, anchor=anchor,
            )  # fmt: skip

    def require_live(self, grant: str) -> None:
        if self.grants[grant].revoked is not None:
            raise GrantError(f"the grant was revoked on the ledger in block {self.grants[grant].revoked}")

    def require_left(self, grant: str, epsilon: int, delta: int) -> None:
        work = self.grants[grant].work
        past = [entry for (other, _), entry in self.spent.items() if self.grants[other].work == work]
        used = sum(entry.epsilon for entry in past), sum(entry.delta for entry in past)
        if used[0] + epsilon > self.budget[0] or used[1] + delta > self.budget[1]:
            raise BudgetError("the dataset's budget on the ledger is used up")


@dataclass
class MemoryNode:
    """One party's view. `before` is called at each spending's start and end, with "send" and "sent"."""

    books: MemoryLedger
    before: Callable[[str], None] = lambda moment: None
    blind_from: int | None = None
    """The node knows no block of this number or later."""
    other: dict[int, str] = field(default_factory=dict)
    """Hashes that this node has where others have another: it is on a fork."""

    def opened(self, name: str) -> MemoryNode:
        if name != NAME:
            raise InputError(f"this node has no ledger {name}")
        return self

    def live_grant(self, record: str, commitment: str, session: str, epsilon: int, delta: int) -> str:
        with self.books.lock:
            grants = self.books.grants.items()
            found = [grant for grant, known in grants if (known.record, known.work) == (record, commitment)]
            if not found:
                raise GrantError("no grant on the ledger stands for this one: offer it, and let the builder accept")
            for grant in found:
                if self.books.grants[grant].revoked is None:
                    if (grant, session) not in self.books.spent:
                        self.books.require_left(grant, epsilon, delta)
                    return grant
            self.books.require_live(found[0])
            raise GrantError("not live")

    def require_live(self, grant: str) -> None:
        self.books.require_live(grant)

    def spend(self, grant: str, session: str, epsilon: int, delta: int, anchor: str) -> None:
        self.before("send")
        self.books.enter(grant, session, epsilon, delta, anchor)
        self.before("sent")

    def entry(self, grant: str, session: str) -> Entry | None:
        with self.books.lock:
            found = self.books.spent.get((grant, session))
            return None if found is None else replace(found, revoked=self.books.grants[grant].revoked)

    def block_hash(self, number: int) -> str | None:
        if self.blind_from is not None and number >= self.blind_from:
            return None
        if number in self.other:
            return self.other[number]
        return self.books.blocks[number] if number < len(self.books.blocks) else None

    def follow(self, block: int) -> None:
        with self.books.lock:
            if block + 1 == len(self.books.blocks):
                self.books.mine()

    def await_block(self, number: int, seconds: float, wanted: str | None = None) -> str | None:
        return self.block_hash(number)


def make_ledger_cast(
    root: object, sizes: tuple[int, ...] = (30, 40)
) -> tuple[Cast, MemoryLedger, dict[str, MemoryNode]]:
    """Owners and builder with a ledger on which every grant was accepted; and each party's node, by name."""
    cast, books = make_cast(root, sizes, PLAN), MemoryLedger()  # type: ignore[arg-type]
    nodes = {name: MemoryNode(books) for name in ("builder", *(f"owner{place}" for place in range(len(sizes))))}
    for holding in cast.owners:
        books.accept(holding)
    return replace(cast, node=lambda name: nodes[name].opened), books, nodes
