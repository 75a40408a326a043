"""The beginning of a run: is it allowed, how is it cut, what noise and coins does it have; or the same on a resume.

Order: grants, terms, openings left, then secrets and noise commitments on disk, the opening signed, the loss charged,
spent on the ledger and anchored where the plan names one (`spending.py`), and only then coins. A run that was killed in
between is found again by `newest`, or was never begun.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bailee.argument.commitment_record import Commitment
from bailee.errors import BudgetError, InputError, SessionError, StorageError
from bailee.keys import Identity, Secret
from bailee.records import Signed, open_signed, sign, time_text
from bailee.records.model import Lender, ModelCoin, ModelOpening, Promise, open_model_coin
from bailee.statements.hidden.accounting import ModelLoss, check_plan, model_loss
from bailee.statements.hidden.permission import ModelUse, check_model_grant, check_rows_once
from bailee.statements.hidden.session import COIN_BYTES, coin_for, keeps_promise, promise_coin
from bailee.statements.hidden.terms import ModelTerms, Setup
from bailee.statements.network.plan import ModelPlan
from bailee.train.consent import Consent, open_consent
from bailee.train.ledger import Entry
from bailee.train.model.events import ModelEvent
from bailee.train.model.folder import RunFolder
from bailee.train.model.holding import ModelHolding, ModelSetting
from bailee.train.model.sizing import fix_terms
from bailee.train.model.spending import Anchored, Collecting, require_live_grants


@dataclass(frozen=True)
class Begun:
    """A run that may train: everything public about it, and the folder with its secrets."""

    setup: Setup
    loss: ModelLoss | None
    folder: RunFolder
    opening: Signed[ModelOpening]
    coins: tuple[Signed[ModelCoin], ...]
    anchored: Anchored | None = None
    """Where the plan names a ledger."""

    @property
    def beacon(self) -> str | None:
        return None if self.anchored is None else self.anchored.beacon

    @property
    def session(self) -> str:
        return self.opening.record.session

    @property
    def drawn(self) -> dict[str, str]:
        """Coins (hex) by party."""
        return {said.record.party: said.record.coin for said in self.coins}


def begin(holdings: Sequence[ModelHolding], plan: ModelPlan, setting: ModelSetting) -> Begun:
    """A new run, or with `setting.resume` the one begun last. Raises as `train_model` does, with nothing spent."""
    consent = open_consent(plan.ledger, setting.open_ledger)
    _check_holdings(holdings, setting)
    setting.home.mkdir(parents=True, exist_ok=True)
    before = RunFolder.pointer(setting.home)
    kept = RunFolder.newest(setting.home, setting.identity) if setting.resume else None
    if kept is None:
        setup = fix_terms(plan, holdings, setting.memory, setting.model_openings)
        loss = model_loss(setup)
        _permit(holdings, setup, loss, setting)
        folder, opening = _open(holdings, setup, loss, consent, setting)
    else:
        folder = kept
        opening = _come_back(kept, holdings, plan, setting)
        setup = Setup(plan, ModelTerms.from_mapping(opening.record.terms))
        loss = model_loss(setup)
        check_plan(setup, loss)
        _permit(holdings, setup, loss, setting)
    try:
        _charge(holdings, setup, loss, opening)
    except BudgetError:
        if kept is None:  # begun anew by mistake, most often: the run that was paid for must stay the one to resume
            folder.refused(setting.home, before)
        raise
    anchored = None
    if consent is not None and plan.ledger is not None and loss is not None:
        anchored = Collecting(consent, plan.ledger, holdings, opening, loss, folder.folder, setting).anchor()
    return Begun(setup, loss, folder, opening, _draw_coins(folder, opening, anchored, setting), anchored)


def lenders(holdings: Sequence[ModelHolding]) -> tuple[Lender, ...]:
    return tuple(
        Lender(
            holding.card.record.owner,
            holding.card.digest,
            holding.grant.digest,
            holding.waiver.digest if holding.waiver else None,
        )
        for holding in holdings
    )


def _check_holdings(holdings: Sequence[ModelHolding], setting: ModelSetting) -> None:
    if not holdings:
        raise InputError("training needs at least one dataset")
    cards = [holding.card.digest for holding in holdings]
    if len(set(cards)) != len(cards):
        raise InputError("a dataset is named twice; its rows would count twice")
    check_rows_once([holding.card.record for holding in holdings])
    for holding in holdings:
        card = holding.card.record
        if holding.matrix.shape != (card.rows, len(card.columns)):
            raise StorageError(f"the rows of {card.name!r} of {card.owner_name} have another shape than their card")
        committed = Commitment.from_json(card.commitment)
        found = setting.engine.data(holding.matrix, committed.openings, holding.seed.reveal())
        if found != committed:
            raise StorageError(
                f"the rows of {card.name!r} of {card.owner_name} are not those their card commits to; restore them"
            )


def _permit(holdings: Sequence[ModelHolding], setup: Setup, loss: ModelLoss | None, setting: ModelSetting) -> None:
    now = setting.clock()
    for holding in holdings:
        use = ModelUse(
            builder=setting.identity.public_key.hex(),
            plan=setup.plan,
            columns=holding.card.record.columns,
            epsilon=None if loss is None else loss.epsilon,
            delta=setup.plan.delta,
        )
        check_model_grant(holding.grant, holding.waiver, holding.card, (), use, now)
        holding.permit(use, now)


def _open(
    holdings: Sequence[ModelHolding],
    setup: Setup,
    loss: ModelLoss | None,
    consent: Consent | None,
    setting: ModelSetting,
) -> tuple[RunFolder, Signed[ModelOpening]]:
    """Secrets, coins and noise, then the signed opening: it is what makes a run exist."""
    identity, session = setting.identity, setting.entropy(32).hex()
    if consent is not None and loss is not None:
        require_live_grants(consent, holdings, session, loss)
    folder = RunFolder.create(setting.home, session, identity, Secret(setting.entropy(32)))
    promises: tuple[Promise, ...] = ()
    noise: list[Commitment] = []
    orders: list[Commitment] = []
    if setup.plan.draws:
        promises = _promise(folder, setup.plan, setting)
    if setup.plan.shuffled:
        for place, rows in enumerate(setup.terms.rows):
            orders.append(setting.engine.order(rows, folder.seed("order", place).reveal()))
    if setup.plan.private:
        for chunk in setup.chunks:
            setting.watch(ModelEvent("committing", len(setup.chunks), total=setup.steps))
            seed = folder.seed("noise", chunk.index).reveal()
            noise.append(setting.engine.noise(setup.architecture, setup.rule_of(chunk), seed))
    record = ModelOpening(
        session=session,
        builder=identity.public_key.hex(),
        plan=setup.plan.to_mapping(),
        terms=setup.terms.to_mapping(),
        owners=lenders(holdings),
        noise=tuple(one.to_json() for one in noise),
        orders=tuple(one.to_json() for one in orders),
        promises=promises,
        created=time_text(setting.clock()),
    )
    opening = sign(record, identity)
    folder.folder.put("opening.json", opening.envelope, "the opening")
    folder.begun(setting.home)
    return folder, opening


def _promise(folder: RunFolder, plan: ModelPlan, setting: ModelSetting) -> tuple[Promise, ...]:
    """One promise a party, in the order of keys: coins drawn here are on disk first."""
    found: dict[str, str] = {}
    for said in setting.promised:
        if said.record.plan != plan.digest:
            raise InputError(f"the coin promised by {said.record.party[:16]} is for another plan; ask for one for this")
        found[said.record.party] = said.record.promise
    for party in setting.parties:
        coin, key = setting.entropy(COIN_BYTES), party.public_key.hex()
        folder.folder.put_secret(f"coin-{key}.sealed", Secret(coin), party)
        found[key] = promise_coin(key, coin)
    return tuple(Promise(key, found[key]) for key in sorted(found))


def _come_back(
    folder: RunFolder, holdings: Sequence[ModelHolding], plan: ModelPlan, setting: ModelSetting
) -> Signed[ModelOpening]:
    opening = open_signed(folder.folder.need("opening.json"), ModelOpening, setting.identity.public_key)
    record = opening.record
    again = "go on with the same ones, or start a new run without --resume"
    if ModelPlan.from_mapping(record.plan) != plan:
        raise SessionError(f"the run to resume has another plan ({_differences(record, plan)}); {again}")
    if record.owners != lenders(holdings):
        raise SessionError(f"the run to resume has other datasets, grants or waivers; {again}")
    drawing = {party.public_key.hex() for party in setting.parties} | {one.record.party for one in setting.promised}
    if plan.draws and {promise.party for promise in record.promises} != drawing:
        raise SessionError(f"the run to resume has other parties that draw coins; {again}")
    return opening


def _differences(record: ModelOpening, plan: ModelPlan) -> str:
    there, here = dict(record.plan), plan.to_mapping()
    return "different: " + ", ".join(name for name in here if there.get(name) != here[name])


def _charge(
    holdings: Sequence[ModelHolding], setup: Setup, loss: ModelLoss | None, opening: Signed[ModelOpening]
) -> None:
    """What the run costs, in each owner's ledger. An unprotected run has no number to add: its waiver is its trace."""
    if loss is None:
        return
    for holding in holdings:
        if holding.charge is not None:
            session = opening.record.session
            digest = holding.grant.digest
            holding.charge(Entry(holding.dataset, session, setup.plan.digest, digest, loss.epsilon, loss.delta))


