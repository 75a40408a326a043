"""What a dataset card states, and its check: the claim follows from the card itself, never from its sender.

The prover's half is `bailee.seal.card`.
"""

from __future__ import annotations

from typing import Protocol

from bailee.argument.commitment_record import Commitment
from bailee.errors import ProofError, RecordError
from bailee.records import Card, Signed, canonical, digest
from bailee.records.schema import UNIT, Schema
from bailee.statements.dataset import DatasetClaim, Domain, verify_dataset
from bailee.statements.reseal import verify_equal


class CardVerifier(Protocol):
    """The two proofs that a card may carry, as a verifier sees them. Each method raises ProofError."""

    def valid(
        self, schema: Schema, rows: int, commitment: Commitment, opening: int, context: bytes, proof: bytes, plain: bool
    ) -> None: ...

    def equal(
        self,
        shape: tuple[int, int],
        old: tuple[Commitment, int],
        new: tuple[Commitment, int],
        context: bytes,
        proof: bytes,
        plain: bool,
    ) -> None:
        """`shape` is (rows, encoded columns); `old` and `new` are commitments with the opening spent on each."""


class ArgumentVerifier:
    """The argument system's own."""

    def valid(
        self, schema: Schema, rows: int, commitment: Commitment, opening: int, context: bytes, proof: bytes, plain: bool
    ) -> None:
        verify_dataset(dataset_claim(schema, rows), commitment, opening, context, proof, plain)

    def equal(
        self,
        shape: tuple[int, int],
        old: tuple[Commitment, int],
        new: tuple[Commitment, int],
        context: bytes,
        proof: bytes,
        plain: bool,
    ) -> None:
        verify_equal(*shape, *old, *new, context, proof, plain)


def dataset_claim(schema: Schema, rows: int) -> DatasetClaim:
    """The claim 'these rows fit this schema', as the argument knows it."""
    layout = schema.layout
    domains = tuple(Domain(low, high, step) for low, high, step in layout.domains)
    return DatasetClaim(rows, layout.names, domains, layout.groups, UNIT, layout.norm_bound)


def card_context(card: Card) -> bytes:
    """What the validity proof is bound to: the whole card but the proof's own digest."""
    fields = {name: value for name, value in card.to_predicate().items() if name != "proof"}
    return canonical({"statement": "https://bailee.dev/valid-dataset/v1", "card": fields})


def renewal_context(owner: str, old_card: str, old: Commitment, new: Commitment) -> bytes:
    """What the equality proof is bound to. `owner` is a public key, `old_card` an envelope's digest, both hex."""
    return canonical(
        {
            "statement": "https://bailee.dev/equal-dataset/v1",
            "owner": owner,
            "old_card": old_card,
            "old": old.to_json(),
            "new": new.to_json(),
        }
    )


def check_card(card: Signed[Card], proof: bytes, plain: bool = False, verifier: CardVerifier | None = None) -> Schema:
    """That the committed rows fit the card's schema, which is returned. The card's signature was checked on opening.

    Raises ProofError (wrong or foreign proof), RecordError (a card whose parts disagree), SchemaError.
    """
    record = card.record
    schema = Schema.from_json(record.schema)
    if schema.name != record.name or schema.layout.names != record.columns:
        raise RecordError("card: its name or columns are not those of its schema")
    commitment = _commitment(record)
    _check_digest(f"card {record.name!r}", proof, record.proof)
    checks = verifier or ArgumentVerifier()
    checks.valid(schema, record.rows, commitment, record.opening, card_context(record), proof, plain)
    return schema


def check_renewal(
    new: Signed[Card],
    old: Signed[Card],
    proof: bytes,
    plain: bool = False,
    verifier: CardVerifier | None = None,
) -> None:
    """That a resealed card commits to the very rows of the card it renews. Raises ProofError or RecordError."""
    renewal = new.record.renews
    where = f"card {new.record.name!r}"
    if renewal is None:
        raise ProofError(f"{where} does not say that it renews another")
    if renewal.card != old.digest:
        raise ProofError(f"{where} renews the card {renewal.card[:16]}..., got the card {old.digest[:16]}...")
    for part in ("owner", "rows", "schema", "columns"):
        if getattr(new.record, part) != getattr(old.record, part):
            raise ProofError(f"{where} and the card it renews differ in: {part}")
    if canonical(renewal.commitment) != canonical(old.record.commitment):
        raise ProofError(f"{where} gives another commitment for the card it renews than that card has")
    before, after = _commitment(old.record), _commitment(new.record)
    if renewal.old_opening != before.openings - 1 or renewal.new_opening >= after.openings:
        raise RecordError("card: renewal spends an opening that is not the one kept for it, or does not exist")
    if renewal.new_opening == new.record.opening:
        raise RecordError(f"card: its two proofs spend the same opening {renewal.new_opening}")
    _check_digest(where, proof, renewal.proof)
    context = renewal_context(new.record.owner, old.digest, before, after)
    shape = (new.record.rows, len(new.record.columns))
    checks = verifier or ArgumentVerifier()
    checks.equal(shape, (before, renewal.old_opening), (after, renewal.new_opening), context, proof, plain)


def _commitment(card: Card) -> Commitment:
    commitment = Commitment.from_json(card.commitment)
    if card.opening >= commitment.openings:
        raise RecordError(f"card: opening {card.opening} does not exist, there are {commitment.openings}")
    return commitment


def _check_digest(where: str, proof: bytes, expected: str) -> None:
    if digest(proof) != expected:
        raise ProofError(f"{where}: expected the proof {expected[:16]}..., got {digest(proof)[:16]}...; it was changed")
