"""A trainer's run on rows that it holds, as every face begins it: datasets and their grants, opened, trained, reported.

What people see of it while it runs is in model_watched.py; what is done is the stage's (`bailee.train.model`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bailee.errors import InputError
from bailee.party.home import PartyHome
from bailee.party.model_watched import ModelCourse
from bailee.records import Grant, Signed, Spent
from bailee.records.model import CoinPromise, ModelCoin, Waiver
from bailee.seal import Dataset, Progress, open_dataset
from bailee.seal.card import CARD_FILE
from bailee.seal.lend import Papers, lent_papers
from bailee.statements.hidden.permission import ModelUse, check_model_grant
from bailee.statements.network.plan import ModelPlan
from bailee.train.consent import OpenLedger
from bailee.train.model import ModelHolding, ModelRun, ModelSetting, train_model
from bailee.train.model.events import Watch

MODELS = "models"
"""Folder of the runs, in the trainer's."""


@dataclass(frozen=True)
class Held:
    """A dataset with the party whose key opens it, the grant to use it under, and its papers if it was lent."""

    party: PartyHome
    dataset: Dataset
    grant: Signed[Grant]
    papers: Papers | None = None

    @property
    def waiver(self) -> Signed[Waiver] | None:
        return self.party.waiver(self.grant) if self.papers is None else self.papers.waiver


@dataclass(frozen=True)
class ModelRunning:
    """How a run goes. promised, answers, spent: what parties elsewhere sent beside what was lent; open_ledger: where
    the plan names a ledger; spends: owners whose keys are here spend by the account that it was opened with."""

    watch: Watch
    promised: Sequence[Signed[CoinPromise]] = ()
    answers: Sequence[Signed[ModelCoin]] = ()
    spent: Sequence[Signed[Spent]] = ()
    resume: bool = False
    reveal: bool = False
    memory: int | None = None
    model_openings: int = 16
    open_ledger: OpenLedger | None = None
    spends: bool = False


def borrowed(trainer: PartyHome, place: Path) -> Held | None:
    """A dataset that was lent to the trainer; None where it was not lent. InputError where there is no dataset."""
    if not (place / CARD_FILE).is_file():
        raise InputError(f"there is no dataset at {place}; expected one that was lent, or HOME/datasets/NAME")
    papers = lent_papers(place)
    return None if papers is None else Held(trainer, open_dataset(place), papers.grant, papers)


def hold_model(held: Held, progress: Progress | None = None) -> ModelHolding:
    """The dataset, opened in this process, with what its owner allows."""
    party, sealed, grant, waiver = held.party, held.dataset, held.grant, held.waiver
    ledger = party.ledger()

    def permit(use: ModelUse, now: datetime) -> None:
        # Revocations are read now, not when the command began: a grant may have been taken back since.
        check_model_grant(grant, waiver, sealed.card, party.revocations(), use, now)

    matrix, seed = sealed.open(party.identity, progress)
    allowed = grant.record.max_epsilon, grant.record.max_delta
    return ModelHolding(
        card=sealed.card,
        card_proof=sealed.proof,
        grant=grant,
        matrix=matrix,
        seed=seed,
        dataset=party.origin(sealed),
        permit=permit,
        spend=lambda statement: sealed.ledger.spend("training", datetime.now(UTC), statement),
        remaining=lambda: sealed.ledger.budget().remaining,
        charge=lambda entry: ledger.charge(entry, allowed),
        waiver=waiver,
    )


def lead_model(
    party: PartyHome, plan: ModelPlan, held: Sequence[Held], holdings: Sequence[ModelHolding], running: ModelRunning
) -> ModelRun:
    """The run, to its passport. holdings: of `held`, opened. Owners whose keys are here draw their coins here.

    The caller holds the folder's lock. Raises what `bailee.train.model.train_model` raises.
    """
    here = {one.party.identity.public_key: one.party.identity for one in held if one.papers is None}
    setting = ModelSetting(
        identity=party.identity,
        home=party.path / MODELS,
        coins=tuple(here.values()),
        promised=[*(one.papers.promise for one in held if one.papers is not None), *running.promised],
        answers=running.answers,
        resume=running.resume,
        reveal=running.reveal,
        memory=running.memory,
        model_openings=running.model_openings,
        watch=running.watch,
        open_ledger=running.open_ledger,
        spenders=tuple(here.values()) if running.spends else (),
        spent=running.spent,
    )
    return train_model(holdings, plan, setting)


def model_report(run: ModelRun, course: ModelCourse) -> dict[str, Any]:
    """What was measured on the way; unsigned, for people. Losses are of the training rows: they stay at home."""
    record = run.passport.record
    proofs = [one.proof for one in record.shuffles] + [one.proof for one in record.chunks]
    return {
        "session": record.session,
        "chunks": len(record.chunks),
        "steps": course.steps,
        "epsilon": record.epsilon,
        "delta": record.delta,
        "train_seconds": round(course.train_seconds, 3),
        "prove_seconds": round(course.prove_seconds, 3),
        "proof_bytes": sum((run.path.parent / "attachments" / one).stat().st_size for one in proofs),
        "owners": [{"name": one.name, "rows": one.rows, "share": one.share} for one in record.owners],
    }
