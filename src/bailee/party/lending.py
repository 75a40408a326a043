"""An owner hands rows to a trainer that it trusts with them, and promises a coin for the noise."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from pathlib import Path

from bailee.adapters.files import lock, read_bytes, storage_errors, write_new
from bailee.errors import InputError, SessionError
from bailee.keys import PublicIdentity, Secret
from bailee.party.home import PartyHome
from bailee.party.spending import lendings
from bailee.records import Anchor, Grant, Signed, open_signed, sign, time_text
from bailee.records.canonical import MAX_BYTES
from bailee.records.model import CoinPromise, ModelCoin, ModelOpening, open_model_coin
from bailee.seal import Progress
from bailee.seal.lend import Papers
from bailee.seal.lend import lend as lend_dataset
from bailee.statements.hidden.session import COIN_BYTES, coin_for, keeps_promise, promise_coin
from bailee.statements.network.plan import ModelPlan
from bailee.train.consent import OpenLedger, require_consent
from bailee.train.ledger import Entry
from bailee.train.model.lender import OpenedRun, check_run_anchor

PATIENCE = 60.0
"""Seconds, half of which one's node has to know a block that the trainer's has."""


def lend_rows(
    party: PartyHome,
    given: Signed[Grant],
    to: PublicIdentity,
    out: Path,
    openings: int,
    now: datetime,
    progress: Progress | None = None,
) -> Signed[CoinPromise]:
    """The dataset of a grant, for one trainer alone, in the new folder `out`, and the coin that was promised with it.

    What the grant allows is written to privacy.jsonl first, and the openings lent are written off. Raises InputError,
    BudgetError, GrantError, StorageError.
    """
    dataset, waiver = party.dataset_of(given), party.waiver(given)
    if any(one.record.grant == given.digest for one in party.revocations()):
        raise InputError(f"the grant {given.record.id} was revoked; give a new one with: bailee grant")
    with lock(party.path):
        if waiver is None:
            allowed = given.record.max_epsilon, given.record.max_delta
            entry = Entry(party.origin(dataset), given.digest, given.record.plan, given.digest, *allowed)
            party.ledger().charge(entry, allowed)
        promised = promise(party, given.record.plan)
        lend_dataset(party.identity, dataset, Papers(given, waiver, promised), to, out, openings, now, progress)
    return promised


def promise(party: PartyHome, plan: str) -> Signed[CoinPromise]:
    """A fresh coin for a plan (its digest), kept sealed, and the promise of it."""
    identity, coin = party.identity, secrets.token_bytes(COIN_BYTES)
    key = identity.public_key.hex()
    text = promise_coin(key, coin)
    with storage_errors(party.coins):
        party.coins.mkdir(mode=0o700, exist_ok=True)
    write_new(party.coins / f"{text}.sealed", identity.public.seal(Secret(coin), coin_info(text)), 0o600)
    said = sign(CoinPromise(key, plan, text, time_text(datetime.now(UTC))), identity)
    write_new(party.coins / f"{text}.json", said.envelope)
    return said


def coin_info(promised: str) -> bytes:
    """What a coin is sealed for."""
    return f"bailee/coin/v1/{promised}".encode()


def show_coin(
    party: PartyHome, opening: Path, anchor: Path | None = None, opened: OpenLedger | None = None
) -> Signed[ModelCoin]:
    """The coin that was promised, signed for the trainer's opening, and for no other ever.

    Where the plan names a ledger: anchor, the trainer's, is checked at the party's own node first. Raises InputError,
    SessionError, PlanError, GrantError, StorageError.
    """
    identity = party.identity
    said = open_signed(read_bytes(opening, MAX_BYTES, "opening"), ModelOpening)
    key, plan = identity.public_key.hex(), ModelPlan.from_mapping(said.record.plan)
    own = next((one.promise for one in said.record.promises if one.party == key), None)
    if own is None or not (party.coins / f"{own}.json").is_file():
        raise InputError(f"{identity.name} promised no coin that this opening names; ask the trainer which it used")
    promised = open_signed(read_bytes(party.coins / f"{own}.json", MAX_BYTES, "promise"), CoinPromise).record
    if promised.plan != plan.digest:
        raise InputError("the opening is for another plan than the coin was promised for; show it to nobody")
    with lock(party.path):
        return _show(party, said, own, _check_anchor(party, said, plan, anchor, opened))


def _check_anchor(
    party: PartyHome, said: Signed[ModelOpening], plan: ModelPlan, anchor: Path | None, opened: OpenLedger | None
) -> str | None:
    """Digest of the run's anchor, checked at this party's node; None where the plan names no ledger."""
    if plan.ledger is None:
        if anchor is not None or opened is not None:
            raise InputError("the opening's plan names no ledger: leave --anchor and --ledger out")
        return None
    if anchor is None:
        raise InputError(
            f"the plan names the ledger {plan.ledger}: the coin is shown after every owner has spent there; ask the "
            "trainer for its anchor.json, and give it with --anchor"
        )
    run, found = OpenedRun.read(said), open_signed(read_bytes(anchor, MAX_BYTES, "anchor"), Anchor)
    consent = require_consent(plan.ledger, opened)
    check_run_anchor(consent, run, found, tuple(lendings(party, run)), PATIENCE)
    return found.digest


def _show(party: PartyHome, opening: Signed[ModelOpening], promised: str, anchor: str | None) -> Signed[ModelCoin]:
    """The signed coin: on disk before it leaves, so that it is never shown for two openings, or two anchors."""
    identity, path = party.identity, party.coins / f"{promised}.shown"
    if path.is_file():
        kept = open_model_coin(read_bytes(path, MAX_BYTES, "coin"), identity.public_key)
        if kept.record != coin_for(opening, anchor, kept.record.party, kept.record.coin):
            raise SessionError(
                "this coin was shown for another opening or anchor already: whoever asks again could choose the noise "
                "it likes; promise a new coin for a new run"
            )
        return kept
    coin = identity.unseal(
        read_bytes(party.coins / f"{promised}.sealed", 1 << 16, "coin"), coin_info(promised)
    ).reveal()
    key = identity.public_key.hex()
    if not keeps_promise(key, coin.hex(), promised):
        raise SessionError(f"{party.coins / f'{promised}.sealed'} is not the coin that was promised; restore it")
    said = sign(coin_for(opening, anchor, key, coin.hex()), identity)
    write_new(path, said.envelope)
    return said
