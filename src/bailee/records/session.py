"""What the parties of one training session sign for each other, in the order in which it is said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from bailee.errors import RecordError
from bailee.records.canonical import Json, canonical, digest
from bailee.records.envelope import Record
from bailee.records.fields import Count, Decimal, Hex32, Time


@dataclass(frozen=True)
class Entrant:
    """An owner asked to take part, with the digests of the card and the grant it takes part under."""

    owner: Hex32
    card: Hex32
    grant: Hex32


@dataclass(frozen=True)
class Invite(Record):
    KIND: ClassVar[str] = "invite"
    SIGNER: ClassVar[str] = "builder"

    session: Hex32
    builder: Hex32
    plan: Mapping[str, Json]
    terms: Mapping[str, Json]
    """What follows from the plan and the cards: columns, rows, row norm bound, lattice shift, noise scale."""
    owners: tuple[Entrant, ...]
    coin_commitment: Hex32
    """The builder's commitment to its coin; owners commit to theirs in NoiseCommitment."""
    created: Time

    def require(self) -> None:
        keys = [entrant.owner for entrant in self.owners]
        if not keys or len(set(keys)) != len(keys):
            raise RecordError("invite: expected at least one owner, each named once")
        if self.builder in keys:
            raise RecordError("invite: the builder takes part as an owner; its coin would not be its own: use two keys")

    def subjects(self) -> tuple[tuple[str, str], ...]:
        return (("session", self.session), ("plan", digest(canonical(self.plan))))


@dataclass(frozen=True)
class NoiseCommitment(Record):
    """Said by an owner before any coin is known: its noise is fixed from here on."""

    KIND: ClassVar[str] = "noise-commitment"
    SIGNER: ClassVar[str] = "owner"

    session: Hex32
    owner: Hex32
    commitment: Mapping[str, Json]
    coin_commitment: Hex32

    def subjects(self) -> tuple[tuple[str, str], ...]:
        return (("session", self.session), ("noise", digest(canonical(self.commitment))))


@dataclass(frozen=True)
class Coin(Record):
    """A party's share of the joint randomness, opened after every commitment is in."""

    KIND: ClassVar[str] = "coin"
    SIGNER: ClassVar[str] = "party"

    session: Hex32
    party: Hex32
    coin: Hex32

    def subjects(self) -> tuple[tuple[str, str], ...]:
        return (("session", self.session),)


@dataclass(frozen=True)
class Iterate(Record):
    """The weights at which the builder asks for the sums of one round."""

    KIND: ClassVar[str] = "iterate"
    SIGNER: ClassVar[str] = "builder"

    session: Hex32
    builder: Hex32
    round: Count
    weights: tuple[int, ...]
    """At 14 fractional bits, one a column (all tensors, for a plan of version 2), 0 where nothing is released."""

    def subjects(self) -> tuple[tuple[str, str], ...]:
        return (("session", self.session), ("weights", digest(canonical(list(self.weights)))))


@dataclass(frozen=True)
class Round(Record):
    """One owner's noisy gradient sums in one round."""

    KIND: ClassVar[str] = "round"
    SIGNER: ClassVar[str] = "owner"

    session: Hex32
    owner: Hex32
    round: Count
    weights: Hex32
    """Digest of the canonical list of the weights (integers) the sums were taken at."""
    sums: tuple[int, ...]
    """In lattice units, in the order of the weights, 0 where nothing is released."""

    def subjects(self) -> tuple[tuple[str, str], ...]:
        return (("session", self.session), ("weights", self.weights))


@dataclass(frozen=True)
class Closing(Record):
    """The builder's word that the rounds are over: from here on owners prove, and only this transcript."""

    KIND: ClassVar[str] = "closing"
    SIGNER: ClassVar[str] = "builder"

    session: Hex32
    builder: Hex32
    transcript: Hex32
    """Digest of the canonical list of the digests of all messages: invite, noise commitments, coins, rounds."""

    def subjects(self) -> tuple[tuple[str, str], ...]:
        return (("session", self.session), ("transcript", self.transcript))


@dataclass(frozen=True)
class Proven(Record):
    """An owner's proof over all its rounds at once."""

    KIND: ClassVar[str] = "proven"
    SIGNER: ClassVar[str] = "owner"

    session: Hex32
    owner: Hex32
    statement: Hex32
    """Digest of the canonical bytes of the statement proven (the proof's context)."""
    proof: Hex32
    """Digest of the proof's bytes."""
    opening: Count
    """The dataset commitment's opening that was spent."""
    seconds: Decimal
    """Wall time to prove."""
    created: Time

    def subjects(self) -> tuple[tuple[str, str], ...]:
        return (("session", self.session), ("proof", self.proof))
