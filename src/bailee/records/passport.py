"""The passport of a model: the signed chain from sealed rows to trained weights, by digest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from bailee.errors import RecordError
from bailee.records.canonical import Json, canonical, digest
from bailee.records.envelope import Record, Signed, open_signed, predicate_type_of
from bailee.records.fields import Count, Decimal, Hex32, Name, Time

NETWORK_PLANS = (2, 4)
"""Versions of the plans that train networks."""


@dataclass(frozen=True)
class Contribution:
    """One owner's part, by digests of envelopes (and of the two proofs' bytes)."""

    owner: Hex32
    name: Name
    rows: Count
    card: Hex32
    card_proof: Hex32
    grant: Hex32
    noise: Hex32
    coin: Hex32
    rounds: tuple[Hex32, ...]
    proven: Hex32
    proof: Hex32
    epsilon: Decimal
    delta: Decimal
    share: Decimal
    """Part of the whole in [0, 1], by proven use."""


@dataclass(frozen=True)
class Passport(Record):
    KIND: ClassVar[str] = "passport"
    SIGNER: ClassVar[str] = "builder"

    session: Hex32
    builder: Hex32
    builder_name: Name
    plan: Mapping[str, Json]
    invite: Hex32
    builder_coin: Hex32
    closing: Hex32
    owners: tuple[Contribution, ...]
    columns: tuple[Name, ...]
    weights: tuple[int, ...]
    """The trained weights at 14 fractional bits: one a column, or all tensors of a plan of version 2, one by one."""
    accounting: Mapping[str, Json]
    """How epsilon and delta were reached: accountant, mechanism, multiplier, rounds, relation."""
    created: Time

    def require(self) -> None:
        keys = [contribution.owner for contribution in self.owners]
        if not keys or len(set(keys)) != len(keys):
            raise RecordError("passport: expected at least one owner, each named once")
        flat = self.plan.get("version") in NETWORK_PLANS  # tensors, one after the other
        if not flat and len(self.weights) != len(self.columns):
            raise RecordError(f"passport: {len(self.columns)} columns but {len(self.weights)} weights")

    def subjects(self) -> tuple[tuple[str, str], ...]:
        weights = digest(canonical({"columns": list(self.columns), "weights": list(self.weights)}))
        return (("model", weights), ("plan", digest(canonical(self.plan))))


@dataclass(frozen=True)
class AnchoredPassport(Passport):
    """Version 2: of a plan that names a ledger."""

    VERSION: ClassVar[int] = 2

    anchor: Hex32
    """Digest of the anchor's envelope."""


PASSPORTS: tuple[type[Passport], ...] = (Passport, AnchoredPassport)
"""Every version of the record."""


def open_passport(data: bytes, expected_signer: bytes | None = None) -> Signed[Passport]:
    """A passport of either version. Raises as `open_signed` does."""
    anchored = predicate_type_of(data) == AnchoredPassport.predicate_type()
    return open_signed(data, AnchoredPassport if anchored else Passport, expected_signer)
