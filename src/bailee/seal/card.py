"""Seals a table: encodes, commits, proves, encrypts and signs, into a directory that appears whole or not at all.

    card.json        the signed card                     rows.sealed      rows and seed, to the owner alone
    card.proof       proof that the rows fit the schema  openings.jsonl   which openings are spent (budget.py)
    old-card.json, equal.proof                           in a resealed dataset only
    renewed/                                             while a reseal is being finished, the dataset it makes

The verifier's half is `bailee.statements.card`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from hmac import compare_digest
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from bailee.adapters.files import lock, move_directory, new_directory, read_bytes, sweep, write_new
from bailee.errors import BudgetError, InputError, StorageError
from bailee.keys import Identity, Secret
from bailee.records import Card, Renewal, Signed, canonical, digest, open_signed, sign, time_text
from bailee.records.canonical import MAX_BYTES
from bailee.records.schema import Schema
from bailee.seal.budget import DEFAULT_OPENINGS, Ledger, check_openings
from bailee.seal.progress import Progress

if TYPE_CHECKING:  # loaded where it is used: to look at a dataset without its rows takes no array
    import numpy as np
    from numpy.typing import NDArray

    from bailee.adapters.tables import Source
    from bailee.argument.commitment import CommittedVector
    from bailee.argument.commitment_record import Commitment

    Matrix = NDArray[np.int64]

CARD_FILE = "card.json"
PROOF_FILE = "card.proof"
ROWS_FILE = "rows.sealed"
LEDGER_FILE = "openings.jsonl"
OLD_CARD_FILE = "old-card.json"
EQUAL_FILE = "equal.proof"
RENEWED = "renewed"
MAX_PROOF_BYTES = 1 << 28


class CardProver(Protocol):
    """What sealing needs of the argument system. `seed` is 32 bytes; an `opening` is an index below `openings`."""

    def commit(self, matrix: Matrix, openings: int, seed: bytes) -> Commitment: ...

    def valid(
        self, schema: Schema, matrix: Matrix, seed: bytes, openings: int, opening: int, context: bytes
    ) -> bytes: ...

    def equal(self, matrix: Matrix, old: tuple[bytes, int, int], new: tuple[bytes, int, int], context: bytes) -> bytes:
        """`old` and `new` are (seed, openings, opening)."""


class ArgumentProver:
    """The argument system's own. It keeps the commitment it made last, which is proved next."""

    def __init__(self) -> None:
        self._seed = b""
        self._committed: CommittedVector | None = None

    def commit(self, matrix: Matrix, openings: int, seed: bytes) -> Commitment:
        from bailee.statements.dataset import commit_rows

        self._seed, self._committed = seed, commit_rows(matrix, openings, seed)
        return self._committed.record

    def valid(self, schema: Schema, matrix: Matrix, seed: bytes, openings: int, opening: int, context: bytes) -> bytes:
        from bailee.statements.card import dataset_claim
        from bailee.statements.dataset import prove_dataset

        known = self._committed if compare_digest(seed, self._seed) else None
        return prove_dataset(dataset_claim(schema, len(matrix)), matrix, seed, openings, opening, context, known)

    def equal(self, matrix: Matrix, old: tuple[bytes, int, int], new: tuple[bytes, int, int], context: bytes) -> bytes:
        from bailee.statements.reseal import prove_equal

        return prove_equal(matrix, *old, *new, context)


@dataclass(frozen=True)
class Dataset:
    """A sealed dataset on disk, as its owner sees it without its rows."""

    directory: Path
    card: Signed[Card]

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.directory / LEDGER_FILE)

    @property
    def commitment(self) -> Commitment:
        from bailee.argument.commitment_record import Commitment

        return Commitment.from_json(self.card.record.commitment)

    @property
    def proof(self) -> bytes:
        return read_bytes(self.directory / PROOF_FILE, MAX_PROOF_BYTES, "proof")

    @property
    def renewal(self) -> tuple[Signed[Card], bytes] | None:
        """The card this one renews and the equality proof, in a resealed dataset."""
        if self.card.record.renews is None:
            return None
        old = read_bytes(self.directory / OLD_CARD_FILE, MAX_BYTES, "card")
        return open_signed(old, Card), read_bytes(self.directory / EQUAL_FILE, MAX_PROOF_BYTES, "proof")

    def open(self, owner: Identity, progress: Progress | None = None) -> tuple[Matrix, Secret]:
        """(encoded rows, commitment seed), for the owner's own process only. StorageError: not its own, damaged."""
        from bailee.seal.sealed import read_rows

        named = digest(canonical(self.card.record.commitment))
        matrix, seed = read_rows(self.directory / ROWS_FILE, owner, named, progress)
        if matrix.shape != (self.card.record.rows, len(self.card.record.columns)):
            raise StorageError(f"{self.directory}: the sealed rows have another shape than the card; restore the files")
        return matrix, seed


def open_dataset(directory: Path) -> Dataset:
    """The dataset at `directory`, its card's form and signature checked. InputError, RecordError, SignatureError."""
    return Dataset(directory, open_signed(read_bytes(directory / CARD_FILE, MAX_BYTES, "card"), Card))


