"""`bailee verify`: does a passport hold, and what does it prove."""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, TypeAlias

import typer
from rich.text import Text

from bailee.adapters.files import read_bytes
from bailee.cli.face import DEFAULT_HOME, AsJson, Face, Home, command
from bailee.cli.identities import read_public
from bailee.cli.nodes import NodeUrl, Reached, reached
from bailee.errors import InputError, RecordError, SignatureError
from bailee.records import Revocation, Signed, open_signed, predicate_type_of
from bailee.records.canonical import MAX_BYTES
from bailee.records.model import ModelPassport
from bailee.records.rules import DatasetRules
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
_TOLD = (*_CLAIMS, DatasetRules.predicate_type())
_CHECKS: dict[str, Callable[..., Statement]] = {
    ModelPassport.predicate_type(): verify_model_passport,
    **dict.fromkeys(_CLAIMS, verify_claim),
    DatasetRules.predicate_type(): verify_rules,
}


@command
def verify(
    passport: Annotated[
        Path,
        typer.Argument(
            help="The passport, evaluation, answer or rules, or the folder that holds it and its attachments."
        ),
    ],
    plain: Annotated[
        bool,
        typer.Option("--plain", help="Use the plain-Python verifier: slower, shares no fast code with the prover."),
    ] = False,
    trusted: Annotated[
        list[Path] | None,
        typer.Option("--trusted", help="Public identity of a party you know; repeat. Then no other may take part."),
    ] = None,
    revocation: Annotated[
        list[Path] | None, typer.Option("--revocation", help="A revocation that you know of; repeat.")
    ] = None,
    ledger: NodeUrl = None,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Check a passport offline and print what it proves. The exit code is 0 if everything holds, and only then.

    Checked again, trusting nobody: every signature, grant, card, proof and sum, the noise, the privacy loss, the
    weights. Not checked: that a key belongs to whom it names, unless you say whom you know with --trusted; and where
    the plan names a ledger, what stands there, unless you name a node that you trust with --ledger.

    Example: `bailee verify passport.json`
    """
    face = Face(as_json)
    revoked = [open_signed(read_bytes(path, MAX_BYTES, "revocation"), Revocation) for path in revocation or []]
    if passport.is_dir():
        told = [passport / name for name in (*CLAIMS, RULES) if (passport / name).is_file()]
        passport = told[0] if told else passport / "passport.json"
    if not passport.exists():
        raise InputError(f"passport {passport} does not exist; check the path")
    with reached(ledger, home) as opened, face.progress() as progress:
        progress("load", 0.0)
        begun = time.monotonic()
        kind = _kind(passport)
        _load_libraries(plain)
        progress("load", 1.0)
        progress("verify", 0.0)
        started = time.monotonic()
        statement = _check(kind, passport, plain, revoked, opened)
        seconds = time.monotonic() - started
        progress("verify", 1.0)
    if trusted:
        _check_known(statement, {read_public(path).public_key.hex() for path in trusted})
    shown = Text.assemble(
        (f"The {'proof' if kind in _TOLD else 'passport'} holds.\n\n", "bold green"),
        statement.to_text(),
        f"\n\nChecked in {seconds:.2f} s, after {started - begun:.1f} s of loading libraries",
    )
    times = {"seconds": round(seconds, 3), "loading_seconds": round(started - begun, 3)}
    face.result({"holds": True, **times, **statement.to_dict()}, shown)


def _check(
    kind: str, passport: Path, plain: bool, revocations: Sequence[Signed[Revocation]], ledger: Reached
) -> Statement:
    check = _CHECKS.get(kind)
    if check is None:
        return verify_passport(passport, plain=plain, revocations=revocations, open_books=ledger)
    if ledger is not None:
        raise InputError(f"{kind} names no ledger: there is nothing to check at a node; leave --ledger out")
    return check(passport, plain=plain, revocations=revocations)


def _kind(passport: Path) -> str:
    """The predicate type of what is to be checked. Raises RecordError where it is no signed record."""
    try:
        return predicate_type_of(read_bytes(passport, MAX_BYTES, "passport"))
    except RecordError as error:
        raise RecordError(f"{passport} is no passport: {error}") from None


def _load_libraries(plain: bool) -> None:
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


def _check_known(statement: Statement, known: set[str]) -> None:
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
