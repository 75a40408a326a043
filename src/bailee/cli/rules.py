"""`bailee prove-rules`: an owner shows something about sealed rows, and no row."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from bailee.adapters.toml_file import read_toml
from bailee.cli.face import DEFAULT_HOME, AsJson, Face, Home, command, facts_table
from bailee.errors import InputError
from bailee.party.home import PartyHome
from bailee.party.telling import tell_rules


@command
def prove_rules_command(
    dataset: Annotated[list[str], typer.Argument(help="Sealed datasets: names or directories.")],
    out: Annotated[Path, typer.Option("--out", help="New folder for what is handed out: record, proof, cards.")],
    bounds: Annotated[
        Path | None, typer.Option("--bounds", help="Show that columns keep to bounds: a TOML file; one dataset.")
    ] = None,
    column: Annotated[
        list[str] | None, typer.Option("--column", help="Compare records in this column; repeat. All by default.")
    ] = None,
    home: Home = DEFAULT_HOME,
    as_json: AsJson = False,
) -> None:
    """Prove that no record occurs twice in sealed datasets, or is shared by two; or that columns keep to bounds.

    Rows and statistics stay hidden. It takes one opening of each dataset; the same rule again is the same proof and
    takes none. Check with `bailee verify OUT`.

    Examples: `bailee prove-rules heart-2024 heart-2025 --out distinct`,
    `bailee prove-rules heart-2024 --bounds bounds.toml --out bounds`
    """
    face, party = Face(as_json), PartyHome(home)
    if bounds is not None and (column or len(dataset) != 1):
        raise InputError("--bounds is about one dataset, and compares no columns")
    found = [party.dataset(name) for name in dataset]
    wanted = None if bounds is None else read_toml(bounds, "bounds")
    with face.progress() as progress:
        told = tell_rules(party, found, column or (), wanted, out, progress)
    facts: dict[str, Any] = {
        "kind": told.kind,
        "folder": str(out),
        "proof_bytes": told.proof_bytes,
        "openings_left": list(told.openings_left),
        "told": list(told.lines),
    }
    left = ", ".join(map(str, told.openings_left))
    shown = {"folder": out, "proof": f"{told.proof_bytes} bytes", "openings left": left, "told": "; ".join(told.lines)}
    face.result(facts, facts_table(shown))
