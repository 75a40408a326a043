"""A plan's ledger as a session needs it: consent is read there, privacy is spent there, a block gives the beacon.

Nothing here touches a chain: what does comes in as `Consent`, opened for the ledger that a plan names.
What an anchor means is in `bailee.statements.anchor`; the messages are in docs/sessions.md.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from bailee.errors import BudgetError, PlanError, SessionError
from bailee.keys import Identity
from bailee.records import Anchor, Beacon, Signed, Spending, Spent, open_signed, sign
from bailee.statements.anchor import Books, Entry, Expected, anchor_misfit, in_units, ledger_misfit
from bailee.statements.privacy import Loss
from bailee.train.folder import Folder

NODE_PATIENCE = 300.0
"""Seconds to wait for a node to know a block, at most; less where other parties would give up before."""


class Consent(Books, Protocol):
    """The ledger of a plan at a node of one's own. One opened without an account can only read."""

    def live_grant(self, record: str, commitment: str, session: str, epsilon: int, delta: int) -> str:
        """Id (hex) of a grant on the ledger that stands for the grant/v1 of the digest `record`, and is live now.

        It is one of the dataset whose card's commitment has the digest `commitment`, as it was registered first.

        It bears that loss (in units), or has borne the session's already. Raises GrantError that says what is missing
        (none was accepted, not yet, no longer, revoked), BudgetError.
        """

    def require_live(self, grant: str) -> None:
        """Raises GrantError unless the grant is live now."""

    def spend(self, grant: str, session: str, epsilon: int, delta: int, anchor: str) -> None:
        """Spend, and wait until it stands in a block; units of the ledger. Raises GrantError, BudgetError."""

    def follow(self, block: int) -> None:
        """See to it that a block will come after that one, where the chain makes none without a transaction."""

    def await_block(self, number: int, seconds: float, wanted: str | None = None) -> str | None:
        """The hash of a block once the node has it, under `wanted` if that is given; after `seconds` what it has."""


OpenLedger: TypeAlias = Callable[[str], Consent]
"""The ledger of a CAIP-10 name. Raises InputError where the node is of another chain, or has no such contract."""


def open_consent(ledger: str | None, opened: OpenLedger | None) -> Consent | None:
    """The ledger that a plan names, or None where it names none. Raises PlanError unless plan and party agree on it."""
    if ledger is None:
        if opened is not None:
            raise PlanError("a ledger was given, but the plan names none: nothing would be spent there; leave it out")
        return None
    return require_consent(ledger, opened)


def require_consent(ledger: str, opened: OpenLedger | None) -> Consent:
    """The ledger that a plan names. Raises PlanError where this party has no node of it."""
    if opened is None:
        raise PlanError(f"the plan names the ledger {ledger}: give a node of that chain with --ledger")
    return opened(ledger)


def node_patience(patience: float) -> float:
    """Seconds to wait for a node while others wait for us."""
    return min(NODE_PATIENCE, patience / 2)


