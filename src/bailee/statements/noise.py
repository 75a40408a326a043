"""Discrete Gaussian noise from 60 uniform bits: the table, its distance from the exact law, and the sigmoid table.

The table splits [0, 2^60) into intervals, one per integer `nu`; interval lengths are the probabilities of the discrete
Gaussian N_Z(0, sigma^2), rounded at their running sums. Integers only, so that every machine makes the same tables.
`fixed_point.py` holds the scales, `gradient.py` proves a draw.
"""

import re
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from bailee.errors import InputError, PlanError
from bailee.statements.fixed_point import (
    INDEX_HALF,
    INDEX_SCALE_BITS,
    MAX_NOISE_ROWS,
    NOISE_BITS,
    PROBABILITY_BITS,
)

_SCALE = 256
_ONE = 1 << _SCALE
_TAIL_SIGMAS = 14
_MAX_SIGMA = 4000
_DECIMAL = re.compile(r"(0|[1-9][0-9]{0,5})(\.[0-9]{1,12})?")


@dataclass(frozen=True, eq=False)
class NoiseTable:
    """Rows (nu, low, high), sorted: `nu` is drawn when low <= S <= high. `total_variation` bounds the distance."""

    sigma: str
    nu: NDArray[np.int64]
    low: NDArray[np.uint64]
    high: NDArray[np.uint64]
    total_variation: Fraction

    def sample(self, uniform: NDArray[np.uint64]) -> NDArray[np.int64]:
        """The noise of each 60-bit value, in lattice units; same shape. Raises InputError above 2^60 - 1."""
        if uniform.dtype != np.uint64:
            raise InputError(f"noise is drawn from uint64 values; got {uniform.dtype}")
        if uniform.size and int(uniform.max()) >> NOISE_BITS:
            raise InputError(f"noise is drawn from {NOISE_BITS}-bit values; got a larger one")
        from bailee.algebra import kernels

        rows = kernels.locate_sorted(self.low, uniform.reshape(-1))
        drawn: NDArray[np.int64] = self.nu[rows].reshape(uniform.shape)
        return drawn


def parse_sigma(sigma: str) -> Fraction:
    """The exact value of a decimal such as "1024" or "873.25". Raises PlanError outside (0, 4000]."""
    if not _DECIMAL.fullmatch(sigma):
        raise PlanError(f"sigma is a plain decimal with at most 12 digits after the point; got {sigma[:40]!r}")
    value = Fraction(sigma)
    if not 0 < value <= _MAX_SIGMA:
        raise PlanError(f"sigma must lie in (0, {_MAX_SIGMA}] lattice units; got {sigma}: choose another shift")
    return value


def uniform_words(octets: bytes, bits: int = NOISE_BITS) -> NDArray[np.uint64]:
    """Values below 2^bits from uniform octets, flat: little-endian 64-bit words, their highest bits dropped."""
    words: NDArray[np.uint64] = np.frombuffer(octets, dtype="<u8").astype(np.uint64) & np.uint64((1 << bits) - 1)
    return words


