"""What is told of a model that stays hidden, or of sealed rows: proved, and handed out as a folder checked alone.

The folder's lock is held while a proof is made: its openings are written off before, and the proof is kept (`prove`).
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from bailee.adapters.files import lock, new_directory, storage_errors, write_new
from bailee.adapters.tables import Source
from bailee.errors import BudgetError, InputError
from bailee.party.claims import assessment_of, bounds_of, logit_threshold
from bailee.party.handing_out import attach
from bailee.party.home import PartyHome
from bailee.party.trained import KEPT, Trained, open_trained, require_left
from bailee.prove import FreshRows, Proven, ProvingSetting, PublicRows, SealedRows, answer, evaluate, prove_rules
from bailee.prove.answer import everyone_right
from bailee.records.inference import CLASS, LOGITS, SCORE, Answer, Evaluation
from bailee.records.rules import DatasetRules
from bailee.records.schema import CLASSES, UNIT, Schema
from bailee.seal import Dataset, Progress
from bailee.seal.encode import encode_features
from bailee.seal.sealed import fresh_seed
from bailee.statements.applied import MARGIN_BITS

RULES = "rules"
"""Folder of the rules that were proven, in the party's."""


@dataclass(frozen=True)
class Bounds:
    """threshold: binary models, the probability above which the answer is yes. margin_bits: how far apart the logits of
    one row may lie, a power of two of 26 bits below 1."""

    threshold: float = 0.5
    margin_bits: int = MARGIN_BITS


@dataclass(frozen=True)
class Sealed:
    """A sealed dataset, with the folder of the party whose key opens it."""

    party: PartyHome
    dataset: Dataset


@dataclass(frozen=True)
class Counted:
    """What an evaluation shows: `claims`, as `party.claims` reads them; else that at least so many rows are right, or
    how many. Of the rows from `first` (from 1) on: so many, or all."""

    claims: Mapping[str, Any] | None = None
    at_least: int | None = None
    first: int = 1
    rows: int | None = None


@dataclass(frozen=True)
class Told:
    """What was handed out. file: the record; openings_left: of the model, or of each dataset; lines: what is told, in
    words."""

    file: Path
    kind: str
    proof_bytes: int
    openings_left: tuple[int, ...]
    lines: tuple[str, ...]
    opening: int | None = None
    """The opening of the model's commitment."""


def tell_how_good(
    party: PartyHome,
    run: str,
    sealed: Sealed,
    counted: Counted,
    bounds: Bounds,
    out: Path,
    progress: Progress | None = None,
) -> Told:
    """Prove how well the hidden model of a run (`open_trained`) does on sealed rows, in the new folder `out`.

    It takes one opening of the model's commitment and one of the dataset's; the same again takes none. Raises
    InputError, StatementError where a claim does not hold (nothing is spent then), BudgetError, StorageError.
    """
    identity, schema = party.identity, Schema.from_json(sealed.dataset.card.record.schema)
    limit, first = logit_threshold(bounds.threshold), counted.first
    there = sealed.dataset.card.record.rows
    count = there - first + 1 if counted.rows is None else counted.rows
    if first < 1 or count < 1 or first - 1 + count > there:
        name = sealed.dataset.directory.name
        raise InputError(f"rows {first} to {first + count - 1} are not in {name!r}, which has {there}")
    with lock(party.path):
        trained = open_trained(party.path, run, identity, "evaluation")
        if counted.claims is not None:
            asked = assessment_of(counted.claims, schema, first - 1, count, limit, bounds.margin_bits)
        elif trained.model.architecture.loss == "squared":
            raise InputError('a regression has no right answers: give claims with measure = "squared error"')
        else:
            asked = everyone_right(first - 1, count, counted.at_least, limit, bounds.margin_bits)
        rows = _opened(trained, sealed, "evaluation", progress)
        with _proving(progress):
            proven = evaluate(trained.model, rows, asked, ProvingSetting(identity, trained.path / KEPT), tell=True)
        return _hand_out(trained, proven, rows, out)


def tell_answers(
    party: PartyHome,
    run: str,
    rows: Source | Sealed,
    which: Sequence[int],
    hidden: bool,
    tell: str | None,
    bounds: Bounds,
    out: Path,
    progress: Progress | None = None,
) -> Told:
    """Prove what the hidden model of a run answers: to a table, told or (`hidden`) committed to, or to sealed rows.

    which: rows of a sealed dataset, counted from 1. tell: class, score or logits; by default the class, or a
    regression's value. All rows are one proof. Raises as `tell_how_good`.
    """
    if tell is not None and tell not in (CLASS, SCORE, LOGITS):
        raise InputError(f"tell: expected class, score or logits, got {tell!r}")
    if isinstance(rows, Sealed):
        there = rows.dataset.card.record.rows
        if not which or min(which) < 1 or max(which) > there:
            name = rows.dataset.directory.name
            raise InputError(f"say which rows of {name!r} are to be answered, 1 to {there}, at least one")
    identity, limit = party.identity, logit_threshold(bounds.threshold)
    with lock(party.path):
        trained = open_trained(party.path, run, identity, "answer")
        told = tell or (SCORE if trained.model.architecture.loss == "squared" else CLASS)
        asked: PublicRows | FreshRows | SealedRows
        if isinstance(rows, Sealed):
            asked = _opened(trained, rows, "answer", progress)
        else:
            asked = _from_table(rows, trained.schema, hidden)
        places = tuple(int(number) - 1 for number in which)
        setting = ProvingSetting(identity, trained.path / KEPT)
        with _proving(progress):
            proven = answer(trained.model, asked, told, setting, places, limit, bounds.margin_bits)
        return _hand_out(trained, proven, asked if isinstance(asked, SealedRows) else None, out)


