"""The statement *so well does this model on these rows* (docs/statements.md): counts, rates and gaps within bounds.

Neither the model nor a row is shown; what a claim leaves open (a count, a group's size) stays hidden too. Claims are
`bailee.records.inference.Assessment`; the deciding is in `applied`.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bailee.algebra.field import P
from bailee.argument.commitment_record import Commitment
from bailee.argument.nodes import Axis, Node
from bailee.argument.tape import Tape
from bailee.errors import StatementError
from bailee.records.inference import (
    AT_LEAST,
    CORRECT,
    ERROR,
    EVERYONE,
    NOT_SET,
    PREDICTED,
    SET,
    SIZE,
    Assessment,
    Condition,
    CountBound,
    GapBound,
    RateBound,
)
from bailee.records.schema import UNIT, Layout
from bailee.statements.applied import (
    choose_class,
    choose_side,
    commit_features,
    product,
    require_margin,
    require_threshold,
    without_time,
    write_logits,
)
from bailee.statements.dataset import TENSOR, check, dataset_axes
from bailee.statements.network.architecture import Architecture
from bailee.statements.network.numbers import WEIGHT_BITS, Integers, ints, quotient

if TYPE_CHECKING:
    from bailee.argument.commitment import CommittedVector

ERROR_BITS = 16
"""A regression's error is signed with so many bits, at 2^12: below 8."""
CONDITION_BITS = 14
_LARGEST_SUM = 1 << 62
_LARGEST_RATE = 1 << 20


@dataclass(frozen=True)
class EvaluationClaim:
    """What is public about an evaluation. total: rows of the dataset; columns: names of its encoded columns."""

    architecture: Architecture
    columns: tuple[str, ...]
    total: int
    assessment: Assessment

    def __post_init__(self) -> None:
        asked, loss = self.assessment, self.architecture.loss
        asked.require()
        if len(self.columns) != self.architecture.columns:
            raise StatementError(
                f"the model reads {self.architecture.columns} columns, the rows have {len(self.columns)}"
            )
        if asked.first + asked.rows > self.total:
            raise StatementError(f"rows {asked.first} to {asked.first + asked.rows - 1} of {self.total} are asked for")
        if loss == "squared" and self.architecture.outputs != 1:
            raise StatementError("a regression is evaluated on one output")
        for group in asked.groups:
            for condition in group.where:
                self.place(condition.column)
        for measure in self.measures:
            if measure != SIZE and (measure == ERROR) != (loss == "squared"):
                raise StatementError(f"{measure!r} is no measure of a model with the loss {loss!r}")
            if measure.startswith(PREDICTED):
                self.predicted(measure)
        if loss != "squared":
            require_margin(self.architecture, asked.margin_bits)
            require_threshold(asked.threshold)
        limits = [text for rate in asked.rates for text in (rate.at_least, rate.at_most)]
        for text in (*limits, *(gap.at_most for gap in asked.gaps)):
            if text is not None and Fraction(text).denominator > _LARGEST_RATE:
                raise StatementError(f"a rate has at most six decimals, got {text}")

    @property
    def measures(self) -> tuple[str, ...]:
        asked = self.assessment
        every: list[CountBound | RateBound | GapBound] = [*asked.counts, *asked.rates, *asked.gaps]
        found = [bound.measure for bound in every]
        for measure in found:
            if measure not in (SIZE, CORRECT, ERROR) and not measure.startswith(PREDICTED):
                raise StatementError(f"{measure!r} is no measure: expected size, correct, squared error, predicted ...")
        return tuple(dict.fromkeys(found))

    def place(self, column: str) -> int:
        if column not in self.columns:
            raise StatementError(f"the rows have no column {column!r}; there are {', '.join(self.columns)}"[:600])
        return self.columns.index(column)

    def predicted(self, measure: str) -> int:
        """The class of "predicted COLUMN"."""
        names = [self.columns[place] for place in self.architecture.labels]
        name = measure.removeprefix(PREDICTED)
        if name not in names:
            raise StatementError(f"{measure!r}: {name!r} is no label column; there are {', '.join(names)}"[:600])
        return names.index(name)

    def require_layout(self, layout: Layout) -> None:
        """That columns hold what the claim's conditions and the loss take them for. Raises StatementError."""
        if layout.names != self.columns or layout.labels != self.architecture.labels:
            raise StatementError("the rows have other columns or labels than the model: seal them under its schema")
        wanted = {"logistic": (0, 1, 1), "softmax": (0, UNIT, UNIT), "squared": (-UNIT, UNIT, 1)}
        if any(layout.domains[place] != wanted[self.architecture.loss] for place in layout.labels):
            raise StatementError(f"the label is not of the kind that a {self.architecture.loss} model has")
        for group in self.assessment.groups:
            for condition in group.where:
                low, high, step = layout.domains[self.place(condition.column)]
                flag = (low, high, step) == (0, condition.value, condition.value)
                if condition.kind in (SET, NOT_SET) and not flag:
                    raise StatementError(f"column {condition.column!r} is no flag of value {condition.value}")

    @property
    def present(self) -> NDArray[np.bool_]:
        places = np.arange(dataset_axes(self.total, 1)[0].size)
        return (places >= self.assessment.first) & (places < self.assessment.first + self.assessment.rows)


