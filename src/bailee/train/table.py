"""A session under way, as the builder sees it: who sits at the table, what has been said, what is asked next.

Every message is checked as it comes and on disk before it is used. `builder.py` calls the steps in their order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from bailee.adapters.transport import Channel
from bailee.argument.commitment_record import Commitment
from bailee.errors import SessionError
from bailee.keys import Identity
from bailee.records import (
    Anchor,
    AnchoredPassport,
    Card,
    Closing,
    Coin,
    Contribution,
    Grant,
    Invite,
    Iterate,
    NoiseCommitment,
    Passport,
    Proven,
    Revocation,
    Round,
    Signed,
    Spent,
    canonical,
    digest,
    open_passport,
    open_signed,
    sign,
    time_text,
)
from bailee.statements.anchor import Expected
from bailee.statements.fixed_point import WEIGHT_BITS
from bailee.statements.session import (
    Link,
    context,
    joint_seed,
    opens_coin,
    share,
    transcript,
    weights_digest,
)
from bailee.statements.task import Iterates, Task
from bailee.train.consent import Consent, make_anchor
from bailee.train.events import Event
from bailee.train.folder import Folder
from bailee.train.holding import Setting
from bailee.train.proving import Checking, ProofCheck

Score = Callable[[NDArray[np.float64]], float]
"""Accuracy on the builder's public test rows of weights in real units, flat as in the passport."""


@dataclass(frozen=True)
class Guest:
    """One owner at the table: its channel and what it showed on coming in."""

    key: str
    channel: Channel
    card: Signed[Card]
    card_proof: bytes
    grant: Signed[Grant]


