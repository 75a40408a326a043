"""`bailee verify`: does a passport hold, and what does it prove."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from bailee.adapters.files import read_bytes
from bailee.cli.face import DEFAULT_HOME, AsJson, Face, Home, command
from bailee.cli.nodes import NodeUrl
from bailee.party.accounts import reached
from bailee.party.checking import TOLD, check_known, check_paper, kind_of, load_libraries, paper_in
from bailee.party.identities import read_public
from bailee.records import Revocation, open_signed
from bailee.records.canonical import MAX_BYTES


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
    passport = paper_in(passport)
    with reached(ledger, home) as opened, face.progress() as progress:
        progress("load", 0.0)
        begun = time.monotonic()
        kind = kind_of(passport)
        load_libraries(plain)
        progress("load", 1.0)
        progress("verify", 0.0)
        started = time.monotonic()
        statement = check_paper(kind, passport, plain, revoked, opened)
        seconds = time.monotonic() - started
        progress("verify", 1.0)
    if trusted:
        check_known(statement, {read_public(path).public_key.hex() for path in trusted})
    shown = Text.assemble(
        (f"The {'proof' if kind in TOLD else 'passport'} holds.\n\n", "bold green"),
        statement.to_text(),
        f"\n\nChecked in {seconds:.2f} s, after {started - begun:.1f} s of loading libraries",
    )
    times = {"seconds": round(seconds, 3), "loading_seconds": round(started - begun, 3)}
    face.result({"holds": True, **times, **statement.to_dict()}, shown)
