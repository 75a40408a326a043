"""The plan of a model (plan record, version 2): what is trained and how, as a builder writes it and a grant names it.

A plan says nothing of rows or chunks: what follows from it and from the cards are the terms (`terms.py`).
`bailee.train.model.plan` reads the TOML file. Real numbers are decimal strings, so that a digest means one plan.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar, Literal

import mpmath

from bailee.errors import PlanError
from bailee.records.anchor import LedgerName
from bailee.records.canonical import canonical, digest
from bailee.records.fields import Count, Decimal, Name
from bailee.records.schema import BIAS
from bailee.statements.planned import PlannedOnLedger, belongs, chosen_features, require, require_features

VERSION, ON_LEDGER = 2, 4
FULL = "full"
NEIGHBOURS = "replace-one"
PRIVATE, UNPROTECTED = "private", "unprotected"
AS_SEALED, SECRET = "as-sealed", "secret"
LOSSES = ("logistic", "softmax", "squared")
SCHEDULES = ("constant", "linear", "cosine", "step")
MAX_STEPS = 1 << 20
MAX_BATCH = 1 << 16
MAX_LAYERS, MAX_WIDTH = 16, 1 << 14
_RATE_BITS = 64


@dataclass(frozen=True)
class Privacy:
    """How rows are protected. `private`: clip, delta and exactly one of epsilon and noise_multiplier.

    `unprotected`: no clipping, no noise, nothing is promised about any row; then all others are null. An owner must
    sign a waiver for it: a grant alone does not allow it.
    """

    mode: str
    clip: Decimal | None = None
    delta: Decimal | None = None
    epsilon: Decimal | None = None
    noise_multiplier: Decimal | None = None

    def require(self) -> None:
        """Raises PlanError naming the field that does not fit the mode."""
        if self.mode == UNPROTECTED:
            for name in ("clip", "delta", "epsilon", "noise_multiplier"):
                require(getattr(self, name) is None, f"privacy.{name}: an unprotected plan has none; leave it out")
            return
        require(self.mode == PRIVATE, f"privacy.mode: expected {PRIVATE!r} or {UNPROTECTED!r}, got {self.mode!r}")
        if self.clip is None or self.delta is None:
            raise PlanError("privacy: a private plan needs clip and delta")
        require(Fraction(1, 1 << 10) <= Fraction(self.clip) <= 1024, "privacy.clip: expected 0.001 to 1024")
        require(0 < Fraction(self.delta) <= Fraction(1, 100), "privacy.delta: expected a number in (0, 0.01]")
        given = [value for value in (self.epsilon, self.noise_multiplier) if value is not None]
        require(len(given) == 1, "privacy: expected exactly one of epsilon and noise_multiplier")
        require(0 < Fraction(given[0]) <= 10_000, "privacy: epsilon or noise_multiplier must lie in (0, 10000]")


@dataclass(frozen=True)
class ModelPlan(PlannedOnLedger):
    """A model trained with all weights committed. Fields are in the order of docs/records.md.

    features: encoded columns as the card names them, a field's name for all its columns, or ("all",); the bias always
    takes part. hidden: widths of the hidden layers, none for a linear model. batch: rows of a step, a power of two,
    or "full". epochs counts passes over every dataset; with full batches a pass is a step. schedule "step" multiplies
    the rate by decay_factor every decay_every epochs. start numbers the public random first weights.
    order: "as-sealed", or "secret": mini-batches are cut from rows in an order that nobody chose, one for all passes.
    steps ends a run in a secret order before its only pass does; null for whole passes.
    ledger: where owners spend the privacy of their datasets, and whose block gives public randomness; or None: always
    None of an unprotected plan.
    """

    WHERE: ClassVar[str] = "plan"
    VERSION: ClassVar[int | None] = VERSION
    ON_LEDGER: ClassVar[int] = ON_LEDGER

    name: Name
    purpose: Name
    label: Name
    features: tuple[Name, ...]
    loss: str
    hidden: tuple[Count, ...]
    batch: str
    epochs: Count
    learning_rate: Decimal
    schedule: str
    decay_every: Count | None
    decay_factor: Decimal | None
    momentum: Decimal
    weight_decay: Decimal
    start: Count
    neighbours: str
    privacy: Privacy
    order: str = AS_SEALED
    steps: Count | None = None
    ledger: LedgerName | None = None

    def __post_init__(self) -> None:
        self.check_types()
        _one_of("loss", self.loss, LOSSES)
        _one_of("schedule", self.schedule, SCHEDULES)
        _one_of("neighbours", self.neighbours, (NEIGHBOURS,))
        _one_of("order", self.order, (AS_SEALED, SECRET))
        require_features(self.features)
        require(len(self.hidden) <= MAX_LAYERS, f"hidden: expected at most {MAX_LAYERS} layers")
        fits = all(1 <= width <= MAX_WIDTH for width in self.hidden)
        require(fits, f"hidden: expected widths of 1 to {MAX_WIDTH}, got {list(self.hidden)}")
        require(_is_batch(self.batch), f'batch: expected "full" or a power of two of at most {MAX_BATCH}')
        require(1 <= self.epochs <= MAX_STEPS, f"epochs: expected 1 to {MAX_STEPS}; got {self.epochs}")
        require(0 < Fraction(self.learning_rate) <= 1000, "learning_rate: expected a number in (0, 1000]")
        steps = self.schedule == "step"
        both = (self.decay_every is not None) == steps == (self.decay_factor is not None)
        require(both, 'schedule: decay_every and decay_factor go with the schedule "step", and only with it')
        if self.decay_every is not None and self.decay_factor is not None:
            require(self.decay_every >= 1, "decay_every: expected at least 1 epoch")
            require(0 < Fraction(self.decay_factor) <= 1, "decay_factor: expected a number in (0, 1]")
        require(0 <= Fraction(self.momentum) < 1, "momentum: expected a number in [0, 1)")
        require(0 <= Fraction(self.weight_decay) <= 1, "weight_decay: expected a number in [0, 1]")
        self.privacy.require()
        require(
            self.ledger is None or self.private,
            f'ledger: an "{UNPROTECTED}" plan names none: no epsilon bounds what it costs, so there is nothing that a '
            "budget could bear, and a spending of 0 would say that nothing is lost; make it private, or leave it out",
        )
        fits = self.order == AS_SEALED or not self.full_batch
        require(fits, f'order: "{SECRET}" is for mini-batches; with batch = "full" every step reads all rows')
        fits = self.steps is None or (self.order == SECRET and self.epochs == 1 and self.steps >= 1)
        require(fits, f'steps: with mini-batches only with order = "{SECRET}", instead of epochs; at least 1')

    @property
    def shuffled(self) -> bool:
        return self.order == SECRET

    @property
    def draws(self) -> bool:
        """Whether a run needs coins: for noise, for an order, or for both."""
        return self.private or self.shuffled

    @property
    def private(self) -> bool:
        return self.privacy.mode == PRIVATE

    @property
    def full_batch(self) -> bool:
        return self.batch == FULL

    @property
    def delta(self) -> str:
        """The plan's delta; "0" of an unprotected one, whose loss is without bound."""
        return self.privacy.delta or "0"

    @property
    def digest(self) -> str:
        """Hex digest of the canonical bytes: how a grant names the plan."""
        return digest(canonical(self.to_mapping()))

    def used(self, columns: Sequence[str]) -> tuple[bool, ...]:
        """Which of a card's columns (features, bias, labels) enter the model. Raises PlanError."""
        labels = self.labels(columns)
        features = columns[: min(labels) - 1]
        names = chosen_features(self.features, features)
        return tuple(name in names or name == BIAS for name in columns)

    def labels(self, columns: Sequence[str]) -> tuple[int, ...]:
        """Places of the label's columns: all behind the bias. Raises PlanError where the loss wants others."""
        require(columns.count(BIAS) == 1, "a card has features, the bias and a label")
        places = tuple(range(columns.index(BIAS) + 1, len(columns)))
        require(bool(places) and len(places) < len(columns) - 1, "a card has features, the bias and a label")
        named = all(belongs(columns[place], self.label) for place in places)
        require(named, f"label: the card's label is {columns[places[0]]!r}, the plan's {self.label!r}")
        if self.loss == "softmax":
            require(
                len(places) >= 2, f"loss: softmax wants a label of two classes or more, {self.label!r} has one column"
            )
        else:
            wanted = f"loss: {self.loss} wants a label of one column, {self.label!r} has {len(places)}; use softmax"
            require(len(places) == 1, wanted)
        return places

    def rate(self, step: int, steps: int, per_epoch: int) -> Fraction:
        """The planned learning rate of a step (from 0) of `steps`, `per_epoch` of which make an epoch.

        linear falls to 1/steps of the first rate, cosine to its half wave's end; both reach 0 only after the last step.
        """
        first = Fraction(self.learning_rate)
        if self.schedule == "linear":
            return first * Fraction(steps - step, steps)
        if self.schedule == "cosine":
            return first * (1 + _cosine(step, steps)) / 2
        if self.schedule == "step" and self.decay_every is not None and self.decay_factor is not None:
            # The exponent is bounded: a factor's power of thousands would be a number of millions of digits.
            return first * Fraction(self.decay_factor) ** min(step // (per_epoch * self.decay_every), 64)
        return first


def plan_version(mapping: Mapping[str, Any]) -> int:
    """Which kind of plan a mapping is, on a ledger or not: 1 a logistic session's, 2 a model's; 0: anything else."""
    version = mapping.get("version")
    return {1: 1, VERSION: VERSION, 3: 1, ON_LEDGER: VERSION}.get(version, 0) if type(version) is int else 0


def _cosine(step: int, steps: int) -> Fraction:
    """cos(pi step / steps) rounded down at 2^-64: the same on every machine, which a float's cosine is not."""
    with mpmath.workprec(256):
        scaled = mpmath.floor(mpmath.cos(mpmath.pi * step / steps) * mpmath.mpf(2) ** _RATE_BITS)
        return Fraction(int(scaled), 1 << _RATE_BITS)


def _is_batch(text: str) -> bool:
    if text == FULL:
        return True
    if not (text.isascii() and text.isdigit()) or len(text) > 6 or text.startswith("0"):
        return False
    rows = int(text)
    return rows & (rows - 1) == 0 and rows <= MAX_BATCH


def _one_of(field: str, value: str, allowed: Sequence[str]) -> None:
    require(value in allowed, f"{field}: expected one of {', '.join(allowed)}; got {value!r}")


Loss = Literal["logistic", "softmax", "squared"]
