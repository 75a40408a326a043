"""What a release says of a model: read from its passport and the cards beside it, and from nothing else.

Whoever asks for facts has verified the passport first (`bailee release` does); here only form, signature and digests
are checked again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bailee.adapters.files import read_bytes
from bailee.records import Card, Json, Passport, Signed, digest, open_signed
from bailee.records.canonical import MAX_BYTES
from bailee.records.model import ModelPassport
from bailee.records.passports import open_any_passport
from bailee.records.schema import Schema
from bailee.release.model import attachment
from bailee.statements.network.plan import VERSION, ModelPlan, plan_version
from bailee.statements.plan import Plan


@dataclass(frozen=True)
class Checked:
    """What the check of the passport told. bits: a false statement passes with 2^-bits; revoked: by the card's digest,
    grants taken back after the training; not_checked: what only a node of the plan's ledger can tell."""

    started: str
    bits: float
    revoked: Mapping[str, str] = field(default_factory=dict)
    not_checked: tuple[str, ...] = ()


@dataclass(frozen=True)
class Measured:
    """One proven number. rows: which ("everyone" or a group); said: "exactly 4", "at least 0.7"."""

    what: str
    rows: str
    said: str


@dataclass(frozen=True)
class Evaluated:
    """A verified evaluation of this very model. record: digest of its envelope; trained_on: whether its rows trained
    the model."""

    record: str
    owner_name: str
    dataset: str
    rows: int
    trained_on: bool | None
    measured: tuple[Measured, ...]


@dataclass(frozen=True)
class Dataset:
    """One owner's part. epsilon, delta: of this owner's rows, where the passport says so for each owner."""

    card: Signed[Card] = field(repr=False)
    grant: str
    share: str
    epsilon: str | None
    delta: str | None
    waived: bool

    @property
    def title(self) -> str:
        return f"{self.card.record.name} of {self.card.record.owner_name}"

    @property
    def schema(self) -> Schema:
        return Schema.from_json(self.card.record.schema)


@dataclass(frozen=True)
class Facts:
    """passport: hex BLAKE3 and SHA-256 of its envelope; model: (name, hex BLAKE3) that the passport is about; widths:
    features, hidden layers, outputs; epsilon, delta: of every owner's rows alike, None where owners differ or nothing
    is promised."""

    envelope: bytes = field(repr=False)
    passport: str
    record: Passport | ModelPassport = field(repr=False)
    model: str
    loss: str
    widths: tuple[int, ...]
    datasets: tuple[Dataset, ...]
    checked: Checked
    evaluated: tuple[Evaluated, ...] = ()

    @property
    def plan(self) -> Mapping[str, Json]:
        return self.record.plan

    @property
    def name(self) -> str:
        return str(self.plan["name"])

    @property
    def purpose(self) -> str:
        return str(self.plan["purpose"])

    @property
    def builder(self) -> str:
        """As others name the key: ed25519 and its 64 hex digits."""
        return f"ed25519:{self.record.builder}"

    @property
    def published(self) -> bool:
        return isinstance(self.record, Passport) or self.record.revealed is not None

    @property
    def unprotected(self) -> bool:
        return isinstance(self.record, ModelPassport) and self.record.epsilon is None

    @property
    def rows(self) -> int:
        return sum(dataset.card.record.rows for dataset in self.datasets)


def facts_of(path: Path, checked: Checked, evaluated: tuple[Evaluated, ...] = ()) -> Facts:
    """Of the passport at `path`, its attachments beside it. Raises PassportError, RecordError, SignatureError."""
    data = read_bytes(path, MAX_BYTES, "passport")
    record = open_any_passport(data)
    datasets = _datasets(path, record)
    loss, widths = _shape(record, datasets[0].schema)
    model = record.subjects()[0][1]
    return Facts(data, digest(data), record, model, loss, widths, datasets, checked, evaluated)


def _datasets(path: Path, record: Passport | ModelPassport) -> tuple[Dataset, ...]:
    found = []
    if isinstance(record, Passport):
        for owner in record.owners:
            card = open_signed(attachment(path, owner.card), Card)
            found.append(Dataset(card, owner.grant, owner.share, owner.epsilon, owner.delta, False))
    else:
        for lent in record.owners:
            card = open_signed(attachment(path, lent.card), Card)
            delta = None if record.epsilon is None else record.delta
            found.append(Dataset(card, lent.grant, lent.share, record.epsilon, delta, lent.waiver is not None))
    return tuple(found)


def _shape(record: Passport | ModelPassport, schema: Schema) -> tuple[str, tuple[int, ...]]:
    """(loss, widths of the layers from the features on)."""
    names = schema.layout.names
    if plan_version(record.plan) != VERSION:  # a logistic session's
        return "logistic", (sum(Plan.from_mapping(record.plan).released(names)) - 1, 1)
    plan = ModelPlan.from_mapping(record.plan)
    return plan.loss, (sum(plan.used(names)) - 1, *plan.hidden, len(plan.labels(names)))
