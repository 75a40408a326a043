"""Checks a model's passport with nothing but it and its attachments: from sealed rows to committed weights.

    passport -> opening -> cards and their proofs -> terms -> privacy -> grants and waivers
             -> anchor and spendings, where the plan names a ledger -> coins
             -> orders of rows, where they are secret -> chunks, each from the boundary before
             -> the model, where it is revealed -> shares

No step trusts the trainer: whatever it states is recomputed from cards, plan and proofs. Not covered: whether a key
belongs to whom it names, revocations that nobody put among the attachments, and whether parties that drew coins are
as independent as their keys; all three are for the reader to know. Where the plan names a ledger, a node (`open_books`)
is asked whether grants, spendings and beacon are there; without one they are the owners' word, as the statement says.
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
from bailee.records import Card, Grant, Revocation, Signed, Spent, canonical, digest, parse_time
from bailee.records.canonical import MAX_BYTES
from bailee.records.model import (
    AnchoredModelCoin,
    AnchoredModelPassport,
    ModelCoin,
    ModelOpening,
    ModelPassport,
    ModelShare,
    ProvenShuffle,
    Waiver,
    open_model_passport,
)
from bailee.records.schema import Schema
from bailee.statements.card import CardVerifier
from bailee.statements.hidden.accounting import SLACK, ModelLoss, accounting, check_plan, model_loss
from bailee.statements.hidden.anchor import expected_spendings
from bailee.statements.hidden.boundary import Recommit, recommit_boundary
from bailee.statements.hidden.model_file import read_model
from bailee.statements.hidden.order import SHUFFLED_OPENING, shuffle_claim, shuffle_context
from bailee.statements.hidden.permission import ModelUse, check_model_grant, check_rows_once
from bailee.statements.hidden.schedule import Chunk
from bailee.statements.hidden.session import (
    chunk_claim,
    chunk_coins,
    chunk_context,
    keeps_promise,
    start_seeds,
    start_state,
)
from bailee.statements.hidden.terms import BOUNDARY_OPENINGS, ModelTerms, Setup, check_label
from bailee.statements.network.chunk import ChunkClaim, ChunkCommitments, verify_chunk
from bailee.statements.network.optimizer import Weights, used_weights
from bailee.statements.network.plan import ModelPlan
from bailee.statements.session import share
from bailee.statements.shuffle import ShuffleClaim, verify_shuffle
from bailee.verify.anchor import CheckedAnchor, OpenBooks, check_anchor
from bailee.verify.evidence import ATTACHMENTS, Evidence, link, require
from bailee.verify.model_statement import ModelOwner, ProvenModel

ChunkVerifier: TypeAlias = Callable[[ChunkClaim, ChunkCommitments, bytes, bytes, bool], Mapping[str, float]]
"""(claim, commitments, context, proof, plain) -> soundness in bits, with "total"; raises ProofError."""
ShuffleVerifier: TypeAlias = Callable[
    [ShuffleClaim, Commitment, int, Commitment, Commitment, int, bytes, bytes, bool], Mapping[str, float]
]
"""(claim, dataset, opening, order, shuffled, its opening, context, proof, plain) -> the same."""


_MODEL_BYTES = 1 << 24
"""A model file has 16 bytes for each weight, a header, and zeros for columns that are no input."""


def verify_model_passport(
    path: Path,
    plain: bool = False,
    revocations: Sequence[Signed[Revocation]] = (),
    cards: CardVerifier | None = None,
    chunks: ChunkVerifier = verify_chunk,
    shuffles: ShuffleVerifier = verify_shuffle,
    recommit: Recommit = recommit_boundary,
    open_books: OpenBooks | None = None,
) -> ProvenModel:
    """The statement that the passport at `path` proves; its attachments lie in the folder `attachments` beside it.

    Raises, naming the link: PassportError (a link does not hold), ProofError (a proof does not convince), GrantError,
    SignatureError, RecordError, PlanError, SchemaError. `plain` uses the plain-Python verifier and commitments.
    `revocations` are those the reader knows of. cards, chunks, shuffles, recommit replace the argument system in tests.
    `open_books` reads the plan's ledger at a node that the reader trusts; InputError where the plan names none.
    """
    with link("passport"):
        passport = open_model_passport(read_bytes(path, MAX_BYTES, "passport")).record
        plan = ModelPlan.from_mapping(passport.plan)
    evidence = Evidence(path.parent / ATTACHMENTS)
    with link("opening"):
        opening = evidence.record(passport.opening, ModelOpening, passport.builder)
        terms = _check_opening(passport, opening.record)
    chain = _Chain(passport, plan, Setup(plan, terms), opening, evidence, plain, cards, chunks, shuffles, recommit)
    chain.check_cards()
    chain.check_terms()
    chain.check_privacy()
    chain.check_grants((*revocations, *evidence.revocations(_named(passport))))
    chain.check_anchor(open_books)
    chain.check_coins()
    bits = min(chain.check_orders(), chain.check_chunks())
    weights = chain.check_model()
    chain.check_shares()
    return chain.statement(bits, weights)


def _check_opening(passport: ModelPassport, opening: ModelOpening) -> ModelTerms:
    require(opening.session == passport.session, "it opens another session than the passport's")
    require(canonical(opening.plan) == canonical(passport.plan), "it states another plan than the passport")
    named = [(one.owner, one.card, one.grant, one.waiver) for one in opening.owners]
    shown = [(part.owner, part.card, part.grant, part.waiver) for part in passport.owners]
    require(named == shown, "it names other owners, cards, grants or waivers than the passport")
    require(parse_time(opening.created) <= parse_time(passport.created), "the passport is dated before its run")
    return ModelTerms.from_mapping(opening.terms)


def _named(passport: ModelPassport) -> set[str]:
    """Digests of all attachments that the passport itself names."""
    names = {passport.opening, *passport.coins, *(chunk.proof for chunk in passport.chunks)}
    names |= {shuffle.proof for shuffle in passport.shuffles}
    if isinstance(passport, AnchoredModelPassport):
        names |= {passport.anchor, *passport.spent}
    for part in passport.owners:
        names |= {part.card, part.card_proof, part.grant} | ({part.waiver} if part.waiver else set())
    return names | ({passport.revealed} if passport.revealed else set())


@dataclass
class _Chain:
    passport: ModelPassport
    plan: ModelPlan
    setup: Setup
    opening: Signed[ModelOpening]
    evidence: Evidence
    plain: bool
    cards_by: CardVerifier | None
    chunks_by: ChunkVerifier
    shuffles_by: ShuffleVerifier
    recommit: Recommit
    cards: list[Signed[Card]] = field(default_factory=list)
    schemas: list[Schema] = field(default_factory=list)
    grants: list[Signed[Grant]] = field(default_factory=list)
    revoked: dict[str, str] = field(default_factory=dict)
    coins: dict[str, str] = field(default_factory=dict)
    spent: list[list[int]] = field(default_factory=list)
    rows: list[Commitment] = field(default_factory=list)
    """What chunks read: the cards' commitments, or those to their rows in a secret order."""
    loss: ModelLoss | None = None
    anchor: CheckedAnchor | None = None

    @property
    def beacon(self) -> str | None:
        return None if self.anchor is None else self.anchor.record.beacon.hash

    @property
    def opened(self) -> str:
        return self.opening.record.created

    def check_cards(self) -> None:
        for part in self.passport.owners:
            card, schema = self.evidence.part_card(part, self.opened, self.plain, self.cards_by)
            self.schemas.append(schema)
            self.cards.append(card)

    def check_terms(self) -> None:
        """That columns, rows and chunks are what plan and cards lead to, and no integer of the run can overflow."""
        with link("terms"):
            terms = self.setup.terms
            require(all(one == self.schemas[0] for one in self.schemas), "the owners' cards have different schemas")
            require(self.cards[0].record.columns == terms.columns, "their columns are not the cards'")
            rows = tuple(card.record.rows for card in self.cards)
            require(terms.rows == rows, f"they count {list(terms.rows)} rows; the cards commit to {list(rows)}")
            roots = [Commitment.from_json(card.record.commitment).root for card in self.cards]
            require(len(set(roots)) == len(roots), "two owners show the same commitment: their rows are counted twice")
            check_rows_once([card.record for card in self.cards])
            check_label(self.plan, self.schemas[0])
            chunks, said = len(self.setup.chunks), self.opening.record
            require(len(self.passport.chunks) == chunks, f"{len(self.passport.chunks)} chunks, planned {chunks}")
            wanted = chunks if self.plan.private else 0
            require(len(said.noise) == wanted, f"{len(said.noise)} noise commitments, expected {wanted}")
            noise = [Commitment.from_json(one).root for one in said.noise]
            require(len(set(noise)) == len(noise), "two chunks have the same noise")
            wanted = len(self.cards) if self.plan.shuffled else 0
            require(len(said.orders) == wanted, f"{len(said.orders)} orders of rows, expected {wanted}")
            orders = [Commitment.from_json(one).root for one in said.orders]
            require(len(set(orders)) == len(orders), "two datasets have the same order")
            self.setup.rule.check(self.setup.architecture, self.setup.batch)

    def check_privacy(self) -> None:
        """Recompute what a row loses: no number smaller than the accountant's passes, and none where nothing holds."""
        with link("privacy"):
            self.loss = model_loss(self.setup)
            check_plan(self.setup, self.loss)
            stated, delta = self.passport.epsilon, self.passport.delta
            require(delta == self.plan.delta, f"delta is {delta}, planned {self.plan.delta}")
            if self.loss is None:
                require(stated is None, f"epsilon {stated} is stated for an unprotected plan, which promises nothing")
            else:
                found = self.loss.epsilon
                near = stated is not None and abs(Number(stated) - Number(found)) <= SLACK
                require(near, f"the accountant finds epsilon {found}, the passport says {stated}")
        with link("accounting"):
            right = accounting(self.setup, self.loss)
            require(canonical(self.passport.accounting) == canonical(right), "it is not how the loss is reached")

    def check_grants(self, revocations: Sequence[Signed[Revocation]]) -> None:
        for part, card in zip(self.passport.owners, self.cards, strict=True):
            with link(f"grant of {part.name}"):
                grant = self.evidence.record(part.grant, Grant, part.owner)
                waiver = None if part.waiver is None else self.evidence.record(part.waiver, Waiver, part.owner)
                if self.plan.private and waiver is not None:
                    raise GrantError("a waiver beside it, for a plan that is private")
                columns = card.record.columns
                use = ModelUse(self.passport.builder, self.plan, columns, self.passport.epsilon, self.passport.delta)
                known = [one for one in revocations if one.record.grant == grant.digest]
                check_model_grant(grant, waiver, card, known, use, parse_time(self.opened))
                for one in known:
                    if one.record.owner == part.owner:
                        self.revoked[part.owner] = one.record.revoked
                self.grants.append(grant)

    def check_anchor(self, open_books: OpenBooks | None) -> None:
        """Where the plan names a ledger: every owner spent there for this opening, and says so; then the beacon."""
        passport, ledger = self.passport, self.plan.ledger
        anchored = passport if isinstance(passport, AnchoredModelPassport) else None
        cards = {card.digest: card.record for card in self.cards}
        owners = () if self.loss is None else expected_spendings(self.opening, self.loss, cards)
        named = None if anchored is None else anchored.anchor
        self.anchor = check_anchor(self.evidence, named, passport.builder, passport.session, ledger, owners, open_books)
        if anchored is None or self.anchor is None:
            return
        spendings = self.anchor.record.spendings
        for part, name, spending in zip(passport.owners, anchored.spent, spendings, strict=True):
            with link(f"spending of {part.name}"):
                said = self.evidence.record(name, Spent, part.owner).record
                require(said.session == passport.session, "it is of another session")
                require(said.ledger == ledger, f"it is on the ledger {said.ledger}, the plan names {ledger}")
                require(said.spending == spending, "its owner signed another one than the anchor states")

    def check_coins(self) -> None:
        """Coins were promised before any was known, and shown for this opening only: noise was fixed before them.

        Where the plan names a ledger, for its anchor only: the beacon was fixed before them too.
        """
        opening, session = self.opening.record, self.passport.session
        with link("coins"):
            drawn_by, wanted = self.passport.coins_drawn_by, len(opening.promises)
            require(len(self.passport.coins) == wanted, f"{len(self.passport.coins)} coins, {wanted} were promised")
            right = bool(wanted) == self.plan.draws
            require(right, "a run with noise or a secret order has coins, another one none")
            require((drawn_by == "nobody") == (not wanted), f"they are said to be drawn by {drawn_by}")
        for name, promise in zip(self.passport.coins, opening.promises, strict=True):
            with link(f"coin of {promise.party[:16]}"):
                coin = self._coin(name, promise.party)
                require(coin.session == session, "it is of another session")
                require(coin.opening == self.passport.opening, "it was drawn for another opening: other noise")
                kept = keeps_promise(promise.party, coin.coin, promise.promise)
                require(kept, "it is not the one promised")
                self.coins[promise.party] = coin.coin

    def _coin(self, name: str, party: str) -> ModelCoin:
        if self.anchor is None or not isinstance(self.passport, AnchoredModelPassport):
            return self.evidence.record(name, ModelCoin, party).record
        coin = self.evidence.record(name, AnchoredModelCoin, party).record
        require(coin.anchor == self.passport.anchor, "it was drawn for another anchor")
        return coin

    def check_orders(self) -> float:
        """Fix what chunks read. Where the order is secret: each dataset's rows, moved by uniforms older than coins.

        The soundness of the weakest proof, in bits; infinite where there is none.
        """
        self.spent = [[] for _ in self.cards]
        self.rows = [Commitment.from_json(card.record.commitment) for card in self.cards]
        with link("orders"):
            wanted = len(self.opening.record.orders)
            found = len(self.passport.shuffles)
            require(found == wanted, f"{found} datasets are proven to be shuffled, expected {wanted}")
        bits = math.inf
        for place, said in enumerate(self.passport.shuffles):
            with link(f"order of {self.passport.owners[place].name}"):
                bits = min(bits, self._check_order(place, said))
        return bits

    def _check_order(self, place: int, said: ProvenShuffle) -> float:
        sealed, shuffled = self.rows[place], Commitment.from_json(said.shuffled)
        order = Commitment.from_json(self.opening.record.orders[place])
        wanted = self.setup.order_openings(place)
        require(shuffled.openings == wanted, f"its rows bear {shuffled.openings} openings, expected {wanted}")
        require(shuffled.shape == sealed.shape, "its rows are of another shape than the card's")
        known = {one.root for one in self.rows}
        require(shuffled.root not in known, "its rows are under a commitment that is another's: openings count twice")
        self._check_opening(place, said.opening)
        session, opening, card = self.passport.session, self.passport.opening, self.cards[place].digest
        claim = shuffle_claim(self.setup, session, opening, self.coins, place, self.beacon)
        context = shuffle_context(session, opening, place, card, said.opening, order, shuffled)
        require(said.statement == digest(context), "its proof is of another statement")
        proof, plain = self.evidence.read(said.proof), self.plain
        table = self.shuffles_by(claim, sealed, said.opening, order, shuffled, SHUFFLED_OPENING, context, proof, plain)
        self.rows[place] = shuffled
        return table["total"]

    def check_chunks(self) -> float:
        """Each chunk's proof, from the boundary the chunk before led to. The soundness of the weakest, in bits."""
        with link("start"):
            seed = start_seeds(self.plan)[1]
            state = start_state(self.setup)
            before = self.recommit(self.setup.architecture, state, BOUNDARY_OPENINGS, seed, self.plain)
        bits = math.inf
        for chunk, said in zip(self.setup.chunks, self.passport.chunks, strict=True):
            with link(f"chunk {chunk.index + 1}"):
                after = Commitment.from_json(said.boundary)
                wanted = self.setup.openings_after(chunk)
                require(after.openings == wanted, f"its boundary bears {after.openings} openings, expected {wanted}")
                require(after.shape == before.shape, "its boundary is of another shape than the one before")
                require(after.root != before.root, "it leads nowhere: its boundary is the one before")
                self._check_openings(chunk, said.openings)
                claim = chunk_claim(self.setup, chunk, said.openings, self._coins(chunk))
                context = chunk_context(self.passport.session, self.passport.opening, chunk, claim, (before, after))
                require(said.statement == digest(context), "its proof is of another statement")
                proof = self.evidence.read(said.proof)
                table = self.chunks_by(claim, self._commitments(chunk, before, after), context, proof, self.plain)
                bits = min(bits, table["total"])
                before = after
        return bits

    def _check_openings(self, chunk: Chunk, openings: Sequence[int]) -> None:
        require(len(openings) == len(chunk.slices), f"{len(openings)} openings for {len(chunk.slices)} datasets")
        if self.plan.shuffled:
            wanted = self.setup.order_opening(chunk)
            require(tuple(openings) == wanted, f"it spends openings {list(openings)} of shuffled rows, not {wanted}")
            return
        for part, opening in zip(chunk.slices, openings, strict=True):
            self._check_opening(part.dataset, opening)

    def _check_opening(self, dataset: int, opening: int) -> None:
        card = self.cards[dataset].record
        used = {card.opening, *self.spent[dataset]}
        used |= {card.renews.new_opening} if card.renews else set()
        fresh = opening not in used and opening < Commitment.from_json(card.commitment).openings - 1
        require(fresh, f"it spends opening {opening} of {card.name!r}, which is kept or was spent already")
        self.spent[dataset].append(opening)

    def _coins(self, chunk: Chunk) -> bytes:
        if not self.plan.private:
            return b""
        passport = self.passport
        return chunk_coins(passport.session, passport.opening, self.coins, chunk.index, self.beacon)

    def _commitments(self, chunk: Chunk, before: Commitment, after: Commitment) -> ChunkCommitments:
        noise = self.opening.record.noise
        return ChunkCommitments(
            datasets=tuple(self.rows[part.dataset] for part in chunk.slices),
            before=before,
            after=after,
            noise=Commitment.from_json(noise[chunk.index]) if noise else None,
        )

    def check_model(self) -> Weights | None:
        """Where the model is revealed: weights and seed, committed to again, give the last boundary."""
        if self.passport.revealed is None:
            return None
        with link("model"):
            data = self.evidence.read(self.passport.revealed, _MODEL_BYTES + 16 * self.setup.architecture.entries)
            file = read_model(data, self.setup.architecture)
            boundary = Commitment.from_json(self.passport.model)
            found = self.recommit(self.setup.architecture, file.state, boundary.openings, file.seed, self.plain)
            require(found == boundary, "the weights are not those the last chunk leads to")
            return used_weights(file.state)

    def check_shares(self) -> None:
        with link("shares"):
            total = sum(self.setup.uses(place) for place in range(len(self.cards)))
            for place, part in enumerate(self.passport.owners):
                uses = self.setup.uses(place)
                require(part.uses == uses, f"{part.name}'s rows are used {uses} times, the passport says {part.uses}")
                right = share(uses, total)
                require(part.share == right, f"{part.name} has a share of {right}, the passport says {part.share}")

    def statement(self, bits: float, weights: Weights | None) -> ProvenModel:
        passport = self.passport
        return ProvenModel(
            session=passport.session,
            builder=passport.builder,
            builder_name=passport.builder_name,
            plan=self.plan,
            architecture=self.setup.architecture,
            columns=self.setup.terms.columns,
            rows=sum(self.setup.terms.rows),
            chunks=len(self.setup.chunks),
            steps=self.setup.steps,
            model=Commitment.from_json(passport.model),
            weights=weights,
            epsilon=passport.epsilon,
            delta=passport.delta,
            accounting=passport.accounting,
            coin_parties=tuple(self.coins),
            coins_drawn_by=passport.coins_drawn_by,
            owners=tuple(self._owner(place, part) for place, part in enumerate(passport.owners)),
            opened=self.opened,
            passport_made=passport.created,
            bits=bits,
            plain=self.plain,
            anchor=self.anchor.proven if self.anchor else None,
        )

    def _owner(self, place: int, part: ModelShare) -> ModelOwner:
        total = sum(one.uses for one in self.passport.owners)
        return ModelOwner(
            key=part.owner,
            name=part.name,
            dataset=self.cards[place].record.name,
            card=part.card,
            grant=part.grant,
            grant_id=self.grants[place].record.id,
            rows=part.rows,
            uses=part.uses,
            share=Fraction(part.uses, total),
            openings=tuple(self.spent[place]),
            waived=part.waiver is not None,
            revoked=self.revoked.get(part.owner),
        )
