"""Training a model chunk by chunk: chunk i is proved while chunk i + 1 trains; a killed run comes back to the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bailee.records import Signed
from bailee.records.model import ModelPassport
from bailee.statements.network.architecture import Architecture
from bailee.statements.network.optimizer import State, Weights
from bailee.statements.network.plan import ModelPlan
from bailee.train.model.holding import ModelHolding, ModelSetting


@dataclass(frozen=True)
class ModelRun:
    """A finished run: the passport, where it lies (attachments beside it), and the trainer's own view of the model.

    weights: as predictions use them, int64 at 2^14, by parameter; state: the whole state, which the last boundary
    commits to under `seed`; losses: mean of each step, progress only, nothing of them is proven; epsilon: None for an
    unprotected plan.
    """

    passport: Signed[ModelPassport]
    path: Path
    architecture: Architecture
    weights: Weights = field(repr=False)
    state: State = field(repr=False)
    losses: tuple[float, ...]
    epsilon: str | None
    delta: str


def train_model(holdings: Sequence[ModelHolding], plan: ModelPlan, setting: ModelSetting) -> ModelRun:
    """Train `plan` on the rows of all `holdings`, prove every chunk, and make the passport.

    Raises GrantError, BudgetError (a loss that is not granted, too few openings: it says how many), PlanError (a plan
    that does not fit the cards or could overflow), StatementError (divergence: step, layer, bound), StorageError
    (a damaged file of the run: which, and how to redo it), SessionError (another plan or data on resume).
    """
    raise NotImplementedError
