"""The model card: what the passport proves of a model, in sections of plain text; `pages.py` writes them down.

Nothing here was not proven, counted or signed by somebody whom the card names. What a card usually also says, and the
passport does not (who should use it, on whom it fails), the card leaves to its reader, and says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from bailee import __version__
from bailee.records import Json
from bailee.records.schema import Schema
from bailee.release.bound import Bound
from bailee.release.facts import Evaluated, Facts

_FACT = ("fact", "value")
LOSSES = {"logistic": "yes or no", "softmax": "one of several classes", "squared": "a number"}


@dataclass(frozen=True)
class Table:
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Section:
    """A heading with lines, then a table. All text is plain: whoever writes it down escapes it."""

    title: str
    lines: tuple[str, ...] = ()
    table: Table | None = None


def model_card(facts: Facts, bound: Bound | None) -> tuple[str, tuple[Section, ...]]:
    """(title, sections). bound: how far the exported files may be from what was proven; None where none are."""
    sections = [
        _model(facts, bound),
        _data(facts),
        *_columns(facts),
        *_privacy(facts),
        Section("Plan", ("As every owner granted it.",), Table(_FACT, tuple(_flat(facts.plan)))),
        *_evaluations(facts),
        _proof(facts),
    ]
    return facts.name, tuple(sections)


def _model(facts: Facts, bound: Bound | None) -> Section:
    record = facts.record
    kind = "linear model" if len(facts.widths) == 2 else "ReLU network"
    widths = "-".join(map(str, facts.widths))
    rows: list[tuple[str, ...]] = [
        ("purpose", facts.purpose),
        ("trained by", f"{record.builder_name} ({facts.builder})"),
        ("kind", f"{widths} {kind}, {facts.loss} loss"),
        ("answers", f"{facts.plan['label']}: {LOSSES[facts.loss]}"),
        ("training began", facts.checked.started),
        ("passport made", record.created),
        ("weights", "published" if facts.published else "not published; the passport holds a commitment to them"),
    ]
    if bound is not None:
        rows.append(
            (
                "files",
                f"float32; outputs within {bound.outputs:.3g}, scores within {bound.scores:.3g} of the proven ones",
            )
        )
    return Section("Model", (), Table(_FACT, tuple(rows)))


def _data(facts: Facts) -> Section:
    lines = [
        f"{facts.rows} rows of {len(facts.datasets)} dataset(s). They stayed sealed: no file of this release holds any."
    ]
    for dataset in facts.datasets:
        since = facts.checked.revoked.get(dataset.card.digest)
        if since is not None:
            lines.append(f"The grant on {dataset.title} has since been revoked ({since}).")
        if dataset.waived:
            lines.append(f"Used without privacy, as its owner signed: {dataset.title}.")
    rows = tuple(
        (
            dataset.card.record.name,
            f"{dataset.card.record.owner_name} (ed25519:{dataset.card.record.owner})",
            str(dataset.card.record.rows),
            str(len(dataset.schema.columns)),
            dataset.share,
            dataset.card.digest,
        )
        for dataset in facts.datasets
    )
    heads = ("dataset", "owner", "rows", "columns", "share in the training", "card (BLAKE3)")
    return Section("Data", tuple(lines), Table(heads, rows))


def _columns(facts: Facts) -> Iterator[Section]:
    """One section for all datasets of the same columns."""
    titles: dict[Schema, list[str]] = {}
    for dataset in facts.datasets:
        titles.setdefault(dataset.schema, []).append(dataset.title)
    for schema, named in titles.items():
        rows = tuple(
            (
                column.name,
                column.type,
                ", ".join(column.categories) or ("" if column.min is None else f"{column.min} to {column.max}"),
                "label" if column.name == schema.label else "",
            )
            for column in schema.columns
        )
        lines = (f"Of {', '.join(named)}, as the cards prove of every row.",)
        yield Section("Columns", lines, Table(("column", "type", "values", "role"), rows))


def _privacy(facts: Facts) -> Iterator[Section]:
    if facts.unprotected:
        line = "UNPROTECTED: no clipping, no noise. The model may reveal rows, and nothing is promised about any."
        yield Section("Privacy", (line,))
        return
    line = "What the model, and all that was sent to train it, tells about one row, which might be replaced by another."
    rows = tuple((one.title, str(one.epsilon), str(one.delta)) for one in facts.datasets)
    yield Section("Privacy", (line,), Table(("dataset", "epsilon", "delta"), rows))
    how = tuple(_flat(facts.record.accounting))
    yield Section("Accounting of privacy", ("As the passport has it, and its check found it.",), Table(_FACT, how))


def _evaluations(facts: Facts) -> Iterator[Section]:
    if not facts.evaluated:
        yield Section(
            "Measured", ("No proven evaluation came with this release: nothing is said of how well it does.",)
        )
    for one in facts.evaluated:
        yield _evaluation(one)


def _evaluation(one: Evaluated) -> Section:
    lines = [f"On {one.rows} sealed rows of {one.dataset}, whose owner is {one.owner_name}; evaluation {one.record}."]
    if one.trained_on:
        lines.append("These very rows also trained the model: this says nothing about rows it has not seen.")
    rows = tuple((told.what, told.rows, told.said) for told in one.measured)
    return Section(
        f"Measured on {one.dataset} of {one.owner_name}", tuple(lines), Table(("measure", "rows", "proven"), rows)
    )


def _proof(facts: Facts) -> Section:
    lines = [
        f"Passport {facts.passport} (BLAKE3) was verified by Bailee {__version__} before this was written; a false one "
        f"would have passed with a probability of one in two to the {facts.checked.bits:.0f}.",
        "Verify it again: bailee verify PASSPORT. Compare these files with it: bailee release PASSPORT --check FOLDER.",
    ]
    if facts.checked.not_checked:
        lines.append(f"Not checked: {'; '.join(facts.checked.not_checked)}.")
    lines.append("Not proven by any passport: whom a key belongs to, what the model is used for, on whom it fails.")
    return Section("Proof", tuple(lines))


def _flat(value: Mapping[str, Json], before: str = "") -> Iterator[tuple[str, str]]:
    """Every field of a JSON object, nested ones by their path."""
    for name, item in value.items():
        if isinstance(item, Mapping):
            yield from _flat(item, f"{before}{name}.")
        elif item is not None and not (isinstance(item, (list, tuple)) and not item):
            shown = ", ".join(map(str, item)) if isinstance(item, (list, tuple)) else str(item)
            yield f"{before}{name}", shown
