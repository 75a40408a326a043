"""The statement *this committed model answers this to these rows* (docs/statements.md); a batch is one proof.

Rows are public, places of a sealed dataset, or freshly committed to. The deciding is in `applied`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bailee.argument.commitment_record import Commitment
from bailee.argument.nodes import Axis, Node
from bailee.argument.tape import Tape
from bailee.errors import StatementError
from bailee.records.inference import CLASS, FRESH, LOGITS, PUBLIC, SCORE, SEALED, TOLD
from bailee.records.schema import UNIT
from bailee.statements.applied import (
    choices,
    commit_features,
    product,
    public_features,
    require_margin,
    require_spread,
    require_threshold,
    without_time,
    write_logits,
)
from bailee.statements.dataset import TENSOR, DatasetClaim, check, dataset_axes, padded, write_valid
from bailee.statements.network.architecture import Architecture
from bailee.statements.network.losses import LOSSES
from bailee.statements.network.numbers import Integers, ints
from bailee.statements.network.stage import Stage

if TYPE_CHECKING:
    from bailee.argument.commitment import CommittedVector

LARGEST_ROWS = 1 << 16
_LARGEST_PICK = 1 << 24
_LARGEST_LOGIT = 1 << 52


@dataclass(frozen=True, eq=False)
class InferenceClaim:
    """What is public about answers. told: "logits" (int64 (m, outputs) at 2^26), "class" (int64 (m, 1)) or "score"
    (int64 (m, outputs) at 2^16: probabilities, or values of a regression).

    source "public": rows, encoded, int64 (m, columns). "sealed": places, m row numbers of a dataset of `total` rows.
    "fresh": m = total rows of a commitment made for these answers, `valid` what a card would say of them.
    threshold, margin_bits: as in an Assessment.
    """

    architecture: Architecture
    source: str
    told: str
    answers: NDArray[np.int64]
    rows: NDArray[np.int64] | None = None
    places: tuple[int, ...] = ()
    total: int = 0
    threshold: int = 0
    margin_bits: int = 32
    valid: DatasetClaim | None = None

    def __post_init__(self) -> None:
        architecture, count = self.architecture, len(self.answers)
        width = 1 if self.told == CLASS else architecture.outputs
        if self.told not in TOLD or self.answers.shape != (count, width) or not 1 <= count <= LARGEST_ROWS:
            raise StatementError(f"expected 1 to {LARGEST_ROWS} rows of {width} answers, got {self.answers.shape}")
        if np.abs(self.answers).max() >= _LARGEST_LOGIT:
            raise StatementError("an answer is beyond 2^52: no such logit can be told")
        if self.told == CLASS:
            if architecture.loss == "squared":
                raise StatementError("a regression has no classes: tell the score or the logits")
            most = max(architecture.outputs, 2)
            if self.answers.min() < 0 or self.answers.max() >= most:
                raise StatementError(f"classes are numbered 0 to {most - 1}")
            require_margin(architecture, self.margin_bits)
            require_threshold(self.threshold)
        given = (self.rows is not None, bool(self.places), self.source == FRESH)
        if given != tuple(self.source == source for source in (PUBLIC, SEALED, FRESH)):
            raise StatementError("a public source has rows, a sealed one places, a fresh one neither")
        if self.rows is not None and (
            self.rows.shape != (count, architecture.columns) or np.abs(self.rows).max() > UNIT
        ):
            raise StatementError(f"expected {count} rows of {architecture.columns} values within {UNIT} of zero")
        if self.source == SEALED:
            if len(self.places) != count or max(self.places) >= self.total or min(self.places) < 0:
                raise StatementError(f"expected {count} places of rows, 0 to {self.total - 1}")
            if Axis.of("answer", count).size * Axis.of("row", self.total).size > _LARGEST_PICK:
                raise StatementError(f"{count} of {self.total} rows are too many to pick in one proof: ask for fewer")
        if self.source == FRESH and self.total != count:
            raise StatementError(f"{count} answers to {self.total} fresh rows")
        if (self.valid is not None) != (self.source == FRESH):
            raise StatementError("fresh rows, and only they, come with what makes them valid")
        if self.valid is not None and (self.valid.rows, len(self.valid.names)) != (count, architecture.columns):
            raise StatementError("fresh rows are valid under a claim on other rows or columns")


def inference_tape(
    tape: Tape,
    claim: InferenceClaim,
    model: Commitment,
    model_opening: int,
    rows: Commitment | None,
    opening: int | None,
) -> None:
    """Write the statement: the rows' commitment, if there is one, is source 0, and the model's the next."""
    row = Axis.of("answer", len(claim.answers))
    features = _features(tape, claim, rows, opening, row)
    logits = write_logits(tape, claim.architecture, model, model_opening, features, row)
    klass = claim.architecture.unit(claim.architecture.layers)
    if claim.told == CLASS:
        _class(tape, claim, logits, row, klass)
        return
    if claim.told == LOGITS:
        _same(tape, claim, logits, row, klass)
        return
    stage = Stage(tape, Axis("epoch", 0), Axis("step", 0), row, np.ones((1, row.size), dtype=np.bool_))
    timed = tape.linear((*stage.rows, klass), [(1, logits)])
    none = tape.public((klass,), np.zeros(klass.size, dtype=np.int64))
    real = np.arange(klass.size) < claim.architecture.outputs
    # what a loss calls a residual is, without a label, the probability or the value itself
    score = LOSSES[claim.architecture.loss].write(stage, timed, none, klass, real)
    _same(tape, claim, without_time(tape, score), row, klass)


def _features(tape: Tape, claim: InferenceClaim, rows: Commitment | None, opening: int | None, row: Axis) -> Node:
    """Over (step, answer, column)."""
    columns = claim.architecture.columns
    if claim.rows is not None:
        return public_features(tape, row, dataset_axes(1, columns)[1], claim.rows)
    if rows is None or opening is None:
        raise StatementError("rows that are not public have a commitment and an opening of it")
    source = tape.source(rows, opening)
    whole, column = dataset_axes(claim.total, columns)
    if claim.valid is not None:  # there is no card to say so
        write_valid(tape, claim.valid, tape.committed(source, TENSOR, (whole, column)))
        return commit_features(tape, source, TENSOR, row, column)
    held = commit_features(tape, source, TENSOR, whole, column)
    pick = np.zeros((row.size, whole.size), dtype=np.int64)
    pick[np.arange(len(claim.places)), list(claim.places)] = 1
    chosen = np.zeros(row.size, dtype=np.int64)
    chosen[: len(claim.places)] = claim.places

    def picked() -> Integers:
        found = ints(tape, held, held.axes)[:, chosen]
        found[:, len(claim.places) :] = 0
        return found

    step = held.axes[0]
    return tape.contract((step, row, column), tape.public((row, whole), pick), held, over=(whole,), compute=picked)


def _same(tape: Tape, claim: InferenceClaim, node: Node, row: Axis, klass: Axis) -> None:
    """The node is what was told, for real rows and outputs."""
    told = np.zeros((row.size, klass.size), dtype=np.int64)
    told[: len(claim.answers), : claim.architecture.outputs] = claim.answers
    away = tape.linear((row, klass), [(1, node), (-1, tape.public((row, klass), told))])
    sizes = ((row, len(claim.answers)), (klass, claim.architecture.outputs))
    here = [tape.public((axis,), (np.arange(axis.size) < length).astype(np.int64)) for axis, length in sizes]
    tape.zero(product(tape, (row, klass), tape.outer(here[0], here[1]), away))


def _class(tape: Tape, claim: InferenceClaim, logits: Node, row: Axis, klass: Axis) -> None:
    """The class told is the one that `applied.choose_class` or `choose_side` would choose: there is one."""
    architecture, count = claim.architecture, len(claim.answers)
    told = np.zeros(row.size, dtype=np.int64)
    told[:count] = claim.answers[:, 0]
    present = np.arange(row.size) < count
    if architecture.loss == "logistic":
        away = tape.linear((row, klass), [(1, logits)], -claim.threshold)
        sign = tape.public((row,), np.where(present, 2 * told - 1, 0))
        signed = product(tape, (row, klass), sign, away)
        tape.within(tape.linear((row, klass), [(1, signed), (-1, tape.public((row,), told))]), claim.margin_bits)
        return
    real = np.arange(klass.size) < architecture.outputs
    ranked = tape.linear((row, klass), [(klass.size, logits), (-1, tape.public((klass,), np.arange(klass.size)))])
    chosen = tape.public((row, klass), (told[:, None] == np.arange(klass.size)).astype(np.int64))

    def largest() -> Integers:
        found: Integers = (ints(tape, ranked, (row, klass)) * ints(tape, chosen, (row, klass))).sum(axis=-1)
        return found

    top = tape.contract((row,), chosen, ranked, over=(klass,), compute=largest)
    behind = tape.linear((row, klass), [(1, top), (-1, ranked)])
    here = tape.outer(tape.public((row,), present.astype(np.int64)), tape.public((klass,), real.astype(np.int64)))
    tape.within(product(tape, (row, klass), here, behind), claim.margin_bits + klass.bits)


def answers_of(
    architecture: Architecture, told: str, logits: Integers, threshold: int = 0, margin_bits: int = 32
) -> NDArray[np.int64]:
    """What there is to tell of logits (m, outputs), as an InferenceClaim holds it. Raises StatementError."""
    if told == LOGITS:
        return logits
    if told == SCORE:
        return LOSSES[architecture.loss].residual(logits, np.zeros_like(logits))
    require_spread(logits, threshold, margin_bits)
    if architecture.loss == "logistic":
        return (logits > threshold).astype(np.int64)
    return choices(logits)[:, None]


def commit_fresh(matrix: NDArray[np.int64], openings: int, seed: bytes) -> CommittedVector:
    """A commitment to encoded rows made for answers about them; it may bear more openings than this proof's."""
    from bailee.argument.commitment import CommittedVector

    return CommittedVector({TENSOR: padded(matrix)}, openings, seed)


def prove_inference(
    claim: InferenceClaim,
    model: CommittedVector,
    model_opening: int,
    rows: CommittedVector | None,
    opening: int | None,
    context: bytes,
) -> bytes:
    """Prove the answers, spending one opening of the model's commitment and one of the rows'.

    Raises StatementError, before anything is revealed, where an answer is not the model's.
    """
    from bailee.argument.prover import prove

    held = [vector for vector in (rows, model) if vector is not None]
    tape = Tape({(place, name): vector.tensor(name) for place, vector in enumerate(held) for name, _ in vector.shape})
    inference_tape(tape, claim, model.record, model_opening, rows.record if rows else None, opening)
    return prove(tape, held, context)


def verify_inference(
    claim: InferenceClaim,
    model: Commitment,
    model_opening: int,
    rows: Commitment | None,
    opening: int | None,
    context: bytes,
    proof: bytes,
    plain: bool = False,
) -> dict[str, float]:
    """Check such a proof; returns its soundness table in bits. Raises ProofError. A card's own proof must hold too."""
    tape = Tape()
    inference_tape(tape, claim, model, model_opening, rows, opening)
    return check(tape, context, proof, plain)
