"""The public form of a dataset's schema, and the layout of the integer matrix that follows from it.

The schema is part of the card: whoever checks the card derives the layout again, and with it the claim that was
proven. Units: an encoded 1.0 is UNIT = 4096. A number or an integer maps from [min, max] to [-UNIT, UNIT]; a flag is
0 or UNIT; a category becomes one column per value, exactly one of them UNIT; then a bias column of UNIT, then the
label: one column of 0 or 1 (binary), one column per class as for a category (classes), or a number as any (number).

A schema with a binary label is version 1, as it always was; only the other kinds need version 2, which says the kind.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal as Number
from decimal import localcontext
from typing import Annotated

from bailee.errors import RecordError, SchemaError
from bailee.records.canonical import Json
from bailee.records.fields import Decimal, Name, Rule, decode, fields_of

UNIT = 4096
BIAS = "(bias)"
MAX_COLUMNS = 4096

TYPES = ("number", "integer", "category", "flag")
BINARY, CLASSES, NUMBER = LABEL_KINDS = ("binary", "classes", "number")
Text = Annotated[str, Rule(lambda text: 0 < len(text) <= 90 and text.isprintable() and text == text.strip(),
                           "1 to 90 printable characters without outer spaces")]  # fmt: skip
Kind = Annotated[str, Rule(lambda text: text in TYPES, "one of " + ", ".join(TYPES))]
Choice = Annotated[str, Rule(lambda text: text in ("refuse", "shrink"), "'refuse' or 'shrink'")]
LabelKind = Annotated[str, Rule(lambda text: text in LABEL_KINDS, "one of " + ", ".join(LABEL_KINDS))]
Spelling = Annotated[str, Rule(lambda text: len(text) <= 90 and text == text.strip(), "at most 90 characters")]


@dataclass(frozen=True)
class Column:
    """One column of the table. `min`, `max` in the table's own units; what does not belong to the type is empty."""

    name: Text
    type: Kind
    min: Decimal | None = None
    max: Decimal | None = None
    categories: tuple[Text, ...] = ()
    missing: Text | None = None
    """The constant that stands for a missing cell; None refuses it."""
    positive: tuple[Text, ...] = ()
    """Binary label only: the categories that count as 1."""
    positive_above: Decimal | None = None
    """Binary label only: numbers above this count as 1."""

    def require(self, label: str | None) -> None:
        """`label` is the kind of label that this column is, None for a feature. Raises SchemaError."""
        numeric = self.type in ("number", "integer")
        self._must(numeric == (self.min is not None) == (self.max is not None), "min and max for numbers, only")
        self._must((self.type == "category") == bool(self.categories), "categories for a category, only")
        self._must(label is None or self.missing is None, "no fill for a missing label: a row without one is refused")
        if self.min is not None and self.max is not None:
            low, high = float(self.min), float(self.max)
            self._must(low < high and max(abs(low), abs(high)) < 2**53, "min below max, both within 2^53")
        for text in (self.min, self.max, self.missing):
            self._must(self.type != "integer" or text is None or _whole(text), "whole numbers for an integer")
        self._must(len(set(self.categories)) == len(self.categories) != 1, "at least two categories, each once")
        if self.missing is not None:
            self._must(self._holds(self.missing), "a fill for missing cells that the column itself allows")
        self._require_label(label)

    def _require_label(self, label: str | None) -> None:
        category, numeric, binary = self.type == "category", self.min is not None, label == BINARY
        self._must(label != CLASSES or category, 'a category for label_kind = "classes"')
        self._must(label != NUMBER or numeric, 'a number or an integer for label_kind = "number"')
        self._must(bool(self.positive) == (binary and category), "positive for a label with categories, only")
        above = self.positive_above is not None
        self._must(above == (binary and numeric), "positive_above for a number as label, only")
        inside = set(self.positive) < set(self.categories) if category and binary else True
        self._must(inside, "positive to name some, and not all, of the categories")
        if self.positive_above is not None and self.min is not None and self.max is not None:
            between = float(self.min) <= float(self.positive_above) < float(self.max)
            self._must(between, "positive_above between min and max")

    def _holds(self, text: str) -> bool:
        if self.type == "category":
            return text in self.categories
        if self.type == "flag":
            return text in ("true", "false")
        try:
            return float(self.min or 0) <= float(text) <= float(self.max or 0)
        except ValueError:
            return False

    def _must(self, holds: bool, wants: str) -> None:
        if not holds:
            raise SchemaError(f"column {self.name!r} ({self.type}): expected {wants}")

    @property
    def encoded(self) -> tuple[str, ...]:
        """Names of the matrix columns that this column becomes as a feature, and as a label that is not binary."""
        return tuple(f"{self.name}={value}" for value in self.categories) or (self.name,)

    @property
    def domains(self) -> tuple[tuple[int, int, int], ...]:
        """(low, high, step) of the values of each such column."""
        signed = self.type in ("number", "integer")
        return ((-UNIT, UNIT, 1) if signed else (0, UNIT, UNIT),) * len(self.encoded)


