"""Whether a passport, or what is told of a model or of rows, holds: link by link, for every face."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

from bailee.adapters.files import read_bytes
from bailee.errors import InputError, RecordError, SignatureError
from bailee.keys import PUBLIC_FILE
from bailee.records import Revocation, Signed, predicate_type_of
from bailee.records.canonical import MAX_BYTES
from bailee.records.passports import MODEL_TYPES
from bailee.records.rules import DatasetRules
from bailee.statements.anchor import Books
from bailee.verify.inference import FILES as CLAIMS
from bailee.verify.inference import ProvenClaim, verify_claim
from bailee.verify.model import verify_model_passport
from bailee.verify.model_statement import ProvenModel
from bailee.verify.passport import verify_passport
from bailee.verify.rules import FILE as RULES
from bailee.verify.rules import ProvenRules, verify_rules
from bailee.verify.statement import ProvenStatement

Statement: TypeAlias = ProvenStatement | ProvenModel | ProvenClaim | ProvenRules
_CLAIMS = tuple(record.predicate_type() for record in CLAIMS.values())
TOLD = (*_CLAIMS, DatasetRules.predicate_type())
_CHECKS: dict[str, Callable[..., Statement]] = {
    **dict.fromkeys(_CLAIMS, verify_claim),
    DatasetRules.predicate_type(): verify_rules,
}


def paper_in(place: Path) -> Path:
    """The file to check in a folder that holds one, or `place` itself. Raises InputError where nothing is."""
    if place.is_dir():
        told = [place / name for name in (*CLAIMS, RULES) if (place / name).is_file()]
        place = told[0] if told else place / "passport.json"
    if not place.exists():
        if (place.parent / PUBLIC_FILE).exists():
            raise InputError(f"{place} does not exist; is this a party's folder? name a passport's folder")
        raise InputError(f"passport {place} does not exist; check the path")
    return place


def check_paper(
    kind: str,
    passport: Path,
    plain: bool = False,
    revocations: Sequence[Signed[Revocation]] = (),
    ledger: Callable[[str], Books] | None = None,
) -> Statement:
    """What the paper of that kind (`kind_of`) proves. Raises the error of the link that does not hold."""
    if kind in MODEL_TYPES:
        return verify_model_passport(passport, plain=plain, revocations=revocations, open_books=ledger)
    check = _CHECKS.get(kind)
    if check is None:
        return verify_passport(passport, plain=plain, revocations=revocations, open_books=ledger)
    if ledger is not None:
        more = f"; for the model's own ledger verify {passport.parent / 'passport.json'}" if kind in _CLAIMS else ""
        raise InputError(f"{kind} names no ledger: there is nothing to check at a node; leave --ledger out{more}")
    return check(passport, plain=plain, revocations=revocations)


def kind_of(passport: Path) -> str:
    """The predicate type of what is to be checked. Raises RecordError where it is no signed record."""
    try:
        return predicate_type_of(read_bytes(passport, MAX_BYTES, "passport"))
    except RecordError as error:
        raise RecordError(f"{passport} is no passport: {error}") from None


def load_libraries(plain: bool) -> None:
    """What the check imports on its way: loading takes longer than checking, and is said apart from it."""
    for name in ("dp_accounting", "numpy", "bailee.statements.gradient", "bailee.statements.network.chunk"):
        importlib.import_module(name)
    if not plain:
        _load_kernels()


def _load_kernels() -> None:
    """The compiled kernels of the fast verifier come from disk when first called: here, on next to nothing."""
    import numpy as np

    from bailee.algebra import field, kernels

    importlib.import_module("bailee.argument.verifier")
    flat, pairs = np.ones(4, dtype=np.uint64), np.ones((4, 2), dtype=np.uint64)
    square = np.ones((4, 4), dtype=np.uint64)
    kernels.eq_table([field.ONE] * 4)
    kernels.dot_base(flat, pairs)
    kernels.dot_ext(pairs, pairs)
    kernels.interpolate_rows(square)
    kernels.coset_rows(square, square, 0, 16)
    kernels.apply_columns(square, pairs)


def check_known(statement: Statement, known: set[str]) -> None:
    """That nobody but parties of these keys took part. Raises SignatureError."""
    for name, key in _parties(statement):
        if key not in known:
            raise SignatureError(
                f"the passport holds, but {name!r} ({key[:16]}...) is none of the {len(known)} parties you trust; "
                "if you know that key, name its identity.json with --trusted"
            )


def _parties(statement: Statement) -> Sequence[tuple[str, str]]:
    """(name, key) of everybody whose word counts in it."""
    if isinstance(statement, ProvenRules):
        return statement.parties
    parties = [(statement.builder_name, statement.builder), *((owner.name, owner.key) for owner in statement.owners)]
    if not isinstance(statement, ProvenStatement):
        parties += [("who drew a coin", key) for key in statement.coin_parties]
    return parties
