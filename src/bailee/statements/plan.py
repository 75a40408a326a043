"""A training plan and the terms that follow from it: what is run, and on what numbers.

A plan is what a builder writes and what a grant names by digest. Terms are fixed when a session opens, from the plan
and the cards of those who take part: columns, rows, lattice shift, noise scale. Both are public; owner, builder and
verifier read them here. `bailee.train.plan` reads the TOML file and chooses shift and noise scale.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from bailee.errors import PlanError, RecordError
from bailee.records.canonical import Json, canonical, digest
from bailee.records.fields import Count, Decimal, Name, check, decode, encode, hints
from bailee.records.schema import BINARY, Schema
from bailee.statements.fixed_point import GRADIENT_BITS, GRADIENT_LIMIT, MAX_SHIFT
from bailee.statements.logistic import Rule
from bailee.statements.noise import parse_sigma

VERSION = 1
ALL_FEATURES = "all"
NEIGHBOURS = "replace-one"
MODEL = "logistic"
MAX_ROUNDS = 1 << 14
MAX_RELEASED_VALUES = 1 << 22
_SUM_LIMIT = 1 << 52


@dataclass(frozen=True)
class Plan:
    """Full-batch, differentially private training, as granted. Real numbers are decimal strings.

    features: encoded columns as the card names them, a field's name for all its columns, or ("all",). The bias always
    takes part. Exactly one of epsilon (a target) and noise_multiplier is given. l2 pulls on the bias too.
    """

    name: Name
    purpose: Name
    model: str
    features: tuple[Name, ...]
    label: Name
    rounds: Count
    learning_rate: Decimal
    l2: Decimal
    momentum: Decimal
    average: bool
    neighbours: str
    epsilon: Decimal | None
    delta: Decimal
    noise_multiplier: Decimal | None

    def __post_init__(self) -> None:
        _check_types(self, "plan")
        _require(self.model == MODEL, f"model: only {MODEL!r} is supported; got {self.model!r}")
        _require(
            self.neighbours == NEIGHBOURS,
            f"neighbours: only {NEIGHBOURS!r} is supported (one row exchanged for another); got {self.neighbours!r}",
        )
        _require(1 <= self.rounds <= MAX_ROUNDS, f"rounds: expected 1 to {MAX_ROUNDS}; got {self.rounds}")
        _require(bool(self.features), 'features: expected "all" or at least one column')
        _require(len(set(self.features)) == len(self.features), "features: a column is named twice")
        _require(
            ALL_FEATURES not in self.features or len(self.features) == 1, 'features: "all" stands alone, or not at all'
        )
        _require(0 < Fraction(self.learning_rate) <= 1000, "learning_rate: expected a number in (0, 1000]")
        _require(0 <= Fraction(self.l2) <= 1, "l2: expected a number in [0, 1]")
        _require(0 <= Fraction(self.momentum) < 1, "momentum: expected a number in [0, 1)")
        _require(0 < Fraction(self.delta) <= Fraction(1, 100), "delta: expected a number in (0, 0.01]")
        given = [value for value in (self.epsilon, self.noise_multiplier) if value is not None]
        _require(len(given) == 1, "privacy: expected exactly one of epsilon and noise_multiplier")
        _require(0 < Fraction(given[0]) <= 10_000, "privacy: epsilon or noise_multiplier must lie in (0, 10000]")

    def to_mapping(self) -> dict[str, Json]:
        fields = encode(self)
        if not isinstance(fields, dict):
            raise PlanError("a plan is an object")
        return {"version": VERSION, **fields}

    @classmethod
    def from_mapping(cls, value: Mapping[str, Any]) -> Plan:
        """Raises PlanError, naming the field, for anything but exactly a plan of this version."""
        fields = dict(value)
        version = fields.pop("version", None)
        _require(type(version) is int and version == VERSION, f"version: expected {VERSION}, got {version!r}")
        plan: Plan = _decoded(cls, fields, "plan")
        return plan

    @property
    def digest(self) -> str:
        """Hex digest of the canonical bytes: how a grant names the plan."""
        return digest(canonical(self.to_mapping()))

    def released(self, columns: Sequence[str]) -> tuple[bool, ...]:
        """Which of a card's columns (features, bias, label) the plan releases sums of. Raises PlanError."""
        _require(len(columns) >= 3, "a card has at least a feature, the bias and the label")
        _require(columns[-1] == self.label, f"label: the card's label is {columns[-1]!r}, the plan's {self.label!r}")
        features = columns[:-2]
        if self.features == (ALL_FEATURES,):
            return (True,) * (len(columns) - 1) + (False,)
        chosen = {wanted: [name for name in features if _belongs(name, wanted)] for wanted in self.features}
        for wanted, found in chosen.items():
            _require(bool(found), f"features: no column {wanted!r}; the card has {', '.join(features)}"[:400])
        names = {name for found in chosen.values() for name in found}
        return (*(name in names for name in features), True, False)


