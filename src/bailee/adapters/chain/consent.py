"""The ledger that a plan names, for training and for `bailee verify`: consent read, privacy spent, blocks looked up.

It is what `bailee.train.consent.Consent` and `bailee.statements.anchor.Books` ask for, over `ledger/`. Only the latest
state and logs are read, so any node will do.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from bailee.adapters.chain.chain import Chain
from bailee.adapters.chain.ledger import Ledger
from bailee.adapters.chain.ledger.events import Accepted, Spent
from bailee.adapters.chain.refusals import outside
from bailee.errors import BudgetError, ChainError, ConflictError, GrantError
from bailee.statements.anchor import DELTA_UNIT, EPSILON_UNIT, Entry

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount

_ON_DEMAND = ("bailee/", "anvil/")
"""Nodes that make a block for a transaction and none without: their clients' names begin so."""


class ChainConsent:
    """`ledger`: as a plan names it. `account` spends: the owner of the datasets, or approved by it; None only reads.

    Raises InputError where the chain is another or has no such contract. Whoever opened the chain closes it.
    """

    def __init__(self, chain: Chain, ledger: str, account: LocalAccount | None = None) -> None:
        self._chain, self._account = chain, account
        self._ledger = Ledger.named(chain, ledger, account)

    def entry(self, grant: str, session: str) -> Entry | None:
        grants, works = self._ledger.grants, self._ledger.registry
        spending, terms = grants.spending(grant, session), grants.grant(grant)
        if spending is None or terms is None:
            return None
        accepted = grants.find(Accepted, terms.accepted, terms.accepted, grant=grant)
        spent = grants.find(Spent, spending.block, spending.block, grant=grant, session=session)
        if len(accepted) != 1 or len(spent) != 1:
            raise ChainError(
                f"the node has a spending in block {spending.block}, and not the events that go with it: it does not "
                "keep old logs, or the chain was reorganised just now; try again, or ask another node"
            )
        commitment = works.work(terms.work).naming.commitment
        return Entry(
            record=accepted[0].record,
            commitment=commitment,
            first=works.first(commitment) == terms.work,
            accepted=terms.accepted,
            revoked=terms.revoked or None,
            block=spending.block,
            transaction=spent[0].where.transaction,
            epsilon=spending.epsilon,
            delta=spending.delta,
            anchor=spending.anchor,
        )

    def block_hash(self, number: int) -> str | None:
        latest = self._chain.block()
        if number >= latest.number:
            return latest.hash.hex() if number == latest.number else None
        return self._chain.block(number).hash.hex()

    def live_grant(self, record: str, commitment: str, session: str, epsilon: int, delta: int) -> str:
        work = self._ledger.registry.first(commitment)
        if work is None:
            raise GrantError("the dataset is not registered on the plan's ledger: register it, then offer a grant")
        registered = self._ledger.registry.work(work).registered
        found = self._ledger.grants.find(Accepted, registered, work=work, record=record)
        if not found:
            raise GrantError("no grant on the plan's ledger stands for this one: offer it there and let it be accepted")
        problems: list[GrantError | BudgetError] = []
        for grant in (one.grant for one in found):
            try:
                self.require_live(grant)
                self._require_left(grant, work, session, epsilon, delta)
            except (GrantError, BudgetError) as error:
                problems.append(error)
            else:
                return grant
        raise problems[-1]

    def require_live(self, grant: str) -> None:
        self._ledger.grants.require_live(grant)

    def _require_left(self, grant: str, work: int, session: str, epsilon: int, delta: int) -> None:
        """That grant and dataset bear the loss, unless they have borne it for this session."""
        grants = self._ledger.grants
        if grants.spending(grant, session) is not None:
            return
        for what, limits in (("dataset's budget", grants.budget(work)), ("grant's limit", grants.grant(grant))):
            if limits is None:
                raise GrantError(f"the grant {grant[:16]}... is not on the ledger any more; ask again")
            if limits.spent_epsilon + epsilon > limits.epsilon or limits.spent_delta + delta > limits.delta:
                raise BudgetError(
                    f"the {what} on the ledger is {_loss(limits.epsilon, limits.delta)}, of which "
                    f"{_loss(limits.spent_epsilon, limits.spent_delta)} are spent: too little for this session"
                )

    def spend(self, grant: str, session: str, epsilon: int, delta: int, anchor: str) -> None:
        try:
            self._ledger.grants.spend(grant, session, epsilon, delta, anchor)
        except ConflictError:
            return  # spent already: sent before a crash, and executed since. Whoever asks looks at what it says

    def follow(self, block: int) -> None:
        """By a transaction of nothing to oneself, where no other block comes by itself."""
        if self._account is not None and self._stands_still() and self._chain.block().number == block:
            self._chain.send({"to": self._account.address, "value": 0}, self._account)

    def await_block(self, number: int, seconds: float, wanted: str | None = None) -> str | None:
        deadline, pause = time.monotonic() + seconds, 0.05
        while True:
            found = self.block_hash(number)
            if (found is not None and wanted in (None, found)) or time.monotonic() >= deadline:
                return found
            time.sleep(min(pause, max(0.0, deadline - time.monotonic())))
            pause = min(2 * pause, 2.0)

    def _stands_still(self) -> bool:
        with outside("the node's name"):
            return str(self._chain.web3.client_version).lower().startswith(_ON_DEMAND)


def _loss(epsilon: int, delta: int) -> str:
    return f"epsilon {epsilon / EPSILON_UNIT:g}, delta {delta / DELTA_UNIT:g}"


def opened_with(chain: Chain, account: LocalAccount | None = None) -> Callable[[str], ChainConsent]:
    """What a session's setting and `verify_passport` take: the ledger of a CAIP-10 name on that chain."""
    return lambda ledger: ChainConsent(chain, ledger, account)
