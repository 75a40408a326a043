"""From signed answers and evaluations to what their proofs claim and are bound to: the same for prover and verifier.

`ruled` does so for rules on datasets.
"""

from __future__ import annotations

import numpy as np

from bailee.errors import RecordError
from bailee.records import Card, Record
from bailee.records.canonical import Json, canonical, digest
from bailee.records.inference import FRESH, PUBLIC, SEALED, Answer, Evaluation
from bailee.records.schema import Schema
from bailee.statements.applied import read_architecture
from bailee.statements.card import dataset_claim
from bailee.statements.evaluation import EvaluationClaim
from bailee.statements.inference import InferenceClaim

MODEL_OPENINGS = 1
"""How many openings of the last boundary training uses; a model's proofs use those from here on."""


def proof_context(record: Record) -> bytes:
    """What the proof is bound to: the whole record but the proof's own digest."""
    fields = {name: value for name, value in record.to_predicate().items() if name != "proof"}
    return canonical({"statement": f"https://bailee.dev/{record.KIND}/v{record.VERSION}", record.KIND: fields})


def spending(record: Evaluation | Answer) -> str:
    """Digest of what is claimed, whenever and by whichever openings: the same claim twice is one proof."""
    fields = record.to_predicate()
    model = {name: value for name, value in _mapping(fields["model"]).items() if name != "opening"}
    left_out = ("model", "opening", "proof", "created", "builder_name")
    kept = {name: value for name, value in fields.items() if name not in left_out}
    return digest(canonical({"spending": record.KIND, "model": model, **kept}))


def evaluation_claim(record: Evaluation, card: Card) -> EvaluationClaim:
    """Raises RecordError, StatementError where record and card do not fit together."""
    architecture, columns = read_architecture(record.model.architecture)
    claim = EvaluationClaim(architecture, columns, card.rows, record.claim)
    claim.require_layout(Schema.from_json(card.schema).layout)
    return claim


def inference_claim(record: Answer, card: Card | None) -> InferenceClaim:
    """Raises RecordError, StatementError where the record's parts, or record and card, do not fit together."""
    architecture, columns = read_architecture(record.model.architecture)
    if len({len(row) for row in record.answers}) != 1 or len({len(row) for row in record.rows}) > 1:
        raise RecordError("answer: expected rows of one length, and answers of one length")
    told = card.schema if card else record.schema
    schema = None if told is None else Schema.from_json(told)
    if schema is not None and (schema.layout.names != columns or schema.layout.labels != architecture.labels):
        raise RecordError("answer: the rows have other columns or labels than the model")
    count = len(record.answers)
    limits = (record.rows, record.answers)
    if any(abs(value) >= 1 << 53 for rows in limits for row in rows for value in row):
        raise RecordError("answer: a value of more than 53 bits")
    return InferenceClaim(
        architecture=architecture,
        source=record.source,
        told=record.told,
        answers=np.array(record.answers, dtype=np.int64),
        rows=np.array(record.rows, dtype=np.int64) if record.source == PUBLIC else None,
        places=record.places,
        total=card.rows if record.source == SEALED and card else count if record.source == FRESH else 0,
        threshold=record.threshold,
        margin_bits=record.margin_bits,
        valid=dataset_claim(schema, count) if record.source == FRESH and schema else None,
    )


def _mapping(value: Json) -> dict[str, Json]:
    if not isinstance(value, dict):
        raise RecordError("expected an object")
    return value
