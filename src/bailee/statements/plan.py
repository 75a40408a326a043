"""A training plan and the terms that follow from it: what is run, and on what numbers.

A plan is what a builder writes and what a grant names by digest. Terms are fixed when a session opens, from the plan
and the cards of those who take part: columns, rows, lattice shift, noise scale. Both are public; owner, builder and
verifier read them here. `bailee.train.plan` reads the TOML file and chooses shift and noise scale.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import ClassVar

from bailee.records.anchor import LedgerName
from bailee.records.canonical import canonical, digest
from bailee.records.fields import Count, Decimal, Name
from bailee.records.schema import BINARY, Schema
from bailee.statements.fixed_point import GRADIENT_BITS, GRADIENT_LIMIT, MAX_SHIFT
from bailee.statements.logistic import Rule
from bailee.statements.noise import parse_sigma
from bailee.statements.planned import Planned, PlannedOnLedger, chosen_features, require, require_features

VERSION, ON_LEDGER = 1, 3
NEIGHBOURS = "replace-one"
MODEL = "logistic"
MAX_ROUNDS = 1 << 14
MAX_RELEASED_VALUES = 1 << 22
_SUM_LIMIT = 1 << 52


@dataclass(frozen=True)
class Plan(PlannedOnLedger):
    """Full-batch, differentially private training, as granted. Real numbers are decimal strings.

    features: encoded columns as the card names them, a field's name for all its columns, or ("all",). The bias always
    takes part. Exactly one of epsilon (a target) and noise_multiplier is given. l2 pulls on the bias too.
    ledger: where owners spend the privacy of their datasets, and whose block gives public randomness; or None.
    """

    WHERE: ClassVar[str] = "plan"
    VERSION: ClassVar[int | None] = VERSION
    ON_LEDGER: ClassVar[int] = ON_LEDGER

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
    ledger: LedgerName | None = None

    def __post_init__(self) -> None:
        self.check_types()
        require(self.model == MODEL, f"model: only {MODEL!r} is supported; got {self.model!r}")
        require(
            self.neighbours == NEIGHBOURS,
            f"neighbours: only {NEIGHBOURS!r} is supported (one row exchanged for another); got {self.neighbours!r}",
        )
        require(1 <= self.rounds <= MAX_ROUNDS, f"rounds: expected 1 to {MAX_ROUNDS}; got {self.rounds}")
        require_features(self.features)
        require(0 < Fraction(self.learning_rate) <= 1000, "learning_rate: expected a number in (0, 1000]")
        require(0 <= Fraction(self.l2) <= 1, "l2: expected a number in [0, 1]")
        require(0 <= Fraction(self.momentum) < 1, "momentum: expected a number in [0, 1)")
        require(0 < Fraction(self.delta) <= Fraction(1, 100), "delta: expected a number in (0, 0.01]")
        given = [value for value in (self.epsilon, self.noise_multiplier) if value is not None]
        require(len(given) == 1, "privacy: expected exactly one of epsilon and noise_multiplier")
        require(0 < Fraction(given[0]) <= 10_000, "privacy: epsilon or noise_multiplier must lie in (0, 10000]")

    @property
    def digest(self) -> str:
        """Hex digest of the canonical bytes: how a grant names the plan."""
        return digest(canonical(self.to_mapping()))

    def released(self, columns: Sequence[str]) -> tuple[bool, ...]:
        """Which of a card's columns (features, bias, label) the plan releases sums of. Raises PlanError."""
        require(len(columns) >= 3, "a card has at least a feature, the bias and the label")
        require(columns[-1] == self.label, f"label: the card's label is {columns[-1]!r}, the plan's {self.label!r}")
        features = columns[:-2]
        names = chosen_features(self.features, features)
        return (*(name in names for name in features), True, False)


def row_norm_bound(schema: Schema) -> int:
    """The squared row norm that a card of this schema proves. PlanError: its label is none these plans can train on."""
    require(
        schema.label_kind == BINARY,
        f"label: a plan of kind {MODEL!r} needs a binary label; {schema.label!r} of {schema.name!r} is of kind "
        f"{schema.label_kind!r}: train a model that takes it, or seal with label_kind = {BINARY!r}",
    )
    return schema.layout.norm_bound


@dataclass(frozen=True)
class Terms(Planned):
    """What a session runs on: fixed by the plan and the cards. norm_bound is the largest of any owner's card.

    sigma is in lattice units (decimal), shift is k, released marks the columns whose sums are sent.
    """

    WHERE: ClassVar[str] = "terms"

    columns: tuple[Name, ...]
    released: tuple[bool, ...]
    rows: Count
    norm_bound: Count
    shift: Count
    sigma: Decimal

    def __post_init__(self) -> None:
        self.check_types()
        parse_sigma(self.sigma)
        require(len(self.columns) == len(self.released) >= 3, "terms: columns and released differ in length")
        require(self.rows > 0 and self.norm_bound > 0, "terms: expected rows and a row norm bound above 0")
        require(1 <= self.shift <= MAX_SHIFT, f"terms: shift must lie in 1..{MAX_SHIFT}; got {self.shift}")
        require(any(self.released) and not self.released[-1], "terms: the label is never released")

    @property
    def label(self) -> int:
        return len(self.columns) - 1


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
    require(widest < GRADIENT_LIMIT, f"gradient sums: {terms.rows} rows * 2^{GRADIENT_BITS} must stay below 2^62")
    largest_sum = (widest >> terms.shift) + 20 * int(parse_sigma(terms.sigma)) + 20
    limit = min(_SUM_LIMIT, 1 << (61 - terms.shift))
    require(largest_sum < limit, f"released sums could reach {largest_sum}, which must stay below {limit}")
    values = plan.rounds * len(terms.columns)
    require(
        values <= MAX_RELEASED_VALUES,
        f"{plan.rounds} rounds * {len(terms.columns)} columns = {values} noise values; at most {MAX_RELEASED_VALUES}",
    )
    rule(plan, terms).radius()
