"""A hidden run under a plan that names a ledger, the trainer's side: consent, every owner's spending, the anchor.

Owners spend for the signed opening, so all of it is on disk before any of this. The lender's side is `lender.py`; what
an owner spends by and what an anchor must fit is `bailee.train.consent`, as in a session.

    spent-CARD.json      an owner's word on its spending for one dataset         anchor.json     the anchor
    spending-CARD/       what an owner whose key is in this process has on disk while it spends
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from bailee.errors import BudgetError, GrantError, SessionError
from bailee.keys import Identity
from bailee.records import Anchor, Signed, Spent, open_signed
from bailee.records.model import ModelOpening
from bailee.statements.anchor import in_units
from bailee.statements.hidden.accounting import ModelLoss
from bailee.statements.hidden.anchor import commitment_of, expected_spendings
from bailee.statements.privacy import Loss
from bailee.train.consent import NODE_PATIENCE, Consent, Spender, make_anchor
from bailee.train.folder import Folder
from bailee.train.model.events import ModelEvent, Stage
from bailee.train.model.holding import ModelHolding, ModelSetting


@dataclass(frozen=True)
class Anchored:
    """What a run has on a ledger. spent: of each dataset's owner, in the opening's order."""

    anchor: Signed[Anchor]
    spent: tuple[Signed[Spent], ...]

    @property
    def beacon(self) -> str:
        return self.anchor.record.beacon.hash


def require_live_grants(consent: Consent, holdings: Sequence[ModelHolding], session: str, loss: ModelLoss) -> None:
    """That for every dataset a grant on the ledger is live and bears the loss. Raises GrantError, BudgetError."""
    units = in_units(loss.epsilon, loss.delta)
    for holding in holdings:
        with _said_of(holding):
            consent.live_grant(holding.grant.digest, commitment_of(holding.card.record), session, *units)


@dataclass(frozen=True)
class Collecting:
    """A run whose opening is signed, while its owners spend for it."""

    consent: Consent
    ledger: str
    holdings: Sequence[ModelHolding]
    opening: Signed[ModelOpening]
    loss: ModelLoss
    folder: Folder
    setting: ModelSetting

    @property
    def session(self) -> str:
        return self.opening.record.session

    def anchor(self) -> Anchored:
        """The anchor, once every owner has spent. Raises SessionError that says whose spending is missing.

        Asked at every start: GrantError where a grant that was spent under is live no more.
        """
        self._hear()
        spent = [self._spent(holding) for holding in self.holdings]
        missing = {one.card.record.owner for one, said in zip(self.holdings, spent, strict=True) if said is None}
        if missing:
            raise SessionError(
                f"waiting for the spendings of {', '.join(key[:16] for key in sorted(missing))}: send them "
                f"{self.folder.path / 'opening.json'}; each answers with `bailee spend opening.json`; then run the "
                "same command again with --resume and a --spent FILE for each"
            )
        said = [one for one in spent if one is not None]
        for holding, one in zip(self.holdings, said, strict=True):
            with _said_of(holding):
                self.consent.require_live(one.record.spending.grant)
        cards = {holding.card.digest: holding.card.record for holding in self.holdings}
        owners = expected_spendings(self.opening, self.loss, cards)
        patience = 2 * NODE_PATIENCE
        anchor = make_anchor(self.consent, self.setting.identity, self.folder, said, owners, patience)
        self._tell("anchored")
        return Anchored(anchor, tuple(said))

    def _hear(self) -> None:
        """Keep what owners elsewhere said, each for the dataset that the ledger says it spent for."""
        for said in self.setting.spent:
            record, spending = said.record, said.record.spending
            if record.session != self.session or record.ledger != self.ledger:
                raise SessionError(f"the spending of {record.owner[:16]} is for another run, or on another ledger")
            entry = self.consent.entry(spending.grant, self.session)
            if entry is None:
                raise SessionError(
                    f"this node shows no spending of {record.owner[:16]} for this run: wait until it has block "
                    f"{spending.block}, then run the same command again; or ask that owner"
                )
            found = [one for one in self.holdings if one.grant.digest == entry.record]
            if not found or found[0].card.record.owner != record.owner:
                raise SessionError(f"{record.owner[:16]} spent under a grant that stands for none of this run's")
            self.folder.put(_name(found[0]), said.envelope, f"the spending of {record.owner[:16]}")

    def _spent(self, holding: ModelHolding) -> Signed[Spent] | None:
        """An owner's word, spoken elsewhere or, where its key is here and may spend, now."""
        owner, name = holding.card.record.owner, _name(holding)
        kept = self.folder.get(name)
        if kept is None:
            here = [one for one in self.setting.spenders if one.public_key.hex() == owner]
            if not here:
                return None
            with _said_of(holding):
                kept = self._spender(holding, here[0]).spend(self.opening.digest)
            self.folder.put(name, kept, f"the spending of {owner[:16]}")
            self._tell("spent")
        return open_signed(kept, Spent, bytes.fromhex(owner))

    def _spender(self, holding: ModelHolding, identity: Identity) -> Spender:
        return Spender(
            consent=self.consent,
            identity=identity,
            session=self.session,
            ledger=self.ledger,
            record=holding.grant.digest,
            commitment=commitment_of(holding.card.record),
            loss=Loss(self.loss.epsilon, self.loss.delta),
            folder=Folder.open(self.folder.path, f"spending-{holding.card.digest}", resume=True),
        )

    def _tell(self, stage: Stage) -> None:
        self.setting.watch(ModelEvent(stage, len(self.opening.record.noise)))


@contextmanager
def _said_of(holding: ModelHolding) -> Iterator[None]:
    """Whose dataset an error is about."""
    try:
        yield
    except (GrantError, BudgetError) as error:
        card = holding.card.record
        raise type(error)(f"{card.name!r} of {card.owner_name}: {error}") from None


def _name(holding: ModelHolding) -> str:
    return f"spent-{holding.card.digest}.json"