def evaluation_tape(
    tape: Tape, claim: EvaluationClaim, model: Commitment, model_opening: int, dataset: Commitment, opening: int
) -> None:
    """Write the statement: source 0 is the dataset, source 1 the model."""
    row, column = dataset_axes(claim.total, len(claim.columns))
    timed = commit_features(tape, tape.source(dataset, opening), TENSOR, row, column)
    logits = write_logits(tape, claim.architecture, model, model_opening, timed, row)
    sums = _Sums(tape, claim, without_time(tape, timed), logits, row, column)
    asked = claim.assessment
    for bound in asked.counts:
        total = sums.of(bound.measure, bound.group)
        _between(tape, total, bound.at_least, bound.at_most, sums.most(bound.measure))
    for rate in asked.rates:
        size = sums.some(rate.group)
        total = sums.of(rate.measure, rate.group)
        for text, sign in ((rate.at_least, 1), (rate.at_most, -1)):
            if text is not None:
                part = Fraction(text)
                away = [(sign * part.denominator, total), (-sign * part.numerator, size)]
                largest = part.denominator * sums.most(rate.measure) + abs(part.numerator) * claim.assessment.rows
                _not_negative(tape, tape.linear((), away), largest)
    for gap in asked.gaps:
        sizes = sums.some(gap.first), sums.some(gap.second)
        totals = sums.of(gap.measure, gap.first), sums.of(gap.measure, gap.second)
        part = Fraction(gap.at_most)
        largest = (part.denominator * sums.most(gap.measure) + part.numerator * asked.rows) * asked.rows
        if part < 0 or largest >= _LARGEST_SUM:
            raise StatementError(f"a gap of {gap.measure!r} on {asked.rows} rows in {gap.at_most} is too fine to prove")
        both = product(tape, (), sizes[0], sizes[1])
        one = product(tape, (), totals[0], sizes[1])
        other = product(tape, (), totals[1], sizes[0])
        for sign in (1, -1):
            terms = [(part.numerator, both), (sign * part.denominator, one), (-sign * part.denominator, other)]
            _not_negative(tape, tape.linear((), terms), largest)