def seal(
    owner: Identity,
    schema: Schema,
    table: Source,
    target: Path,
    created: datetime,
    openings: int = DEFAULT_OPENINGS,
    ceiling: int | None = None,
    progress: Progress | None = None,
    prover: CardProver | None = None,
) -> Dataset:
    """A new sealed dataset at `target` (which must not exist) from a CSV or Parquet file or a table in memory.

    `ceiling`: bytes of memory that proving may need; None is 40 % of the machine's. Progress steps are encode,
    commit, prove and encrypt. Raises InputError, SchemaError, StatementError, StorageError; `target` is then absent.
    """
    from bailee.seal.encode import encode
    from bailee.seal.sealed import fresh_seed

    check_openings(openings)
    with new_directory(target) as draft:
        matrix = encode(table, schema, ceiling, progress)
        draft_card = Card(
            owner=owner.public_key.hex(),
            name=schema.name,
            owner_name=owner.name,
            schema=schema.to_json(),
            rows=len(matrix),
            columns=schema.layout.names,
            commitment={},
            opening=0,
            proof=digest(b""),
            created=time_text(created),
            renews=None,
        )
        argument = prover or ArgumentProver()
        seed = fresh_seed()
        commitment = _commit(argument, matrix, openings, seed, progress)
        card = replace(draft_card, commitment=commitment.to_json())
        signed = _write_dataset(draft, owner, schema, card, matrix, seed, created, argument, progress)
    return Dataset(target, signed)


def reseal(
    owner: Identity,
    old: Dataset,
    target: Path,
    created: datetime,
    openings: int = DEFAULT_OPENINGS,
    progress: Progress | None = None,
    prover: CardProver | None = None,
) -> Dataset:
    """The same rows under a fresh commitment with `openings` new openings, and a proof that they are the same.

    Spends the opening of `old` that is kept for this. The new dataset is first completed inside the old one's
    directory; only then is the opening written off, and only then does anything leave. So a reseal that was killed
    is either begun again, with nothing shown, or finished by the next call. Raises BudgetError, StorageError.
    """
    check_openings(openings)
    ready = old.directory / RENEWED
    if target.exists() or target.is_symlink():
        raise InputError(f"{target} exists already; nothing is overwritten: choose another name, or move it away")
    with lock(old.directory):
        if not ready.exists():
            if not old.ledger.budget().can_reseal:
                raise BudgetError(f"{old.directory} was resealed already; use the dataset it became, or seal again")
            sweep(old.directory)
            with new_directory(ready) as draft:
                _renew(draft, owner, old, created, openings, prover or ArgumentProver(), progress)
        new = open_dataset(ready)
        old.ledger.spend_last("reseal", created, new.card.digest)
        move_directory(ready, target)
    return Dataset(target, new.card)


def _renew(
    draft: Path,
    owner: Identity,
    old: Dataset,
    created: datetime,
    openings: int,
    prover: CardProver,
    progress: Progress | None,
) -> None:
    """A whole resealed dataset in `draft`."""
    from bailee.seal.sealed import fresh_seed
    from bailee.statements.card import renewal_context

    matrix, old_seed = old.open(owner, progress)
    schema = Schema.from_json(old.card.record.schema)
    seed = fresh_seed()
    commitment = _commit(prover, matrix, openings, seed, progress)
    before = old.commitment
    last = before.openings - 1
    context = renewal_context(owner.public_key.hex(), old.card.digest, before, commitment)
    _tell(progress, "equality", 0.0)
    proof = prover.equal(matrix, (old_seed.reveal(), before.openings, last), (seed.reveal(), openings, 1), context)
    _tell(progress, "equality", 1.0)
    write_new(draft / OLD_CARD_FILE, old.card.envelope)
    write_new(draft / EQUAL_FILE, proof)
    card = replace(
        old.card.record,
        owner_name=owner.name,
        commitment=commitment.to_json(),
        opening=0,
        created=time_text(created),
        renews=Renewal(old.card.digest, before.to_json(), last, 1, digest(proof)),
    )
    _write_dataset(draft, owner, schema, card, matrix, seed, created, prover, progress)


def _commit(prover: CardProver, matrix: Matrix, openings: int, seed: Secret, progress: Progress | None) -> Commitment:
    _tell(progress, "commit", 0.0)
    commitment = prover.commit(matrix, openings, seed.reveal())
    _tell(progress, "commit", 1.0)
    return commitment


def _write_dataset(
    draft: Path,
    owner: Identity,
    schema: Schema,
    card: Card,
    matrix: Matrix,
    seed: Secret,
    created: datetime,
    prover: CardProver,
    progress: Progress | None,
) -> Signed[Card]:
    """All files of a dataset into `draft`; the card gets its proof and its signature."""
    from bailee.argument.commitment_record import Commitment
    from bailee.seal.sealed import write_rows
    from bailee.statements.card import card_context

    openings = Commitment.from_json(card.commitment).openings
    named = digest(canonical(card.commitment))
    ledger = Ledger.create(draft / LEDGER_FILE, named, openings)
    context = card_context(card)
    opening = ledger.spend("card", created, digest(context))
    if card.renews is not None:
        ledger.spend("reseal", created, card.renews.proof)
    _tell(progress, "prove", 0.0)
    proof = prover.valid(schema, matrix, seed.reveal(), openings, opening, context)
    _tell(progress, "prove", 1.0)
    signed = sign(replace(card, proof=digest(proof)), owner)
    write_new(draft / PROOF_FILE, proof)
    write_rows(draft / ROWS_FILE, owner.public, named, matrix, seed, progress)
    write_new(draft / CARD_FILE, signed.envelope)
    return signed


def _tell(progress: Progress | None, step: str, part: float) -> None:
    if progress is not None:
        progress(step, part)
