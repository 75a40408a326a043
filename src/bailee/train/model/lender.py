"""A hidden run under a plan that names a ledger, the side of those who do not train: lenders, and who draws a coin.

A lender spends for a trainer's opening, in its own process and at its own node; whoever promised a coin checks the
anchor before it shows it. The trainer's side is `spending.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bailee.argument.commitment_record import Commitment
from bailee.errors import PlanError, SessionError
from bailee.keys import Identity
from bailee.records import Anchor, Card, Grant, Json, Revocation, Signed, Spending, Spent, open_signed, parse_time
from bailee.records.model import ModelOpening
from bailee.records.schema import Schema
from bailee.statements.hidden.accounting import ModelLoss, check_plan, model_loss
from bailee.statements.hidden.anchor import commitment_of, expected_spendings
from bailee.statements.hidden.permission import ModelUse, check_model_grant
from bailee.statements.hidden.terms import ModelTerms, Setup, check_label
from bailee.statements.network.plan import ModelPlan
from bailee.statements.privacy import Loss
from bailee.train.consent import Consent, Spender, check_anchor
from bailee.train.folder import Folder

CLOCK_SLACK = timedelta(hours=1)


@dataclass(frozen=True)
class OpenedRun:
    """A trainer's opening of a plan that names a ledger, with what follows from it."""

    opening: Signed[ModelOpening]
    setup: Setup
    ledger: str
    loss: ModelLoss

    @classmethod
    def read(cls, opening: Signed[ModelOpening]) -> OpenedRun:
        """Raises PlanError for one that could not run, costs more than its plan says, or names no ledger."""
        record, plan = opening.record, ModelPlan.from_mapping(opening.record.plan)
        setup = Setup(plan, ModelTerms.from_mapping(record.terms))
        loss = model_loss(setup)
        if plan.ledger is None or loss is None:
            raise PlanError("the opening's plan names no ledger: nothing is spent for it, and it has no anchor")
        check_plan(setup, loss)
        setup.rule.check(setup.architecture, setup.batch)
        _fixed(record.noise, len(setup.chunks), "noise commitments")
        _fixed(record.orders, len(record.owners) if plan.shuffled else 0, "orders of rows")
        if len(setup.terms.rows) != len(record.owners):
            raise PlanError("the opening counts the rows of more datasets, or fewer, than it names")
        return cls(opening, setup, plan.ledger, loss)

    @property
    def session(self) -> str:
        return self.opening.record.session


@dataclass(frozen=True)
class Lending:
    """A lender's side of a run, for one dataset. folder: one for each run and dataset, kept."""

    run: OpenedRun
    identity: Identity
    card: Signed[Card]
    grant: Signed[Grant]
    folder: Folder

    def spend(self, consent: Consent, revocations: Sequence[Signed[Revocation]], now: datetime) -> bytes:
        """The signed word on this owner's spending, made once. Raises GrantError, BudgetError, SessionError, PlanError.

        Everything is checked first, as often as it is asked: a grant taken back is good for no spending.
        """
        self._check(revocations, now)
        return self._spender(consent).spend(self.run.opening.digest)

    def check_live(self, consent: Consent) -> None:
        """Raises GrantError where the grant spent under is live no more, SessionError where nothing was spent."""
        if self.folder.get("spent.json") is None:
            raise SessionError(
                "nothing was spent for this run from here: spend first, with `bailee spend opening.json`"
            )
        self._spender(consent).require_live()

    @property
    def said(self) -> Spending:
        """What this owner said that it spent for the run. Raises StorageError where it has said nothing."""
        return open_signed(self.folder.need("spent.json"), Spent, self.identity.public_key).record.spending

    def _check(self, revocations: Sequence[Signed[Revocation]], now: datetime) -> None:
        """That the opening is of a run which this owner allows, on this very dataset, and names both as they are."""
        record, terms, card = self.run.opening.record, self.run.setup.terms, self.card.record
        places = [place for place, one in enumerate(record.owners) if one.card == self.card.digest]
        if len(places) != 1 or record.owners[places[0]].grant != self.grant.digest:
            raise SessionError("the opening does not name this dataset with this grant; nothing was spent")
        if record.owners[places[0]].owner != self.identity.public_key.hex():
            raise SessionError("the opening names another owner of this dataset; nothing was spent")
        if terms.rows[places[0]] != card.rows or terms.columns != card.columns:
            raise PlanError("the opening counts other rows or columns of this dataset than its card has")
        plan, opened = self.run.setup.plan, parse_time(record.created)
        check_label(plan, Schema.from_json(card.schema))
        if opened > now + CLOCK_SLACK:
            raise SessionError(f"the opening is dated {record.created}, which is still to come: check the clocks")
        use = ModelUse(record.builder, plan, card.columns, self.run.loss.epsilon, self.run.loss.delta)
        for moment in (opened, now):  # a reader judges the grant by the opening's date
            check_model_grant(self.grant, None, self.card, revocations, use, moment)

    def _spender(self, consent: Consent) -> Spender:
        return Spender(
            consent=consent,
            identity=self.identity,
            session=self.run.session,
            ledger=self.run.ledger,
            record=self.grant.digest,
            commitment=commitment_of(self.card.record),
            loss=Loss(self.run.loss.epsilon, self.run.loss.delta),
            folder=self.folder,
        )


def check_run_anchor(
    consent: Consent, run: OpenedRun, anchor: Signed[Anchor], lendings: Sequence[Lending], patience: float
) -> None:
    """What a party asks before it shows its coin. lendings: of its own datasets in the run, all of them.

    Raises SessionError for an anchor that does not fit, by itself or at this party's node; GrantError.
    """
    if anchor.signer.hex() != run.opening.record.builder:
        raise SessionError("the anchor is signed by somebody else than the opening; no coin was shown")
    for lending in lendings:
        lending.check_live(consent)
    cards = {lending.card.digest: lending.card.record for lending in lendings}
    owners = expected_spendings(run.opening, run.loss, cards)
    own = [lending.said for lending in lendings]
    check_anchor(consent, anchor.record, run.session, run.ledger, owners, own, patience)


def _fixed(commitments: Sequence[Mapping[str, Json]], wanted: int, what: str) -> None:
    """That all of it was committed to, each apart, before anybody spends or shows a coin."""
    roots = {Commitment.from_json(one).root for one in commitments}
    if len(commitments) != wanted or len(roots) != wanted:
        raise PlanError(f"the opening has {len(roots)} different {what}, expected {wanted}")