@dataclass(frozen=True)
class Layout:
    """The shape of the encoded matrix: everything a claim needs but the number of rows."""

    names: tuple[str, ...]
    domains: tuple[tuple[int, int, int], ...]
    """(low, high, step) of each column's values."""
    groups: tuple[tuple[int, ...], ...]
    """Column indexes of which, in every row, exactly one holds UNIT and the others 0."""
    norm_bound: int
    """At most this is the sum of squares of a row, all columns counted."""
    labels: tuple[int, ...]
    """Indexes of the label's columns, always the last ones."""


@dataclass(frozen=True)
class Schema:
    """Made by `from_json` or by `bailee.seal.read_schema`; both leave only schemas that make sense."""

    name: Name
    label: Text
    columns: tuple[Column, ...]
    row_norm: Decimal | None = None
    """L2 norm no encoded row exceeds, bias counted and label not, 1.0 being UNIT. None: the largest possible."""
    over_norm: Choice = "refuse"
    missing_values: tuple[Spelling, ...] = ("",)
    """How the table spells a missing cell."""
    label_kind: LabelKind = BINARY

    def to_json(self) -> dict[str, Json]:
        fields = fields_of(self)
        if self.label_kind == BINARY:
            del fields["label_kind"]
            return {"version": 1, **fields}
        return {"version": 2, **fields}

    @classmethod
    def from_json(cls, value: Mapping[str, Json]) -> Schema:
        """Raises SchemaError for anything but a schema of version 1 or 2 that makes sense."""
        fields = dict(value)
        version = fields.pop("version", None)
        if type(version) is not int or version not in (1, 2):
            raise SchemaError(f"expected a schema of version 1 or 2, got {version!r}")
        # One spelling for each schema: a binary label is never said, any other always.
        said = fields.setdefault("label_kind", BINARY)
        if ("label_kind" in value) != (version == 2) or (version == 2 and said == BINARY):
            raise SchemaError("expected label_kind in a schema of version 2, other than binary, and only there")
        try:
            schema: Schema = decode(cls, fields, "schema")
        except RecordError as error:
            raise SchemaError(str(error)) from None
        schema.require()
        return schema

    def require(self) -> None:
        """Raises SchemaError where the parts do not fit each other."""
        names = [column.name for column in self.columns]
        for name in names:
            if names.count(name) > 1:
                raise SchemaError(f"schema names the column {name!r} twice")
        if self.label not in names:
            raise SchemaError(f"the label {self.label!r} is not one of the schema's columns")
        if len(names) < 2:
            raise SchemaError("expected at least one column beside the label")
        for column in self.columns:
            column.require(self.label_kind if column.name == self.label else None)
        encoded = self.layout.names
        if len(encoded) > MAX_COLUMNS:
            raise SchemaError(f"the columns encode to {len(encoded)}; at most {MAX_COLUMNS} are supported")
        if len(set(encoded)) != len(encoded):
            twice = next(name for name in encoded if encoded.count(name) > 1)
            raise SchemaError(f"two encoded columns would be called {twice!r}; rename one")
        least = UNIT * UNIT * (1 + sum(column.type == "category" for column in self.features))
        if self.row_bound + 1 < least:  # one more, as version 1 counted a binary label here
            raise SchemaError(f"row_norm {self.row_norm} is too small: the bias and the categories alone are above it")

    @property
    def features(self) -> tuple[Column, ...]:
        return tuple(column for column in self.columns if column.name != self.label)

    @property
    def label_column(self) -> Column:
        return next(column for column in self.columns if column.name == self.label)

    @property
    def label_names(self) -> tuple[str, ...]:
        """Names of the label's columns."""
        return (self.label,) if self.label_kind == BINARY else self.label_column.encoded

    @property
    def layout(self) -> Layout:
        names: list[str] = []
        domains: list[tuple[int, int, int]] = []
        groups: list[tuple[int, ...]] = []
        binary = self.label_kind == BINARY
        for column in self.features:
            if column.type == "category":
                groups.append(tuple(range(len(names), len(names) + len(column.encoded))))
            domains += column.domains
            names += column.encoded
        labels = tuple(range(len(names) + 1, len(names) + 1 + len(self.label_names)))
        if self.label_kind == CLASSES:
            groups.append(labels)
        return Layout(
            (*names, BIAS, *self.label_names),
            (*domains, (UNIT, UNIT, UNIT), *(((0, 1, 1),) if binary else self.label_column.domains)),
            tuple(groups),
            self.row_bound + (1 if binary else UNIT * UNIT),  # the largest square of the label itself
            labels,
        )

    @property
    def row_bound(self) -> int:
        """Largest squared norm of an encoded row, the label not counted."""
        largest = (len(self.features) + 1) * UNIT * UNIT
        return largest if self.row_norm is None else min(largest, _squared(self.row_norm))


def _whole(text: str) -> bool:
    try:
        return float(text).is_integer()
    except ValueError:
        return False


def _squared(row_norm: str) -> int:
    """floor((row_norm * UNIT)^2), exactly: everyone must derive the same integer."""
    with localcontext() as exact:
        exact.prec = 300
        return int((Number(row_norm) * UNIT) ** 2) if Number(row_norm) > 0 else 0
