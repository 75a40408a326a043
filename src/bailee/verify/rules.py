"""Checks a rule on sealed rows: its folder alone, offline, trusting nobody.

rules.json     attachments/DIGEST: the proof, and the card of each dataset with its proof
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bailee.adapters.files import read_bytes
from bailee.argument.commitment_record import Commitment
from bailee.records import Card, Json, Revocation, Signed, open_signed
from bailee.records.canonical import MAX_BYTES
from bailee.records.fields import encode
from bailee.records.rules import DISTINCT, DatasetRules
from bailee.statements.ruled import rules_claim
from bailee.statements.rules import verify_distinct
from bailee.statements.statistics import StatisticsClaim, verify_statistics
from bailee.statements.told import proof_context
from bailee.verify.evidence import ATTACHMENTS, Evidence, link, require

FILE = "rules.json"


@dataclass(frozen=True)
class ProvenRules:
    """What was proven about sealed rows. datasets: (name, rows) of each."""

    record: DatasetRules
    datasets: tuple[tuple[str, int], ...]
    bits: float
    plain: bool

    @property
    def parties(self) -> tuple[tuple[str, str], ...]:
        """(name, key) of all who took part: the owner."""
        return ((self.record.owner_name, self.record.owner),)

    def to_dict(self) -> dict[str, Json]:
        return {
            "kind": self.record.KIND,
            "record": encode(self.record),
            "datasets": [{"name": name, "rows": rows} for name, rows in self.datasets],
            "bits": f"{self.bits:.1f}",
            "plain": self.plain,
        }

    def to_text(self) -> str:
        """The statement in plain words, one fact a line."""
        of = " and ".join(f"{name!r} ({rows} rows)" for name, rows in self.datasets)
        lines = [f"Rows of {of}, sealed by {self.record.owner_name} ({self.record.owner[:16]}...); none is shown"]
        how = "plain verifier" if self.plain else "fast verifier"
        return "\n".join(
            [*lines, *rules_lines(self.record), f"Every signature and proof holds ({how}, {self.bits:.0f} bits)"]
        )


def rules_lines(record: DatasetRules) -> list[str]:
    """What a record claims, a fact a line."""
    if record.rule == DISTINCT:
        shared = ", none is shared by two datasets" if len(record.datasets) > 1 else ""
        compared = f"; compared in: {', '.join(record.columns)}" if record.columns else ""
        return [f"No record occurs twice{shared}{compared}"]
    return [f"  {one.measure} of {one.column!r}: {one.at_least} to {one.at_most}" for one in record.bounds]


def verify_rules(path: Path, plain: bool = False, revocations: Sequence[Signed[Revocation]] = ()) -> ProvenRules:
    """The statement that the rules at `path` prove; their attachments lie beside them. No grant, nothing to revoke.

    Raises RecordError, SignatureError, ProofError and siblings, naming the link that broke.
    """
    del revocations
    record = open_signed(read_bytes(path, MAX_BYTES, "record"), DatasetRules).record
    evidence = Evidence(path.parent / ATTACHMENTS)
    cards: list[Card] = []
    for one in record.datasets:
        with link(f"card of dataset {len(cards) + 1}"):
            card = evidence.card(one.card, one.card_proof, one.opening, plain).record
            require(card.owner == record.owner, "it is signed by another owner than the rules")
        cards.append(card)
    with link("the rules' proof"):
        claim = rules_claim(record, cards)
        commitments = [Commitment.from_json(card.commitment) for card in cards]
        openings = [one.opening for one in record.datasets]
        proof, context = evidence.read(record.proof), proof_context(record)
        if isinstance(claim, StatisticsClaim):
            table = verify_statistics(claim, commitments[0], openings[0], context, proof, plain)
        else:
            table = verify_distinct(claim, commitments, openings, context, proof, plain)
    return ProvenRules(record, tuple((card.name, card.rows) for card in cards), table["total"], plain)
