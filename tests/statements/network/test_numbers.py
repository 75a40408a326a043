"""Exact arithmetic, the bounds of docs/training.md at their ends, and the argument for odd multipliers."""

from __future__ import annotations

from fractions import Fraction
from math import isqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bailee.algebra.field import P
from bailee.errors import PlanError, StatementError
from bailee.statements.network.clipping import Clip, Norms, ceil_root, factors
from bailee.statements.network.draws import NoiseScale
from bailee.statements.network.losses.softmax import exponential_table
from bailee.statements.network.numbers import div, matmul, remainder, require_signed
from bailee.statements.network.optimizer import Rule
from bailee.statements.network.run import initial_state, rule_for
from statements.network.toys import model


@given(st.integers(-(1 << 60), 1 << 60), st.integers(1, 31))
def test_div_rounds_to_nearest(value: int, bits: int) -> None:
    found, rest = div(value, bits), int(remainder(np.array([value]), bits)[0])
    assert abs(Fraction(value, 1 << bits) - found) <= Fraction(1, 2)
    assert value + (1 << (bits - 1)) - rest == found << bits


@settings(max_examples=30)
@given(st.integers(1, 70), st.integers(1, 70), st.integers(1, 70), st.integers(8, 36), st.integers(0, 2**32))
def test_products_are_exact(rows: int, inner: int, columns: int, bits: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    left = random.integers(-(1 << 16), 1 << 16, (2, rows, inner))
    right = random.integers(-(1 << (bits - 1)), 1 << (bits - 1), (2, inner, columns))
    found = matmul(left, 17, right, bits)
    exact = np.matmul(left.astype(object), right.astype(object))
    assert (found == exact).all()


@given(st.integers(1, (1 << 62) - 1))
def test_roots_are_exact(squared: int) -> None:
    for value in (squared, isqrt(squared) ** 2 or 1, isqrt(squared) ** 2 + 1):
        n = int(ceil_root(np.array([value]))[0])
        assert (n - 1) ** 2 < value <= n * n


def test_a_clipped_row_adds_at_most_the_clip() -> None:
    random = np.random.default_rng(0)
    for bits in (14, 12, 10):
        clip = Clip.of(Fraction(1, 2), bits)
        a = random.integers(-(1 << 14), 1 << 14, (200, 5))
        d = random.integers(-(1 << 16), 1 << 16, (200, 3)) >> random.integers(0, 16, (200, 1))
        norms = [Norms((a * a).sum(axis=1), (d * d).sum(axis=1), True, 0)]
        c = factors(norms, clip)
        squared = (norms[0].values + (1 << 24)) * norms[0].residuals
        for factor, norm in zip(c.tolist(), squared.tolist(), strict=True):
            assert factor * factor * norm <= clip.row_norm() ** 2
            small = norm < (clip.bound << 11) ** 2 * 0.99
            assert factor == 1 << bits if small else factor * factor * norm >= 0.95 * clip.row_norm() ** 2


def test_a_value_out_of_range_is_named() -> None:
    require_signed(np.array([-8, 7]), 4, "a toy")
    for value in (-9, 8):
        with pytest.raises(StatementError, match="a toy reaches 8, beyond its bound of 2\\^3"):
            require_signed(np.array([value]), 4, "a toy")


def test_exponentials_are_rounded_right() -> None:
    table = exponential_table()
    exact = np.exp(np.arange(1 - (1 << 18), 1) / 2048.0) * (1 << 14)
    assert table[-1] == 1 << 14
    assert np.abs(table - exact).max() <= 0.5 + 1e-9


def test_first_weights_are_he_uniform_and_fixed() -> None:
    architecture = model(30, (32, 16), 1, "logistic")
    state = initial_state(architecture, b"a seed")
    for name, fan in (("weight1", 30), ("weight2", 32), ("weight3", 16)):
        values = state.weights[name][np.abs(state.weights[name]).sum(axis=1) > 0] / 2.0**28
        limit = (6 / fan) ** 0.5
        assert np.abs(values).max() <= limit
        assert abs(values.std() / (limit / 3**0.5) - 1) < 0.3
    assert not state.weights["bias2"].any()
    assert not any(values.any() for values in initial_state(model(30, (), 1, "logistic"), b"a seed").weights.values())
    again, other = initial_state(architecture, b"a seed"), initial_state(architecture, b"b seed")
    assert np.array_equal(state.weights["weight2"], again.weights["weight2"])
    assert not np.array_equal(state.weights["weight2"], other.weights["weight2"])


def test_an_odd_multiplier_fixes_the_remainder() -> None:
    """w - w' = m ((X + half - r) / 2^k) mod p, both weights in range: only the right r in [0, 2^k) does it."""
    shift, x = 6, 12345
    weights = range(-2, 3)
    for m in (1, 3, 101):
        fits = [
            r
            for r in range(1 << shift)
            for gap in weights
            if (m * (x + (1 << (shift - 1)) - r) - (gap + m * div(x, shift)) * (1 << shift)) % P == 0
        ]
        assert fits == [(x + (1 << (shift - 1))) % (1 << shift)]
    even = [
        r
        for r in range(1 << shift)
        for gap in weights
        if (2 * (x + (1 << (shift - 1)) - r) - (gap + 2 * div(x, shift)) * (1 << shift)) % P == 0
    ]
    assert len(even) > 1


@pytest.mark.parametrize("clip", [None, Fraction(1)])
def test_what_a_step_can_reach_stays_below_p(clip: Fraction | None) -> None:
    """The bounds that `Rule.check` computes are the ones its argument needs, at the largest rule it accepts."""
    architecture = model(30, (64,), 1, "logistic")
    rule = rule_for(architecture, 256, [Fraction(1, 10)], clip=clip)
    largest = rule
    while True:
        try:
            grown = Rule(largest.shift, tuple(2 * m + 1 for m in largest.multipliers), clip=largest.clip)
            grown.check(architecture, 256)
            largest = grown
        except PlanError:
            break
    gradient = 256 << (17 + 16)
    if clip and largest.clip:
        gradient = 256 * largest.clip.row_norm()
    weight = (1 << 31) + (1 << 14)
    assert largest.multipliers[0] * (gradient + (1 << largest.shift)) + (2 * weight << largest.shift) < P


@pytest.mark.parametrize("sigma", [Fraction(1), Fraction(4000), Fraction(4001), Fraction(10**5), Fraction(10**6)])
def test_noise_scales_are_at_least_what_is_asked(sigma: Fraction) -> None:
    scale = NoiseScale.of(sigma)
    assert sigma**2 <= scale.variance() <= sigma**2 * Fraction(10001, 10000)
    assert not scale.factor or Fraction(scale.fine) >= 4 * scale.factor
    assert all(Fraction(s) <= 4000 for _, _, s in scale.draws)


def test_noise_without_a_table_is_refused() -> None:
    with pytest.raises(PlanError, match="coarser lattice"):
        NoiseScale.of(Fraction(10**8))
