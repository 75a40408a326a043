"""An owner's side of a session: it checks, commits, answers rounds with noisy sums, and proves them all at the end.

    hello -> invite -> [own checks] -> noise commitment -> everybody's commitments -> coin -> everybody's coins
          -> rounds -> closing -> proof -> passport

Where the plan names a ledger, spending and anchor come before the coin.
Whatever the builder asks, the owner releases one vector of sums a round, computed at one vector of weights, with noise
that neither of them could choose. Answers are on disk before they are sent; a killed owner repeats them.
The builder's side is `builder.py`; what messages mean is in `bailee.statements.session`.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bailee.adapters.files import write_atomic
from bailee.adapters.transport import Channel
from bailee.argument.commitment_record import Commitment
from bailee.errors import PlanError, SessionError
from bailee.keys import Secret
from bailee.records import (
    Closing,
    Coin,
    Invite,
    Iterate,
    NoiseCommitment,
    Passport,
    Proven,
    Round,
    Signed,
    canonical,
    decimal_text,
    digest,
    open_passport,
    open_signed,
    predicate_type_of,
    sign,
    time_text,
)
from bailee.records.fields import parse_time
from bailee.statements.anchor import Expected
from bailee.statements.privacy import Loss
from bailee.statements.session import (
    COIN_BYTES,
    Link,
    commit_coin,
    context,
    joint_seed,
    opens_coin,
    weights_digest,
)
from bailee.statements.task import Noise, Task, Witness
from bailee.statements.tasks import plan_of, task_of
from bailee.train.consent import Spender, open_consent
from bailee.train.events import Event
from bailee.train.folder import Folder
from bailee.train.holding import Holding, Request, Setting
from bailee.train.ledger import Entry, Ledger
from bailee.train.plan import require_memory
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
    task: Task
    folder: Folder
    proving: Proving
    setting: Setting
    coin: bytes = field(repr=False)
    curve: tuple[str, ...]
    request: Request
    noise: Noise
    spender: Spender | None = None
    noise_digest: str = ""
    coins: Any = None

    @classmethod
    def begin(
        cls, holding: Holding, invite: Signed[Invite], proving: Proving, ledger: Ledger, setting: Setting
    ) -> _Session:
        """Every check an owner makes before it says anything; then the folder, the ledger and the secrets."""
        record = invite.record
        task = task_of(plan_of(record.plan), record.terms)
        loss = _check_terms(holding, record, task)
        now = setting.clock()
        if not (setting.resume and (setting.home / record.session).exists()):
            _check_time(record, now)
        request = Request(invite, holding.grant, task.plan, task.fields, loss, now)
        holding.permit(request)
        spender = _spender(holding, record.session, task, loss, setting)
        folder = Folder.open(setting.home, record.session, setting.resume)
        folder.put("invite.json", invite.envelope, "the invite")
        grant = holding.grant
        entry = Entry(holding.dataset, record.session, task.plan.digest, grant.digest, loss.epsilon, loss.delta)
        ledger.charge(entry, (grant.record.max_epsilon, grant.record.max_delta))
        secret = folder.get_secret("secret.sealed", holding.identity)
        if secret is None:
            secret = Secret(setting.entropy(3 * COIN_BYTES))
            folder.put_secret("secret.sealed", secret, holding.identity)
        setting.watch(Event("invited", rounds=task.rounds, owner=holding.key))
        said = secret.reveal()
        return cls(
            holding=holding,
            invite=invite,
            task=task,
            folder=folder,
            proving=proving,
            setting=setting,
            coin=said[2 * COIN_BYTES :],
            curve=task.curve(holding.card.record),
            request=request,
            noise=task.noise(said[: 2 * COIN_BYTES]),
            spender=spender,
        )

    @property
    def session(self) -> str:
        return self.invite.record.session

    @property
    def rounds(self) -> int:
        return self.task.rounds

    def commit_and_draw(self, channel: Channel) -> None:
        """Commit to noise and coin; see everybody's commitments; only then reveal the coin; check everybody's."""
        holding, wait = self.holding, self.setting.patience
        kept = self.folder.get("noise.json")
        if kept is None:
            commitment = self.proving.commit_noise(self.noise)
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
        beacon = self._anchor(channel, noise)
        channel.send(sign(Coin(self.session, holding.key, self.coin.hex()), holding.identity).envelope)
        coins: dict[str, str] = {}
        for party in (*owners, self.invite.record.builder):
            coin = open_signed(channel.receive(wait), Coin, bytes.fromhex(party)).record
            _same_session(coin.session, self.session)
            if not opens_coin(self.session, party, coin.coin, promises[party]):
                raise SessionError(f"the coin of {party[:16]} is not the one it committed to")
            coins[party] = coin.coin
        self.noise_digest = noise[holding.key]
        self.coins = self.task.coins(joint_seed(self.session, self.invite.digest, noise, coins, holding.key, beacon))
        self.setting.watch(Event("committed", rounds=self.rounds, owner=holding.key))

    def _anchor(self, channel: Channel, noise: dict[str, str]) -> str | None:
        """Spend on the plan's ledger, and check the builder's anchor there: the beacon. None without a ledger."""
        if self.spender is None:
            return None
        watched, record = self.setting.watch, self.invite.record
        watched(Event("spending", rounds=self.rounds, owner=self.holding.key))
        channel.send(self.spender.spend(noise[self.holding.key]))
        watched(Event("spent", rounds=self.rounds, owner=self.holding.key))
        owners = [Expected(one.owner, one.grant, noise[one.owner]) for one in record.owners]
        frame = channel.receive(self.setting.patience)
        beacon = self.spender.check(frame, record.builder, owners, self.setting.patience)
        watched(Event("anchored", rounds=self.rounds, owner=self.holding.key))
        return beacon

    def answer_rounds(self, channel: Channel) -> None:
        """Answer each round once, in order, until the builder closes; `closing` keeps the closing message."""
        noise = self.task.draw(self.noise, self.coins)
        builder = bytes.fromhex(self.invite.record.builder)
        while True:
            frame = channel.receive(self.setting.patience)
            if predicate_type_of(frame) == Closing.predicate_type():
                closing = open_signed(frame, Closing, builder)
                _same_session(closing.record.session, self.session)
                if self.folder.get(_name("round", self.rounds - 1)) is None:
                    raise SessionError("the builder closes the session before all rounds were answered")
                self.folder.put("closing.json", frame, "the closing")
                return
            asked = open_signed(frame, Iterate, builder)
            channel.send(self._answer(asked, noise))
            done = asked.record.round + 1
            spent = {self.holding.key: self.curve[done - 1]}
            self.setting.watch(Event("round", done, self.rounds, self.holding.key, spent))

    def _answer(self, asked: Signed[Iterate], noise: NDArray[np.int64]) -> bytes:
        index, weights = asked.record.round, asked.record.weights
        _same_session(asked.record.session, self.session)
        if index >= self.rounds:
            raise SessionError(f"the builder asks for round {index + 1} of {self.rounds}")
        if index > 0 and self.folder.get(_name("round", index - 1)) is None:
            raise SessionError(f"the builder asks for round {index + 1} before round {index}")
        if not self.task.fits(weights):
            raise SessionError("the builder's weights do not fit the granted columns")
        # Again, now: a grant that was taken back, or has ended, is good for no further round.
        self.holding.permit(replace(self.request, now=self.setting.clock()))
        if self.spender is not None:
            self.spender.require_live()
        # Larger ones might fail, or not, by what is in a row: an answer without noise to a question of the builder's.
        self.task.require_safe(self.holding.card.record, weights)
        # A second question at other weights would release more than was charged: put() refuses it.
        self.folder.put(_name("iterate", index), asked.envelope, f"round {index + 1}")
        kept = self.folder.get(_name("round", index))
        if kept is not None:
            return kept
        sums = self.task.answer(self.holding.matrix, weights, noise[index])
        record = Round(self.session, self.holding.key, index, weights_digest(weights), sums)
        signed = sign(record, self.holding.identity)
        return self.folder.put(_name("round", index), signed.envelope, f"the answer to round {index + 1}")

    def finish(self, channel: Channel) -> Passport:
        """Prove every sum sent, once; send the proof; keep the passport."""
        proven, proof = self._prove()
        channel.send(proven)
        channel.send(proof)
        frame = channel.receive(self.setting.patience)
        passport = open_passport(frame, bytes.fromhex(self.invite.record.builder))
        if passport.record.session != self.session or digest(proof) not in {c.proof for c in passport.record.owners}:
            raise SessionError("the builder's passport is of another session, or leaves this owner's proof out")
        self.folder.put("passport.json", frame, "the passport") if self.folder.get("passport.json") is None else None
        self.setting.watch(Event("done", self.rounds, self.rounds, self.holding.key))
        return passport.record

    def _prove(self) -> tuple[bytes, bytes]:
        kept = self.folder.get("proven.json")
        if kept is not None:
            return kept, self.folder.need("proof.bin")
        holding, folder = self.holding, self.folder
        link = Link(
            session=self.session,
            owner=holding.key,
            plan=self.task.plan.digest,
            invite=self.invite.digest,
            card=holding.card.digest,
            grant=holding.grant.digest,
            noise=self.noise_digest,
            closing=digest(folder.need("closing.json")),
        )
        bound = context(self.task.statement, link)
        proof, opening, seconds = self._make_proof(bound)
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
        self.setting.watch(Event("proven", self.rounds, self.rounds, holding.key, seconds=float(seconds)))
        return proven, proof

    def _make_proof(self, bound: bytes) -> tuple[bytes, int, str]:
        """(proof, opening spent, seconds it took). An opening serves one proof: one that is on disk is not redone."""
        holding, folder = self.holding, self.folder
        opening = holding.spend(digest(bound))
        self.setting.watch(Event("proving", self.rounds, self.rounds, holding.key))
        kept = folder.get("proof.bin")
        if kept is None:
            begun = time.monotonic()
            rounds, card = range(self.rounds), holding.card.record
            weights = [open_signed(folder.need(_name("iterate", i)), Iterate).record.weights for i in rounds]
            sums = [open_signed(folder.need(_name("round", i)), Round).record.sums for i in rounds]
            claim = self.task.claim(card.rows, opening, weights, sums, self.coins)
            openings = Commitment.from_json(card.commitment).openings
            witness = Witness(holding.matrix, holding.seed.reveal(), openings, opening, self.noise)
            kept = self.proving.prove(ProofRequest(self.task, claim, witness, bound))
            took = decimal_text(round(time.monotonic() - begun, 3))
            write_atomic(folder.path / "seconds.txt", took.encode())
            folder.put("proof.bin", kept, "the proof")
        return kept, opening, folder.need("seconds.txt").decode()


def _check_terms(holding: Holding, invite: Invite, task: Task) -> Loss:
    """That the terms follow from the plan and this owner's card, and what they cost it: no more than the plan says."""
    card = holding.card.record
    mine = [entrant for entrant in invite.owners if entrant.owner == holding.key]
    if len(mine) != 1 or mine[0].card != holding.card.digest or mine[0].grant != holding.grant.digest:
        raise SessionError("the invite does not name this owner with the card and grant it offered")
    task.check_card(card)
    task.check()
    require_memory(task, card)
    loss = task.loss(card)
    if task.epsilon is not None and float(loss.epsilon) > float(task.epsilon):
        raise PlanError(f"the session would cost this owner epsilon {loss.epsilon}; the plan says {task.epsilon}")
    return loss


def _spender(holding: Holding, session: str, task: Task, loss: Loss, setting: Setting) -> Spender | None:
    """Where the plan names a ledger: that a grant there is live and bears the loss, before anything is said."""
    ledger = task.plan.ledger
    consent = open_consent(ledger, setting.open_ledger)
    if consent is None or ledger is None:
        return None
    folder = Folder(setting.home / session)
    commitment = digest(canonical(holding.card.record.commitment))
    spender = Spender(consent, holding.identity, session, ledger, holding.grant.digest, commitment, loss, folder)
    spender.find()
    return spender


def _check_time(invite: Invite, now: datetime) -> None:
    """A grant is judged at the invite's time, so that time must be true."""
    if abs(parse_time(invite.created) - now) > CLOCK_SLACK:
        raise SessionError(f"the invite is dated {invite.created}, but here it is {time_text(now)}: check the clocks")


def _same_session(found: str, session: str) -> None:
    if found != session:
        raise SessionError(f"a message of session {found[:16]} came in session {session[:16]}; nothing was answered")


def _name(kind: str, index: int) -> str:
    return f"{kind}-{index:05}.json"