class _Sums:
    """Sums of measures over groups, each written once."""

    def __init__(
        self, tape: Tape, claim: EvaluationClaim, features: Node, logits: Node, row: Axis, column: Axis
    ) -> None:
        self.tape, self.claim, self.features, self.logits = tape, claim, features, logits
        self.row, self.column = row, column
        self.klass = claim.architecture.unit(claim.architecture.layers)
        self.present = tape.public((row,), claim.present.astype(np.int64))
        self._measures: dict[str, Node] = {}
        self._groups: dict[str, Node] = {}
        self._sums: dict[tuple[str, str], Node] = {}
        self._some: set[str] = set()
        self._chosen: Node | None = None

    def most(self, measure: str) -> int:
        """The largest sum of a measure over a group."""
        return self.claim.assessment.rows << (2 * ERROR_BITS - 2 if measure == ERROR else 0)

    def of(self, measure: str, group: str) -> Node:
        key = (measure, group)
        if key not in self._sums:
            self._sums[key] = self._sum(measure, group)
        return self._sums[key]

    def some(self, group: str) -> Node:
        """A group's size, shown to be at least 1: means over no rows are none."""
        size = self.of(SIZE, group)
        if group != EVERYONE and group not in self._some:
            self._some.add(group)
            _not_negative(self.tape, self.tape.linear((), [(1, size)], -1), self.claim.assessment.rows)
        return size

    def _sum(self, measure: str, group: str) -> Node:
        if (measure, group) == (SIZE, EVERYONE):
            return self.tape.linear((), [], self.claim.assessment.rows)
        # a group lies within the present rows, so that a public one is enough to count it
        right = self.present if measure == SIZE else self._measure(measure)
        left = self._group(group)
        axes = (self.row,)

        def total() -> Integers:
            found: Integers = (ints(self.tape, left, axes) * ints(self.tape, right, axes)).sum(axis=-1)
            return found

        return self.tape.contract((), left, right, over=axes, compute=total)

    def _group(self, name: str) -> Node:
        if name == EVERYONE:
            return self.present
        if name not in self._groups:
            where = next(group.where for group in self.claim.assessment.groups if group.name == name)
            member = self.present
            for condition in where:
                member = product(self.tape, (self.row,), member, self._meets(condition))
            self._groups[name] = member
        return self._groups[name]

    def _meets(self, condition: Condition) -> Node:
        tape, axes = self.tape, (self.row,)
        value = tape.select(self.features, self.column, self.claim.place(condition.column))
        if condition.kind in (SET, NOT_SET):
            share = pow(condition.value, -1, P)
            return (
                _one_minus(tape, axes, share, value)
                if condition.kind == NOT_SET
                else tape.linear(axes, [(share, value)])
            )
        away = tape.linear(axes, [(1, value)], -condition.value)
        reached = tape.advice("reached", axes, lambda: (ints(tape, away, axes) >= 0).astype(np.int64))
        tape.boolean(reached)
        above = product(tape, axes, reached, away)
        # reached: away; not reached: -away - 1. Both are not negative only where the bit is right.
        tape.within(tape.linear(axes, [(2, above), (-1, away), (1, reached)], -1), CONDITION_BITS)
        return reached if condition.kind == AT_LEAST else _one_minus(tape, axes, 1, reached)

    def _measure(self, measure: str) -> Node:
        if measure not in self._measures:
            if measure == ERROR:
                self._measures[measure] = self._squared_error()
            elif measure == CORRECT:
                self._measures[measure] = self._correct()
            else:
                self._measures[measure] = self._predicted(self.claim.predicted(measure))
        return self._measures[measure]

    @property
    def chosen(self) -> Node:
        """(row, class) one-hot, or (row) for a logistic model."""
        if self._chosen is None:
            asked, architecture = self.claim.assessment, self.claim.architecture
            if architecture.loss == "logistic":
                args = (self.logits, asked.threshold, asked.margin_bits)
                self._chosen = choose_side(self.tape, architecture, *args)
            else:
                self._chosen = choose_class(self.tape, architecture, self.logits, asked.margin_bits)
        return self._chosen

    def _predicted(self, klass: int) -> Node:
        if self.claim.architecture.loss == "logistic":
            return self.chosen
        return self.tape.select(self.chosen, self.klass, klass)

    def _correct(self) -> Node:
        tape, axes, labels = self.tape, (self.row,), self.claim.architecture.labels
        if self.claim.architecture.loss == "logistic":
            label = tape.select(self.features, self.column, labels[0])
            both = product(tape, axes, self.chosen, label)
            return tape.linear(axes, [(2, both), (-1, self.chosen), (-1, label)], 1)
        table = np.zeros((self.column.size, self.klass.size), dtype=np.uint64)
        table[list(labels), range(len(labels))] = pow(UNIT, -1, P)

        def told() -> Integers:
            whole = np.zeros((self.row.size, self.klass.size), dtype=np.int64)
            whole[:, : len(labels)] = ints(tape, self.features, (self.row, self.column))[:, list(labels)] // UNIT
            return whole

        every = (self.row, self.klass)
        picked = tape.public((self.column, self.klass), table)
        label = tape.contract(every, self.features, picked, over=(self.column,), compute=told)

        def agree() -> Integers:
            found: Integers = (ints(tape, self.chosen, every) * ints(tape, label, every)).sum(axis=-1)
            return found

        return tape.contract(axes, self.chosen, label, over=(self.klass,), compute=agree)

    def _squared_error(self) -> Node:
        tape, axes = self.tape, (self.row,)
        answer = quotient(tape, "answer", tape.select(self.logits, self.klass, 0), WEIGHT_BITS)
        label = tape.select(self.features, self.column, self.claim.architecture.labels[0])
        error = tape.linear(axes, [(1, answer), (-1, label)])
        tape.within_signed(error, ERROR_BITS)
        return product(tape, axes, error, error)