@dataclass
class Table:
    """A session under way: who sits at it and what has been said."""

    identity: Identity
    task: Task
    setting: Setting
    check: Checking
    score: Score | None
    guests: tuple[Guest, ...]
    invite: Signed[Invite]
    folder: Folder
    consent: Consent | None = None
    iterates: Iterates = field(init=False)
    noise: dict[str, Signed[NoiseCommitment]] = field(default_factory=dict)
    coins: dict[str, Signed[Coin]] = field(default_factory=dict)
    rounds: dict[str, list[Signed[Round]]] = field(default_factory=dict)
    weights: list[tuple[int, ...]] = field(default_factory=list)
    proven: dict[str, Signed[Proven]] = field(default_factory=dict)
    anchor: Signed[Anchor] | None = None
    closing: Signed[Closing] | None = None

    def __post_init__(self) -> None:
        self.iterates = self.task.iterates()

    @property
    def session(self) -> str:
        return self.invite.record.session

    @property
    def patience(self) -> float:
        return self.setting.patience

    def keep(self, data: bytes, what: str) -> str:
        """An attachment of the passport, under its digest."""
        name = digest(data)
        self.folder.put(f"attachments/{name}", data, what)
        return name

    def keep_hellos(self, revocations: Sequence[Signed[Revocation]]) -> None:
        self.keep(self.invite.envelope, "the invite")
        for guest in self.guests:
            for data in (guest.card.envelope, guest.card_proof, guest.grant.envelope):
                self.keep(data, f"what {guest.key[:16]} showed on coming in")
        for revocation in revocations:
            self.keep(revocation.envelope, "a revocation")

    def gather_commitments(self) -> None:
        """Every owner's noise commitment, then all of them to everybody: no coin is known yet."""
        for guest in self.guests:
            frame = self._hear(guest)
            said = open_signed(frame, NoiseCommitment, bytes.fromhex(guest.key))
            self._of_session(said.record.session, guest)
            self.folder.put(f"noise-{guest.key}.json", frame, f"the noise commitment of {guest.key[:16]}")
            self.keep(frame, "a noise commitment")
            self.noise[guest.key] = said
        self._tell([said.envelope for said in self.noise.values()])

    def _hear(self, guest: Guest) -> bytes:
        """The next message of an owner, or a SessionError that says whose is missing."""
        try:
            return guest.channel.receive(self.patience)
        except SessionError as error:
            raise SessionError(f"owner {guest.key[:16]}: {error}. If it refused, its own output says why") from None

    def gather_spendings(self) -> None:
        """Where the plan names a ledger: every owner's spending, and the block after the last of them as an anchor."""
        if self.consent is None:
            return
        spent: list[Signed[Spent]] = []
        owners: list[Expected] = []
        for guest in self.guests:
            said = open_signed(self._hear(guest), Spent, bytes.fromhex(guest.key))
            self._of_session(said.record.session, guest)
            if said.record.ledger != self.task.plan.ledger:
                raise SessionError(
                    f"owner {guest.key[:16]} spent on the ledger {said.record.ledger}, not on the plan's"
                )
            loss = self.task.loss(guest.card.record)
            noise = self.noise[guest.key].digest
            named = digest(canonical(guest.card.record.commitment))
            owners.append(Expected(guest.key, guest.grant.digest, noise, named, loss.epsilon, loss.delta))
            spent.append(said)
            self._watch(Event("spent", rounds=self.task.rounds, owner=guest.key))
        self.anchor = make_anchor(self.consent, self.identity, self.folder, spent, owners, self.patience)
        self.keep(self.anchor.envelope, "the anchor")
        self._watch(Event("anchored", rounds=self.task.rounds))
        self._tell([self.anchor.envelope])

    def gather_coins(self) -> None:
        """Every owner's coin, checked; then all of them and the builder's own to everybody."""
        for guest in self.guests:
            frame = self._hear(guest)
            said = open_signed(frame, Coin, bytes.fromhex(guest.key))
            self._of_session(said.record.session, guest)
            promise = self.noise[guest.key].record.coin_commitment
            if not opens_coin(self.session, guest.key, said.record.coin, promise):
                raise SessionError(f"the coin of {guest.key[:16]} is not the one it committed to")
            self.folder.put(f"coin-{guest.key}.json", frame, f"the coin of {guest.key[:16]}")
            self.coins[guest.key] = said
        identity = self.identity
        coin = self.folder.get_secret("coin.sealed", identity)
        if coin is None:
            raise SessionError("the builder's coin is missing from the session folder; start a new session")
        key = identity.public_key.hex()
        self.coins[key] = sign(Coin(self.session, key, coin.reveal().hex()), identity)
        for said in self.coins.values():
            self.keep(said.envelope, "a coin")
        self._tell([said.envelope for said in self.coins.values()])
        self._watch(Event("committed", rounds=self.task.rounds))

    def train(self) -> None:
        """All rounds: ask, add up, step."""
        curves = {guest.key: self.task.curve(guest.card.record) for guest in self.guests}
        self.rounds = {guest.key: [] for guest in self.guests}
        for index in range(self.task.rounds):
            used = self.iterates.weights
            self.weights.append(used)
            answers = self._ask(index, used)
            self.iterates.step([sum(column) for column in zip(*(said.record.sums for said in answers), strict=True)])
            spent = {key: curve[index] for key, curve in curves.items()}
            self._watch(Event("round", index + 1, self.task.rounds, "", spent, self._score()))

    def _ask(self, index: int, used: tuple[int, ...]) -> list[Signed[Round]]:
        """The answers of one round: those on disk already, and those asked for now (all asked before any is heard)."""
        identity = self.identity
        question = sign(Iterate(self.session, identity.public_key.hex(), index, used), identity).envelope
        missing = [guest for guest in self.guests if self.folder.get(self._round(guest, index)) is None]
        for guest in missing:
            guest.channel.send(question)
        answers: list[Signed[Round]] = []
        for guest in self.guests:
            asked = guest in missing
            frame = self._hear(guest) if asked else self.folder.need(self._round(guest, index))
            said = open_signed(frame, Round, bytes.fromhex(guest.key))
            self._of_session(said.record.session, guest)
            record = said.record
            if record.round != index or record.weights != weights_digest(used):
                raise SessionError(f"owner {guest.key[:16]} answered another round or other weights than it was asked")
            if not self.task.fits(record.sums):
                raise SessionError(f"owner {guest.key[:16]} answered with sums that do not fit the columns")
            self.folder.put(self._round(guest, index), frame, f"round {index + 1} of {guest.key[:16]}")
            self.keep(frame, "a round")
            self.rounds[guest.key].append(said)
            answers.append(said)
        return answers

    def gather_proofs(self) -> None:
        """Close the rounds, then hear and check every owner's proof."""
        identity = self.identity
        messages = transcript(
            [
                self.invite.digest,
                *(said.digest for said in self.noise.values()),
                *([self.anchor.digest] if self.anchor else []),
                *(said.digest for said in self.coins.values()),
                *(said.digest for guest in self.guests for said in self.rounds[guest.key]),
            ]
        )
        self.closing = sign(Closing(self.session, identity.public_key.hex(), messages), identity)
        self.keep(self.closing.envelope, "the closing")
        self._tell([self.closing.envelope])
        self._watch(Event("closing", self.task.rounds, self.task.rounds))
        for guest in self.guests:
            frame = self._hear(guest)
            said = open_signed(frame, Proven, bytes.fromhex(guest.key))
            proof = self._hear(guest)
            self._of_session(said.record.session, guest)
            self._check_proof(guest, said.record, proof, self.closing)
            self.keep(frame, "a proof's record")
            self.keep(proof, "a proof")
            self.proven[guest.key] = said
            seconds = float(said.record.seconds)
            self._watch(Event("proven", self.task.rounds, self.task.rounds, guest.key, seconds=seconds))

    def _check_proof(self, guest: Guest, said: Proven, proof: bytes, closing: Signed[Closing]) -> None:
        bound = context(self.task.statement, self._link(guest, closing))
        if digest(proof) != said.proof or said.statement != digest(bound):
            raise SessionError(f"owner {guest.key[:16]} proved another statement than this session's")
        seed = joint_seed(
            self.session,
            self.invite.digest,
            {key: value.digest for key, value in self.noise.items()},
            {key: value.record.coin for key, value in self.coins.items()},
            guest.key,
            self.anchor.record.beacon.hash if self.anchor else None,
        )
        sums = [value.record.sums for value in self.rounds[guest.key]]
        rows = guest.card.record.rows
        self.check(
            ProofCheck(
                task=self.task,
                claim=self.task.claim(rows, said.opening, self.weights, sums, self.task.coins(seed)),
                dataset=Commitment.from_json(guest.card.record.commitment),
                opening=said.opening,
                noise=Commitment.from_json(self.noise[guest.key].record.commitment),
                context=bound,
                proof=proof,
            )
        )

    def _link(self, guest: Guest, closing: Signed[Closing]) -> Link:
        return Link(
            session=self.session,
            owner=guest.key,
            plan=self.task.plan.digest,
            invite=self.invite.digest,
            card=guest.card.digest,
            grant=guest.grant.digest,
            noise=self.noise[guest.key].digest,
            closing=closing.digest,
        )

    def passport(self) -> Signed[Passport]:
        """The passport, made once: a resumed builder finds the one it made."""
        kept = self.folder.get("passport.json")
        if kept is not None:
            return open_passport(kept, self.identity.public_key)
        if self.closing is None:
            raise SessionError("a passport is made after the rounds are closed")
        record = Passport(
            session=self.session,
            builder=self.identity.public_key.hex(),
            builder_name=self.identity.name,
            plan=self.task.plan.to_mapping(),
            invite=self.invite.digest,
            builder_coin=self.coins[self.identity.public_key.hex()].digest,
            closing=self.closing.digest,
            owners=tuple(self._contribution(guest) for guest in self.guests),
            columns=self.task.columns,
            weights=self.iterates.model(),
            accounting=self.task.accounting([guest.card.record for guest in self.guests]),
            created=time_text(self.setting.clock()),
        )
        if self.anchor is not None:
            record = AnchoredPassport(**vars(record), anchor=self.anchor.digest)
        signed = sign(record, self.identity)
        self.folder.put("passport.json", signed.envelope, "the passport")
        return signed

    def _contribution(self, guest: Guest) -> Contribution:
        proven, spent = self.proven[guest.key], self.task.loss(guest.card.record)
        return Contribution(
            owner=guest.key,
            name=guest.card.record.owner_name,
            rows=guest.card.record.rows,
            card=guest.card.digest,
            card_proof=digest(guest.card_proof),
            grant=guest.grant.digest,
            noise=self.noise[guest.key].digest,
            coin=self.coins[guest.key].digest,
            rounds=tuple(said.digest for said in self.rounds[guest.key]),
            proven=proven.digest,
            proof=proven.record.proof,
            epsilon=spent.epsilon,
            delta=spent.delta,
            share=share(guest.card.record.rows, self.task.rows),
        )

    def _score(self) -> float | None:
        score = self.score
        return None if score is None else score(np.array(self.iterates.weights, dtype=np.float64) / 2.0**WEIGHT_BITS)

    def _round(self, guest: Guest, index: int) -> str:
        return f"round-{guest.key}-{index:05}.json"

    def _tell(self, frames: Sequence[bytes]) -> None:
        for guest in self.guests:
            for frame in frames:
                guest.channel.send(frame)

    def _of_session(self, session: str, guest: Guest) -> None:
        if session != self.session:
            raise SessionError(f"owner {guest.key[:16]} sent a message of another session")

    def _watch(self, event: Event) -> None:
        self.setting.watch(event)
