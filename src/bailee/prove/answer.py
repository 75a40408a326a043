"""The two proofs about a model that stays hidden. Each is computed in clear first; only what holds costs an opening.

Order: the claim holds in clear, openings written off, proof made and checked, kept on disk, and only then returned.
The same claim again gives the kept proof: under one opening there is never a second one to be seen.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bailee.errors import InputError, StatementError
from bailee.prove.holding import FreshRows, ProvingSetting, PublicRows, SealedRows, TrainedModel
from bailee.prove.kept import UNPROVEN, Proven, find_kept, keep
from bailee.records import digest, time_text
from bailee.records.inference import (
    CORRECT,
    EVERYONE,
    FRESH,
    PUBLIC,
    SEALED,
    Answer,
    Assessment,
    CountBound,
    Evaluation,
    UsedModel,
)
from bailee.statements.applied import MARGIN_BITS, architecture_json
from bailee.statements.evaluation import prove_evaluation
from bailee.statements.inference import answers_of, commit_fresh, prove_inference
from bailee.statements.network.forward import predict
from bailee.statements.tally import require_true, tallies
from bailee.statements.told import MODEL_OPENINGS, evaluation_claim, inference_claim, proof_context, spending

if TYPE_CHECKING:
    from bailee.argument.commitment import CommittedVector

FRESH_OPENINGS = 1
"""Rows that are to be used again are sealed: then their seed is kept."""


def evaluate(
    model: TrainedModel, rows: SealedRows, assessment: Assessment, setting: ProvingSetting, tell: bool = False
) -> Proven[Evaluation]:
    """Prove an assessment of `model` on sealed rows.

    With `tell`, bounds on counts that are 0 to 0 are replaced by the numbers themselves. Raises StatementError where a
    bound does not hold (which, and by how much: for the caller only), BudgetError where no opening is left.
    """
    vector = model.commit()
    draft = Evaluation(
        builder=setting.identity.public_key.hex(),
        builder_name=setting.identity.name,
        model=_used(model, vector),
        card=rows.card.digest,
        card_proof=digest(rows.card_proof),
        opening=0,
        claim=assessment,
        proof=UNPROVEN,
        created=time_text(setting.clock()),
    )
    claim = evaluation_claim(draft, rows.card.record)
    sums = tallies(claim, predict(model.architecture, model.weights, rows.matrix), rows.matrix)
    if tell:
        counts = tuple(
            replace(count, at_least=sums[count.measure, count.group], at_most=sums[count.measure, count.group])
            if (count.at_least, count.at_most) == (0, 0) else count
            for count in assessment.counts
        )  # fmt: skip
        draft = replace(draft, claim=replace(assessment, counts=counts))
        claim = evaluation_claim(draft, rows.card.record)
    require_true(claim, sums)
    kept = find_kept(setting, draft)
    if kept is not None:
        return kept
    name = spending(draft)
    opening, model_opening = rows.spend(name), _model_opening(model, name)
    record = replace(draft, opening=opening, model=replace(draft.model, opening=model_opening))
    data = rows.commit()
    proof = prove_evaluation(claim, vector, model_opening, data, opening, proof_context(record))
    return keep(setting, record, proof)


def answer(
    model: TrainedModel,
    rows: PublicRows | SealedRows | FreshRows,
    told: str,
    setting: ProvingSetting,
    places: tuple[int, ...] = (),
    threshold: int = 0,
    margin_bits: int = MARGIN_BITS,
) -> Proven[Answer]:
    """Prove what `model` answers to rows; of sealed rows, to those at `places` (from 0). Raises as `evaluate`."""
    vector = model.commit()
    matrix = rows.matrix
    if isinstance(rows, SealedRows):
        if not places or max(places) >= len(matrix) or min(places) < 0:
            raise InputError(f"expected numbers of rows, 0 to {len(matrix) - 1}, at least one")
        matrix = rows.matrix[list(places)]
    if matrix.shape[1] != model.architecture.columns:
        raise InputError(f"the model reads {model.architecture.columns} columns, the rows have {matrix.shape[1]}")
    logits = predict(model.architecture, model.weights, matrix)
    answers = answers_of(model.architecture, told, logits, threshold, margin_bits)
    data: CommittedVector | None = None
    if isinstance(rows, FreshRows):
        data = commit_fresh(matrix, FRESH_OPENINGS, rows.seed.reveal())
    draft = Answer(
        builder=setting.identity.public_key.hex(),
        builder_name=setting.identity.name,
        model=_used(model, vector),
        source=PUBLIC if isinstance(rows, PublicRows) else SEALED if isinstance(rows, SealedRows) else FRESH,
        rows=_listed(matrix) if isinstance(rows, PublicRows) else (),
        card=rows.card.digest if isinstance(rows, SealedRows) else None,
        card_proof=digest(rows.card_proof) if isinstance(rows, SealedRows) else None,
        places=places if isinstance(rows, SealedRows) else (),
        commitment=None if data is None else data.record.to_json(),
        schema=rows.schema.to_json() if isinstance(rows, FreshRows) else None,
        opening=None if isinstance(rows, PublicRows) else 0,
        told=told,
        threshold=threshold,
        margin_bits=margin_bits,
        answers=_listed(answers),
        proof=UNPROVEN,
        created=time_text(setting.clock()),
    )
    claim = inference_claim(draft, rows.card.record if isinstance(rows, SealedRows) else None)
    kept = find_kept(setting, draft)
    if kept is not None:
        return kept
    name = spending(draft)
    opening = draft.opening
    if isinstance(rows, SealedRows):
        opening, data = rows.spend(name), rows.commit()
    model_opening = _model_opening(model, name)
    record = replace(draft, opening=opening, model=replace(draft.model, opening=model_opening))
    proof = prove_inference(claim, vector, model_opening, data, opening, proof_context(record))
    return keep(setting, record, proof)


def everyone_right(
    first: int, rows: int, at_least: int | None, threshold: int = 0, margin_bits: int = MARGIN_BITS
) -> Assessment:
    """The plainest assessment: at least so many of these rows right; None: to be told exactly."""
    bound = CountBound(CORRECT, EVERYONE, at_least or 0, 0 if at_least is None else None)
    return Assessment(first, rows, threshold, margin_bits, (), (bound,), (), ())


def _used(model: TrainedModel, vector: CommittedVector) -> UsedModel:
    return UsedModel(model.passport, vector.record.to_json(), 0, architecture_json(model.architecture, model.columns))


def _model_opening(model: TrainedModel, name: str) -> int:
    opening = model.spend(name)
    if not MODEL_OPENINGS <= opening < model.commitment.openings:
        raise StatementError(f"opening {opening} of the model is one of training's, or there is none")
    return opening


def _listed(values: NDArray[np.int64]) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(int(value) for value in row) for row in values)
