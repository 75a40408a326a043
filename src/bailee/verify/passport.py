"""Checks a passport with nothing but the passport and its attachments: every link, from sealed rows to weights.

    passport -> invite -> cards and their proofs -> terms -> grants -> noise commitments -> anchor -> coins
             -> rounds and iterates -> closing -> proofs -> privacy -> weights and shares

No step trusts the builder: whatever it states is recomputed from what owners signed and proved. What is not covered:
whether a key belongs to whom it names, and revocations that nobody put among the attachments; both are for the reader
to know (the latter go in as `revocations`). Where the plan names a ledger, a node (`open_books`) is asked whether
spendings and beacon are there; without one they are the owners' word, and the statement says so.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal as Number
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeAlias

from bailee.adapters.files import read_bytes
from bailee.argument.commitment_record import Commitment
from bailee.errors import GrantError
from bailee.records import (
    AnchoredPassport,
    Card,
    Closing,
    Coin,
    Contribution,
    Grant,
    Invite,
    NoiseCommitment,
    Passport,
    Proven,
    Revocation,
    Round,
    Signed,
    canonical,
    digest,
    open_passport,
    parse_time,
)
from bailee.records.canonical import MAX_BYTES
from bailee.records.schema import BIAS, Schema
from bailee.statements.anchor import EPSILON_SLACK, Expected
from bailee.statements.card import CardVerifier
from bailee.statements.session import (
    Link,
    context,
    joint_seed,
    opens_coin,
    share,
    transcript,
    weights_digest,
)
from bailee.statements.task import Task
from bailee.statements.tasks import AnyPlan, plan_of, task_of
from bailee.verify.anchor import CheckedAnchor, OpenBooks, check_anchor
from bailee.verify.evidence import ATTACHMENTS, Evidence, link, require
from bailee.verify.statement import ProvenOwner, ProvenStatement

GradientVerifier: TypeAlias = Callable[[Any, Commitment, int, Commitment, bytes, bytes, bool], Mapping[str, float]]
"""(claim, dataset, opening, noise, context, proof, plain) -> soundness in bits, with "total"; raises ProofError."""


def verify_passport(
    path: Path,
    plain: bool = False,
    revocations: Sequence[Signed[Revocation]] = (),
    cards: CardVerifier | None = None,
    gradients: GradientVerifier | None = None,
    open_books: OpenBooks | None = None,
) -> ProvenStatement:
    """The statement that the passport at `path` proves; its attachments lie in the folder `attachments` beside it.

    Raises, naming the link: PassportError (a link does not hold), ProofError (a proof does not convince), GrantError,
    SignatureError, RecordError, PlanError, SchemaError. `plain` uses the plain-Python verifier for the proofs.
    `revocations` are those the reader knows of. cards and gradients replace the argument system, for tests.
    `open_books` reads the plan's ledger at a node that the reader trusts; InputError where the plan names none.
    """
    with link("passport"):
        passport = open_passport(read_bytes(path, MAX_BYTES, "passport")).record
        plan = plan_of(passport.plan)
    evidence = Evidence(path.parent / ATTACHMENTS)
    with link("invite"):
        invite = evidence.record(passport.invite, Invite, passport.builder)
        task = _check_invite(passport, plan, invite.record)
    chain = _Chain(passport, task, invite, evidence, plain, cards, gradients or task.verify)
    chain.check_cards()
    chain.check_terms()
    chain.check_grants((*revocations, *evidence.revocations(_named(passport))))
    chain.check_noise()
    chain.check_anchor(open_books)
    chain.check_coins()
    chain.check_rounds()
    chain.check_closing()
    bits = chain.check_proofs()
    chain.check_privacy()
    return chain.statement(bits)


def _check_invite(passport: Passport, plan: AnyPlan, invite: Invite) -> Task:
    require(invite.session == passport.session, "it opens another session than the passport's")
    require(canonical(invite.plan) == canonical(passport.plan), "it states another plan than the passport")
    named = [(entrant.owner, entrant.card, entrant.grant) for entrant in invite.owners]
    shown = [(part.owner, part.card, part.grant) for part in passport.owners]
    require(named == shown, "it invites other owners, cards or grants than the passport names")
    require(parse_time(invite.created) <= parse_time(passport.created), "the passport is dated before its session")
    return task_of(plan, invite.terms)


def _named(passport: Passport) -> set[str]:
    """Digests of all attachments that the passport itself names."""
    names = {passport.invite, passport.builder_coin, passport.closing}
    names |= {passport.anchor} if isinstance(passport, AnchoredPassport) else set()
    for part in passport.owners:
        names |= {part.card, part.card_proof, part.grant, part.noise, part.coin, part.proven, part.proof, *part.rounds}
    return names


@dataclass
class _Chain:
    passport: Passport
    task: Task
    invite: Signed[Invite]
    evidence: Evidence
    plain: bool
    cards_by: CardVerifier | None
    gradients: GradientVerifier
    cards: dict[str, Signed[Card]] = field(default_factory=dict)
    schemas: dict[str, Schema] = field(default_factory=dict)
    grants: dict[str, Signed[Grant]] = field(default_factory=dict)
    revoked: dict[str, str] = field(default_factory=dict)
    noise: dict[str, Signed[NoiseCommitment]] = field(default_factory=dict)
    anchor: CheckedAnchor | None = None
    coins: dict[str, str] = field(default_factory=dict)
    rounds: dict[str, list[Round]] = field(default_factory=dict)
    weights: list[tuple[int, ...]] = field(default_factory=list)
    proven: dict[str, Proven] = field(default_factory=dict)

    @property
    def session(self) -> str:
        return self.passport.session

    def check_cards(self) -> None:
        for part in self.passport.owners:
            opened = self.invite.record.created
            card, schema = self.evidence.part_card(part, opened, self.plain, self.cards_by)
            self.schemas[part.owner], self.cards[part.owner] = schema, card

    def check_terms(self) -> None:
        """That the terms of the session follow from plan and cards, and nothing overflows."""
        with link("terms"):
            columns = self.task.columns
            require(self.passport.columns == columns, "the passport's columns are not the session's")
            schemas = list(self.schemas.values())
            require(all(schema == schemas[0] for schema in schemas), "the owners' cards have different schemas")
            for card in self.cards.values():
                require(card.record.columns == columns, f"card {card.digest[:16]}... has other columns")
            misfit = self.task.misfit(self._records())
            require(not misfit, misfit)
            roots = [Commitment.from_json(card.record.commitment).root for card in self.cards.values()]
            require(len(set(roots)) == len(roots), "two owners show the same commitment: their rows are counted twice")
            self.task.check()

    def _records(self) -> list[Card]:
        return [card.record for card in self.cards.values()]

    def check_grants(self, revocations: Sequence[Signed[Revocation]]) -> None:
        for part in self.passport.owners:
            with link(f"grant of {part.name}"):
                grant = self.evidence.record(part.grant, Grant, part.owner)
                self._check_grant(part, grant.record)
                for revocation in revocations:
                    said = revocation.record
                    if said.grant == grant.digest and said.owner == part.owner:
                        if parse_time(said.revoked) <= parse_time(self.invite.record.created):
                            raise GrantError(f"it was revoked at {said.revoked}, before the session opened")
                        self.revoked[part.owner] = said.revoked
                self.grants[part.owner] = grant

    def _check_grant(self, part: Contribution, grant: Grant) -> None:
        opened, plan = self.invite.record.created, self.task.plan
        # The bias says nothing of anybody, so no grant need name it; the label is the plan's, and never released.
        missing = sorted(set(self.task.fields) - set(grant.fields) - {BIAS})
        _permit(grant.card == part.card, "it is for another card")
        _permit(grant.builder == self.passport.builder, f"it is for the builder {grant.builder[:16]}...")
        _permit(grant.purpose == plan.purpose, f"it is for {grant.purpose!r}, the plan for {plan.purpose!r}")
        _permit(grant.plan == plan.digest, "it is for another plan")
        _permit(not missing, f"it does not allow the fields {', '.join(missing)[:200]}")
        _permit(parse_time(grant.not_before) <= parse_time(opened), f"it begins at {grant.not_before}, after {opened}")
        _permit(parse_time(opened) <= parse_time(grant.not_after), f"it ended at {grant.not_after}, before {opened}")
        _permit(Number(part.epsilon) <= Number(grant.max_epsilon), f"it allows epsilon {grant.max_epsilon} at most")
        _permit(Number(part.delta) <= Number(grant.max_delta), f"it allows delta {grant.max_delta} at most")

    def check_noise(self) -> None:
        for part in self.passport.owners:
            with link(f"noise commitment of {part.name}"):
                said = self.evidence.record(part.noise, NoiseCommitment, part.owner)
                require(said.record.session == self.session, "it is of another session")
                self.noise[part.owner] = said

    def check_anchor(self, open_books: OpenBooks | None) -> None:
        """Where the plan names a ledger: every owner spent there for its noise, and the beacon came after."""
        passport = self.passport
        named = passport.anchor if isinstance(passport, AnchoredPassport) else None
        owners = [self._expected(part) for part in passport.owners]
        ledger = self.task.plan.ledger
        self.anchor = check_anchor(self.evidence, named, passport.builder, self.session, ledger, owners, open_books)

    def _expected(self, part: Contribution) -> Expected:
        commitment = digest(canonical(self.cards[part.owner].record.commitment))
        return Expected(part.owner, part.grant, part.noise, commitment, part.epsilon, part.delta)

    def check_coins(self) -> None:
        """Noise and coins were committed to before any coin was known: the openings fit."""
        promises = {owner: said.record.coin_commitment for owner, said in self.noise.items()}
        promises[self.passport.builder] = self.invite.record.coin_commitment
        named = [(part.owner, part.coin, part.name) for part in self.passport.owners]
        for party, name, who in (*named, (self.passport.builder, self.passport.builder_coin, "the builder")):
            with link(f"coin of {who}"):
                coin = self.evidence.record(name, Coin, party).record
                require(coin.session == self.session, "it is of another session")
                require(opens_coin(self.session, party, coin.coin, promises[party]), "it is not the one committed to")
                self.coins[party] = coin.coin

    def check_rounds(self) -> None:
        """Every iterate, again, from the sums that owners signed; every owner answered at exactly those weights."""
        for part in self.passport.owners:
            with link(f"rounds of {part.name}"):
                planned = self.task.rounds
                require(len(part.rounds) == planned, f"{len(part.rounds)} rounds, planned {planned}")
                signed = [self.evidence.record(name, Round, part.owner) for name in part.rounds]
                self.rounds[part.owner] = [said.record for said in signed]
        iterates = self.task.iterates()
        for index in range(self.task.rounds):
            used = iterates.weights
            for part in self.passport.owners:
                with link(f"round {index + 1} of {part.name}"):
                    self._check_round(self.rounds[part.owner][index], index, used)
            answers = [self.rounds[part.owner][index].sums for part in self.passport.owners]
            with link(f"round {index + 1}"):
                iterates.step([sum(column) for column in zip(*answers, strict=True)])
            self.weights.append(used)
        with link("weights"):
            right = iterates.model()
            require(right == self.passport.weights, "the passport's weights are not those its rounds lead to")

    def _check_round(self, said: Round, index: int, used: tuple[int, ...]) -> None:
        require(said.session == self.session, "it is of another session")
        require(said.round == index, f"it answers round {said.round + 1}")
        require(said.weights == weights_digest(used), "it was computed at other weights than the rounds before lead to")
        fits = self.task.fits(said.sums)
        require(fits, f"its {len(said.sums)} sums are too many or few, or one is of a column that is not released")

    def check_closing(self) -> None:
        with link("closing"):
            closing = self.evidence.record(self.passport.closing, Closing, self.passport.builder).record
            require(closing.session == self.session, "it is of another session")
            parts = self.passport.owners
            messages = [
                self.passport.invite,
                *(part.noise for part in parts),
                *([self.passport.anchor] if isinstance(self.passport, AnchoredPassport) else []),
                *(part.coin for part in parts),
                self.passport.builder_coin,
                *(name for part in parts for name in part.rounds),
            ]
            require(closing.transcript == transcript(messages), "it closes another transcript")

    def check_proofs(self) -> float:
        """Each owner's proof over all rounds. The soundness of the weakest, in bits."""
        bits = math.inf
        for part in self.passport.owners:
            with link(f"proof of {part.name}"):
                said = self.evidence.record(part.proven, Proven, part.owner).record
                bound = context(self.task.statement, self._link(part))
                require(said.session == self.session, "it is of another session")
                require(said.proof == part.proof, "the passport names another proof than the owner signed")
                require(said.statement == digest(bound), "the owner proved another statement")
                opened, made = parse_time(self.invite.record.created), parse_time(said.created)
                require(opened <= made <= parse_time(self.passport.created), f"its date {said.created} is out of order")
                card = self.cards[part.owner].record
                dataset = Commitment.from_json(card.commitment)
                spent = {card.opening} | ({card.renews.new_opening} if card.renews else set())
                fresh = said.opening not in spent and said.opening < dataset.openings - 1
                require(fresh, f"it spends opening {said.opening}, which is kept or was spent on the card")
                noise = Commitment.from_json(self.noise[part.owner].record.commitment)
                proof = self.evidence.read(part.proof)
                claim = self._claim(part, said.opening)
                table = self.gradients(claim, dataset, said.opening, noise, bound, proof, self.plain)
                bits = min(bits, table["total"])
                self.proven[part.owner] = said
        return bits

    def _claim(self, part: Contribution, opening: int) -> Any:
        seed = joint_seed(
            self.session,
            self.passport.invite,
            {owner: said.digest for owner, said in self.noise.items()},
            self.coins,
            part.owner,
            self.anchor.record.beacon.hash if self.anchor else None,
        )
        sums = [said.sums for said in self.rounds[part.owner]]
        return self.task.claim(part.rows, opening, self.weights, sums, self.task.coins(seed))

    def _link(self, part: Contribution) -> Link:
        return Link(
            session=self.session,
            owner=part.owner,
            plan=self.task.plan.digest,
            invite=self.passport.invite,
            card=part.card,
            grant=part.grant,
            noise=part.noise,
            closing=self.passport.closing,
        )

    def check_privacy(self) -> None:
        """Recompute what every owner spent: no smaller number than the accountant's passes."""
        planned, target = self.task.plan.delta, self.task.epsilon
        for part in self.passport.owners:
            with link(f"privacy of {part.name}"):
                require(part.delta == planned, f"delta is {part.delta}, planned {planned}")
                loss = self.task.loss(self.cards[part.owner].record)
                # Two machines may round the last digit of a float differently; nothing else may differ.
                near = abs(Number(part.epsilon) - Number(loss.epsilon)) <= EPSILON_SLACK
                require(near, f"the accountant finds epsilon {loss.epsilon}, the passport says {part.epsilon}")
                within = target is None or Number(loss.epsilon) <= Number(target) + EPSILON_SLACK
                require(within, f"epsilon {loss.epsilon} is above the plan's {target}")
        with link("accounting"):
            stated = self.task.accounting(self._records())
            require(canonical(self.passport.accounting) == canonical(stated), "it is not how the loss is reached")
        with link("shares"):
            for part in self.passport.owners:
                right = share(part.rows, self.task.rows)
                require(part.share == right, f"{part.name} has a share of {right}, the passport says {part.share}")

    def statement(self, bits: float) -> ProvenStatement:
        plan, facts = self.task.plan, self.task.facts()
        return ProvenStatement(
            session=self.session,
            builder=self.passport.builder,
            builder_name=self.passport.builder_name,
            plan=plan.digest,
            plan_name=plan.name,
            purpose=plan.purpose,
            model=facts.model,
            features=facts.features,
            shapes=facts.shapes,
            rounds=self.task.rounds,
            rows=self.task.rows,
            columns=self.task.columns,
            weights=self.passport.weights,
            sigma=facts.sigma,
            shift=facts.shift,
            neighbours=plan.neighbours,
            owners=tuple(self._owner(part) for part in self.passport.owners),
            session_opened=self.invite.record.created,
            passport_made=self.passport.created,
            bits=bits,
            plain=self.plain,
            anchor=self.anchor.proven if self.anchor else None,
        )

    def _owner(self, part: Contribution) -> ProvenOwner:
        return ProvenOwner(
            key=part.owner,
            name=part.name,
            dataset=self.cards[part.owner].record.name,
            card=part.card,
            grant=part.grant,
            grant_id=self.grants[part.owner].record.id,
            rows=part.rows,
            epsilon=part.epsilon,
            delta=part.delta,
            share=Fraction(part.rows, self.task.rows),
            opening=self.proven[part.owner].opening,
            proving_seconds=self.proven[part.owner].seconds,
            revoked=self.revoked.get(part.owner),
        )


def _permit(holds: bool, message: str) -> None:
    if not holds:
        raise GrantError(message)