def _one_minus(tape: Tape, axes: tuple[Axis, ...], coefficient: int, node: Node) -> Node:
    return tape.linear(axes, [(-coefficient, node)], 1)


def _between(tape: Tape, node: Node, at_least: int | None, at_most: int | None, largest: int) -> None:
    if at_least is not None and at_least == at_most:
        tape.zero(tape.linear((), [(1, node)], -at_least))
        return
    if at_least is not None:
        _not_negative(tape, tape.linear((), [(1, node)], -at_least), largest)
    if at_most is not None:
        _not_negative(tape, tape.linear((), [(-1, node)], at_most), max(largest, at_most))


def _not_negative(tape: Tape, node: Node, largest: int) -> None:
    """`largest` bounds the node's size by what it is made of."""
    if largest >= _LARGEST_SUM:
        raise StatementError(
            f"a bound on sums up to 2^{largest.bit_length()} cannot be proven: use fewer decimals or rows"
        )
    tape.within(node, max(1, largest.bit_length()))


def prove_evaluation(
    claim: EvaluationClaim,
    model: CommittedVector,
    model_opening: int,
    dataset: CommittedVector,
    opening: int,
    context: bytes,
) -> bytes:
    """Prove it, spending one opening of each commitment.

    Raises StatementError, before anything is revealed, where the claim does not hold (`require_true` says which).
    """
    from bailee.argument.prover import prove

    held = enumerate((dataset, model))
    tape = Tape({(place, name): vector.tensor(name) for place, vector in held for name, _ in vector.shape})
    evaluation_tape(tape, claim, model.record, model_opening, dataset.record, opening)
    return prove(tape, [dataset, model], context)


def verify_evaluation(
    claim: EvaluationClaim,
    model: Commitment,
    model_opening: int,
    dataset: Commitment,
    opening: int,
    context: bytes,
    proof: bytes,
    plain: bool = False,
) -> dict[str, float]:
    """Check such a proof; returns its soundness table in bits. Raises ProofError.

    The dataset's own proof (its card) must hold, and its layout must pass `EvaluationClaim.require_layout`.
    """
    tape = Tape()
    evaluation_tape(tape, claim, model, model_opening, dataset, opening)
    return check(tape, context, proof, plain)
