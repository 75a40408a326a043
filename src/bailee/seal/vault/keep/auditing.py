"""Audits: a store is asked for random pieces, and what came of it goes to the ledger and the log (docs/vault.md, 8)."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Self

from blake3 import blake3

from bailee.adapters.catalogue import Unit
from bailee.adapters.catalogue.keeping import add_audit, list_audits, packed_blobs, store_numbers
from bailee.adapters.catalogue.tables import blobs
from bailee.adapters.files import storage_errors, write_atomic
from bailee.errors import ConflictError, InputError, StoreError
from bailee.records import Signed, open_signed, sign, time_text
from bailee.records.possession import MAX_SAMPLES, OWN_RANDOMNESS, Audit, Challenge, Holding, samples_for
from bailee.records.possession_file import AnswerWriter
from bailee.seal.vault.blobs.layout import Layout
from bailee.seal.vault.facts import Blob, Code
from bailee.seal.vault.journal import entry
from bailee.seal.vault.keep.challenge import Fault, Held, Stock, answer
from bailee.seal.vault.keep.keeping import SELECT_BLOB, Keeping, find_blob, queue_repair
from bailee.seal.vault.keep.throttle import Throttle, Throttled
from bailee.seal.vault.rows import StoreNumbers

HOLDING, CHALLENGE, ANSWER = "holding.json", "challenge.json", "answer.possession"
"""What an audit leaves for others to check, in a folder."""
_PAGE = 2000
_TRIES = 3


@dataclass(frozen=True)
class Audited:
    """What an audit found. faults: fragments that did not show their pieces; `record.missing` counts samples."""

    record: Signed[Audit]
    holding: Signed[Holding]
    challenge: Signed[Challenge]
    faults: tuple[Fault, ...]
    read: int
    """Bytes read from the store."""

    @property
    def passed(self) -> bool:
        return self.record.record.missing == 0


@dataclass(frozen=True)
class Randomness:
    """32 bytes that the store could not know before, and where they are from, so that others can look them up."""

    value: bytes
    source: str

    def __post_init__(self) -> None:
        if len(self.value) != 32:
            raise InputError(f"expected 32 bytes of randomness, got {len(self.value)}")

    @classmethod
    def own(cls) -> Self:
        return cls(secrets.token_bytes(32), OWN_RANDOMNESS)


def audit(
    keeping: Keeping,
    store: str,
    *,
    samples: int | None = None,
    loss: float = 0.01,
    confidence: float = 0.999,
    randomness: Randomness | None = None,
    folder: Path | None = None,
    rate: float | None = None,
) -> Audited:
    """Ask a store for so many pieces that a loss of a part `loss` of them is found with probability `confidence`.

    The result is signed and goes to the ledger; fragments that are missing or wrong are queued for repair. folder: gets
    holding, challenge and, where nothing is missing, the answer: anybody checks them with `bailee.verify.possession`.
    Raises NotFoundError, InputError where the store holds nothing, ConflictError where it changes all the time.
    """
    keeping.entry(store)
    for _ in range(_TRIES):
        stock = stock_of(keeping, store)
        count = samples if samples is not None else samples_for(loss, confidence, max(1, stock.pieces))
        created = time_text(datetime.fromtimestamp(keeping.time.now(), UTC))
        holding = stock.sign(keeping.keyring.identity, store, created)
        drawn = randomness or Randomness.own()
        key = keeping.keyring.identity.public_key.hex()
        asked = sign(
            Challenge(key, holding.digest, drawn.value.hex(), drawn.source, min(count, MAX_SAMPLES), created),
            keeping.keyring.identity,
        )
        audited = _ask(keeping, store, stock, holding, asked, folder, rate)
        if not any(fault.is_void for fault in audited.faults):
            _keep(keeping, audited)
            return audited
    raise ConflictError(f"fragments on {store} were moved or erased while it was asked for them; audit again later")


def stock_of(keeping: Keeping, store: str) -> Stock:
    """All that the catalogue says the store holds, now."""
    return Stock(_held(keeping, store))


def ledger(keeping: Keeping, store: str | None = None, limit: int = 1000) -> tuple[Signed[Audit], ...]:
    """Results of audits, the newest first, their signatures checked."""
    with keeping.catalogue.reading() as connection:
        found = list_audits(connection, store, limit)
    return tuple(open_signed(one.envelope, Audit, keeping.keyring.identity.public_key) for one in found)


def _held(keeping: Keeping, store: str) -> Iterator[Held]:
    sizes: dict[tuple[int, int, int], int] = {}
    after = 0
    while True:
        with keeping.catalogue.reading() as connection:
            numbers = {name: number for number, name in store_numbers(connection).items()}
            page = packed_blobs(connection, after, _PAGE)
        if not page or store not in numbers:
            return
        high, low = numbers[store].to_bytes(2, "big")
        for row, _, k, n, length, fragments in page:
            lows, index = fragments[1::34], -1  # of the stores' numbers: every fragment would be a million loops
            while (index := lows.find(low, index + 1)) >= 0:
                if fragments[34 * index] == high:
                    shape = (k, n, length)
                    if shape not in sizes:
                        sizes[shape] = Layout(Code(k, n), length).segments
                    yield Held(row, index, sizes[shape], fragments[34 * index + 2 : 34 * index + 34])
        after = page[-1].row


def _ask(
    keeping: Keeping,
    store: str,
    stock: Stock,
    holding: Signed[Holding],
    asked: Signed[Challenge],
    folder: Path | None,
    rate: float | None,
) -> Audited:
    throttle = Throttle(rate)
    samples = min(asked.record.samples, stock.pieces)
    with ExitStack() as open_files:
        target: BinaryIO | None = None
        if folder is not None:
            with storage_errors(folder):
                folder.mkdir(parents=True, exist_ok=True)
                (folder / ANSWER).unlink(missing_ok=True)
                target = open_files.enter_context((folder / f".{ANSWER}").open("wb"))
            write_atomic(folder / HOLDING, holding.envelope)
            write_atomic(folder / CHALLENGE, asked.envelope)
        sink = _Hashing(target)
        with storage_errors(folder or Path()):
            writer = AnswerWriter(sink, bytes.fromhex(asked.digest), samples)
            if store in keeping.stores:
                there = Throttled(keeping.stores[store], throttle)
                faults = answer(stock, holding, asked, there, keeping.keyring.naming, _finder(keeping), writer)
            else:
                faults = (Fault(0, 0, samples, StoreError(f"store {store} cannot be opened")),)
    if folder is not None:
        with storage_errors(folder):
            if faults:
                (folder / f".{ANSWER}").unlink()
            else:
                (folder / f".{ANSWER}").replace(folder / ANSWER)
    missing = sum(fault.samples for fault in faults)
    identity = keeping.keyring.identity
    record = Audit(
        auditor=identity.public_key.hex(), store=store, holding=holding.digest, challenge=asked.digest, samples=samples,
        missing=missing, answer=None if missing else sink.digest(), created=asked.record.created,
    )  # fmt: skip
    return Audited(sign(record, identity), holding, asked, faults, throttle.read)


def _finder(keeping: Keeping) -> Callable[[int], Blob | None]:
    def find(row: int) -> Blob | None:
        with keeping.catalogue.reading() as connection:
            found = connection.execute(SELECT_BLOB.where(blobs.c.row == row)).first()
            return None if found is None else StoreNumbers(connection).to_blob(found)

    return find


def _keep(keeping: Keeping, audited: Audited) -> None:
    record, now = audited.record, keeping.time.now()
    gone: dict[int, dict[int, str]] = {}
    for fault in audited.faults:
        if fault.is_gone:
            gone.setdefault(fault.row, {})[fault.index] = str(fault.error)
    find = _finder(keeping)
    found = {blob.id: faults for row, faults in gone.items() if (blob := find(row)) is not None}

    def keep(unit: Unit) -> None:
        add_audit(unit.connection, record.record.store, now, audited.passed, record.envelope)
        unit.log(entry("audit", now, record=record.digest, passed=audited.passed))
        for blob_id, faults in found.items():
            if find_blob(unit.connection, blob_id) is not None:
                queue_repair(unit.connection, blob_id, faults, now)

    keeping.catalogue.change(keep)


class _Hashing:
    """A file that knows the digest of what was written to it; without a file it only counts."""

    def __init__(self, file: BinaryIO | None) -> None:
        self._file, self._hash = file, blake3()

    def write(self, data: bytes) -> int:
        self._hash.update(data)
        if self._file is not None:
            self._file.write(data)
        return len(data)

    def digest(self) -> str:
        return self._hash.hexdigest()
