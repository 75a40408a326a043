"""What is signed when a model is trained with all weights committed: the opening, its coins, waivers, the passport.

docs/sessions.md (hidden mode) says what the fields mean together. The trainer alone speaks, but for grants, waivers
and coins: what it says is proven chunk by chunk, and recomputed by `bailee.verify.model`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from bailee.errors import RecordError
from bailee.records.canonical import Json, canonical, digest
from bailee.records.envelope import Record, Signed, open_signed, predicate_type_of
from bailee.records.fields import Count, Decimal, Hex32, Name, Time


@dataclass(frozen=True)
class Waiver(Record):
    """An owner's word that its rows may train a model without any privacy: beside the grant, never instead of it."""

    KIND: ClassVar[str] = "waiver"
    SIGNER: ClassVar[str] = "owner"

    owner: Hex32
    grant: Hex32
    """Digest of the grant's envelope."""
    plan: Hex32
    """Digest of the unprotected plan."""
    created: Time

    def subjects(self) -> tuple[tuple[str, str], ...]:
        return (("grant", self.grant), ("plan", self.plan))


@dataclass(frozen=True)
class CoinPromise(Record):
    """A party's commitment to a coin, given before a run begins to whoever is to name it in the run's opening."""

    KIND: ClassVar[str] = "coin-promise"
    SIGNER: ClassVar[str] = "party"

    party: Hex32
    plan: Hex32
    """Digest of the plan the coin is for."""
    promise: Hex32
    created: Time

    def subjects(self) -> tuple[tuple[str, str], ...]:
        return (("promise", self.promise), ("plan", self.plan))


@dataclass(frozen=True)
class Lender:
    """An owner whose rows the trainer holds, as the opening names it."""

    owner: Hex32
    card: Hex32
    grant: Hex32
    waiver: Hex32 | None


@dataclass(frozen=True)
class Promise:
    """A party's commitment to its coin."""

    party: Hex32
    promise: Hex32


@dataclass(frozen=True)
class ModelOpening(Record):
    """Said by the trainer before any coin is known: data, plan, terms and the noise of every chunk are fixed here."""

    KIND: ClassVar[str] = "model-opening"
    SIGNER: ClassVar[str] = "builder"

    session: Hex32
    builder: Hex32
    plan: Mapping[str, Json]
    terms: Mapping[str, Json]
    """What follows from plan and cards, and the trainer's choice of chunks: columns, chunk_steps, laps, noise."""
    owners: tuple[Lender, ...]
    noise: tuple[Mapping[str, Json], ...]
    """The commitment to each chunk's uniforms, in order; none in an unprotected run."""
    orders: tuple[Mapping[str, Json], ...]
    """The commitment to the uniforms that order each dataset, as owners stand; none where rows stay as sealed."""
    promises: tuple[Promise, ...]
    """The parties that draw coins; none where there is neither noise nor a secret order."""
    created: Time

    def require(self) -> None:
        cards = [lender.card for lender in self.owners]
        if not cards or len(set(cards)) != len(cards):
            raise RecordError("model-opening: expected at least one dataset, each named once")
        parties = [promise.party for promise in self.promises]
        if len(set(parties)) != len(parties):
            raise RecordError("model-opening: a party draws two coins")
        if bool(self.noise or self.orders) != bool(self.promises):
            raise RecordError("model-opening: noise or orders go together with coins, or there is neither")

    def subjects(self) -> tuple[tuple[str, str], ...]:
        return (("session", self.session), ("plan", digest(canonical(self.plan))))


@dataclass(frozen=True)
class ModelCoin(Record):
    """A party's share of the noise's public half, drawn for one opening and no other."""

    KIND: ClassVar[str] = "model-coin"
    SIGNER: ClassVar[str] = "party"

    session: Hex32
    party: Hex32
    opening: Hex32
    """Digest of the signed opening: whoever says this has seen every noise commitment."""
    coin: Hex32

    def subjects(self) -> tuple[tuple[str, str], ...]:
        return (("session", self.session), ("opening", self.opening))


@dataclass(frozen=True)
class AnchoredModelCoin(ModelCoin):
    """Version 2: of a plan that names a ledger. Shown after the last spending, for one anchor and no other."""

    VERSION: ClassVar[int] = 2

    anchor: Hex32
    """Digest of the signed anchor: whoever says this has checked it."""


