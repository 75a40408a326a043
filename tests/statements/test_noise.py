"""Noise: the table is a partition, close to the exact law and drawn from as it says; the sigmoid table is pinned."""

from __future__ import annotations

import hashlib
import subprocess
import sys

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from bailee.errors import InputError, PlanError
from bailee.statements.fixed_point import MAX_NOISE_ROWS
from bailee.statements.noise import combine, noise_table, parse_sigma, sigmoid_table

SIGMAS = ("0.3", "2", "733.317", "1024.5", "3000")


def exact_pmf(sigma: str, reach: int) -> list[mpmath.mpf]:
    with mpmath.workprec(200):
        s = mpmath.mpf(sigma)
        weights = [mpmath.exp(-(mpmath.mpf(k) ** 2) / (2 * s * s)) for k in range(reach + 1)]
        total = weights[0] + 2 * mpmath.fsum(weights[1:])
        return [weight / total for weight in weights]


@pytest.mark.parametrize("sigma", SIGMAS)
def test_rows_partition_the_60_bit_values(sigma: str) -> None:
    table = noise_table(sigma)
    low, high = table.low.astype(object), table.high.astype(object)
    assert low[0] == 0
    assert high[-1] == 2**60 - 1
    assert (low[1:] == high[:-1] + 1).all()
    assert (high >= low).all()
    assert (np.diff(table.nu) > 0).all()
    assert len(table.nu) <= MAX_NOISE_ROWS


@pytest.mark.parametrize("sigma", ["0.3", "2", "40.5"])
def test_distance_bounds_what_mpmath_finds(sigma: str) -> None:
    table = noise_table(sigma)
    pmf = exact_pmf(sigma, int(20 * float(sigma)) + 20)
    drawn = dict(zip(table.nu.tolist(), (table.high - table.low + np.uint64(1)).tolist(), strict=True))
    with mpmath.workprec(200):
        reach = len(pmf) - 1
        differences = [abs(mpmath.mpf(drawn.get(k, 0)) / 2**60 - pmf[abs(k)]) for k in range(-reach, reach + 1)]
        true = mpmath.fsum(differences) / 2
        bound = mpmath.mpf(table.total_variation.numerator) / table.total_variation.denominator
        assert true <= bound <= true * mpmath.mpf("1.001") + mpmath.mpf(2) ** -120
    assert table.total_variation < len(table.nu) / 2**60


def test_draws_follow_the_exact_law() -> None:
    table = noise_table("4.5")
    uniform = np.random.default_rng(7).integers(0, 1 << 60, 100_000, dtype=np.uint64)
    pmf = exact_pmf("4.5", 60)
    counts = np.bincount(np.clip(table.sample(uniform) + 14, 0, 28), minlength=29)
    expected = np.array([float(pmf[abs(k)]) for k in range(-14, 15)])
    expected[0] += float(mpmath.fsum(pmf[15:]))
    expected[-1] += float(mpmath.fsum(pmf[15:]))
    assert stats.chisquare(counts, expected / expected.sum() * len(uniform)).pvalue > 1e-3


def test_draws_keep_the_variance() -> None:
    uniform = np.random.default_rng(8).integers(0, 1 << 60, 100_000, dtype=np.uint64)
    drawn = noise_table("1024.5").sample(uniform)
    assert abs(drawn.std() / 1024.5 - 1) < 0.01
    assert abs(drawn.mean()) < 5 * 1024.5 / 100_000**0.5


@given(st.integers(0, 2**60 - 1))
def test_a_draw_lies_in_its_row(value: int) -> None:
    table = noise_table("733.317")
    nu = int(table.sample(np.array([value], dtype=np.uint64))[0])
    row = int(np.searchsorted(table.nu, nu))
    assert int(table.low[row]) <= value <= int(table.high[row])


@settings(max_examples=30)
@given(st.integers(0, 2**60 - 1), st.integers(0, 2**60 - 1))
def test_joint_values_add_modulo_2_60(u: int, v: int) -> None:
    found = combine(np.array([u], dtype=np.uint64), np.array([v], dtype=np.uint64))
    assert int(found[0]) == (u + v) % 2**60


def test_what_is_no_draw_is_refused() -> None:
    table = noise_table("2")
    with pytest.raises(InputError, match="60-bit"):
        table.sample(np.array([1 << 60], dtype=np.uint64))
    with pytest.raises(InputError, match="uint64"):
        table.sample(np.array([1], dtype=np.int64))  # type: ignore[arg-type]


@pytest.mark.parametrize("sigma", ["0", "-1", "1e3", "nan", "", "01", "4001", "1.0000000000001", " 2", "٣"])
def test_what_is_no_sigma_is_refused(sigma: str) -> None:
    with pytest.raises(PlanError, match="sigma"):
        parse_sigma(sigma)


def test_tables_are_the_same_everywhere() -> None:
    """Pinned: a change here breaks every proof made before."""
    table = noise_table("1024.5")
    digest = hashlib.sha256(table.nu.astype("<i8").tobytes() + table.low.astype("<u8").tobytes()).hexdigest()
    assert digest == "a6e38159b82e08b761ed7d4d3851c3777c4a17c49d43c785ef3bef9932ff28ae"
    sigmoid = sigmoid_table()
    assert hashlib.sha256(sigmoid.astype("<i8").tobytes()).hexdigest() == (
        "f3608365d6519e8cdbd0d9d70b3cffb7d9a8d530ac1347f11f3f222fa207b974"
    )


def test_the_sigmoid_is_rounded_to_nearest() -> None:
    table = sigmoid_table()
    index = np.arange(-(1 << 15), 1 << 15)
    assert (table == np.rint(65536 / (1 + np.exp(-index / 2048)))).all()
    with mpmath.workprec(100):
        for place in range(-32768, 32768, 997):
            exact = mpmath.mpf(65536) / (1 + mpmath.exp(mpmath.mpf(-place) / 2048))
            assert int(mpmath.nint(exact)) == table[place + 32768]


def test_statements_a_verifier_reads_do_not_import_numba() -> None:
    code = (
        "import sys, bailee.statements.session, bailee.statements.privacy, bailee.statements.logistic;"
        "sys.exit('numba' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
