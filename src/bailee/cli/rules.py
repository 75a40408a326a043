"""`bailee prove-rules`: an owner shows something about sealed rows, and no row."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from bailee.adapters.files import lock, new_directory, storage_errors, write_new
from bailee.cli.claims import read_bounds
from bailee.cli.face import DEFAULT_HOME, AsJson, Face, Home, Report, command, facts_table
from bailee.errors import BudgetError, InputError
from bailee.party.handing_out import attach
from bailee.party.home import PartyHome
from bailee.prove import ProvingSetting, SealedRows, prove_rules
from bailee.records.schema import Schema
from bailee.seal import Dataset

KEPT = "rules"
"""Folder of the proofs that were made, in the party's."""


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
    schema = Schema.from_json(found[0].card.record.schema)
    wanted = () if bounds is None else read_bounds(bounds)
    with lock(home), face.progress() as progress:
        rows = _sealed(party, found, progress)
        progress("prove", 0.0)
        setting = ProvingSetting(party.identity, home / KEPT)
        proven = prove_rules(rows, setting, _encoded(schema, column or ()), wanted)
        progress("prove", 1.0)
        with new_directory(out) as draft:
            write_new(draft / "rules.json", proven.signed.envelope)
            with storage_errors(out):
                (draft / "attachments").mkdir()
                draft.chmod(0o755)
            attach(draft, [proven.proof, *(paper for one in rows for paper in (one.card.envelope, one.card_proof))])
    from bailee.verify.rules import rules_lines

    facts: dict[str, Any] = {
        "kind": proven.signed.record.KIND,
        "folder": str(out),
        "proof_bytes": len(proven.proof),
        "openings_left": [one.ledger.budget().remaining for one in found],
        "told": [line.strip() for line in rules_lines(proven.signed.record)],
    }
    left = ", ".join(map(str, facts["openings_left"]))
    shown = {"folder": out, "proof": f"{len(proven.proof)} bytes", "openings left": left}
    face.result(facts, facts_table({**shown, "told": "; ".join(facts["told"])}))


def _sealed(party: PartyHome, found: Sequence[Dataset], progress: Report) -> list[SealedRows]:
    rows = []
    for place, one in enumerate(found):
        matrix, seed = one.open(party.identity, progress)
        rows.append(SealedRows(one.card, one.proof, matrix, seed, partial(_spend, found[place:])))
    return rows


def _spend(datasets: Sequence[Dataset], statement: str) -> int:
    """A new opening of the first of them, if all have one. Never one used before: that proof may have been seen."""
    del statement
    for one in datasets[1:]:
        if not one.ledger.budget().remaining:
            raise BudgetError(f"no opening of {one.directory} is left; renew it with `bailee reseal`")
    return datasets[0].ledger.spend("rules", datetime.now(UTC))


def _encoded(schema: Schema, names: Sequence[str]) -> tuple[str, ...]:
    """Encoded columns of fields, or of encoded columns named one by one."""
    of = {one.name: one.encoded for one in schema.columns}
    of[schema.label] = schema.label_names
    return tuple(column for name in names for column in of.get(name, (name,)))