def row_norm_bound(schema: Schema) -> int:
    """The squared row norm that a card of this schema proves. PlanError: its label is none these plans can train on."""
    _require(
        schema.label_kind == BINARY,
        f"label: a plan of kind {MODEL!r} needs a binary label; {schema.label!r} of {schema.name!r} is of kind "
        f"{schema.label_kind!r}: train a model that takes it, or seal with label_kind = {BINARY!r}",
    )
    return schema.layout.norm_bound


@dataclass(frozen=True)
class Terms:
    """What a session runs on: fixed by the plan and the cards. norm_bound is the largest of any owner's card.

    sigma is in lattice units (decimal), shift is k, released marks the columns whose sums are sent.
    """

    columns: tuple[Name, ...]
    released: tuple[bool, ...]
    rows: Count
    norm_bound: Count
    shift: Count
    sigma: Decimal

    def __post_init__(self) -> None:
        _check_types(self, "terms")
        parse_sigma(self.sigma)
        _require(len(self.columns) == len(self.released) >= 3, "terms: columns and released differ in length")
        _require(self.rows > 0 and self.norm_bound > 0, "terms: expected rows and a row norm bound above 0")
        _require(1 <= self.shift <= MAX_SHIFT, f"terms: shift must lie in 1..{MAX_SHIFT}; got {self.shift}")
        _require(any(self.released) and not self.released[-1], "terms: the label is never released")

    @property
    def label(self) -> int:
        return len(self.columns) - 1

    def to_mapping(self) -> dict[str, Json]:
        fields = encode(self)
        return dict(fields) if isinstance(fields, dict) else {}

    @classmethod
    def from_mapping(cls, value: Mapping[str, Any]) -> Terms:
        """Raises PlanError for anything but exactly such terms."""
        terms: Terms = _decoded(cls, dict(value), "terms")
        return terms


def rule(plan: Plan, terms: Terms) -> Rule:
    """The public step of a session."""
    return Rule(
        columns=len(terms.columns),
        rows=terms.rows,
        shift=terms.shift,
        norm_bound=terms.norm_bound,
        learning_rate=Fraction(plan.learning_rate),
        l2=Fraction(plan.l2),
        momentum=Fraction(plan.momentum),
    )


def check_bounds(plan: Plan, terms: Terms) -> None:
    """That no integer of the run can overflow. Raises PlanError naming the bound that breaks."""
    widest = terms.rows << GRADIENT_BITS
    _require(widest < GRADIENT_LIMIT, f"gradient sums: {terms.rows} rows * 2^{GRADIENT_BITS} must stay below 2^62")
    largest_sum = (widest >> terms.shift) + 20 * int(parse_sigma(terms.sigma)) + 20
    limit = min(_SUM_LIMIT, 1 << (61 - terms.shift))
    _require(largest_sum < limit, f"released sums could reach {largest_sum}, which must stay below {limit}")
    values = plan.rounds * len(terms.columns)
    _require(
        values <= MAX_RELEASED_VALUES,
        f"{plan.rounds} rounds * {len(terms.columns)} columns = {values} noise values; at most {MAX_RELEASED_VALUES}",
    )
    rule(plan, terms).radius()


def _belongs(column: str, wanted: str) -> bool:
    return column == wanted or column.startswith(f"{wanted}=")


def _decoded(kind: type, fields: Mapping[str, Any], where: str) -> Any:
    try:
        return decode(kind, fields, where)
    except RecordError as error:
        raise PlanError(str(error)) from None


def _check_types(record: object, where: str) -> None:
    try:
        for name, kind in hints(type(record)).items():
            check(kind, getattr(record, name), f"{where}.{name}")
    except RecordError as error:
        raise PlanError(str(error)) from None


def _require(holds: bool, message: str) -> None:
    if not holds:
        raise PlanError(message)
