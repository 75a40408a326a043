"""A model's passport of any kind: of sums that owners sent, or of rows that were lent."""

from __future__ import annotations

from bailee.errors import RecordError
from bailee.records.envelope import predicate_type_of
from bailee.records.model import MODEL_PASSPORTS, ModelPassport, open_model_passport
from bailee.records.passport import PASSPORTS, Passport, open_passport

MODEL_TYPES = frozenset(kind.predicate_type() for kind in MODEL_PASSPORTS)
_TYPES = frozenset(kind.predicate_type() for kind in PASSPORTS)


def open_any_passport(data: bytes) -> Passport | ModelPassport:
    """Its form and its builder's signature are checked. RecordError for any other record; and as `open_signed` does."""
    kind = predicate_type_of(data)
    if kind in MODEL_TYPES:
        return open_model_passport(data).record
    if kind in _TYPES:
        return open_passport(data).record
    raise RecordError(f"this is a record of kind {kind}; expected a passport")
