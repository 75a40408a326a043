"""An owner hands rows to a trainer that it trusts with them, and promises a coin for the noise."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from pathlib import Path

from bailee.adapters.files import lock, storage_errors, write_new
from bailee.errors import InputError
from bailee.keys import PublicIdentity, Secret
from bailee.party.home import PartyHome
from bailee.records import Grant, Signed, sign, time_text
from bailee.records.model import CoinPromise
from bailee.seal import Progress
from bailee.seal.lend import Papers
from bailee.seal.lend import lend as lend_dataset
from bailee.statements.hidden.session import COIN_BYTES, promise_coin
from bailee.train.ledger import Entry


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
