"""Proven noise: nu = M nu1 + nu2, each drawn by uniforms committed early plus public coins (docs/training.md, 6).

A draw takes U + V modulo 2^60. U is not shown to be in range: it is fixed before V is known, and no other U than one
below 2^60 has a carry for every V.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from math import isqrt

import numpy as np
from blake3 import blake3
from numpy.typing import NDArray

from bailee import tags
from bailee.argument.nodes import Axis, Node
from bailee.argument.tape import Tape
from bailee.errors import PlanError
from bailee.statements.fixed_point import NOISE_BITS
from bailee.statements.network.architecture import Architecture
from bailee.statements.network.numbers import Integers
from bailee.statements.network.stage import Stage
from bailee.statements.noise import NoiseTable, combine, noise_table, uniform_words

Words = NDArray[np.uint64]
LARGEST_SIGMA = 4000
_DIGITS = 6
_REACH = 14
_MANY_BITS = 18
_SHORT_BITS = 45
"""Pieces of a table so long that three limbs tell a place in them: 2^15 rows more."""


@dataclass(frozen=True)
class NoiseScale:
    """Noise nu = factor * nu1 + nu2: sigmas as decimals in lattice units; factor 0: `fine` alone, `coarse` empty."""

    factor: int
    coarse: str
    fine: str

    def variance(self) -> Fraction:
        return Fraction(self.factor) ** 2 * Fraction(self.coarse or "0") ** 2 + Fraction(self.fine) ** 2

    def reach(self) -> int:
        """No draw is larger than this."""
        coarse = int(_REACH * Fraction(self.coarse or "0")) + 3
        return self.factor * coarse + int(_REACH * Fraction(self.fine)) + 3

    @property
    def draws(self) -> tuple[tuple[str, int, str], ...]:
        """(name, factor, sigma) of each draw."""
        first = (("coarse", self.factor, self.coarse),) if self.factor else ()
        return (*first, ("fine", 1, self.fine))

    @staticmethod
    def of(sigma: Fraction) -> NoiseScale:
        """The scale whose sigma is at least `sigma`: one draw where a table is large enough."""
        if sigma <= LARGEST_SIGMA:
            return NoiseScale(0, "", _decimal(sigma))
        factor = -(-sigma.numerator // (sigma.denominator * (LARGEST_SIGMA - 100)))
        fine = Fraction(max(4 * factor, 700))
        if fine > LARGEST_SIGMA:
            raise PlanError(f"noise of {float(sigma):.4g} lattice units has no table: choose a coarser lattice")
        rest = (sigma * sigma - fine * fine) / factor**2
        coarse = Fraction(isqrt(rest.numerator * 10**12 // rest.denominator) + 1, 10**6)
        return NoiseScale(factor, _decimal(coarse), _decimal(fine))


def _decimal(value: Fraction) -> str:
    """Rounded up at 10^-6, as a plain decimal."""
    scaled = -(-value.numerator * 10**_DIGITS // value.denominator)
    whole, part = divmod(scaled, 10**_DIGITS)
    return f"{whole}.{part:0{_DIGITS}d}".rstrip("0").rstrip(".")


def tensor_name(parameter: str, draw: str) -> str:
    return f"{parameter} {draw}"


def coins(seed: bytes, tensor: str, bits: int) -> Words:
    """The public half of 2^bits draws: 60-bit values expanded from a 32-byte seed."""
    stream = blake3(seed + tensor.encode(), key=tags.NOISE_COINS).digest(length=8 << bits)
    return uniform_words(stream)


def draw(scale: NoiseScale, uniforms: Sequence[Words], public: Sequence[Words]) -> Integers:
    """The noise of flat arrays of uniforms and coins, one of each for each draw of the scale."""
    total = np.zeros(uniforms[0].shape, dtype=np.int64)
    for (_, factor, sigma), u, v in zip(scale.draws, uniforms, public, strict=True):
        total += factor * noise_table(sigma).sample(combine(u, v))
    return total


def draws_many(stage: Stage, architecture: Architecture) -> bool:
    """Whether a larger table pays."""
    time = sum(axis.bits for axis in stage.time)
    return any(time + sum(axis.bits for axis in p.axes) >= _MANY_BITS for p in architecture.parameters)


def write_draw(
    tape: Tape, axes: Sequence[Axis], scale: NoiseScale, source: int, parameter: str, seed: bytes, many: bool
) -> Node:
    """The noise of a parameter over `axes`, from the uniforms committed in a source of the tape.

    many: whether the chunk draws so often that a larger table is worth its shorter ranges.
    """
    terms: list[tuple[int, Node]] = []
    for name, factor, sigma in scale.draws:
        tensor = tensor_name(parameter, name)
        u = tape.committed(source, tensor, axes)
        v = tape.public(axes, coins(seed, tensor, u.bits))
        terms.append((factor, _write(tape, axes, sigma, u, v, _SHORT_BITS if many else NOISE_BITS)))
    return terms[0][1] if len(terms) == 1 else tape.linear(axes, terms)


def _write(tape: Tape, axes: Sequence[Axis], sigma: str, u: Node, v: Node, bits: int) -> Node:
    """low = S - above and high = S + below stand in a row with the noise: so S lies between them."""
    values, low, high = pieces(noise_table(sigma), bits)
    carry = tape.advice("carry", axes, lambda: (tape.values(u) + tape.values(v)) >> np.uint64(NOISE_BITS))
    tape.boolean(carry)
    point = tape.linear(axes, [(1, u), (1, v), (-(1 << NOISE_BITS), carry)])

    def rows(points: Words) -> NDArray[np.int64]:
        from bailee.algebra import kernels

        return kernels.locate_sorted(low, points)

    found: list[NDArray[np.int64]] = []

    def drawn() -> NDArray[np.int64]:
        if not found:
            found.append(rows(tape.values(point)))
        return found[0]

    value = tape.advice("noise", axes, lambda: values[drawn()])
    above = tape.bounded("noise above", axes, bits, lambda: tape.values(point) - low[drawn()])
    below = tape.bounded("noise below", axes, bits, lambda: high[drawn()] - tape.values(point))
    start, end = tape.linear(axes, [(1, point), (-1, above)]), tape.linear(axes, [(1, point), (1, below)])
    table = tape.table(f"noise {sigma} {bits}", [values, low, high], lambda columns: rows(columns[1]))
    tape.lookup(table, [value, start, end])
    return value


@lru_cache(maxsize=4)
def _pieces(sigma: str, bits: int) -> tuple[Integers, Words, Words]:
    table = noise_table(sigma)
    counts = ((table.high - table.low) >> np.uint64(bits)).astype(np.int64) + 1
    row = np.repeat(np.arange(len(counts)), counts)
    number = (np.arange(len(row)) - np.repeat(np.cumsum(counts) - counts, counts)).astype(np.uint64)
    low = table.low[row] + (number << np.uint64(bits))
    high = np.minimum(table.high[row], low + np.uint64((1 << bits) - 1))
    return table.nu[row], low, high


def pieces(table: NoiseTable, bits: int) -> tuple[Integers, Words, Words]:
    """(nu, low, high): the rows of a noise table, cut into pieces of at most 2^bits points."""
    return _pieces(table.sigma, bits)
