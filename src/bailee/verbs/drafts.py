"""What rows may be: a schema from a file, or a draft of one from rows, for a person to look at.

A schema is public. Bounds and categories that are taken from rows tell of the rows, and no epsilon counts it: that is
why a draft is no schema until somebody has said what is known of each column, or takes the rest as it is.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from bailee.adapters.files import read_bytes
from bailee.adapters.tables import read_table, table_columns
from bailee.adapters.toml_file import toml_value
from bailee.errors import InputError, PrivacyWarning, SchemaError
from bailee.records.fields import decimal_text
from bailee.records.schema import BINARY, CLASSES, NUMBER, Column, Schema
from bailee.seal import read_schema
from bailee.seal.schema import MAX_SCHEMA_BYTES
from bailee.verbs.given import path_of
from bailee.verbs.showing import Rows, Shown
from bailee.verbs.tables import table_of

MOST_CATEGORIES = 50
_UNKNOWN = "unknown"


def schema(file: str | os.PathLike[str] | None = None, *, text: str | None = None) -> Schema:
    """The schema in a TOML file, or in `text`. Raises SchemaError that names the key, InputError.

    >>> import bailee
    >>> tiny = bailee.schema(text='''
    ... [dataset]
    ... name = "tiny"
    ... label = "ill"
    ... [[column]]
    ... name = "age"
    ... type = "number"
    ... min = 0
    ... max = 100
    ... [[column]]
    ... name = "ill"
    ... type = "flag"
    ... ''')
    >>> [column.name for column in tiny.columns]
    ['age', 'ill']
    """
    if (file is None) == (text is None):
        raise InputError("expected a schema's file, or its text: one of them")
    if file is None:
        return read_schema((text or "").encode())
    return read_schema(read_bytes(path_of(file, "schema"), MAX_SCHEMA_BYTES, "schema"))


@dataclass(frozen=True, repr=False)
class DraftSchema(Shown):
    """A schema that still holds what rows told. `told`: those columns. `accept` makes it one, `known` corrects it."""

    found: Schema
    told: frozenset[str]

    def known(self, column: str, **public: Any) -> DraftSchema:
        """The draft with what is publicly known of a column: `min`, `max`, `categories`, `missing`, or `type`.

        missing: the constant that stands for a missing cell; None refuses rows that lack it. positive: which categories
        of the label count as 1, which makes it binary. Raises SchemaError.
        """
        unknown = set(public) - {"type", "min", "max", "categories", "missing", "positive", "positive_above"}
        if unknown:
            raise SchemaError(f"{column}: expected min, max, categories, missing or type, got {', '.join(unknown)}")
        if column not in {one.name for one in self.found.columns}:
            there = ", ".join(repr(one.name) for one in self.found.columns)
            raise SchemaError(f"the draft has no column {column!r}; it has {there}")
        told = {name: _public(name, value) for name, value in public.items()}
        columns = tuple(replace(one, **told) if one.name == column else one for one in self.found.columns)
        binary = column == self.found.label and bool(public.get("positive"))
        made = replace(self.found, columns=columns, label_kind=BINARY if binary else self.found.label_kind)
        made.require()
        return DraftSchema(made, self.told - {column})

    def accept(self) -> Schema:
        """The schema. Warns of columns that are still as the rows have them: a PrivacyWarning."""
        if self.told:
            warnings.warn(
                f"bounds or categories of {', '.join(sorted(self.told))} were taken from the rows; a schema is public, "
                "so that tells something of them which epsilon does NOT count. Say what is known before any row is "
                "read: draft.known(column, min=..., max=...)",
                PrivacyWarning,
                stacklevel=2,
            )
        return self.found

    @property
    def toml(self) -> str:
        """The draft as the file that `bailee seal` reads; columns that rows told are marked."""
        return schema_toml(self.found, self.told)

    def _title(self) -> str:
        return f"Draft of a schema, {self.found.name}: not to be used before somebody has looked at it"

    def _facts(self) -> Mapping[str, object]:
        return {
            "label": f"{self.found.label} ({self.found.label_kind})",
            "taken from rows": sorted(self.told) or "none",
        }

    def _tables(self) -> Mapping[str, Rows]:
        return {"columns": [_row(one, one.name in self.told) for one in self.found.columns]}


def schema_of(
    table: Any,
    label: str,
    *,
    name: str = "table",
    columns: Sequence[str] | None = None,
    positive: Sequence[str] = (),
    row_norm: str | None = None,
) -> DraftSchema:
    """A draft of a schema for a table: to be looked at, and put right with what is known without these rows.

    Every row is read. columns: which to take, all by default; positive: categories of a two-valued label that count as
    1. Bounds are the rows' own, moved outward to a round number, which still tells of them. Raises InputError.

    >>> import bailee
    >>> draft = bailee.schema_of({"age": [31, 47, 62], "ill": [False, True, True]}, label="ill")
    >>> draft = draft.known("age", min=0, max=120)
    >>> schema = draft.accept()  # silent: nothing is left that only the rows told
    >>> schema.columns[0].max
    '120'
    """
    source = table_of(table)
    names = list(columns or (table_columns(source) if isinstance(source, Path) else source.column_names))
    if label not in names:
        names.append(label)
    found = source if isinstance(source, pa.Table) else _whole(source, names)
    missing = [one for one in names if one not in found.column_names]
    if missing:
        raise SchemaError(f"the table has no column {missing[0]!r}")
    made = tuple(_column(one, found.column(one), one == label, tuple(positive)) for one in names)
    kind = {"flag": BINARY, "category": BINARY if positive else CLASSES}.get(made[names.index(label)].type, NUMBER)
    draft = Schema(name, label, made, row_norm=row_norm, label_kind=kind)
    draft.require()
    return DraftSchema(draft, frozenset(one.name for one in made if one.type != "flag" or one.missing is not None))


def schema_toml(found: Schema, told: frozenset[str] = frozenset()) -> str:
    """A schema as its TOML file: the same schema when it is read."""
    lines = ["[dataset]", f"name = {toml_value(found.name)}", f"label = {toml_value(found.label)}"]
    lines += [] if found.label_kind == BINARY else [f"label_kind = {toml_value(found.label_kind)}"]
    lines += [] if found.row_norm is None else [f"row_norm = {found.row_norm}"]
    lines += [
        f"over_norm = {toml_value(found.over_norm)}",
        f"missing_values = {toml_value(list(found.missing_values))}",
    ]
    for one in found.columns:
        lines += [
            "",
            "[[column]]" + ("    # as the rows have it: put what is publicly known" if one.name in told else ""),
        ]
        lines += [f"name = {toml_value(one.name)}", f"type = {toml_value(one.type)}"]
        lines += [] if one.min is None else [f"min = {one.min}", f"max = {one.max}"]
        lines += [f"categories = {toml_value(list(one.categories))}"] if one.categories else []
        lines += [] if one.missing is None else [f"missing = {{ value = {_fill(one)} }}"]
        lines += [f"positive = {toml_value(list(one.positive))}"] if one.positive else []
        lines += [] if one.positive_above is None else [f"positive_above = {one.positive_above}"]
    return "\n".join(lines) + "\n"


def _column(name: str, cells: Any, label: bool, positive: tuple[str, ...]) -> Column:
    if pa.types.is_dictionary(cells.type):
        cells = cells.cast(cells.type.value_type)
    lacking = bool(cells.null_count)
    if lacking and label:
        raise InputError(f"column {name!r} is the label and has empty cells; a row without a label cannot be used")
    if pa.types.is_boolean(cells.type):
        return Column(name, "flag", missing="false" if lacking else None)
    if pa.types.is_integer(cells.type) or pa.types.is_floating(cells.type) or pa.types.is_decimal(cells.type):
        return _number(name, cells, label, lacking)
    if pa.types.is_string(cells.type) or pa.types.is_large_string(cells.type):
        return _category(name, cells, positive if label else (), lacking)
    raise InputError(f"column {name!r} has type {cells.type}; a schema has numbers, text and flags: leave it out")


def _number(name: str, cells: Any, label: bool, lacking: bool) -> Column:
    ends = pc.min_max(cells.drop_null().cast(pa.float64()))
    low, high = ends["min"].as_py(), ends["max"].as_py()
    if low is None:
        raise InputError(f"column {name!r} has no cell that is not empty; leave it out")
    whole = pa.types.is_integer(cells.type)
    if whole and label and (low, high) in ((0, 1), (0, 0), (1, 1)):
        return Column(name, "flag")
    if not abs(low) < 2**50 > abs(high):
        raise InputError(f"column {name!r} has numbers that are not finite, or too large to be sealed; leave it out")
    low_text, high_text = _outward(Decimal(repr(low)), Decimal(repr(high)))
    middle = (Decimal(low_text) + Decimal(high_text)) / 2
    fill = decimal_text(middle.to_integral_value() if whole else middle) if lacking else None
    return Column(name, "integer" if whole else "number", low_text, high_text, missing=fill)


def _category(name: str, cells: Any, positive: tuple[str, ...], lacking: bool) -> Column:
    found = sorted({text.strip() for text in pc.unique(cells.drop_null()).to_pylist()} - {""})
    if len(found) > MOST_CATEGORIES:
        raise InputError(
            f"column {name!r} has {len(found)} different texts; at most {MOST_CATEGORIES} are taken for categories: "
            "leave it out, or make groups of them"
        )
    values = [*found, _UNKNOWN] if lacking and _UNKNOWN not in found else found
    return Column(name, "category", categories=tuple(values), missing=_UNKNOWN if lacking else None, positive=positive)


def _outward(low: Decimal, high: Decimal) -> tuple[str, str]:
    """Bounds beyond the rows' own, round to a tenth of their range's power of ten."""
    span = high - low or max(abs(high), Decimal(1))
    step = Decimal(1).scaleb(max(span.adjusted(), -9))  # finer ranges are widened to it
    return decimal_text((low // step - 1) * step), decimal_text((high // step + 2) * step)


def _whole(path: Path, names: Sequence[str]) -> pa.Table:
    """All of a file, its cells as what they look like. A draft needs types, which sealing takes from the schema."""
    import pyarrow.csv
    import pyarrow.parquet

    batches = read_table(path, names)  # says what is wrong with the file, in our words
    first = next(batches)
    batches.close()
    try:
        if all(pa.types.is_binary(cells.type) for cells in first.columns.values()):
            options = pyarrow.csv.ConvertOptions(include_columns=list(names), strings_can_be_null=True)
            return pyarrow.csv.read_csv(path, convert_options=options)
        return pyarrow.parquet.read_table(path, columns=list(names))
    except pa.ArrowException as error:
        raise InputError(f"table {path} cannot be drafted ({type(error).__name__}); write its schema by hand") from None


def _public(name: str, value: Any) -> Any:
    if value is None or name == "type":
        return value
    if name in ("categories", "positive"):
        return tuple(map(str, value))
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) and name == "missing" else decimal_text(Decimal(str(value)))


def _row(column: Column, told: bool) -> dict[str, object]:
    holds: object = column.categories or f"{column.min} to {column.max}"
    if column.min is None and not column.categories:
        holds = "0 or 1"
    where = "the rows" if told else "public"
    return {"column": column.name, "type": column.type, "holds": holds, "missing": column.missing, "known from": where}


def _fill(column: Column) -> str:
    if column.type == "category":
        return toml_value(column.missing)
    return str(column.missing)
