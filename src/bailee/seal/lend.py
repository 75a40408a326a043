"""Lends a dataset: the rows, sealed to whom a grant names, with some openings of their commitment and no others.

    card.json, card.proof, rows.sealed, openings.jsonl     a dataset as `bailee.seal.card` opens it
    grant.json, waiver.json (if any), promise.json         what the owner signed for its use

The openings are written off in the owner's own ledger first, so that no one is ever spent twice. Whoever is lent rows
can read them: what it may do with them is a promise, what it says it did is proven.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from bailee.adapters.files import new_directory, read_bytes, write_new
from bailee.errors import BudgetError, GrantError
from bailee.keys import Identity, PublicIdentity
from bailee.records import Grant, Signed, canonical, digest, open_signed
from bailee.records.canonical import MAX_BYTES
from bailee.records.model import CoinPromise, Waiver
from bailee.seal.budget import Ledger
from bailee.seal.card import CARD_FILE, LEDGER_FILE, PROOF_FILE, ROWS_FILE, Dataset
from bailee.seal.progress import Progress
from bailee.seal.sealed import write_rows

GRANT_FILE = "grant.json"
WAIVER_FILE = "waiver.json"
PROMISE_FILE = "promise.json"


@dataclass(frozen=True)
class Papers:
    """What comes with lent rows."""

    grant: Signed[Grant]
    waiver: Signed[Waiver] | None
    promise: Signed[CoinPromise]


def lend(
    owner: Identity,
    dataset: Dataset,
    papers: Papers,
    trainer: PublicIdentity,
    target: Path,
    openings: int,
    now: datetime,
    progress: Progress | None = None,
) -> None:
    """A new directory `target` for `trainer`. Raises GrantError, BudgetError, InputError, StorageError."""
    grant = papers.grant.record
    if grant.builder != trainer.public_key.hex() or grant.card != dataset.card.digest:
        raise GrantError("the grant is for another builder or another card than this dataset is lent to and has")
    left = dataset.ledger.budget().remaining
    if not 1 <= openings <= left:
        raise BudgetError(f"expected 1 to {left} openings to lend, as many as are left; got {openings}")
    with new_directory(target) as draft:
        matrix, seed = dataset.open(owner, progress)
        # never the same ones again, whatever happens next: two copies of one opening would each be spent
        lent = [dataset.ledger.spend("lent", now) for _ in range(openings)]
        named = digest(canonical(dataset.card.record.commitment))
        Ledger.lend(draft / LEDGER_FILE, named, dataset.commitment.openings, lent, now)
        write_rows(draft / ROWS_FILE, trainer, named, matrix, seed, progress)
        write_new(draft / CARD_FILE, dataset.card.envelope)
        write_new(draft / PROOF_FILE, dataset.proof)
        write_new(draft / GRANT_FILE, papers.grant.envelope)
        write_new(draft / PROMISE_FILE, papers.promise.envelope)
        if papers.waiver is not None:
            write_new(draft / WAIVER_FILE, papers.waiver.envelope)


def lent_papers(directory: Path) -> Papers | None:
    """What was signed for the rows in a directory that was lent; None for a dataset of one's own."""
    if not (directory / GRANT_FILE).is_file():
        return None
    waiver = directory / WAIVER_FILE
    return Papers(
        open_signed(read_bytes(directory / GRANT_FILE, MAX_BYTES, "grant"), Grant),
        open_signed(read_bytes(waiver, MAX_BYTES, "waiver"), Waiver) if waiver.is_file() else None,
        open_signed(read_bytes(directory / PROMISE_FILE, MAX_BYTES, "promise"), CoinPromise),
    )
