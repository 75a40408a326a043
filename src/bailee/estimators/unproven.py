"""Training in this process without proof: the same plan, integers, noise and accountant as a proven run, no records."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from bailee.statements.hidden.accounting import ModelLoss, model_loss, settle
from bailee.statements.hidden.session import start_state
from bailee.statements.hidden.terms import BOUNDARY_OPENINGS, ModelTerms, Setup
from bailee.statements.network.architecture import Architecture
from bailee.statements.network.draws import NoiseScale, draw
from bailee.statements.network.optimizer import Weights, used_weights
from bailee.statements.network.plan import ModelPlan
from bailee.statements.network.run import in_batches, run_steps
from bailee.statements.noise import uniform_words

_FULL_STEPS = 64
"""Full-batch steps between two words of progress."""


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
    rows = (len(matrix),)

    def make(noise: str | None) -> Setup:
        return Setup(plan, ModelTerms(columns, rows, 1, 1, noise, BOUNDARY_OPENINGS))

    setup = settle(plan, make) if plan.private else make(None)
    batches, present = in_batches(matrix, -(-len(matrix) // setup.batch), setup.batch)
    state, losses = start_state(setup), []
    stride = len(batches) if len(batches) > 1 else _FULL_STEPS
    for first in range(0, setup.steps, stride):
        count = min(stride, setup.steps - first)
        rule = setup.rule.part(first, count, count)
        noise = None if rule.noise is None else _noise(setup.architecture, rule.noise, count, entropy)
        state, found = run_steps(setup.architecture, state, [batches], [present], rule, noise)
        losses += found
        tell(first + count, setup.steps, found[-1])
    return Trained(setup.architecture, used_weights(state), tuple(losses), model_loss(setup))


def _noise(
    architecture: Architecture, scale: NoiseScale, steps: int, entropy: Callable[[int], bytes]
) -> dict[str, NDArray[np.int64]]:
    """Noise for each parameter, (steps, *shape), lattice units."""
    found: dict[str, NDArray[np.int64]] = {}
    for parameter in architecture.parameters:
        shape = (steps, *parameter.shape)
        size = int(np.prod(shape))
        uniforms = [uniform_words(entropy(8 * size)) for _ in scale.draws]
        coins = [np.zeros(size, dtype=np.uint64)] * len(uniforms)
        found[parameter.name] = draw(scale, uniforms, coins).reshape(shape)
    return found
