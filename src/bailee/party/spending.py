"""An owner's spending, on the ledger that a plan names, for a hidden run on rows that it lent (docs/ledger.md, 5)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from bailee.adapters.files import lock, read_bytes
from bailee.errors import InputError
from bailee.party.home import PartyHome
from bailee.records import Grant, Signed, open_signed
from bailee.records.canonical import MAX_BYTES
from bailee.records.model import ModelOpening
from bailee.train.consent import OpenLedger, require_consent
from bailee.train.folder import Folder
from bailee.train.model.lender import Lending, OpenedRun

SPENDINGS = "spendings"


def lent_for(party: PartyHome, opening: Path, grant: Signed[Grant] | None = None) -> Lending:
    """The party's dataset in the run of the trainer's opening, under `grant` where there are several. InputError,
    PlanError."""
    run = OpenedRun.read(open_signed(read_bytes(opening, MAX_BYTES, "opening"), ModelOpening))
    found = [one for one in lendings(party, run) if grant is None or one.grant == grant]
    if len(found) != 1:
        raise InputError(
            f"the opening names {len(found)} datasets of {party.identity.name} under such a grant, expected one: "
            + ("say which with --grant" if found else "ask the trainer which it trains on")
        )
    return found[0]


def spend_for(party: PartyHome, lending: Lending, opened: OpenLedger | None, now: datetime) -> bytes:
    """The signed word on what was spent, once however often this is called: a `Spent`, for the trainer.

    The loss is worked out here, and must be within the grant, here and on the ledger. Raises GrantError, BudgetError,
    SessionError, PlanError, ChainError.
    """
    with lock(party.path):
        return lending.spend(require_consent(lending.run.ledger, opened), party.revocations(), now)


def lendings(party: PartyHome, run: OpenedRun) -> Iterator[Lending]:
    """This party's datasets in a run, each with the grant that the opening names. InputError for one not here."""
    identity, grants = party.identity, {one.digest: one for one in party.grants()}
    for one in run.opening.record.owners:
        if one.owner != identity.public_key.hex():
            continue
        if one.grant not in grants:
            raise InputError(f"the grant {one.grant[:16]}... that the opening names is not in {party.path}; restore it")
        given = grants[one.grant]
        folder = Folder.open(party.path / SPENDINGS / run.session, one.card, resume=True)
        yield Lending(run, identity, party.dataset_of(given).card, given, folder)
