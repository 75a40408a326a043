"""Training in this process without proof: the same plan, integers, noise and accountant as a proven run, no records."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from bailee.errors import PlanError
from bailee.records.fields import decimal_text
from bailee.statements.fixed_point import NOISE_BITS
from bailee.statements.hidden.accounting import ModelLoss, calibrate, check_plan, model_loss
from bailee.statements.hidden.session import start_state
from bailee.statements.hidden.terms import BOUNDARY_OPENINGS, ModelTerms, Setup
from bailee.statements.network.architecture import Architecture
from bailee.statements.network.draws import NoiseScale, draw
from bailee.statements.network.optimizer import Weights, used_weights
from bailee.statements.network.plan import FULL, ModelPlan
from bailee.statements.network.run import run_steps

_FULL_STEPS = 64
"""Full-batch steps between two words of progress."""
_ATTEMPTS = 8
_MORE_NOISE = 1.0005


@dataclass(frozen=True)
class Trained:
    """What training ends in. losses: mean of each step."""

    architecture: Architecture
    weights: Weights = field(repr=False)
    losses: tuple[float, ...]
    loss: ModelLoss | None


def train_unproven(
    plan: ModelPlan,
    columns: tuple[str, ...],
    matrix: NDArray[np.int64],
    entropy: Callable[[int], bytes],
    tell: Callable[[int, int, float], None],
) -> Trained:
    """Train `plan` on encoded rows; `entropy(n)` gives n random bytes for the noise, tell(steps, of, loss) progress.

    Raises PlanError (a plan that does not fit or could overflow) and StatementError (divergence).
    """
    setup, loss = _setup(plan, columns, len(matrix))
    batches, present = _batches(matrix, setup)
    state, losses = start_state(setup), []
    stride = len(batches) if len(batches) > 1 else _FULL_STEPS
    for first in range(0, setup.steps, stride):
        count = min(stride, setup.steps - first)
        rule = setup.rule.part(first, count, count)
        noise = None if rule.noise is None else _noise(setup.architecture, rule.noise, count, entropy)
        state, found = run_steps(setup.architecture, state, [batches], [present], rule, noise)
        losses += found
        tell(first + count, setup.steps, found[-1])
    return Trained(setup.architecture, used_weights(state), tuple(losses), loss)


@lru_cache(maxsize=64)
def _setup(plan: ModelPlan, columns: tuple[str, ...], rows: int) -> tuple[Setup, ModelLoss | None]:
    """As a proven run of one dataset fixes its terms: as much noise as the plan's privacy asks for, or a hair more."""
    noise = _noise_multiplier(_privacy_of(plan)) if plan.private else None
    for _ in range(_ATTEMPTS):
        text = None if noise is None else decimal_text(f"{float(noise):.6f}")
        setup = Setup(plan, ModelTerms(columns, (rows,), 1, 1, text, BOUNDARY_OPENINGS))
        loss = model_loss(setup)
        try:
            check_plan(setup, loss)
        except PlanError:
            if noise is None or plan.privacy.epsilon is None:
                raise
            noise = noise * Fraction(_MORE_NOISE)
            continue
        return setup, loss
    raise PlanError(f"privacy.epsilon: no noise was found that keeps the run within {plan.privacy.epsilon}")


@lru_cache(maxsize=64)
def _noise_multiplier(plan: ModelPlan) -> Fraction:
    return calibrate(plan)


def _privacy_of(plan: ModelPlan) -> ModelPlan:
    """The plan with all that calibration does not read made alike, so that it is calibrated once for many fits."""
    alike = replace(plan, start=0, loss="squared", hidden=(), batch=FULL, learning_rate="1", schedule="constant")
    return replace(alike, label="label", momentum="0", weight_decay="0", name="alike")


def _batches(matrix: NDArray[np.int64], setup: Setup) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """(steps of a pass, batch, columns), zero rows at the end, and which rows there are."""
    size = setup.batch
    steps = -(-len(matrix) // size)
    whole = np.zeros((steps * size, matrix.shape[1]), dtype=np.int64)
    whole[: len(matrix)] = matrix
    there = np.arange(len(whole)) < len(matrix)
    return whole.reshape(steps, size, -1), there.reshape(steps, size)


def _noise(
    architecture: Architecture, scale: NoiseScale, steps: int, entropy: Callable[[int], bytes]
) -> dict[str, NDArray[np.int64]]:
    """Noise for each parameter, (steps, *shape), lattice units."""
    found: dict[str, NDArray[np.int64]] = {}
    mask = np.uint64((1 << NOISE_BITS) - 1)
    for parameter in architecture.parameters:
        shape = (steps, *parameter.shape)
        size = int(np.prod(shape))
        uniforms = [np.frombuffer(entropy(8 * size), "<u8").astype(np.uint64) & mask for _ in scale.draws]
        coins = [np.zeros(size, dtype=np.uint64)] * len(uniforms)
        found[parameter.name] = draw(scale, uniforms, coins).reshape(shape)
    return found