@dataclass(frozen=True)
class Spender:
    """An owner's side: its spending, once; then the anchor, checked at its own node before it shows its coin."""

    consent: Consent
    identity: Identity
    session: str
    ledger: str
    record: str
    """Digest of this owner's grant/v1."""
    commitment: str
    """Digest of its card's commitment."""
    loss: Loss
    folder: Folder

    def find(self) -> str:
        """Id of the grant to spend under. Raises GrantError, BudgetError where there is none."""
        units = in_units(self.loss.epsilon, self.loss.delta)
        return self.consent.live_grant(self.record, self.commitment, self.session, *units)

    def spend(self, anchor: str) -> bytes:
        """The signed word on the spending, for the noise commitment (or opening) of that digest.

        Asked again, it says the same.
        """
        kept = self.folder.get("spent.json")
        if kept is not None:
            self.consent.follow(open_signed(kept, Spent).record.spending.block)
            return kept
        chosen = self.folder.get("ledger-grant.txt")
        if chosen is None:
            # On disk before it is spent under: a killed owner must look under this one, whatever is live by then.
            chosen = self.folder.put("ledger-grant.txt", self.find().encode(), "the grant")
        grant, (epsilon, delta) = chosen.decode(), in_units(self.loss.epsilon, self.loss.delta)
        entry = self.consent.entry(grant, self.session)
        if entry is None:
            self.consent.require_live(grant)
            self.consent.spend(grant, self.session, epsilon, delta, anchor)
            entry = self.consent.entry(grant, self.session)
        if entry is None:
            raise SessionError("the ledger took the spending and does not show it: check the node, then --resume")
        if (entry.epsilon, entry.delta, entry.anchor) != (epsilon, delta, anchor):
            raise BudgetError(
                "under this grant something else was spent for this session, not by this run: start a new session"
            )
        said = Spent(self.session, self.identity.public_key.hex(), self.ledger, self._spending(grant, entry))
        kept = self.folder.put("spent.json", sign(said, self.identity).envelope, "the spending")
        self.consent.follow(entry.block)
        return kept

    def require_live(self) -> None:
        """Raises GrantError where the grant that was spent under is live no more."""
        self.consent.require_live(self.folder.need("ledger-grant.txt").decode())

    def _spending(self, grant: str, entry: Entry) -> Spending:
        owner, loss = self.identity.public_key.hex(), self.loss
        return Spending(owner, grant, entry.block, entry.transaction, loss.epsilon, loss.delta)

    def check(self, frame: bytes, builder: str, owners: Sequence[Expected], patience: float) -> str:
        """The beacon's hash of the builder's anchor, which is kept. Raises SessionError."""
        anchor = open_signed(frame, Anchor, bytes.fromhex(builder)).record
        if self.folder.get("anchor.json") != frame:
            own = open_signed(self.folder.need("spent.json"), Spent).record.spending
            check_anchor(self.consent, anchor, self.session, self.ledger, owners, [own], patience)
            self.folder.put("anchor.json", frame, "the anchor")
        return anchor.beacon.hash


def check_anchor(
    consent: Consent,
    anchor: Anchor,
    session: str,
    ledger: str,
    owners: Sequence[Expected],
    own: Sequence[Spending],
    patience: float,
) -> None:
    """Raises SessionError unless a builder's anchor fits, by itself and at one's own node, and `own` is in it.

    It is what a party asks before it shows its coin; then it may be too late.
    """
    misfit = anchor_misfit(anchor, session, ledger, owners)
    if not misfit and any(spending not in anchor.spendings for spending in own):
        misfit = "it states another spending of this owner than it made"
    if misfit:
        raise SessionError(f"the builder's anchor does not fit: {misfit}; no coin was shown")
    beacon = anchor.beacon
    if consent.await_block(beacon.number, node_patience(patience), beacon.hash) is None:
        raise SessionError(
            f"this party's node does not know block {beacon.number}, which the builder's anchor names; "
            "no coin was shown: wait for the node, then try again (a session: --resume)"
        )
    misfit = ledger_misfit(anchor, owners, consent, running=True)
    if misfit:
        raise SessionError(f"this party's node contradicts the builder's anchor: {misfit}; no coin was shown")


def make_anchor(
    consent: Consent,
    identity: Identity,
    folder: Folder,
    spent: Sequence[Signed[Spent]],
    owners: Sequence[Expected],
    patience: float,
) -> Signed[Anchor]:
    """The builder's: made once, from what the owners say and its own node confirms. Raises SessionError.

    spent: of each owner, of one session and ledger, in the order of `owners`.
    """
    kept = folder.get("anchor.json")
    spendings = tuple(said.record.spending for said in spent)
    if kept is not None:
        anchor = open_signed(kept, Anchor, identity.public_key)
        if anchor.record.spendings != spendings:
            raise SessionError("an owner names another spending than before; start a new session")
        return anchor
    first = spent[0].record
    number = max(spending.block for spending in spendings) + 1
    found = consent.await_block(number, node_patience(patience))
    if found is None:
        raise SessionError(
            f"after the last spending no block {number} came within {node_patience(patience):.0f} s: is the node "
            "behind, or does the chain stand still? Go on with --resume"
        )
    record = Anchor(first.session, identity.public_key.hex(), first.ledger, spendings, Beacon(number, found))
    misfit = anchor_misfit(record, first.session, first.ledger, owners) or ledger_misfit(record, owners, consent, True)
    if misfit:
        raise SessionError(f"the spendings do not fit: {misfit}; nothing was anchored")
    anchor = sign(record, identity)
    folder.put("anchor.json", anchor.envelope, "the anchor")
    return anchor
