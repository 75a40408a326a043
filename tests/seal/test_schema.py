"""Schemas: what makes sense is read, everything else is refused with its name."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bailee.errors import SchemaError
from bailee.records import canonical, digest, parse
from bailee.records.schema import UNIT, Schema
from bailee.seal import read_schema
from bailee.statements import fixed_point


def toml(columns: str = "", dataset: str = "") -> bytes:
    head = f'[dataset]\nname = "heart"\nlabel = "sick"\n{dataset}\n'
    return (head + '[[column]]\nname = "sick"\ntype = "flag"\n' + columns).encode()


AGE = '[[column]]\nname = "age"\ntype = "number"\nmin = 0\nmax = 100.5\n'


def test_the_unit_is_one() -> None:
    assert UNIT == fixed_point.UNIT


def test_the_layout(schema_toml: bytes) -> None:
    layout = read_schema(schema_toml).layout
    assert layout.names == ("age", "vessels", "pain=none", "pain=mild", "pain=bad", "smoker", "(bias)", "sick")
    choice = (0, UNIT, UNIT)
    signed = (-UNIT, UNIT, 1)
    assert layout.domains == (signed, signed, choice, choice, choice, choice, (UNIT, UNIT, UNIT), (0, 1, 1))
    assert layout.groups == ((2, 3, 4),)
    assert layout.norm_bound == 5 * UNIT**2 + 1


CLASSES = b"""
[dataset]
name = "flowers"
label = "kind"
label_kind = "classes"
[[column]]
name = "kind"
type = "category"
categories = ["a", "b", "c"]
[[column]]
name = "colour"
type = "category"
categories = ["red", "blue"]
"""
TARGET = b"""
[dataset]
name = "houses"
label = "price"
label_kind = "number"
[[column]]
name = "price"
type = "number"
min = 0
max = 2
[[column]]
name = "rooms"
type = "integer"
min = 0
max = 4
"""


def test_a_label_of_classes_is_a_group_at_the_end() -> None:
    schema = read_schema(CLASSES)
    layout, choice = schema.layout, (0, UNIT, UNIT)
    assert layout.names == ("colour=red", "colour=blue", "(bias)", "kind=a", "kind=b", "kind=c")
    assert layout.domains == (choice, choice, (UNIT, UNIT, UNIT), choice, choice, choice)
    assert layout.groups == ((0, 1), (3, 4, 5))
    assert layout.labels == (3, 4, 5)
    assert layout.norm_bound == 3 * UNIT**2


def test_a_numeric_label_is_a_number_at_the_end() -> None:
    layout, signed = read_schema(TARGET).layout, (-UNIT, UNIT, 1)
    assert layout.names == ("rooms", "(bias)", "price")
    assert layout.domains == (signed, (UNIT, UNIT, UNIT), signed)
    assert layout.labels == (2,)
    assert layout.norm_bound == 3 * UNIT**2


def test_a_binary_schema_is_spelled_as_it_always_was(schema_toml: bytes) -> None:
    schema = read_schema(schema_toml)
    public = schema.to_json()
    assert public["version"] == 1
    assert "label_kind" not in public
    assert digest(canonical(public)) == "76d193141b1b2c5cc94f35bff210d271dcd370c02410d2fdc7f5774abc9e22a1"
    assert schema.layout.labels == (7,)


@pytest.mark.parametrize("data", [CLASSES, TARGET])
def test_only_one_spelling_of_a_label_kind_is_read(data: bytes) -> None:
    public = read_schema(data).to_json()
    assert public["version"] == 2
    assert Schema.from_json(public).to_json() == public
    for changed in (
        {**public, "version": 1},
        {**public, "label_kind": "binary"},
        {**public, "label_kind": "ordinal"},
        {name: value for name, value in public.items() if name != "label_kind"},
    ):
        with pytest.raises(SchemaError, match="label_kind"):
            Schema.from_json(changed)


def test_the_row_norm() -> None:
    assert read_schema(toml(AGE, "row_norm = 1.25")).layout.norm_bound == math.floor((1.25 * UNIT) ** 2) + 1
    assert read_schema(toml(AGE, "row_norm = 100")).layout.norm_bound == 2 * UNIT**2 + 1
    assert read_schema(toml(AGE, "row_norm = 1.4142135623730951")).layout.norm_bound <= 2 * UNIT**2 + 1


def test_the_public_form_reads_back(schema_toml: bytes) -> None:
    schema = read_schema(schema_toml)
    public = parse(canonical(schema.to_json()))
    assert Schema.from_json(public) == schema
    assert Schema.from_json(json.loads(json.dumps(public))).layout == schema.layout


def test_the_example_of_the_four_hospitals_is_a_schema() -> None:
    path = Path(__file__).parents[2] / "examples" / "heart" / "schema.toml"
    assert read_schema(path.read_bytes()).layout.names[-1] == "disease"


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"\xff", "UTF-8"),
        (b"[dataset", "not TOML"),
        (b"", "table"),
        (toml(AGE, "colour = 1"), "unknown key 'colour'"),
        (toml(AGE + "wide = 1\n"), "unknown key 'wide'"),
        (toml(AGE) + b"[more]\n", "unknown key 'more'"),
        (toml(), "beside the label"),
        (toml(AGE + AGE), "'age' twice"),
        (toml(AGE).replace(b'"sick"\nty', b'"ill"\nty'), "label 'sick' is not one"),
        (toml(AGE).replace(b"max = 100.5", b""), "min and max"),
        (toml(AGE).replace(b"max = 100.5", b"max = 0"), "min below max"),
        (toml(AGE).replace(b"max = 100.5", b"max = nan"), "finite"),
        (toml(AGE).replace(b"max = 100.5", b"max = 1e999999999"), "finite"),
        (toml(AGE).replace(b"max = 100.5", b"max = 1e17"), "2\\^53"),
        (toml(AGE).replace(b"max = 100.5", b"max = true"), "expected a number"),
        (toml(AGE).replace(b"number", b"integer"), "whole numbers"),
        (toml(AGE).replace(b"number", b"text"), "one of number"),
        (toml(AGE + 'missing = "mean"\n'), "refuse"),
        (toml(AGE + "missing = { value = 101 }\n"), "fill"),
        (toml(AGE + 'missing = { value = "x" }\n'), "fill"),
        (toml(AGE + 'missing = { value = "nan" }\n'), "fill"),
        (toml(AGE + "missing = { mean = true }\n"), "refuse"),
        (toml(AGE + 'categories = ["a", "b"]\n'), "categories for a category"),
        (toml(AGE + "positive_above = 4\n"), "positive_above for a number as label"),
        (toml(AGE, "row_norm = 0.5"), "too small"),
        (toml(AGE, "row_norm = -2"), "too small"),
        (toml(AGE, 'over_norm = "ignore"'), "'refuse' or 'shrink'"),
        (toml('[[column]]\nname = "c"\ntype = "category"\n'), "categories for a category"),
        (toml('[[column]]\nname = "c"\ntype = "category"\ncategories = ["a"]\n'), "at least two"),
        (toml('[[column]]\nname = "c"\ntype = "category"\ncategories = ["a", "a"]\n'), "each once"),
        (toml('[[column]]\nname = "c"\ntype = "category"\ncategories = ["a", 1]\n'), "expected str"),
        (
            toml('[[column]]\nname = "c"\ntype = "category"\ncategories = ["a", "b"]\nmissing = { value = "z" }\n'),
            "fill",
        ),
        (
            toml(
                '[[column]]\nname = "c"\ntype = "category"\ncategories = ["a", "b"]\n'
                '[[column]]\nname = "c=a"\ntype = "flag"'
            ),
            "called 'c=a'",
        ),
        (toml('[[column]]\nname = "(bias)"\ntype = "flag"\n'), "called '\\(bias\\)'"),
        (toml('[[column]]\nname = " c"\ntype = "flag"\n'), "outer spaces"),
        (
            toml(AGE).replace(b'type = "flag"', b'type = "flag"\nmissing = { value = true }'),
            "no fill for a missing label",
        ),
        (toml(AGE).replace(b'type = "flag"', b'type = "integer"\nmin = 0\nmax = 4'), "positive_above"),
        (
            toml(AGE).replace(b'type = "flag"', b'type = "integer"\nmin = 0\nmax = 4\npositive_above = 4'),
            "between min and max",
        ),
        (
            toml(AGE).replace(b'type = "flag"', b'type = "category"\ncategories = ["a","b"]\npositive = ["a","b"]'),
            "not all",
        ),
        (CLASSES.replace(b'"classes"', b'"number"'), "a number or an integer for label_kind"),
        (CLASSES.replace(b'"classes"', b'"many"'), "one of binary, classes, number"),
        (CLASSES.replace(b'"classes"', b"true"), "expected str"),
        (CLASSES.replace(b'"c"]', b'"c"]\npositive = ["a"]'), "positive for a label"),
        (CLASSES.replace(b'"c"]', b'"c"]\nmissing = { value = "a" }'), "no fill for a missing label"),
        (TARGET.replace(b'"number"\n[', b'"classes"\n['), "a category for label_kind"),
        (TARGET.replace(b"max = 2", b"max = 2\npositive_above = 1"), "positive_above for a number"),
        (toml(AGE).replace(b'type = "flag"', b'type = "category"\ncategories = ["a","b"]'), "positive for a label"),
    ],
)
def test_a_schema_that_makes_no_sense_is_refused_by_name(data: bytes, says: str) -> None:
    with pytest.raises(SchemaError, match=says):
        read_schema(data)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path] * bool(path) + [place for key, item in inner for place in places(item, (*path, key))]


@pytest.mark.parametrize("data", [None, CLASSES, TARGET])
def test_every_field_of_the_public_form_is_checked(schema_toml: bytes, data: bytes | None) -> None:
    schema = read_schema(data or schema_toml)
    public = parse(canonical(schema.to_json()))
    for path in places(public):
        for new in (1.5, True, -1, [[]], {"a": 1}, "no such thing\n", "gone"):
            changed = json.loads(json.dumps(public))
            inner = changed
            for step in path[:-1]:
                inner = inner[step]
            if new == "gone" and isinstance(path[-1], str):
                del inner[path[-1]]
            else:
                inner[path[-1]] = new
            try:
                found = Schema.from_json(changed)
            except SchemaError:
                continue
            assert found != schema


@given(st.binary(max_size=200) | st.text(max_size=100).map(str.encode))
def test_fuzzed_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(SchemaError):
        read_schema(data)


@settings(max_examples=200)
@given(st.data())
def test_a_fuzzed_schema_reads_or_is_refused(data: st.DataObject) -> None:
    raw = bytearray(toml(AGE + "missing = { value = 7 }\n", "row_norm = 1.5"))
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(
            st.sampled_from(b'0123456789e.-+"=[]{}_ \n#\\nai\xff\x00')
        )
    try:
        schema = read_schema(bytes(raw))
    except SchemaError:
        return
    assert Schema.from_json(schema.to_json()) == schema
