"""`bailee verify`: does a passport hold, and what does it prove."""

from __future__ import annotations

import importlib
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from bailee.adapters.files import read_bytes
from bailee.cli.face import AsJson, Face, command
from bailee.cli.home import read_public
from bailee.errors import InputError, SignatureError
from bailee.records import Revocation, open_signed
from bailee.records.canonical import MAX_BYTES
from bailee.verify.passport import verify_passport
from bailee.verify.statement import ProvenStatement


@command
def verify(
    passport: Annotated[
        Path, typer.Argument(help="The passport, or the folder that holds it; its attachments lie beside it.")
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
    as_json: AsJson = False,
) -> None:
    """Check a passport offline and print what it proves. The exit code is 0 if everything holds, and only then.

    Checked again, trusting nobody: every signature, grant, card, proof and sum, the noise, the privacy loss, the
    weights. Not checked: that a key belongs to whom it names, unless you say whom you know with --trusted.

    Example: `bailee verify passport.json`
    """
    face = Face(as_json)
    revoked = [open_signed(read_bytes(path, MAX_BYTES, "revocation"), Revocation) for path in revocation or []]
    if passport.is_dir():
        passport = passport / "passport.json"
    if not passport.exists():
        raise InputError(f"passport {passport} does not exist; check the path")
    with face.progress() as progress:
        progress("load", 0.0)
        begun = time.monotonic()
        _load_libraries(plain)
        progress("load", 1.0)
        progress("verify", 0.0)
        started = time.monotonic()
        statement = verify_passport(passport, plain=plain, revocations=revoked)
        seconds = time.monotonic() - started
        progress("verify", 1.0)
    if trusted:
        _check_known(statement, {read_public(path).public_key.hex() for path in trusted})
    shown = Text.assemble(
        ("The passport holds.\n\n", "bold green"),
        statement.to_text(),
        f"\n\nChecked in {seconds:.2f} s, after {started - begun:.1f} s of loading libraries",
    )
    times = {"seconds": round(seconds, 3), "loading_seconds": round(started - begun, 3)}
    face.result({"holds": True, **times, **statement.to_dict()}, shown)


def _load_libraries(plain: bool) -> None:
    """What the check imports on its way: loading takes longer than checking, and is said apart from it."""
    for name in ("dp_accounting", "numpy", "bailee.statements.gradient"):
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


def _check_known(statement: ProvenStatement, known: set[str]) -> None:
    parties = [(statement.builder_name, statement.builder), *((owner.name, owner.key) for owner in statement.owners)]
    for name, key in parties:
        if key not in known:
            raise SignatureError(
                f"the passport holds, but {name!r} ({key[:16]}...) is none of the {len(known)} parties you trust; "
                "if you know that key, name its identity.json with --trusted"
            )
