"""From a plan's real numbers to the integers of a rule (docs/training.md, 6)."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from bailee.errors import PlanError
from bailee.statements.fixed_point import ceil_sqrt
from bailee.statements.network.architecture import Architecture
from bailee.statements.network.clipping import FACTOR_BITS, NORM_BITS, Clip
from bailee.statements.network.draws import LARGEST_SIGMA, NoiseScale
from bailee.statements.network.numbers import GRADIENT_BITS, STATE_BITS, WEIGHT_BITS
from bailee.statements.network.optimizer import LARGEST_SHIFT, Rule

TOLERANCE = Fraction(3, 100)
ROUNDING_OVERHEAD = Fraction(1, 20)
"""Rounding to the lattice adds at most so much to the sensitivity; twice as much where that saves a draw of noise."""
_MULTIPLIERS = (1 << 7, 1 << 8)
_LEAST_MOMENTUM_SHIFT = 12
_LEAST_DECAY = 50
_FINER = 9


def rule_for(
    architecture: Architecture,
    rows: int,
    rates: Sequence[Fraction],
    momentum: Fraction = Fraction(0),
    decay: Fraction = Fraction(0),
    clip: Fraction | None = None,
    noise_multiplier: Fraction | None = None,
    tolerance: Fraction = TOLERANCE,
) -> Rule:
    """The integers of a run of len(rates) steps on batches of `rows` rows (of all datasets together).

    decay is an L2 penalty: decay * w joins the mean gradient, as in PyTorch's SGD. Raises PlanError, naming the bound,
    where something could overflow, or a rate as executed would be off by more than `tolerance` of the largest.
    """
    _check(rows, rates, momentum, decay, clip, noise_multiplier)
    trouble: PlanError | None = None
    for unit, bits in _lattices(architecture, rows, max(rates), clip, noise_multiplier):
        try:
            return _rule(architecture, rows, rates, momentum, decay, clip, noise_multiplier, tolerance, unit, bits)
        except PlanError as error:
            trouble = trouble or error
    raise trouble or PlanError("no lattice fits this plan: take larger batches, or a smaller clip")


def _check(
    rows: int,
    rates: Sequence[Fraction],
    momentum: Fraction,
    decay: Fraction,
    clip: Fraction | None,
    noise_multiplier: Fraction | None,
) -> None:
    if rows < 1 or not rates or not all(0 < rate <= 1 << 20 for rate in rates):
        raise PlanError(f"expected at least one row and one step, and learning rates in (0, 2^20]; got {rows} rows")
    if not 0 <= momentum < 1 or not 0 <= decay <= 1:
        raise PlanError(f"expected momentum in [0, 1) and weight decay in [0, 1]; got {momentum} and {decay}")
    if clip is not None and not 1 <= int(clip * (1 << NORM_BITS)) < 1 << 31:
        raise PlanError(f"expected a clip from 2^-{NORM_BITS} to 2^14; got {clip}")
    if noise_multiplier is not None and (clip is None or noise_multiplier <= 0):
        raise PlanError("expected a positive noise multiplier, with a clip")


def _lattices(
    architecture: Architecture, rows: int, rate: Fraction, clip: Fraction | None, noise_multiplier: Fraction | None
) -> list[tuple[int, int | None]]:
    """Lattice units to try, as powers of two (of a gradient's real unit), each with the scale of the clip's factor."""
    # so fine that the multiplier of the largest rate lies between the target and twice it
    fine = [_power_above(target * rows / (rate * (1 << STATE_BITS))) for target in _MULTIPLIERS]
    if clip is None:
        return [(unit, None) for unit in fine]
    if noise_multiplier is None:
        return [(unit, bits) for unit in fine for bits in FACTOR_BITS]
    roots = Fraction(ceil_sqrt(architecture.entries << 32), 1 << 16)

    def one_draw(unit: int) -> bool:
        return noise_multiplier * (2 * clip / Fraction(2) ** unit + roots) <= LARGEST_SIGMA

    unit = _power_above(ROUNDING_OVERHEAD * clip / roots)
    unit += not one_draw(unit) and one_draw(unit + 1)
    # finer while one draw is still enough, and the multipliers large enough to be precise
    while unit > fine[0] and one_draw(unit - 1):
        unit -= 1
    # No coarser than the largest shift allows, and finer where a step could overflow: two draws then make the noise.
    return [
        (min(unit, LARGEST_SHIFT - GRADIENT_BITS - bits) - finer, bits)
        for finer in range(_FINER)
        for bits in FACTOR_BITS
    ]


def _power_above(value: Fraction) -> int:
    """The least e with 2^e >= value."""
    e = value.numerator.bit_length() - value.denominator.bit_length() - 1
    while Fraction(2) ** e < value:
        e += 1
    return e


def _rule(
    architecture: Architecture,
    rows: int,
    rates: Sequence[Fraction],
    momentum: Fraction,
    decay: Fraction,
    clip: Fraction | None,
    noise_multiplier: Fraction | None,
    tolerance: Fraction,
    unit: int,
    bits: int | None,
) -> Rule:
    scale = GRADIENT_BITS + (bits or 0)
    shift = unit + scale
    # a lift makes room below the lattice where the gradient's own unit is too coarse for momentum or decay
    lift = max(0, 1 - shift, _LEAST_MOMENTUM_SHIFT - shift if momentum else 0)
    pull = decay * rows * Fraction(2) ** (scale - WEIGHT_BITS)
    while decay and round(pull * (1 << lift)) < _LEAST_DECAY and shift + lift < LARGEST_SHIFT:
        lift += 1
    if decay and round(pull * (1 << lift)) < _LEAST_DECAY:
        raise PlanError(f"a weight decay of {float(decay):.3g} on batches of {rows} rows is too small to be executed")
    bare = Rule(
        shift + lift,
        (1,) * len(rates),
        lift,
        round(momentum * (1 << (shift + lift))),
        round(pull * (1 << lift)),
        Clip.of(clip, bits) if clip is not None and bits is not None else None,
    )
    one = bare.rates(rows)[0]
    wanted = [rate / one for rate in rates]
    multipliers = tuple(max(1, 2 * int(value / 2) + 1) for value in wanted)
    worst = max(abs(m - value) for m, value in zip(multipliers, wanted, strict=True)) / max(wanted)
    if worst > tolerance:
        step = float(one)
        raise PlanError(
            f"learning rates are executed as odd multiples of {step:.6g}, off by {float(worst):.2%} of the largest "
            f"(allowed {float(tolerance):.2%}); the nearest to the first is {multipliers[0] * step:.6g}"
        )
    noise = None
    if noise_multiplier is not None:
        noise = NoiseScale.of(noise_multiplier * bare.sensitivity(architecture))
    rule = Rule(bare.shift, multipliers, lift, bare.momentum, bare.decay, bare.clip, noise)
    rule.check(architecture, rows)
    return rule