def combine(uniforms: NDArray[np.uint64], coins: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """S = (U + V) mod 2^60: uniform if either part is, known to nobody who lacks one of them."""
    mask = np.uint64((1 << NOISE_BITS) - 1)
    total: NDArray[np.uint64] = (uniforms + coins) & mask
    return total


@lru_cache(maxsize=8)
def noise_table(sigma: str) -> NoiseTable:
    """The table of `sigma` (decimal string, lattice units). Raises PlanError for a sigma that has no table."""
    weights, slack = _weights(parse_sigma(sigma))
    reach = len(weights) - 1
    total = weights[0] + 2 * sum(weights[1:])
    nu: list[int] = []
    low: list[int] = []
    widths: list[int] = []
    running, start, distance = 0, 0, 0
    for k in range(-reach, reach + 1):
        weight = weights[abs(k)]
        running += weight
        end = (((running << (NOISE_BITS + 1)) // total) + 1) >> 1
        width = end - start
        distance += abs(width * total - (weight << NOISE_BITS))
        if width:
            nu.append(k)
            low.append(start)
            widths.append(width)
        start = end
    if len(nu) > MAX_NOISE_ROWS:
        raise PlanError(f"sigma {sigma} needs {len(nu)} rows, more than {MAX_NOISE_ROWS}: choose a larger shift")
    starts = np.array(low, dtype=np.uint64)
    ends = starts + np.array(widths, dtype=np.uint64) - np.uint64(1)
    # Half the L1 distance to the truncated law, plus what truncation and the slack of the weights can add.
    bound = Fraction(distance, 2 * (total << NOISE_BITS)) + 2 * slack / Fraction(total, _ONE)
    table = NoiseTable(sigma, np.array(nu, dtype=np.int64), starts, ends, _round_up(bound))
    for column in (table.nu, table.low, table.high):
        column.setflags(write=False)
    return table


@lru_cache(maxsize=1)
def sigmoid_table() -> NDArray[np.int64]:
    """s[zq + 2^15] = round(2^16 * sigmoid(zq / 2^11)) for zq in [-2^15, 2^15); shape (2^16,), values in [0, 2^16].

    Powers of e^(-1/2048) carry an error below 2^-200; no value lies nearer than that to a rounding boundary.
    """
    base = exp_minus(Fraction(1, 1 << INDEX_SCALE_BITS))
    top = 1 << PROBABILITY_BITS
    table = np.zeros(2 * INDEX_HALF, dtype=np.int64)
    power = _ONE
    for index in range(INDEX_HALF + 1):
        rounded = (((_ONE << (PROBABILITY_BITS + 1)) // (_ONE + power)) + 1) >> 1
        if index < INDEX_HALF:
            table[INDEX_HALF + index] = rounded
        table[INDEX_HALF - index] = top - rounded if index else rounded
        power = (power * base) >> _SCALE
    table.setflags(write=False)
    return table


def exp_minus(x: Fraction) -> int:
    """floor-like 2^256 * exp(-x) for 0 <= x, within 2 units: Taylor with 128 guard bits after halving x below 1."""
    halvings = max(0, x.numerator.bit_length() - x.denominator.bit_length() + 1)
    one = 1 << (_SCALE + 128)
    numerator, denominator = x.numerator, x.denominator << halvings
    term, total, n = one, one, 0
    while term:
        n += 1
        term = term * numerator // (denominator * n)
        total += term
    value = one * one // total
    for _ in range(halvings):
        value = value * value // one
    return value >> 128


def _weights(sigma: Fraction) -> tuple[list[int], Fraction]:
    """2^256 * exp(-k^2 / 2 sigma^2) for k = 0..reach, and a bound (of 1.0) on all their errors and the tail beyond.

    From q = exp(-1/2sigma^2): weight(k+1) = weight(k) * q^(2k+1). Each product loses at most one unit, each factor
    carries at most 6k+2 units, so weight(k) is within 4(k+1)^2 units.
    """
    reach = int(_TAIL_SIGMAS * sigma) + 2
    factor = exp_minus(1 / (2 * sigma * sigma))
    square = (factor * factor) >> _SCALE
    weights = [_ONE]
    for _ in range(reach):
        weights.append((weights[-1] * factor) >> _SCALE)
        factor = (factor * square) >> _SCALE
    # Beyond `reach` the weights fall at least geometrically, by `factor` and more each step; both sides count.
    last = weights[-1] + 4 * (reach + 1) ** 2
    tail = Fraction(2 * last, _ONE - factor - 8 * (reach + 1))
    rounding = Fraction(8 * (reach + 1) ** 3, _ONE)
    return weights, tail + rounding


def _round_up(value: Fraction) -> Fraction:
    """The next multiple of 2^-128 at or above: a short exact number that still bounds."""
    return Fraction(-((-value.numerator << 128) // value.denominator), 1 << 128)