@dataclass(frozen=True)
class ProvenChunk:
    """One chunk: what it leads to and the proof that it does.

    `openings`: of its datasets, in the parts' order; of their shuffled rows where the order is secret.
    """

    boundary: Mapping[str, Json]
    """The commitment to the state after it."""
    openings: tuple[Count, ...]
    statement: Hex32
    """Digest of the bytes the proof is bound to."""
    proof: Hex32


@dataclass(frozen=True)
class ProvenShuffle:
    """One dataset in its secret order. `opening`: of the dataset's commitment, spent on this once for all chunks."""

    opening: Count
    shuffled: Mapping[str, Json]
    """The commitment to the rows in their order: what chunks read."""
    statement: Hex32
    """Digest of the bytes the proof is bound to."""
    proof: Hex32


@dataclass(frozen=True)
class ModelShare:
    """One owner's dataset in the model. `uses`: rows times passes over them, as proven."""

    owner: Hex32
    name: Name
    rows: Count
    card: Hex32
    card_proof: Hex32
    grant: Hex32
    waiver: Hex32 | None
    uses: Count
    share: Decimal
    """Part of the whole in [0, 1], by proven use."""


@dataclass(frozen=True)
class ModelPassport(Record):
    KIND: ClassVar[str] = "model-passport"
    SIGNER: ClassVar[str] = "builder"

    session: Hex32
    builder: Hex32
    builder_name: Name
    plan: Mapping[str, Json]
    opening: Hex32
    coins: tuple[Hex32, ...]
    """Digests of the signed coins, in the order of the opening's promises."""
    coins_drawn_by: Name
    """"trainer" where one process drew every coin, "parties" where others did: the trainer's word."""
    owners: tuple[ModelShare, ...]
    shuffles: tuple[ProvenShuffle, ...]
    """Of each owner's dataset; none where rows stay as sealed."""
    chunks: tuple[ProvenChunk, ...]
    revealed: Hex32 | None
    """Digest of the attachment that opens the last boundary: the model itself, where it is public."""
    epsilon: Decimal | None
    """What the model tells about one row, at `delta`; null where nothing is promised."""
    delta: Decimal
    accounting: Mapping[str, Json]
    created: Time

    def require(self) -> None:
        if not self.chunks or not self.owners:
            raise RecordError("model-passport: expected at least one chunk and one owner")
        if self.coins_drawn_by not in ("trainer", "parties", "nobody"):
            raise RecordError("model-passport: coins_drawn_by: expected trainer, parties or nobody")

    @property
    def model(self) -> Mapping[str, Json]:
        """The commitment to the trained model."""
        return self.chunks[-1].boundary

    def subjects(self) -> tuple[tuple[str, str], ...]:
        return (("model", digest(canonical(self.model))), ("plan", digest(canonical(self.plan))))


@dataclass(frozen=True)
class AnchoredModelPassport(ModelPassport):
    """Version 2: of a plan that names a ledger."""

    VERSION: ClassVar[int] = 2

    anchor: Hex32
    """Digest of the anchor's envelope."""
    spent: tuple[Hex32, ...]
    """Digest of each owner's signed word on its spending, in the owners' order."""

    def require(self) -> None:
        super().require()
        if len(self.spent) != len(self.owners):
            raise RecordError("model-passport: expected the word of each owner on its spending")


MODEL_PASSPORTS: tuple[type[ModelPassport], ...] = (ModelPassport, AnchoredModelPassport)
"""Every version of the record."""


def open_model_passport(data: bytes, expected_signer: bytes | None = None) -> Signed[ModelPassport]:
    """A model's passport of either version. Raises as `open_signed` does."""
    anchored = predicate_type_of(data) == AnchoredModelPassport.predicate_type()
    return open_signed(data, AnchoredModelPassport if anchored else ModelPassport, expected_signer)


def open_model_coin(data: bytes, expected_signer: bytes | None = None) -> Signed[ModelCoin]:
    """A coin of either version. Raises as `open_signed` does."""
    anchored = predicate_type_of(data) == AnchoredModelCoin.predicate_type()
    return open_signed(data, AnchoredModelCoin if anchored else ModelCoin, expected_signer)
