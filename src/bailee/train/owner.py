"""An owner's side of a session: it checks, commits, answers rounds with noisy sums, and proves them all at the end.

    hello -> invite -> [own checks] -> noise commitment -> everybody's commitments -> coin -> everybody's coins
          -> rounds -> closing -> proof -> passport

Whatever the builder asks, the owner releases one vector of sums a round, computed at one vector of weights, with noise
that neither of them could choose. Answers are on disk before they are sent; a killed owner repeats them.
The builder's side is `builder.py`; what messages mean is in `bailee.statements.session`.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import numpy as np
from blake3 import blake3
from numpy.typing import NDArray

from bailee import tags
from bailee.adapters.files import write_atomic
from bailee.adapters.transport import Channel
from bailee.argument.commitment_record import Commitment
from bailee.errors import PlanError, SessionError
from bailee.keys import Secret
from bailee.records import (
    Card,
    Closing,
    Coin,
    Invite,
    Iterate,
    NoiseCommitment,
    Passport,
    Proven,
    Round,
    Signed,
    decimal_text,
    digest,
    open_signed,
    predicate_type_of,
    sign,
    time_text,
)
from bailee.records.fields import parse_time
from bailee.records.schema import Schema
from bailee.statements.fixed_point import NOISE_BITS, weight_radius
from bailee.statements.gradient import GradientClaim
from bailee.statements.logistic import compute_round
from bailee.statements.noise import combine, noise_table
from bailee.statements.plan import Plan, Terms, check_bounds, row_norm_bound
from bailee.statements.privacy import check_noise, privacy_curve, privacy_loss
from bailee.statements.session import (
    COIN_BYTES,
    Link,
    commit_coin,
    context,
    gradient_claim,
    joint_coins,
    opens_coin,
    weights_digest,
)
from bailee.train.events import Event
from bailee.train.folder import Folder
from bailee.train.holding import Holding, Request, Setting
from bailee.train.ledger import Entry, Ledger
from bailee.train.plan import release_of
from bailee.train.proving import ProofRequest, Proving

CLOCK_SLACK = timedelta(hours=1)


def take_part(holding: Holding, channel: Channel, proving: Proving, ledger: Ledger, setting: Setting) -> Passport:
    """The whole of an owner's session over an open channel, closed at its end; the passport, kept in the folder too.

    Raises SessionError for a builder that fails, AuthorityError for one that asks too much, PlanError for terms that
    do not follow from plan and card.
    """
    try:
        for frame in (holding.card.envelope, holding.card_proof, holding.grant.envelope):
            channel.send(frame)
        setting.watch(Event("joined", owner=holding.key))
        invite = open_signed(channel.receive(setting.patience), Invite, bytes.fromhex(holding.grant.record.builder))
        session = _Session.begin(holding, invite, proving, ledger, setting)
        session.commit_and_draw(channel)
        session.answer_rounds(channel)
        return session.finish(channel)
    finally:
        channel.close()


@dataclass
class _Session:
    holding: Holding
    invite: Signed[Invite]
    plan: Plan
    terms: Terms
    folder: Folder
    proving: Proving
    setting: Setting
    secret: bytes = field(repr=False)
    curve: tuple[str, ...]
    request: Request
    radius: int
    """The largest norm of weights at which no row this owner may hold leaves the sigmoid table."""
    noise_digest: str = ""
    coins: NDArray[np.uint64] = field(default_factory=lambda: np.zeros((0, 0), np.uint64))

    @classmethod
    def begin(
        cls, holding: Holding, invite: Signed[Invite], proving: Proving, ledger: Ledger, setting: Setting
    ) -> _Session:
        """Every check an owner makes before it says anything; then the folder, the ledger and the secrets."""
        record = invite.record
        plan, terms = Plan.from_mapping(record.plan), Terms.from_mapping(record.terms)
        norm_bound = _check_terms(holding, record, plan, terms)
        release = release_of(plan, terms, norm_bound)
        loss = privacy_loss(release, plan.delta)
        now = setting.clock()
        fields = tuple(name for name, sent in zip(terms.columns, terms.released, strict=True) if sent)
        if not (setting.resume and (setting.home / record.session).exists()):
            _check_time(record, now)
        request = Request(invite, holding.grant, plan, terms, fields, loss, now)
        holding.permit(request)
        folder = Folder.open(setting.home, record.session, setting.resume)
        folder.put("invite.json", invite.envelope, "the invite")
        grant = holding.grant
        entry = Entry(holding.dataset, record.session, plan.digest, grant.digest, loss.epsilon, loss.delta)
        ledger.charge(entry, (grant.record.max_epsilon, grant.record.max_delta))
        secret = folder.get_secret("secret.sealed", holding.identity)
        if secret is None:
            secret = Secret(setting.entropy(3 * COIN_BYTES))
            folder.put_secret("secret.sealed", secret, holding.identity)
        setting.watch(Event("invited", rounds=plan.rounds, owner=holding.key))
        curve = privacy_curve(release, plan.delta, range(1, plan.rounds + 1))
        return cls(
            holding,
            invite,
            plan,
            terms,
            folder,
            proving,
            setting,
            secret.reveal(),
            curve,
            request,
            weight_radius(norm_bound),
        )

    @property
    def session(self) -> str:
        return self.invite.record.session

    @property
    def shape(self) -> tuple[int, int]:
        return self.plan.rounds, len(self.terms.columns)

    @property
    def noise_seed(self) -> bytes:
        return self.secret[32:64]

    @property
    def coin(self) -> bytes:
        return self.secret[64:96]

    def uniforms(self) -> NDArray[np.uint64]:
        """U: the secret half of the noise, 60 bits each; uint64 (T, d)."""
        rounds, columns = self.shape
        stream = blake3(tags.NOISE, key=self.secret[:32]).digest(length=8 * rounds * columns)
        drawn = np.frombuffer(stream, dtype="<u8").astype(np.uint64) & np.uint64((1 << NOISE_BITS) - 1)
        return drawn.reshape(self.shape)

    def commit_and_draw(self, channel: Channel) -> None:
        """Commit to noise and coin; see everybody's commitments; only then reveal the coin; check everybody's."""
        holding, wait = self.holding, self.setting.patience
        kept = self.folder.get("noise.json")
        if kept is None:
            commitment = self.proving.commit_noise(self.uniforms(), self.noise_seed)
            promise = commit_coin(self.session, holding.key, self.coin)
            record = NoiseCommitment(self.session, holding.key, commitment.to_json(), promise)
            kept = self.folder.put("noise.json", sign(record, holding.identity).envelope, "the noise commitment")
        channel.send(kept)
        owners = [entrant.owner for entrant in self.invite.record.owners]
        promises = {self.invite.record.builder: self.invite.record.coin_commitment}
        noise: dict[str, str] = {}
        for owner in owners:
            promise_of = open_signed(channel.receive(wait), NoiseCommitment, bytes.fromhex(owner))
            _same_session(promise_of.record.session, self.session)
            noise[owner] = promise_of.digest
            promises[owner] = promise_of.record.coin_commitment
        if noise[holding.key] != digest(kept):
            raise SessionError("the builder passed on another noise commitment than this owner's")
        # From here on this owner reveals its coin: the commitments it was shown must be the only ones, for good.
        self.folder.put("commitments.txt", "\n".join(noise.values()).encode(), "a noise commitment of another owner")
        channel.send(sign(Coin(self.session, holding.key, self.coin.hex()), holding.identity).envelope)
        coins: dict[str, str] = {}
        for party in (*owners, self.invite.record.builder):
            coin = open_signed(channel.receive(wait), Coin, bytes.fromhex(party)).record
            _same_session(coin.session, self.session)
            if not opens_coin(self.session, party, coin.coin, promises[party]):
                raise SessionError(f"the coin of {party[:16]} is not the one it committed to")
            coins[party] = coin.coin
        self.noise_digest = noise[holding.key]
        self.coins = joint_coins(self.session, self.invite.digest, noise, coins, holding.key, self.shape)
        self.setting.watch(Event("committed", rounds=self.plan.rounds, owner=holding.key))

    def answer_rounds(self, channel: Channel) -> None:
        """Answer each round once, in order, until the builder closes; `closing` keeps the closing message."""
        noise = noise_table(self.terms.sigma).sample(combine(self.uniforms(), self.coins))
        builder = bytes.fromhex(self.invite.record.builder)
        while True:
            frame = channel.receive(self.setting.patience)
            if predicate_type_of(frame) == Closing.predicate_type():
                closing = open_signed(frame, Closing, builder)
                _same_session(closing.record.session, self.session)
                if self.folder.get(_name("round", self.plan.rounds - 1)) is None:
                    raise SessionError("the builder closes the session before all rounds were answered")
                self.folder.put("closing.json", frame, "the closing")
                return
            asked = open_signed(frame, Iterate, builder)
            channel.send(self._answer(asked, noise))
            done = asked.record.round + 1
            spent = {self.holding.key: self.curve[done - 1]}
            self.setting.watch(Event("round", done, self.plan.rounds, self.holding.key, spent))

    def _answer(self, asked: Signed[Iterate], noise: NDArray[np.int64]) -> bytes:
        index, weights = asked.record.round, asked.record.weights
        _same_session(asked.record.session, self.session)
        if index >= self.plan.rounds:
            raise SessionError(f"the builder asks for round {index + 1} of {self.plan.rounds}")
        if index > 0 and self.folder.get(_name("round", index - 1)) is None:
            raise SessionError(f"the builder asks for round {index + 1} before round {index}")
        columns, released = len(self.terms.columns), self.terms.released
        if len(weights) != columns or any(w and not sent for w, sent in zip(weights, released, strict=True)):
            raise SessionError("the builder's weights do not fit the granted columns")
        # Again, now: a grant that was taken back, or has ended, is good for no further round.
        self.holding.permit(replace(self.request, now=self.setting.clock()))
        # Larger ones might fail, or not, by what is in a row: an answer without noise to a question of the builder's.
        if sum(value * value for value in weights) > self.radius * self.radius:
            raise SessionError("the builder's weights are larger than any step of the plan; nothing was computed")
        # A second question at other weights would release more than was charged: put() refuses it.
        self.folder.put(_name("iterate", index), asked.envelope, f"round {index + 1}")
        kept = self.folder.get(_name("round", index))
        if kept is not None:
            return kept
        row = np.array(weights, dtype=np.int64)
        exact = compute_round(self.holding.matrix, self.terms.label, row, self.terms.shift, released)
        sums = np.where(np.array(released), exact + noise[index], 0)
        record = Round(
            self.session, self.holding.key, index, weights_digest(weights), tuple(int(value) for value in sums)
        )
        signed = sign(record, self.holding.identity)
        return self.folder.put(_name("round", index), signed.envelope, f"the answer to round {index + 1}")

    def finish(self, channel: Channel) -> Passport:
        """Prove every sum sent, once; send the proof; keep the passport."""
        proven, proof = self._prove()
        channel.send(proven)
        channel.send(proof)
        frame = channel.receive(self.setting.patience)
        passport = open_signed(frame, Passport, bytes.fromhex(self.invite.record.builder))
        if passport.record.session != self.session or digest(proof) not in {c.proof for c in passport.record.owners}:
            raise SessionError("the builder's passport is of another session, or leaves this owner's proof out")
        self.folder.put("passport.json", frame, "the passport") if self.folder.get("passport.json") is None else None
        self.setting.watch(Event("done", self.plan.rounds, self.plan.rounds, self.holding.key))
        return passport.record

    def _prove(self) -> tuple[bytes, bytes]:
        kept = self.folder.get("proven.json")
        if kept is not None:
            return kept, self.folder.need("proof.bin")
        holding, folder, rounds = self.holding, self.folder, range(self.plan.rounds)
        asked = [open_signed(folder.need(_name("iterate", i)), Iterate).record for i in rounds]
        answered = [open_signed(folder.need(_name("round", i)), Round).record for i in rounds]
        card = holding.card.record
        claim = gradient_claim(
            self.terms,
            card.rows,
            [record.weights for record in asked],
            [record.sums for record in answered],
            self.coins,
        )
        link = Link(
            session=self.session,
            owner=holding.key,
            plan=self.plan.digest,
            invite=self.invite.digest,
            card=holding.card.digest,
            grant=holding.grant.digest,
            noise=self.noise_digest,
            closing=digest(folder.need("closing.json")),
        )
        bound = context(link)
        proof, opening, seconds = self._make_proof(claim, bound)
        record = Proven(
            session=self.session,
            owner=holding.key,
            statement=digest(bound),
            proof=digest(proof),
            opening=opening,
            seconds=seconds,
            created=time_text(self.setting.clock()),
        )
        proven = folder.put("proven.json", sign(record, holding.identity).envelope, "the proof's record")
        self.setting.watch(Event("proven", self.plan.rounds, self.plan.rounds, holding.key, seconds=float(seconds)))
        return proven, proof

    def _make_proof(self, claim: GradientClaim, bound: bytes) -> tuple[bytes, int, str]:
        """(proof, opening spent, seconds it took). An opening serves one proof: one that is on disk is not redone."""
        holding, folder = self.holding, self.folder
        opening = holding.spend(digest(bound))
        self.setting.watch(Event("proving", self.plan.rounds, self.plan.rounds, holding.key))
        kept = folder.get("proof.bin")
        if kept is None:
            begun = time.monotonic()
            kept = self.proving.prove(
                ProofRequest(
                    claim=claim,
                    matrix=holding.matrix,
                    seed=holding.seed.reveal(),
                    openings=Commitment.from_json(holding.card.record.commitment).openings,
                    opening=opening,
                    uniforms=self.uniforms(),
                    noise_seed=self.noise_seed,
                    context=bound,
                )
            )
            took = decimal_text(round(time.monotonic() - begun, 3))
            write_atomic(folder.path / "seconds.txt", took.encode())
            folder.put("proof.bin", kept, "the proof")
        return kept, opening, folder.need("seconds.txt").decode()


def _check_terms(holding: Holding, invite: Invite, plan: Plan, terms: Terms) -> int:
    """That the terms follow from the plan and this owner's card, and cost what the plan says. The card's norm bound."""
    card = holding.card.record
    mine = [entrant for entrant in invite.owners if entrant.owner == holding.key]
    if len(mine) != 1 or mine[0].card != holding.card.digest or mine[0].grant != holding.grant.digest:
        raise SessionError("the invite does not name this owner with the card and grant it offered")
    if terms.columns != card.columns or terms.released != plan.released(card.columns):
        raise PlanError("the session's columns are not those of this owner's card and the plan")
    norm_bound = _norm_bound(card)
    if terms.norm_bound < norm_bound or terms.rows < card.rows:
        raise PlanError("the session's rows or row norm bound leave this owner's dataset out")
    check_bounds(plan, terms)
    check_noise(plan, release_of(plan, terms, terms.norm_bound))
    spent = privacy_loss(release_of(plan, terms, norm_bound), plan.delta).epsilon
    if plan.epsilon is not None and float(spent) > float(plan.epsilon):
        raise PlanError(f"the session would cost this owner epsilon {spent}; the plan says {plan.epsilon}")
    return norm_bound


def _check_time(invite: Invite, now: datetime) -> None:
    """A grant is judged at the invite's time, so that time must be true."""
    if abs(parse_time(invite.created) - now) > CLOCK_SLACK:
        raise SessionError(f"the invite is dated {invite.created}, but here it is {time_text(now)}: check the clocks")


def _norm_bound(card: Card) -> int:
    return row_norm_bound(Schema.from_json(card.schema))


def _same_session(found: str, session: str) -> None:
    if found != session:
        raise SessionError(f"a message of session {found[:16]} came in session {session[:16]}; nothing was answered")


def _name(kind: str, index: int) -> str:
    return f"{kind}-{index:05}.json"
