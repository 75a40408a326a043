"""Checks a passport with nothing but the passport and its attachments: every link, from sealed rows to weights.

    passport -> invite -> cards and their proofs -> terms -> grants -> noise commitments and coins
             -> rounds and iterates -> closing -> proofs -> privacy -> weights and shares

No step trusts the builder: whatever it states is recomputed from what owners signed and proved. What is not covered:
whether a key belongs to whom it names, and revocations that nobody put among the attachments; both are for the reader
to know (the latter go in as `revocations`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal as Number
from fractions import Fraction
from pathlib import Path
from typing import TypeAlias

from bailee.adapters.files import read_bytes
from bailee.argument.commitment_record import Commitment
from bailee.errors import GrantError
from bailee.records import (
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
    open_signed,
    parse_time,
)
from bailee.records.canonical import MAX_BYTES
from bailee.records.schema import Schema
from bailee.statements.card import CardVerifier, check_card
from bailee.statements.gradient import GradientClaim, verify_gradients
from bailee.statements.logistic import final_model, round_state, start, update
from bailee.statements.plan import Plan, Terms, check_bounds, row_norm_bound, rule
from bailee.statements.privacy import Release, accounting, check_noise, privacy_loss
from bailee.statements.session import (
    Link,
    context,
    gradient_claim,
    joint_coins,
    opens_coin,
    share,
    transcript,
    weights_digest,
)
from bailee.verify.evidence import ATTACHMENTS, Evidence, link, require
from bailee.verify.statement import ProvenOwner, ProvenStatement

GradientVerifier: TypeAlias = Callable[
    [GradientClaim, Commitment, int, Commitment, bytes, bytes, bool], Mapping[str, float]
]
"""(claim, dataset, opening, noise, context, proof, plain) -> soundness in bits, with "total"; raises ProofError."""

_EPSILON_SLACK = Number("0.000002")


def verify_passport(
    path: Path,
    plain: bool = False,
    revocations: Sequence[Signed[Revocation]] = (),
    cards: CardVerifier | None = None,
    gradients: GradientVerifier = verify_gradients,
) -> ProvenStatement:
    """The statement that the passport at `path` proves; its attachments lie in the folder `attachments` beside it.

    Raises, naming the link: PassportError (a link does not hold), ProofError (a proof does not convince), GrantError,
    SignatureError, RecordError, PlanError, SchemaError. `plain` uses the plain-Python verifier for the proofs.
    `revocations` are those the reader knows of. cards and gradients replace the argument system, for tests.
    """
    with link("passport"):
        passport = open_signed(read_bytes(path, MAX_BYTES, "passport"), Passport).record
        plan = Plan.from_mapping(passport.plan)
    evidence = Evidence(path.parent / ATTACHMENTS)
    with link("invite"):
        invite = evidence.record(passport.invite, Invite, passport.builder)
        terms = _check_invite(passport, invite.record)
    chain = _Chain(passport, plan, terms, invite, evidence, plain, cards, gradients)
    chain.check_cards()
    chain.check_terms()
    chain.check_grants((*revocations, *evidence.revocations(_named(passport))))
    chain.check_coins()
    chain.check_rounds()
    chain.check_closing()
    bits = chain.check_proofs()
    chain.check_privacy()
    return chain.statement(bits)


def _check_invite(passport: Passport, invite: Invite) -> Terms:
    require(invite.session == passport.session, "it opens another session than the passport's")
    require(canonical(invite.plan) == canonical(passport.plan), "it states another plan than the passport")
    named = [(entrant.owner, entrant.card, entrant.grant) for entrant in invite.owners]
    shown = [(part.owner, part.card, part.grant) for part in passport.owners]
    require(named == shown, "it invites other owners, cards or grants than the passport names")
    require(parse_time(invite.created) <= parse_time(passport.created), "the passport is dated before its session")
    return Terms.from_mapping(invite.terms)


def _named(passport: Passport) -> set[str]:
    """Digests of all attachments that the passport itself names."""
    names = {passport.invite, passport.builder_coin, passport.closing}
    for part in passport.owners:
        names |= {part.card, part.card_proof, part.grant, part.noise, part.coin, part.proven, part.proof, *part.rounds}
    return names


@dataclass
class _Chain:
    passport: Passport
    plan: Plan
    terms: Terms
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
    coins: dict[str, str] = field(default_factory=dict)
    rounds: dict[str, list[Round]] = field(default_factory=dict)
    weights: list[tuple[int, ...]] = field(default_factory=list)
    proven: dict[str, Proven] = field(default_factory=dict)

    @property
    def session(self) -> str:
        return self.passport.session

    def check_cards(self) -> None:
        for part in self.passport.owners:
            with link(f"card of {part.name}"):
                card = self.evidence.record(part.card, Card, part.owner)
                record = card.record
                require(record.owner_name == part.name, f"it names its owner {record.owner_name!r}")
                require(record.rows == part.rows, f"it commits to {record.rows} rows, the passport says {part.rows}")
                require(record.proof == part.card_proof, "the passport names another proof of validity")
                dated = parse_time(record.created) <= parse_time(self.invite.record.created)
                require(dated, "it was made after the session opened")
                proof = self.evidence.read(part.card_proof)
                self.schemas[part.owner] = check_card(card, proof, self.plain, self.cards_by)
                self.cards[part.owner] = card

    def check_terms(self) -> None:
        """That columns, rows and row norm bound of the session follow from plan and cards, and nothing overflows."""
        with link("terms"):
            terms = self.terms
            require(self.passport.columns == terms.columns, "the passport's columns are not the session's")
            schemas = list(self.schemas.values())
            require(all(schema == schemas[0] for schema in schemas), "the owners' cards have different schemas")
            for card in self.cards.values():
                require(card.record.columns == terms.columns, f"card {card.digest[:16]}... has other columns")
            require(terms.released == self.plan.released(terms.columns), "released columns are not those of the plan")
            rows = sum(card.record.rows for card in self.cards.values())
            require(terms.rows == rows, f"they count {terms.rows} rows; the cards commit to {rows}")
            largest = max(self._norm_bound(owner) for owner in self.cards)
            require(terms.norm_bound == largest, "the row norm bound is not the cards'")
            roots = [Commitment.from_json(card.record.commitment).root for card in self.cards.values()]
            require(len(set(roots)) == len(roots), "two owners show the same commitment: their rows are counted twice")
            check_bounds(self.plan, terms)
            check_noise(self.plan, self._release(terms.norm_bound))

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
        opened = self.invite.record.created
        sent = {name for name, out in zip(self.terms.columns, self.terms.released, strict=True) if out}
        missing = sorted((sent | {self.plan.label}) - set(grant.fields) - self._free(part.owner))
        _permit(grant.card == part.card, "it is for another card")
        _permit(grant.builder == self.passport.builder, f"it is for the builder {grant.builder[:16]}...")
        _permit(grant.purpose == self.plan.purpose, f"it is for {grant.purpose!r}, the plan for {self.plan.purpose!r}")
        _permit(grant.plan == self.plan.digest, "it is for another plan")
        _permit(not missing, f"it does not allow the fields {', '.join(missing)[:200]}")
        _permit(parse_time(grant.not_before) <= parse_time(opened), f"it begins at {grant.not_before}, after {opened}")
        _permit(parse_time(opened) <= parse_time(grant.not_after), f"it ended at {grant.not_after}, before {opened}")
        _permit(Number(part.epsilon) <= Number(grant.max_epsilon), f"it allows epsilon {grant.max_epsilon} at most")
        _permit(Number(part.delta) <= Number(grant.max_delta), f"it allows delta {grant.max_delta} at most")

    def _free(self, owner: str) -> set[str]:
        """Columns no grant need name: the bias says nothing of anybody, the label's sums are never released."""
        return set(self.cards[owner].record.columns[-2:])

    def check_coins(self) -> None:
        """Noise and coins were committed to before any coin was known: the openings fit."""
        promises = {self.passport.builder: self.invite.record.coin_commitment}
        for part in self.passport.owners:
            with link(f"noise commitment of {part.name}"):
                said = self.evidence.record(part.noise, NoiseCommitment, part.owner)
                require(said.record.session == self.session, "it is of another session")
                self.noise[part.owner] = said
                promises[part.owner] = said.record.coin_commitment
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
                require(len(part.rounds) == self.plan.rounds, f"{len(part.rounds)} rounds, planned {self.plan.rounds}")
                signed = [self.evidence.record(name, Round, part.owner) for name in part.rounds]
                self.rounds[part.owner] = [said.record for said in signed]
        step = rule(self.plan, self.terms)
        state = start(len(self.terms.columns))
        states = []
        for index in range(self.plan.rounds):
            used = tuple(int(value) for value in state.used())
            for part in self.passport.owners:
                with link(f"round {index + 1} of {part.name}"):
                    self._check_round(self.rounds[part.owner][index], index, used)
            answers = [self.rounds[part.owner][index].sums for part in self.passport.owners]
            state = update(state, [sum(column) for column in zip(*answers, strict=True)], step)
            self.weights.append(used)
            states.append(state)
        with link("weights"):
            model = tuple(int(value) for value in round_state(final_model(states, self.plan.average)))
            require(model == self.passport.weights, "the passport's weights are not those its rounds lead to")

    def _check_round(self, said: Round, index: int, used: tuple[int, ...]) -> None:
        require(said.session == self.session, "it is of another session")
        require(said.round == index, f"it answers round {said.round + 1}")
        require(said.weights == weights_digest(used), "it was computed at other weights than the rounds before lead to")
        require(len(said.sums) == len(self.terms.columns), f"it has {len(said.sums)} sums")
        fits = all(out or value == 0 for value, out in zip(said.sums, self.terms.released, strict=True))
        require(fits, "it holds a sum of a column that is not released")

    def check_closing(self) -> None:
        with link("closing"):
            closing = self.evidence.record(self.passport.closing, Closing, self.passport.builder).record
            require(closing.session == self.session, "it is of another session")
            parts = self.passport.owners
            messages = [
                self.passport.invite,
                *(part.noise for part in parts),
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
                bound = context(self._link(part))
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
                table = self.gradients(self._claim(part), dataset, said.opening, noise, bound, proof, self.plain)
                bits = min(bits, table["total"])
                self.proven[part.owner] = said
        return bits

    def _claim(self, part: Contribution) -> GradientClaim:
        coins = joint_coins(
            self.session,
            self.passport.invite,
            {owner: said.digest for owner, said in self.noise.items()},
            self.coins,
            part.owner,
            (self.plan.rounds, len(self.terms.columns)),
        )
        sums = [said.sums for said in self.rounds[part.owner]]
        return gradient_claim(self.terms, part.rows, self.weights, sums, coins)

    def _link(self, part: Contribution) -> Link:
        return Link(
            session=self.session,
            owner=part.owner,
            plan=self.plan.digest,
            invite=self.passport.invite,
            card=part.card,
            grant=part.grant,
            noise=part.noise,
            closing=self.passport.closing,
        )

    def check_privacy(self) -> None:
        """Recompute what every owner spent: no smaller number than the accountant's passes."""
        for part in self.passport.owners:
            with link(f"privacy of {part.name}"):
                require(part.delta == self.plan.delta, f"delta is {part.delta}, planned {self.plan.delta}")
                loss = privacy_loss(self._release(self._norm_bound(part.owner)), self.plan.delta)
                # Two machines may round the last digit of a float differently; nothing else may differ.
                near = abs(Number(part.epsilon) - Number(loss.epsilon)) <= _EPSILON_SLACK
                require(near, f"the accountant finds epsilon {loss.epsilon}, the passport says {part.epsilon}")
                target = self.plan.epsilon
                within = target is None or Number(loss.epsilon) <= Number(target) + _EPSILON_SLACK
                require(within, f"epsilon {loss.epsilon} is above the plan's {target}")
        with link("accounting"):
            stated = accounting(self._release(self.terms.norm_bound), self.plan.delta)
            require(canonical(self.passport.accounting) == canonical(stated), "it is not how the loss is reached")
        with link("shares"):
            for part in self.passport.owners:
                right = share(part.rows, self.terms.rows)
                require(part.share == right, f"{part.name} has a share of {right}, the passport says {part.share}")

    def _release(self, norm_bound: int) -> Release:
        terms = self.terms
        columns = len(terms.columns)
        return Release(norm_bound, sum(terms.released), columns, terms.shift, terms.sigma, self.plan.rounds)

    def _norm_bound(self, owner: str) -> int:
        return row_norm_bound(self.schemas[owner])

    def statement(self, bits: float) -> ProvenStatement:
        return ProvenStatement(
            session=self.session,
            builder=self.passport.builder,
            builder_name=self.passport.builder_name,
            plan=self.plan.digest,
            plan_name=self.plan.name,
            purpose=self.plan.purpose,
            rounds=self.plan.rounds,
            rows=self.terms.rows,
            columns=self.terms.columns,
            weights=self.passport.weights,
            sigma=self.terms.sigma,
            shift=self.terms.shift,
            neighbours=self.plan.neighbours,
            owners=tuple(self._owner(part) for part in self.passport.owners),
            session_opened=self.invite.record.created,
            passport_made=self.passport.created,
            bits=bits,
            plain=self.plain,
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
            share=Fraction(part.rows * self.plan.rounds, self.terms.rows * self.plan.rounds),
            opening=self.proven[part.owner].opening,
            proving_seconds=self.proven[part.owner].seconds,
            revoked=self.revoked.get(part.owner),
        )


def _permit(holds: bool, message: str) -> None:
    if not holds:
        raise GrantError(message)
