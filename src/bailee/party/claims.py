"""What an evaluation is to show, as a person writes it: a TOML file of groups, claims and gaps, or the same as a dict.

[[group]]
name = "women"
where = ["sex=f"]                  # encoded columns, as a card names them; "not sex=f"; "age >= 60", "age < 60"

[[claim]]
measure = "correct"                # or "size", "predicted COLUMN", "squared error"
group = "women"                    # all rows by default
at_least = 80                      # and / or at_most; or exact = true, and the number is told
                                   # or rate_at_least = 0.8 and / or rate_at_most: then the group's size is hidden
[[gap]]
measure = "predicted ill"          # selection rates; with groups of label and sex: true positive rates
groups = ["women", "men"]
at_most = 0.1
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal as Number
from typing import Any

from bailee.errors import InputError
from bailee.records import decimal_text
from bailee.records.inference import (
    AT_LEAST,
    BELOW,
    EVERYONE,
    NOT_SET,
    SET,
    Assessment,
    Condition,
    CountBound,
    GapBound,
    Group,
    RateBound,
)
from bailee.records.rules import ColumnBound
from bailee.records.schema import UNIT, Schema

_COMPARED = re.compile(r"(.+?)\s*(>=|<)\s*([-+0-9.eE]+)")


def assessment_of(
    found: Mapping[str, Any], schema: Schema, first: int, rows: int, threshold: int, margin_bits: int
) -> Assessment:
    """The assessment that claims ask for. A count to be told exactly is bounded by 0 and 0. Raises InputError."""
    _keys(found, {"group", "claim", "gap"}, "claims")
    groups = tuple(_group(one, schema) for one in _tables(found, "group"))
    counts, rates = [], []
    for one in _tables(found, "claim"):
        _keys(one, {"measure", "group", "at_least", "at_most", "exact", "rate_at_least", "rate_at_most"}, "[[claim]]")
        measure, group = _text(one, "measure"), str(one.get("group", EVERYONE))
        if one.get("exact") is True:
            counts.append(CountBound(measure, group, 0, 0))
        elif "rate_at_least" in one or "rate_at_most" in one:
            rates.append(RateBound(measure, group, *(_decimal(one, f"rate_at_{way}") for way in ("least", "most"))))
        else:
            counts.append(CountBound(measure, group, _whole(one, "at_least"), _whole(one, "at_most")))
    gaps = [_gap(one) for one in _tables(found, "gap")]
    return Assessment(first, rows, threshold, margin_bits, groups, tuple(counts), tuple(rates), tuple(gaps))


def bounds_of(found: Mapping[str, Any]) -> tuple[ColumnBound, ...]:
    """The column bounds that a rule is to show. Raises InputError.

    [[bound]]
    column = "age"                     # an encoded column, as a card names it
    measure = "mean"                   # or "mean square", "rows" (where a flag, category or label is set)
    at_least = 40
    at_most = 60
    """
    _keys(found, {"bound"}, "bounds")
    bounds = []
    for one in _tables(found, "bound"):
        _keys(one, {"column", "measure", "at_least", "at_most"}, "[[bound]]")
        least, most = _decimal(one, "at_least"), _decimal(one, "at_most")
        if least is None or most is None:
            raise InputError("[[bound]]: expected at_least and at_most")
        bounds.append(ColumnBound(_text(one, "column"), _text(one, "measure"), least, most))
    if not bounds:
        raise InputError("bounds: expected at least one [[bound]]")
    return tuple(bounds)


def logit_threshold(probability: float) -> int:
    """The logit, at 2^26, of a probability in (0, 1): above it a logistic model says yes."""
    if not 0 < probability < 1:
        raise InputError(f"a threshold is a probability between 0 and 1, got {probability}")
    return round(math.log(probability / (1 - probability)) * (1 << 26))


def _group(one: Mapping[str, Any], schema: Schema) -> Group:
    _keys(one, {"name", "where"}, "[[group]]")
    where = one.get("where")
    if not isinstance(where, list) or not all(isinstance(text, str) for text in where):
        raise InputError('[[group]]: where is a list of conditions, like ["sex=f", "age >= 60"]')
    return Group(_text(one, "name"), tuple(_condition(text, schema) for text in where))


def _condition(text: str, schema: Schema) -> Condition:
    layout = schema.layout
    name = text.removeprefix("not ").strip()
    if name in layout.names:
        value = layout.domains[layout.names.index(name)][1]
        return Condition(name, NOT_SET if text.startswith("not ") else SET, value)
    matched = _COMPARED.fullmatch(text)
    column = next((one for one in schema.columns if matched and one.name == matched[1]), None)
    if matched is None or column is None or column.min is None or column.max is None:
        shown = ", ".join(layout.names)
        raise InputError(f"[[group]]: {text!r} is no condition on a column; there are {shown}"[:600])
    low, high = float(column.min), float(column.max)
    if column.name not in layout.names or (column.name == schema.label and schema.label_kind == "binary"):
        raise InputError(f"[[group]]: {column.name!r} is not encoded as a number")
    try:
        encoded = round((float(matched[3]) - low) * (2 * UNIT / (high - low))) - UNIT
    except (ValueError, OverflowError):
        raise InputError(f"[[group]]: {matched[3]!r} is not a number") from None
    return Condition(column.name, AT_LEAST if matched[2] == ">=" else BELOW, max(-2 * UNIT, min(2 * UNIT, encoded)))


def _gap(one: Mapping[str, Any]) -> GapBound:
    _keys(one, {"measure", "groups", "at_most"}, "[[gap]]")
    groups, at_most = one.get("groups"), _decimal(one, "at_most")
    if not isinstance(groups, list) or len(groups) != 2 or at_most is None:
        raise InputError("[[gap]]: expected a measure, two groups and at_most")
    return GapBound(_text(one, "measure"), str(groups[0]), str(groups[1]), at_most)


def _decimal(one: Mapping[str, Any], name: str) -> str | None:
    value = one.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float, Number)):  # a file's reals come as Decimal
        raise InputError(f"{name}: expected a number, got {value!r}")
    return decimal_text(value)


def _whole(one: Mapping[str, Any], name: str) -> int | None:
    value = one.get(name)
    if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
        raise InputError(f"{name}: expected a whole number, got {value!r}; a share is rate_{name}")
    return value


def _text(one: Mapping[str, Any], name: str) -> str:
    value = one.get(name)
    if not isinstance(value, str):
        raise InputError(f"claims: {name} is missing, or no text")
    return value


def _tables(found: Mapping[str, Any], name: str) -> Sequence[Mapping[str, Any]]:
    tables = found.get(name, [])
    if not isinstance(tables, list) or not all(isinstance(one, dict) for one in tables):
        raise InputError(f"claims: expected [[{name}]] tables")
    return tables


def _keys(one: Mapping[str, Any], allowed: set[str], where: str) -> None:
    unknown = sorted(set(one) - allowed, key=str)
    if unknown:
        raise InputError(f"{where}: unknown key {unknown[0]!r}; known are {', '.join(sorted(allowed))}")
