"""An owner's rows become a sealed dataset of its folder, and a spent one is renewed: under the folder's lock."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from bailee.adapters.files import lock, sweep
from bailee.party.home import PartyHome
from bailee.records.schema import Schema
from bailee.seal import DEFAULT_OPENINGS, Dataset, Progress
from bailee.seal import reseal as reseal_dataset
from bailee.seal import seal as seal_table

if TYPE_CHECKING:
    from bailee.adapters.tables import Source


def seal_rows(
    party: PartyHome,
    table: Source,
    schema: Schema,
    now: datetime,
    name: str | None = None,
    openings: int = DEFAULT_OPENINGS,
    ceiling: int | None = None,
    progress: Progress | None = None,
) -> Dataset:
    """A new dataset of the folder, called as the schema is or `name`. ceiling: bytes of memory that proving may take.

    Raises InputError (also where one of that name is), SchemaError, StatementError, StorageError; nothing is left then.
    """
    owner, target = party.identity, party.new_dataset(name or schema.name)
    with lock(party.path):
        sweep(target.parent)  # what an earlier run left that was killed
        return seal_table(owner, schema, table, target, now, openings, ceiling, progress)


def renew(
    party: PartyHome,
    dataset: Dataset,
    now: datetime,
    name: str | None = None,
    openings: int = DEFAULT_OPENINGS,
    progress: Progress | None = None,
) -> Dataset:
    """The same rows under a fresh commitment, as a new dataset: `name`, or NAME-2 and so on. BudgetError."""
    target = party.new_dataset(name or _next_name(party, dataset.directory.name))
    with lock(party.path):
        return reseal_dataset(party.identity, dataset, target, now, openings, progress)


def _next_name(party: PartyHome, name: str) -> str:
    stem, _, number = name.rpartition("-")
    count = int(number) if stem and number.isdigit() else 1
    base = stem if stem and number.isdigit() else name
    while party.new_dataset(f"{base}-{count + 1}").exists():
        count += 1
    return f"{base}-{count + 1}"
