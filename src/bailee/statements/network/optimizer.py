"""The step from gradient sums to the next weights: schedule, momentum, weight decay (docs/training.md, 6).

A `Rule` is every public integer of a run, a `State` what a step changes.

Multipliers are odd. With w' = w - m v' and w, w' in range, v' is then fixed without a range of its own: were a
remainder of div(.., shift) wrong, m v' would be no integer that small (`Rule.check` bounds what the argument needs).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from math import isqrt

import numpy as np
from blake3 import blake3
from numpy.typing import NDArray

from bailee import tags
from bailee.algebra import field
from bailee.argument.nodes import Axis, Node
from bailee.errors import PlanError
from bailee.statements.fixed_point import ceil_sqrt
from bailee.statements.network.architecture import Architecture, Parameter
from bailee.statements.network.clipping import FACTOR_BITS, Clip
from bailee.statements.network.draws import NoiseScale
from bailee.statements.network.losses import LOSSES
from bailee.statements.network.numbers import (
    ACTIVATION_BITS,
    BACK_BITS,
    BACK_WITHIN,
    FEATURE_BITS,
    GRADIENT_BITS,
    LOW_BITS,
    RESIDUAL_BITS,
    STATE_BITS,
    USED_BITS,
    Integers,
    div,
    quotient,
    require_signed,
)
from bailee.statements.network.stage import Stage

Weights = dict[str, NDArray[np.int64]]
LARGEST_SHIFT = 31
LONGEST = 1 << 22
_LARGEST_STEP = 1 << 20


@dataclass(frozen=True, eq=False)
class State:
    """Between two steps. weights: int64 at 2^28, each of its parameter's shape; velocity: in lattice units, likewise.

    `velocity` is empty for a rule without momentum.
    """

    weights: Weights
    velocity: Weights


@dataclass(frozen=True)
class Rule:
    """The public integers of some steps, one multiplier a step; multiplier 0 is an idle step, which changes nothing.

    v' = div(momentum v + 2^lift G + decay u, shift) + nu;  w' = w - multiplier v'.  Multipliers of steps that are not
    idle are odd; idle steps come last. momentum: at 2^shift. Noise only with a clip.
    """

    shift: int
    multipliers: tuple[int, ...]
    lift: int = 0
    momentum: int = 0
    decay: int = 0
    clip: Clip | None = None
    noise: NoiseScale | None = None

    @property
    def live(self) -> int:
        """Steps that are not idle."""
        return sum(1 for multiplier in self.multipliers if multiplier)

    @property
    def gradient_bits(self) -> int:
        return GRADIENT_BITS + (self.clip.bits if self.clip else 0)

    def part(self, first: int, count: int, length: int) -> Rule:
        """The rule of `count` steps from `first` on, filled up with idle steps to `length`."""
        chosen = self.multipliers[first : first + count]
        if len(chosen) != count or length < count:
            raise PlanError(f"steps {first} to {first + count} of {len(self.multipliers)} do not fill {length}")
        return replace(self, multipliers=chosen + (0,) * (length - count))

    def rates(self, rows: int) -> tuple[Fraction, ...]:
        """The learning rates as executed, for batches of `rows`."""
        return tuple(m / self._multiplier(Fraction(1), rows) for m in self.multipliers)

    def _multiplier(self, rate: Fraction, rows: int) -> Fraction:
        return rate * Fraction(2) ** (STATE_BITS + self.shift - self.gradient_bits - self.lift) / rows

    def sensitivity(self, architecture: Architecture) -> Fraction:
        """How far one replaced row moves one step's lattice gradient (Euclidean norm, lattice units), from above."""
        if self.clip is None:
            raise PlanError("without a clip a row moves a gradient without bound")
        rounding = Fraction(ceil_sqrt(architecture.entries << 64), 1 << 32)
        return Fraction(2 * self.clip.row_norm() << self.lift, 1 << self.shift) + rounding

    def noise_multiplier(self, architecture: Architecture) -> Fraction:
        """The noise's sigma over the sensitivity, rounded down at 2^-32: what the accountant is given."""
        if self.noise is None:
            return Fraction(0)
        square = self.noise.variance() / self.sensitivity(architecture) ** 2
        return Fraction(isqrt((square.numerator << 64) // square.denominator), 1 << 32)

    def check(self, architecture: Architecture, rows: int) -> None:
        """Raises PlanError, naming the bound, where a step on `rows` rows could overflow."""
        if not 1 <= self.shift <= LARGEST_SHIFT or not 0 <= self.lift <= self.shift:
            raise PlanError(
                f"the lattice shift is {self.shift}, its bounds are 1 and {LARGEST_SHIFT} and the lift of {self.lift}: "
                "take smaller batches, a larger learning rate or a smaller clip"
            )
        if not 0 <= self.momentum < 1 << self.shift or not 0 <= self.decay < 1 << 40 or not 1 <= rows < 1 << 32:
            raise PlanError("momentum lies in [0, 1), a decay below 2^40, a batch has 1 to 2^32 rows")
        if not 1 <= len(self.multipliers) <= LONGEST or any(
            m and (m % 2 == 0 or not 0 < m < _LARGEST_STEP) for m in self.multipliers
        ):
            raise PlanError(f"multipliers are odd and below {_LARGEST_STEP}, or 0 in idle steps")
        if any(self.multipliers[self.live :]):
            raise PlanError("idle steps come after all others")
        if self.clip and not (0 < self.clip.bound < 1 << 31 and self.clip.bits in FACTOR_BITS):
            raise PlanError(f"a clip lies in (0, 2^14) with factors at {FACTOR_BITS} bits; got {self.clip}")
        if self.noise and not self.clip:
            raise PlanError("noise without a clip protects nobody")
        one, largest = 1 << self.shift, max(self.multipliers, default=0)
        fresh = (_largest_gradient(architecture, rows, self.clip) << self.lift) + (self.decay << (USED_BITS - 1)) + one
        fresh += one * self.noise.reach() if self.noise else 0
        velocity = Fraction(fresh, one - self.momentum) + 1
        moved = max(1, largest) * (fresh + int(self.momentum * velocity) + 1)
        away = one * ((1 << (STATE_BITS + 4)) + (1 << 16))
        if moved >= 1 << 62 or moved + away >= field.P:
            raise PlanError(
                f"a step on {rows} rows at shift {self.shift} and multiplier {largest} could reach "
                f"2^{moved.bit_length()}, beside 2^{away.bit_length()} of a weight's move; the bounds are 2^62 "
                "and, for both, 2^64: take smaller batches, rates or clips"
            )


def _largest_gradient(architecture: Architecture, rows: int, clip: Clip | None) -> int:
    """A bound on every entry of G."""
    last = LOSSES[architecture.loss].residual_bits - 1
    residual = max(last, BACK_WITHIN - 1 + RESIDUAL_BITS - BACK_BITS) if architecture.hidden else last
    value = ACTIVATION_BITS if architecture.hidden else FEATURE_BITS
    entry = rows << (residual + value)
    return min(entry << clip.bits, rows * clip.row_norm()) if clip else entry


# Integers


def initial_state(architecture: Architecture, seed: bytes, momentum: bool = False) -> State:
    """Zeros without hidden layers; else He-uniform weights from the BLAKE3 stream of a public seed, biases zero."""
    weights: Weights = {}
    for parameter in architecture.parameters:
        values = np.zeros(parameter.shape, dtype=np.int64)
        if architecture.hidden and len(parameter.shape) == 2:
            inside = architecture.real(parameter)[tuple(slice(n) for n in parameter.shape)]
            fan = int(inside[:, 0].sum())
            limit = isqrt((6 << (2 * STATE_BITS)) // fan)
            stream = blake3(seed + parameter.name.encode(), key=tags.FIRST_WEIGHTS).digest(length=4 * values.size)
            words = np.frombuffer(stream, dtype="<u4").astype(np.uint64).reshape(parameter.shape)
            # limit is below 2^30, so 32 random bits times the span stay below 2^63
            spread = (words * np.uint64(2 * limit + 1)) >> np.uint64(32)
            values = np.where(inside, spread.astype(np.int64) - limit, 0)
        weights[parameter.name] = values
    velocity = {name: np.zeros_like(values) for name, values in weights.items()} if momentum else {}
    return State(weights, velocity)


def used_weights(state: State) -> Weights:
    """The weights as a step and a prediction use them: int64 at 2^14."""
    return {name: div(values, LOW_BITS) for name, values in state.weights.items()}


def advance(
    architecture: Architecture, state: State, sums: Weights, rule: Rule, step: int, noise: Mapping[str, Integers] | None
) -> State:
    """The state after one step. Raises StatementError where a weight leaves its range."""
    weights: Weights = {}
    velocity: Weights = {}
    for parameter in architecture.parameters:
        name = parameter.name
        before = state.weights[name]
        if not rule.multipliers[step]:
            weights[name] = before
            if rule.momentum:
                velocity[name] = state.velocity[name]
            continue
        moved: Integers = (sums[name] << rule.lift) + rule.decay * div(before, LOW_BITS)
        if rule.momentum:
            moved = moved + rule.momentum * state.velocity[name]
        moved = div(moved, rule.shift)
        if noise is not None:
            moved = moved + noise[name][step]
        moved = np.where(architecture.real(parameter)[tuple(slice(n) for n in parameter.shape)], moved, 0)
        weights[name] = before - rule.multipliers[step] * moved
        require_signed(div(weights[name], LOW_BITS), USED_BITS, f"{name}: a weight")
        if rule.momentum:
            velocity[name] = moved
    return State(weights, velocity)


# On the tape


@dataclass(frozen=True, eq=False)
class Held:
    """One parameter on the tape, over steps or at a boundary: used weights, the state's low bits, velocity."""

    used: Node
    low: Node
    velocity: Node | None


def join(stage: Stage, held: Held) -> Node:
    """The state w of a parameter, less the constant -2^13 that all states have."""
    return stage.tape.linear(held.used.axes, [(1 << LOW_BITS, held.used), (1, held.low)])


def write_ranges(stage: Stage, held: Held) -> None:
    stage.tape.within_signed(held.used, USED_BITS)
    stage.tape.within(held.low, LOW_BITS)


def write_lattice(stage: Stage, name: str, moved: Node, shift: int, noise: Node | None) -> Node:
    """div(moved, shift) + nu."""
    found = quotient(stage.tape, name, moved, shift)
    return found if noise is None else stage.tape.linear(moved.axes, [(1, found), (1, noise)])


def write_update(
    stage: Stage,
    architecture: Architecture,
    parameter: Parameter,
    held: Held,
    sums: Node,
    rule: Rule,
    noise: Node | None,
) -> tuple[Node, Node | None]:
    """(w', v') of every step, w' less -2^13."""
    tape = stage.tape
    axes = (*stage.time, *parameter.axes)
    terms = [(1 << rule.lift, sums)]
    if rule.decay:
        terms.append((rule.decay, held.used))
    if held.velocity is not None:
        terms.append((rule.momentum, held.velocity))
    moved = terms[0][1] if len(terms) == 1 and not rule.lift else tape.linear(axes, terms)
    fresh = write_lattice(stage, parameter.name, moved, rule.shift, noise)
    told = architecture.real(parameter).astype(np.int64).reshape(-1)
    steps = np.array(rule.multipliers, dtype=np.int64)
    if held.velocity is None:
        step = stage.product(axes, _public(stage, steps, parameter.axes, told), fresh)
        return tape.linear(axes, [(1, join(stage, held)), (-1, step)]), None
    live = (steps > 0).astype(np.int64)
    velocity = stage.product(axes, _public(stage, live, parameter.axes, told), fresh)
    if not live.all():
        kept = stage.product(axes, _public(stage, 1 - live, parameter.axes, told), held.velocity)
        velocity = tape.linear(axes, [(1, velocity), (1, kept)])
    step = stage.product(axes, tape.public(stage.time, steps), velocity)
    return tape.linear(axes, [(1, join(stage, held)), (-1, step)]), velocity


def _public(stage: Stage, steps: Integers, axes: tuple[Axis, ...], told: Integers) -> Node:
    return stage.tape.outer(stage.tape.public(stage.time, steps), stage.tape.public(axes, told))


def write_follow(stage: Stage, inside: Node, moved: Node, before: Node, after: Node) -> None:
    """What `inside` holds at each step follows from the step before: inside[0] = before, inside[t+1] = moved[t], and
    after = moved at the last step."""
    tape = stage.tape
    axes = inside.axes
    rest = before.axes
    tape.zero(tape.linear(rest, [(1, _first(stage, inside)), (-1, before)]))
    # the shift goes around; its last entry, which went to the first, is put right from the boundary
    around = stage.step if stage.step.bits else stage.epoch
    terms = [(1, tape.shift(inside, around)), (-1, moved)]
    if stage.step.bits and stage.epoch.bits:
        # and the last of every epoch from the first of the next
        starts = tape.select(inside, stage.step, 0)
        jump = tape.linear(starts.axes, [(1, tape.shift(starts, stage.epoch)), (-1, starts)])
        terms.append((1, _placed(stage, axes, (stage.step,), jump)))
    leap = tape.linear(rest, [(1, after), (-1, before)])
    terms.append((1, _placed(stage, axes, stage.time, leap)))
    tape.zero(tape.linear(axes, terms))


def _first(stage: Stage, node: Node) -> Node:
    return stage.tape.select(stage.tape.select(node, stage.epoch, 0), stage.step, 0)


def _placed(stage: Stage, axes: tuple[Axis, ...], where: tuple[Axis, ...], node: Node) -> Node:
    """The node at the last entry of `where`, zero elsewhere."""
    size = 1 << sum(axis.bits for axis in where)
    last = stage.tape.public(where, (np.arange(size) == size - 1).astype(np.int64))
    return stage.product(axes, last, node)