def tell_rules(
    party: PartyHome,
    found: Sequence[Dataset],
    columns: Sequence[str],
    bounds: Mapping[str, Any] | None,
    out: Path,
    progress: Progress | None = None,
) -> Told:
    """Prove that no record occurs twice in datasets of the party, compared in `columns` (all where there are none); or
    that columns of one keep to `bounds`. It takes one opening of each; the same again takes none. Raises as
    `tell_how_good`."""
    from bailee.verify.rules import rules_lines

    if bounds is not None and (columns or len(found) != 1):
        raise InputError("bounds are about one dataset, and compare no columns")
    if not found:
        raise InputError("a rule is on at least one dataset")
    identity, wanted = party.identity, () if bounds is None else bounds_of(bounds)
    compared = _encoded(Schema.from_json(found[0].card.record.schema), columns)
    with lock(party.path):
        rows = []
        for place, one in enumerate(found):
            matrix, seed = one.open(identity, progress)
            rows.append(SealedRows(one.card, one.proof, matrix, seed, partial(_spend, found[place:])))
        with _proving(progress):
            proven = prove_rules(rows, ProvingSetting(identity, party.path / RULES), compared, wanted)
        papers = [proven.proof, *(paper for one in rows for paper in (one.card.envelope, one.card_proof))]
        with new_directory(out) as draft:
            write_new(draft / f"{RULES}.json", proven.signed.envelope)
            with storage_errors(out):
                (draft / "attachments").mkdir()
                draft.chmod(0o755)
            attach(draft, papers)
    left = tuple(one.ledger.budget().remaining for one in found)
    return _told(out / f"{RULES}.json", proven, left, rules_lines(proven.signed.record))


@contextmanager
def _proving(progress: Progress | None) -> Iterator[None]:
    """A step that says only when it begins and ends."""
    if progress is not None:
        progress("prove", 0.0)
    yield
    if progress is not None:
        progress("prove", 1.0)


def _opened(trained: Trained, sealed: Sealed, purpose: str, progress: Progress | None) -> SealedRows:
    found = sealed.dataset
    matrix, seed = found.open(sealed.party.identity, progress)

    def spend(statement: str) -> int:
        require_left(trained.ledger, purpose, statement)  # or the rows' opening would be gone for nothing
        return found.ledger.spend(purpose, datetime.now(UTC), statement)

    return SealedRows(found.card, found.proof, matrix, seed, spend)


def _from_table(table: Source, schema: Schema, hidden: bool) -> PublicRows | FreshRows:
    matrix = encode_features(table, schema)
    if not hidden:
        return PublicRows(matrix)
    if schema.label_kind == CLASSES:
        matrix[:, schema.layout.labels[0]] = UNIT  # a label that nobody reads, of the form that every row has
    return FreshRows(matrix, schema, fresh_seed())


def _hand_out(
    trained: Trained, proven: Proven[Answer] | Proven[Evaluation], rows: SealedRows | None, target: Path
) -> Told:
    """A folder that is checked alone: the record, and beside it the passport and all attachments."""
    from bailee.verify.told_text import answer_lines, evaluation_lines

    record = proven.signed.record
    with new_directory(target) as draft:
        write_new(draft / f"{record.KIND}.json", proven.signed.envelope)
        write_new(draft / "passport.json", trained.passport.envelope)
        with storage_errors(target):
            (draft / "attachments").mkdir()
            for path in sorted((trained.path / "attachments").iterdir()):
                shutil.copyfile(path, draft / "attachments" / path.name)
            draft.chmod(0o755)
        attach(draft, [proven.proof] if rows is None else [proven.proof, rows.card.envelope, rows.card_proof])
    lines = evaluation_lines(record) if isinstance(record, Evaluation) else answer_lines(record)
    left = (trained.ledger.budget().remaining,)
    return _told(target / f"{record.KIND}.json", proven, left, lines, record.model.opening)


def _told(
    file: Path,
    proven: Proven[Answer] | Proven[Evaluation] | Proven[DatasetRules],
    left: tuple[int, ...],
    lines: Sequence[str],
    opening: int | None = None,
) -> Told:
    said = tuple(line.strip() for line in lines)
    return Told(file, proven.signed.record.KIND, len(proven.proof), left, said, opening)


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
