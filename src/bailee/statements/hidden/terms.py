"""The terms of a hidden-model run, and all that follows from plan and terms: architecture, integers, chunks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from itertools import pairwise
from typing import ClassVar

from bailee.errors import PlanError
from bailee.records.fields import Count, Decimal, Name
from bailee.records.schema import BINARY, CLASSES, NUMBER, Schema
from bailee.statements.hidden.schedule import Chunk, batch_rows, cut, epoch_steps, read_batches, total_steps
from bailee.statements.network.architecture import Architecture
from bailee.statements.network.optimizer import Rule
from bailee.statements.network.plan import ModelPlan
from bailee.statements.network.schedule import rule_for
from bailee.statements.planned import Planned

BOUNDARY_OPENINGS = 2
"""One for the chunk that writes a boundary, one for the chunk that reads it."""
MAX_MODEL_OPENINGS = 32
MAX_OPENINGS = 64
MAX_WEIGHTS = 1 << 24
"""No chunk of more could be proved; and a reader makes the first weights again, from a stranger's plan."""


@dataclass(frozen=True)
class ModelTerms(Planned):
    """What a run goes by beside its plan. rows: of each dataset, in the opening's order.

    chunk_steps, laps: how the run is cut (`schedule.cut`); noise_multiplier: what the noise is scaled by, at least
    what the plan's privacy asks for, null for an unprotected plan; model_openings: of the last boundary.
    """

    WHERE: ClassVar[str] = "terms"

    columns: tuple[Name, ...]
    rows: tuple[Count, ...]
    chunk_steps: Count
    laps: Count
    noise_multiplier: Decimal | None
    model_openings: Count

    def __post_init__(self) -> None:
        self.check_types()
        if not BOUNDARY_OPENINGS <= self.model_openings <= MAX_MODEL_OPENINGS:
            raise PlanError(
                f"terms.model_openings: expected {BOUNDARY_OPENINGS} to {MAX_MODEL_OPENINGS}; got {self.model_openings}"
            )


def architecture_of(plan: ModelPlan, columns: Sequence[str]) -> Architecture:
    """The tensors of a plan on cards of these columns. Raises PlanError."""
    labels = plan.labels(columns)
    widths = (len(columns), *plan.hidden, len(labels))
    weights = sum(left * right for left, right in pairwise(widths))
    if weights > MAX_WEIGHTS:
        raise PlanError(f"hidden: the model would have {weights} weights; at most {MAX_WEIGHTS}")
    return Architecture(len(columns), plan.hidden, len(labels), plan.loss, labels, plan.used(columns))


def check_label(plan: ModelPlan, schema: Schema) -> None:
    """That the cards' label is of the kind that the plan's loss learns. Raises PlanError."""
    wanted = {"logistic": BINARY, "softmax": CLASSES, "squared": NUMBER}[plan.loss]
    if schema.label_kind != wanted:
        raise PlanError(f"loss: {plan.loss} learns a label of the kind {wanted}; the schema's is {schema.label_kind}")


@dataclass(frozen=True)
class Setup:
    """A run as everybody derives it from plan and terms. Raises PlanError, naming the bound, where it could not run."""

    plan: ModelPlan
    terms: ModelTerms

    @cached_property
    def architecture(self) -> Architecture:
        return architecture_of(self.plan, self.terms.columns)

    @cached_property
    def chunks(self) -> tuple[Chunk, ...]:
        return cut(self.plan, self.terms.rows, self.terms.chunk_steps, self.terms.laps)

    @property
    def steps(self) -> int:
        return total_steps(self.plan, self.terms.rows)

    @property
    def batch(self) -> int:
        return batch_rows(self.plan, self.terms.rows)

    @cached_property
    def rule(self) -> Rule:
        """The integers of the whole run."""
        plan = self.plan
        if plan.private != (self.terms.noise_multiplier is not None):
            raise PlanError("terms.noise_multiplier: a private plan has one, an unprotected plan none")
        each = epoch_steps(plan, self.terms.rows)
        clip, noise = plan.privacy.clip, self.terms.noise_multiplier
        return rule_for(
            self.architecture,
            self.batch,
            [plan.rate(step, self.steps, each) for step in range(self.steps)],
            Fraction(plan.momentum),
            Fraction(plan.weight_decay),
            None if clip is None else Fraction(clip),
            None if noise is None else Fraction(noise),
        )

    def rule_of(self, chunk: Chunk) -> Rule:
        """The integers of one chunk, idle steps where it has none of the run's."""
        return replace(self.rule, multipliers=chunk.fill(self.rule.multipliers))

    def openings_after(self, chunk: Chunk) -> int:
        """Openings that the boundary after a chunk bears."""
        return self.terms.model_openings if chunk.index == len(self.chunks) - 1 else BOUNDARY_OPENINGS

    def uses(self, dataset: int) -> int:
        """Rows times passes of one dataset over the run, added up from the chunks."""
        total = 0
        for chunk in self.chunks:
            for part in chunk.slices:
                if part.dataset == dataset:
                    batches = min(part.present, chunk.steps)
                    total += chunk.passes * (min(part.rows, part.first + batches * part.batch) - part.first)
        return total

    def order_openings(self, dataset: int) -> int:
        """Openings that a dataset's rows in their secret order bear: for the shuffle (0), then for each chunk on them.

        Raises PlanError where no commitment bears so many.
        """
        needed = 1 + sum(part.dataset == dataset for chunk in self.chunks for part in chunk.slices)
        if needed > MAX_OPENINGS:
            raise PlanError(
                f"epochs: {needed} proofs would read dataset {dataset + 1} in its secret order; a commitment bears "
                f"{MAX_OPENINGS}: larger chunks, fewer epochs or larger batches"
            )
        return needed

    def order_opening(self, chunk: Chunk) -> tuple[int, ...]:
        """Which of them a chunk of a run in secret order spends: the next one."""
        before = self.chunks[: chunk.index]
        return tuple(
            1 + sum(part.dataset == own.dataset for one in before for part in one.slices) for own in chunk.slices
        )


def sampled(plan: ModelPlan, rows: Sequence[int]) -> Fraction:
    """The largest part of a dataset's rows that a run reads, 1 unless the plan ends it early."""
    if plan.steps is None:
        return Fraction(1)
    read = read_batches(plan, rows)
    return max(min(Fraction(1), Fraction(n * int(plan.batch), of)) for n, of in zip(read, rows, strict=True))
