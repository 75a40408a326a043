"""The step from gradient sums to the next weights: schedule, momentum, weight decay (docs/training.md, 6).

A `Rule` is every public integer of a run, a `State` what a step changes. `rule_for` derives the integers of a plan and
refuses what could overflow.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from bailee.statements.network.architecture import Architecture

Weights = dict[str, NDArray[np.int64]]


@dataclass(frozen=True, eq=False)
class State:
    """Between two steps. weights: int64 at 2^28, each of its parameter's shape; velocity: in lattice units, likewise.

    `velocity` is empty for a rule without momentum.
    """

    weights: Weights
    velocity: Weights


@dataclass(frozen=True)
class NoiseScale:
    """Noise nu = factor * nu1 + nu2, sigmas as decimals in lattice units; factor 0 is one draw, `fine`, alone."""

    factor: int
    coarse: str
    fine: str

    def variance(self) -> Fraction:
        return Fraction(self.factor) ** 2 * Fraction(self.coarse or "0") ** 2 + Fraction(self.fine) ** 2


@dataclass(frozen=True)
class Rule:
    """The public integers of some steps, one multiplier a step; multiplier 0 is an idle step, which changes nothing.

    v' = div(momentum v + 2^lift G + decay u, shift) + nu;  w' = w - multiplier v'.  Multipliers of steps that are not
    idle are odd. momentum: at 2^shift; clip: C' = floor(2^17 C), or None; noise: only with a clip.
    """

    shift: int
    multipliers: tuple[int, ...]
    lift: int = 0
    momentum: int = 0
    decay: int = 0
    clip: int | None = None
    noise: NoiseScale | None = None

    def part(self, first: int, count: int, length: int) -> Rule:
        """The rule of `count` steps from `first` on, filled up with idle steps to `length`."""
        raise NotImplementedError

    def rates(self, rows: int) -> tuple[Fraction, ...]:
        """The learning rates as executed, for batches of `rows`."""
        raise NotImplementedError

    def sensitivity(self, architecture: Architecture) -> Fraction:
        """How far one replaced row moves one step's lattice gradient (Euclidean norm, lattice units), from above."""
        raise NotImplementedError

    def noise_multiplier(self, architecture: Architecture) -> Fraction:
        """The noise's sigma over the sensitivity, from below: what the accountant is given."""
        raise NotImplementedError


def rule_for(
    architecture: Architecture,
    rows: int,
    rates: Sequence[Fraction],
    momentum: Fraction = Fraction(0),
    decay: Fraction = Fraction(0),
    clip: Fraction | None = None,
    noise_multiplier: Fraction | None = None,
) -> Rule:
    """The integers of a run of len(rates) steps on batches of `rows` rows (of all datasets together).

    decay is an L2 penalty: decay * w joins the mean gradient, as in PyTorch's SGD. Raises PlanError, naming the bound,
    where something could overflow or a rate as executed would be more than 1 % from the plan's.
    """
    raise NotImplementedError


def initial_state(architecture: Architecture, seed: bytes, momentum: bool = False) -> State:
    """Zeros without hidden layers; else He-uniform weights from the BLAKE3 stream of a public seed, biases zero."""
    raise NotImplementedError


def used_weights(state: State) -> Weights:
    """The weights as a step and a prediction use them: int64 at 2^14."""
    raise NotImplementedError
