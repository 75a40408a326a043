"""The ledger that a plan names, for training and for `bailee verify`: consent read, privacy spent, blocks looked up.

It is what `bailee.train.consent.Consent` and `bailee.statements.anchor.Books` ask for, over the contracts Grants and
Registry of docs/ledger.md. Only the latest state and logs of single blocks are read, so any node will do: of grants
all events of one work, from its registration on, in as many pieces as the node wants.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from bailee.adapters.chain.artefacts import artefact
from bailee.adapters.chain.chain import Chain
from bailee.adapters.chain.refusals import outside
from bailee.errors import BudgetError, ChainError, GrantError, InputError, RevertError
from bailee.records.caip import parse_account
from bailee.statements.anchor import Entry

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount

_ON_DEMAND = ("bailee/", "anvil/")
"""Nodes that make a block for a transaction and none without: their clients' names begin so."""
_PIECE = 10_000
"""Blocks of which a node is asked for events at once, where it does not give all at once."""
_NO_BUDGET = ("no-budget", "budget-spent", "grant-spent")


class ChainConsent:
    """`ledger`: CAIP-10 of the contract Grants. `account` spends: the owner of the datasets, or approved by it.

    Raises InputError where the chain is another or has no such contract. Whoever opened the chain closes it.
    """

    def __init__(self, chain: Chain, ledger: str, account: LocalAccount | None = None) -> None:
        from web3 import Web3

        named = parse_account(ledger)
        if named.chain.chain_id != chain.chain_id:
            raise InputError(f"the plan's ledger is on {named.chain}, the node given with --ledger on {chain.caip2}")
        self.ledger, self._chain, self._account = ledger, chain, account
        address = Web3.to_checksum_address(named.address)
        with outside("the contract Grants"):
            if not chain.web3.eth.get_code(address):
                raise InputError(
                    f"on {chain.caip2} there is no contract at {named.address}; is the plan's ledger right?"
                )
            self._grants = chain.web3.eth.contract(address=address, abi=artefact("Grants").abi)
        with _no_ledger(ledger):
            registry = self._grants.functions.REGISTRY().call()
            self._works = chain.web3.eth.contract(address=registry, abi=artefact("Registry").abi)
            if self._works.functions.GRANTS().call() != address:
                raise InputError(f"{ledger} is not the Grants of the Registry {registry}; is the plan's ledger right?")

    def entry(self, grant: str, session: str) -> Entry | None:
        with outside("a spending"):
            block, epsilon, delta, anchor = self._grants.functions.spending(_word(grant), _word(session)).call()
            if block == 0:
                return None
            terms = self._grants.functions.grant(_word(grant)).call()
            work, accepted, revoked = terms[0], terms[2], terms[3]
            naming = self._works.functions.work(work).call()[1]
            first = self._works.functions.first(naming[0]).call()
        record = [log["args"]["record"].hex() for log in self._events("Accepted", accepted, grant=_word(grant))]
        spent = self._events("Spent", block, grant=_word(grant), session=_word(session))
        if len(record) != 1 or len(spent) != 1:
            raise ChainError(
                f"the node has a spending in block {block}, and not the events that go with it: it does not keep old "
                "logs, or the chain was reorganised just now; try again, or ask another node"
            )
        return Entry(
            record=record[0],
            commitment=naming[0].hex(),
            first=first == work,
            accepted=accepted,
            revoked=revoked or None,
            block=block,
            transaction=bytes(spent[0]["transactionHash"]).hex(),
            epsilon=epsilon,
            delta=delta,
            anchor=anchor.hex(),
        )

    def block_hash(self, number: int) -> str | None:
        latest = self._chain.block()
        if number >= latest.number:
            return latest.hash.hex() if number == latest.number else None
        return self._chain.block(number).hash.hex()

    def live_grant(self, record: str, commitment: str, session: str, epsilon: int, delta: int) -> str:
        with outside("the dataset's registration"):
            work = self._works.functions.first(_word(commitment)).call()
            if not work:
                raise GrantError("the dataset is not registered on the plan's ledger: register it, then offer a grant")
            registered = self._works.functions.work(work).call()[3]
        found = [
            log["args"]["grant"].hex()
            for log in self._all_events("Accepted", registered, work=work)
            if log["args"]["record"].hex() == record
        ]
        if not found:
            raise GrantError(
                "no grant on the plan's ledger stands for this one: offer it there, and let it be accepted"
            )
        problems: list[GrantError | BudgetError] = []
        for grant in found:
            try:
                self.require_live(grant)
                self._require_left(grant, work, session, epsilon, delta)
            except (GrantError, BudgetError) as error:
                problems.append(error)
            else:
                return str(grant)
        raise problems[-1]

    def require_live(self, grant: str) -> None:
        with outside("a grant"):
            if self._grants.functions.live(_word(grant)).call():
                return
            terms = self._grants.functions.grant(_word(grant)).call()
        accepted, revoked, begins, ends = terms[2:6]
        if not accepted:
            raise GrantError(f"nobody accepted the grant {grant[:16]}... on the ledger")
        if revoked:
            raise GrantError(f"the grant {grant[:16]}... was revoked on the ledger in block {revoked}")
        now = self._chain.block().time
        if not begins <= now <= ends:
            raise GrantError(f"the grant {grant[:16]}... is good from {begins} to {ends}; the ledger's time is {now}")
        raise GrantError(f"the grant {grant[:16]}... is of a work that is void on the ledger")

    def _require_left(self, grant: str, work: int, session: str, epsilon: int, delta: int) -> None:
        """That grant and dataset bear the loss, unless they have borne it for this session."""
        with outside("a budget"):
            if self._grants.functions.spending(_word(grant), _word(session)).call()[0]:
                return
            budget = self._grants.functions.budget(work).call()
            terms = self._grants.functions.grant(_word(grant)).call()
        for limits, what in ((budget, "dataset's budget"), (terms[7:11], "grant's limit")):
            if limits[2] + epsilon > limits[0] or limits[3] + delta > limits[1]:
                raise BudgetError(
                    f"the {what} on the ledger is epsilon {limits[0] / 1e9:g}, delta {limits[1] / 1e18:g}, of which "
                    f"{limits[2] / 1e9:g}, {limits[3] / 1e18:g} are spent: too little for this session"
                )

    def spend(self, grant: str, session: str, epsilon: int, delta: int, anchor: str) -> None:
        call = self._grants.functions.spend(_word(grant), _word(session), epsilon, delta, _word(anchor))
        try:
            self._chain.send(call, self._sender())
        except RevertError as error:
            if error.reason == "spent":
                return  # sent before a crash and executed since: whoever asks looks at what it says
            if error.reason in _NO_BUDGET:
                raise BudgetError(f"the ledger lets nothing more be spent ({error.reason})") from None
            if error.reason == "not-allowed":
                raise GrantError(
                    f"the account {self._sender().address} neither owns the dataset on the ledger nor may spend for it"
                ) from None
            raise GrantError(f"the ledger refuses the spending ({error.reason})") from None

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

    def _sender(self) -> LocalAccount:
        if self._account is None:
            raise InputError("spending on a ledger needs an account: name one with --account")
        return self._account

    def _stands_still(self) -> bool:
        with outside("the node's name"):
            return str(self._chain.web3.client_version).lower().startswith(_ON_DEMAND)

    def _events(self, name: str, block: int, **wanted: Any) -> list[Any]:
        """Those of one block."""
        with outside("events"):
            event = getattr(self._grants.events, name)
            return list(event().get_logs(from_block=block, to_block=block, argument_filters=wanted))

    def _all_events(self, name: str, since: int, **wanted: Any) -> Iterator[Any]:
        """Those since a block: all at once, or piece by piece where the node gives no more."""
        event, latest = getattr(self._grants.events, name), self._chain.block().number
        try:
            with outside("events"):
                found = list(event().get_logs(from_block=since, to_block=latest, argument_filters=wanted))
        except ChainError:
            found = None
        if found is not None:
            yield from found
            return
        for begin in range(since, latest + 1, _PIECE):
            with outside("events"):
                end = min(begin + _PIECE - 1, latest)
                yield from event().get_logs(from_block=begin, to_block=end, argument_filters=wanted)


@contextmanager
def _no_ledger(ledger: str) -> Iterator[None]:
    """A contract that answers otherwise than Grants is none."""
    try:
        with outside("the contract Grants"):
            yield
    except (RevertError, ChainError) as error:
        raise InputError(
            f"{ledger} does not answer as a contract Grants ({error}); is the plan's ledger right?"
        ) from None


def _word(digest: str) -> bytes:
    return bytes.fromhex(digest)


def opened_with(chain: Chain, account: LocalAccount | None = None) -> Callable[[str], ChainConsent]:
    """What a session's setting and `verify_passport` take: the ledger of a CAIP-10 name on that chain."""
    return lambda ledger: ChainConsent(chain, ledger, account)
