"""The scales at which learning is written in integers, and the bounds that keep those integers small.

    feature value x        scale 2^12       1.0 is 4096
    weight w, as used      scale 2^14
    score z = sum x*w      scale 2^26
    table index zq         scale 2^11       zq = floor((z + 2^14) / 2^15), in [-2^15, 2^15)
    probability s          scale 2^16       s = round(2^16 * sigmoid(zq / 2^11))
    residual a             scale 2^16       a = s - 2^16 * y, in [-2^16, 2^16]
    gradient sum G         scale 2^28       G[j] = sum_i a_i * x_ij
    released sum g         scale 2^(28-k)   g[j] = floor((G[j] + 2^(k-1)) / 2^k) on the lattice of shift k

Everything here is public and exact. `logistic.py` computes with it, `gradient.py` proves it.
"""

from fractions import Fraction
from math import isqrt

UNIT_BITS = 12
UNIT = 1 << UNIT_BITS
WEIGHT_BITS = 14
STATE_BITS = 30
SCORE_BITS = UNIT_BITS + WEIGHT_BITS
INDEX_SCALE_BITS = 11
SCORE_DROP_BITS = SCORE_BITS - INDEX_SCALE_BITS
INDEX_BITS = 16
INDEX_HALF = 1 << (INDEX_BITS - 1)
PROBABILITY_BITS = 16
PROBABILITY_UNIT = 1 << PROBABILITY_BITS
GRADIENT_BITS = PROBABILITY_BITS + UNIT_BITS
GRADIENT_LIMIT = 1 << 62
NOISE_BITS = 60
MAX_NOISE_ROWS = 1 << 16
MAX_SHIFT = 40

# The largest |z| whose rounded index stays inside the table: z + 2^14 < 2^30 and z + 2^14 >= -2^30.
SCORE_LIMIT = (1 << (INDEX_BITS - 1 + SCORE_DROP_BITS)) - (1 << (SCORE_DROP_BITS - 1)) - 1


def ceil_sqrt(value: int) -> int:
    """The smallest integer whose square is at least `value` (>= 0)."""
    return isqrt(value - 1) + 1 if value > 0 else 0


def weight_radius(norm_bound: int) -> int:
    """The largest integer B such that ||w|| <= B (scale 2^14) keeps every score of a bounded row inside the table.

    Cauchy-Schwarz: |z| <= ||w|| * sqrt(norm_bound) <= SCORE_LIMIT.
    """
    return isqrt(SCORE_LIMIT * SCORE_LIMIT // max(norm_bound, 1))


def sensitivity(norm_bound: int, released: int, shift: int) -> Fraction:
    """An upper bound, in lattice units, on how far one replaced row moves one release (Euclidean norm).

    A row adds a*x with |a| <= 2^16 and ||x||^2 <= norm_bound; replacing it moves G by at most twice that. Rounding
    each of the `released` coordinates to the lattice moves each by less than one unit more.
    The square roots are rounded up at 2^-32.
    """
    root = Fraction(ceil_sqrt(norm_bound << 64), 1 << 32)
    rounding = Fraction(ceil_sqrt(released << 64), 1 << 32)
    return 2 * root * PROBABILITY_UNIT / (1 << shift) + rounding
