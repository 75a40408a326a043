"""`bailee release`: a model with its passport, as other people's tools read it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from bailee.cli.face import DEFAULT_HOME, AsJson, Face, Home, command, facts_table
from bailee.errors import InputError


@command
def release(
    passport: Annotated[
        Path, typer.Argument(help="The passport, or the folder that holds it; its attachments lie beside it.")
    ],
    out: Annotated[Path | None, typer.Option("--out", help="New folder for the release.")] = None,
    check: Annotated[
        Path | None,
        typer.Option("--check", help="Compare the release in this folder with the passport; write nothing."),
    ] = None,
    evaluation: Annotated[
        list[Path] | None, typer.Option("--evaluation", help="A folder that `bailee evaluate` wrote; repeat.")
    ] = None,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Release a model for other people's tools: ONNX, safetensors, model.sig, SLSA provenance, ML-BOM, Croissant, card.

    The passport is verified first, and everything is derived from it. Who trained the model signs; anybody may
    `--check`. A model that stays hidden is released without its weights. Needs the packages of `bailee[export]`.

    Example: `bailee release passport.json --out released --home builder`
    """
    from bailee.party.identities import own_identity
    from bailee.party.releasing import prepare_release

    face = Face(as_json)
    if (out is None) == (check is None):
        raise InputError("expected either --out, to write a release, or --check, to compare one")
    if out is not None and out.exists():
        raise InputError(f"{out} exists already; nothing is overwritten: choose another name, or move it away")
    identity = None if out is None else own_identity(home)
    with face.progress() as progress:
        progress("verify", 0.0)
        made = prepare_release(passport, evaluation or [])
        progress("verify", 1.0)
    if out is None or identity is None:
        place = check or Path()
        names = made.check(place)
    else:
        place = out
        names = made.write(out, identity, home)
    facts: dict[str, Any] = {
        "folder": str(place),
        "files": list(names),
        "passport": made.facts.passport,
        "builder": made.facts.builder,
        "published": made.facts.published,
    }
    shown = {**facts, "files": ", ".join(names), "published": "yes" if made.facts.published else "no: it stays hidden"}
    face.result({"holds": True, **facts} if out is None else facts, facts_table(shown))