def _draw_coins(
    folder: RunFolder, opening: Signed[ModelOpening], anchored: Anchored | None, setting: ModelSetting
) -> tuple[Signed[ModelCoin], ...]:
    """Every party's coin, signed for this opening: nobody shows one before noise and orders are committed.

    Where the plan names a ledger, signed for this anchor too: nobody shows one before the beacon is known.
    """
    here = {party.public_key.hex(): party for party in setting.parties}
    anchor = None if anchored is None else anchored.anchor.digest
    coins = {
        one.party: _draw(folder, opening, anchor, one, here[one.party])
        if one.party in here
        else _answer(folder, opening, anchor, one, setting)
        for one in opening.record.promises
    }
    missing = [party for party, coin in coins.items() if coin is None]
    if missing:
        sent = str(folder.path / "opening.json") + ("" if anchor is None else " and anchor.json beside it")
        asked = "opening.json" if anchor is None else "opening.json --anchor anchor.json"
        raise SessionError(
            f"waiting for the coins of {', '.join(party[:16] for party in missing)}: send them {sent}; each answers "
            f"with `bailee coin show {asked}`; then run the same command again with --resume and a --coin FILE for each"
        )
    return tuple(coin for coin in coins.values() if coin is not None)


def _draw(
    folder: RunFolder, opening: Signed[ModelOpening], anchor: str | None, promise: Promise, party: Identity
) -> Signed[ModelCoin]:
    """A coin of a party in this process."""
    name = f"coin-{promise.party}.sealed"
    secret = folder.folder.get_secret(name, party)
    if secret is None or not keeps_promise(promise.party, secret.reveal().hex(), promise.promise):
        path = folder.path / name
        raise StorageError(f"{path} is missing or damaged: restore it, or start a new run without --resume")
    said = sign(coin_for(opening, anchor, promise.party, secret.reveal().hex()), party)
    folder.folder.put(f"coin-{promise.party}.json", said.envelope, "a coin")
    return said


def _answer(
    folder: RunFolder, opening: Signed[ModelOpening], anchor: str | None, promise: Promise, setting: ModelSetting
) -> Signed[ModelCoin] | None:
    """A coin that a party elsewhere gave, now or earlier; None while it has not."""
    name = f"coin-{promise.party}.json"
    for said in setting.answers:
        if said.record.party == promise.party:
            coin = said.record
            fits = coin == coin_for(opening, anchor, promise.party, coin.coin)
            if not fits or not keeps_promise(coin.party, coin.coin, promise.promise):
                raise SessionError(f"the coin of {coin.party[:16]} is for another run, or not the one it promised")
            folder.folder.put(name, said.envelope, "a coin")
    kept = folder.folder.get(name)
    return None if kept is None else open_model_coin(kept, bytes.fromhex(promise.party))
