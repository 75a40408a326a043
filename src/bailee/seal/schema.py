"""Reads a schema file (TOML) into the public Schema of `bailee.records.schema`.

    [dataset]
    name = "heart-cleveland"
    label = "num"                  # one of the columns below
    label_kind = "binary"          # optional; or "classes": one of many, or "number": a target for regression
    row_norm = 3.5                 # optional: bound on an encoded row's L2 norm, 1.0 a full-range column
    over_norm = "refuse"           # or "shrink": scale that row's number columns toward their middle until it fits
    missing_values = ["", "?"]     # optional: how the table spells a missing cell

    [[column]]
    name = "age"
    type = "number"                # number, integer: min, max; category: categories; flag: nothing more
    min = 20
    max = 90
    missing = { value = 55 }       # default: "refuse"

The fill for missing cells is a constant of the schema and never a mean or a mode of the rows: such a fill would
carry the other rows' content into this row, where neither the norm bound nor the privacy loss counts it.
A binary label is a flag, a category with `positive = [...]`, or a number with `positive_above = 0`; classes are the
categories of a category, a number is a number or an integer. Columns of the table that the schema does not name are
not read.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from decimal import Decimal as Number
from typing import Any

from bailee.errors import RecordError, SchemaError
from bailee.records.fields import decimal_text, shown
from bailee.records.schema import BINARY, Schema

MAX_SCHEMA_BYTES = 4 << 20
_DATASET_KEYS = {"name", "label", "label_kind", "row_norm", "over_norm", "missing_values"}
_COLUMN_KEYS = {"name", "type", "min", "max", "categories", "missing", "positive", "positive_above"}


def read_schema(data: bytes) -> Schema:
    """The schema in a TOML file's bytes. Raises SchemaError that names the key."""
    if len(data) > MAX_SCHEMA_BYTES:
        raise SchemaError(f"schema has {len(data)} bytes; at most {MAX_SCHEMA_BYTES} are read")
    try:
        document = tomllib.loads(data.decode("utf-8"), parse_float=Number)
    except UnicodeDecodeError:
        raise SchemaError("schema is not text in UTF-8") from None
    except (tomllib.TOMLDecodeError, ValueError, ArithmeticError, RecursionError) as error:
        raise SchemaError(f"schema is not TOML: {shown(str(error))}") from None
    _keys(document, {"dataset", "column"}, "schema")
    dataset, columns = document.get("dataset"), document.get("column")
    if not isinstance(dataset, dict) or not isinstance(columns, list):
        raise SchemaError("expected a [dataset] table and [[column]] tables")
    _keys(dataset, _DATASET_KEYS, "[dataset]")
    kind = dataset.get("label_kind", BINARY)
    public: dict[str, Any] = {
        "version": 1 if kind == BINARY else 2,
        "name": dataset.get("name"),
        "label": dataset.get("label"),
        "row_norm": _decimal(dataset.get("row_norm"), "row_norm"),
        "over_norm": dataset.get("over_norm", "refuse"),
        "missing_values": dataset.get("missing_values", [""]),
        "columns": [_column(column) for column in columns],
    }
    if kind != BINARY:
        public["label_kind"] = kind
    return Schema.from_json(public)


def _column(column: object) -> dict[str, Any]:
    if not isinstance(column, dict):
        raise SchemaError("expected [[column]] tables")
    where = f"column {shown(column.get('name'))}"
    _keys(column, _COLUMN_KEYS, where)
    return {
        "name": column.get("name"),
        "type": column.get("type"),
        "min": _decimal(column.get("min"), f"{where}.min"),
        "max": _decimal(column.get("max"), f"{where}.max"),
        "categories": column.get("categories", []),
        "missing": _missing(column.get("missing", "refuse"), where),
        "positive": column.get("positive", []),
        "positive_above": _decimal(column.get("positive_above"), f"{where}.positive_above"),
    }


def _missing(rule: object, where: str) -> str | None:
    if rule == "refuse":
        return None
    if not isinstance(rule, dict) or set(rule) != {"value"}:
        raise SchemaError(f'{where}.missing: expected "refuse" or {{ value = ... }}, got {shown(rule)}')
    value = rule["value"]
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else _decimal(value, f"{where}.missing")


def _decimal(value: object, where: str) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, Number)):
        raise SchemaError(f"{where}: expected a number, got {shown(value)}")
    try:
        return decimal_text(value)
    except RecordError as error:
        raise SchemaError(f"{where}: {error}") from None


def _keys(table: Mapping[str, object], allowed: set[str], where: str) -> None:
    unknown = sorted(set(table) - allowed)
    if unknown:
        raise SchemaError(f"{where}: unknown key {shown(unknown[0])}; known are {', '.join(sorted(allowed))}")
