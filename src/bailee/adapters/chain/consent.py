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
        accepted = [one for one in grants.events(terms.accepted, terms.accepted) if isinstance(one, Accepted)]
        records = [one.record for one in accepted if one.grant == grant]
        spent = [one for one in grants.events(spending.block, spending.block) if isinstance(one, Spent)]
        found = [one.where.transaction for one in spent if (one.grant, one.session) == (grant, session)]
        if len(records) != 1 or len(found) != 1:
            raise ChainError(
                f"the node has a spending in block {spending.block}, and not the events that go with it: it does not "
                "keep old logs, or the chain was reorganised just now; try again, or ask another node"
            )
        commitment = works.work(terms.work).naming.commitment
        return Entry(
            record=records[0],
            commitment=commitment,
            first=works.first(commitment) == terms.work,
            accepted=terms.accepted,
            revoked=terms.revoked or None,
            block=spending.block,
            transaction=found[0],
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
        said = [one for one in self._ledger.grants.events(registered) if isinstance(one, Accepted)]
        found = [one.grant for one in said if (one.work, one.record) == (work, record)]
        if not found:
            raise GrantError("no grant on the plan's ledger stands for this one: offer it there and let it be accepted")
        problems: list[GrantError | BudgetError] = []
        for grant in found:
            try:
                self.require_live(grant)
                self._require_left(grant, work, session, epsilon, delta)
            except (GrantError, BudgetError) as error:
                problems.append(error)
            else:
                return grant
        raise problems[-1]

    def require_live(self, grant: str) -> None:
        if self._ledger.grants.live(grant):
            return
        terms = self._ledger.grants.grant(grant)
        if terms is None:
            raise GrantError(f"nobody accepted the grant {grant[:16]}... on the ledger")
        if terms.revoked:
            raise GrantError(f"the grant {grant[:16]}... was revoked on the ledger in block {terms.revoked}")
        now, begins, ends = self._chain.block().time, terms.not_before, terms.not_after
        if not begins <= now <= ends:
            raise GrantError(f"the grant {grant[:16]}... is good from {begins} to {ends}; the ledger's time is {now}")
        raise GrantError(f"the grant {grant[:16]}... is of a work that is void on the ledger")

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
