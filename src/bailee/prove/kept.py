"""Proofs that were made are kept: the same claim again gives the kept proof, and one opening never bears two."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from bailee.adapters.files import read_bytes, storage_errors, write_atomic
from bailee.errors import InputError, RecordError, StorageError
from bailee.prove.holding import ProvingSetting
from bailee.records import Signed, digest, open_signed, sign
from bailee.records.canonical import MAX_BYTES
from bailee.records.inference import Answer, Evaluation
from bailee.records.rules import DatasetRules
from bailee.statements.ruled import rules_spending
from bailee.statements.told import spending

UNPROVEN = "0" * 64
"""Stands for the proof's digest in a record whose proof is not made yet."""
_PROOF_LIMIT = 1 << 30
T = TypeVar("T", Answer, Evaluation, DatasetRules)


@dataclass(frozen=True)
class Proven(Generic[T]):
    """A signed claim with its proof, ready to be handed out."""

    signed: Signed[T]
    proof: bytes


def find_kept(setting: ProvingSetting, draft: T) -> Proven[T] | None:
    """The proof of this very claim, if it was made before. Raises StorageError where it is damaged."""
    folder = setting.kept / _name(draft)
    if not (folder / "record.json").exists():
        return None
    try:
        signed = open_signed(read_bytes(folder / "record.json", MAX_BYTES, "record"), type(draft))
        proof = read_bytes(folder / "proof", _PROOF_LIMIT, "proof")
        if _name(signed.record) != folder.name or digest(proof) != signed.record.proof:
            raise RecordError("it is about another claim, or its proof was changed")
    except InputError as error:
        raise StorageError(
            f"{folder} is damaged ({error}); restore it from a copy: the openings it used are spent, so this claim "
            "cannot be proven anew"
        ) from None
    return Proven(signed, proof)


def keep(setting: ProvingSetting, record: T, proof: bytes) -> Proven[T]:
    """Sign the record with its proof's digest, and keep both on disk before they can leave."""
    folder = setting.kept / _name(record)
    signed = sign(replace(record, proof=digest(proof)), setting.identity)
    with storage_errors(folder):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_atomic(folder / "proof", proof)
    write_atomic(folder / "record.json", signed.envelope)
    return Proven(signed, proof)


def _name(record: Answer | Evaluation | DatasetRules) -> str:
    return rules_spending(record) if isinstance(record, DatasetRules) else spending(record)
