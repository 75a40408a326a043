"""Wrap-around mod p: every bound of docs/statements.md at the ends of what records and claims allow, as integers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bailee.algebra.field import P
from bailee.argument.tape import RANGE_BITS
from bailee.errors import BaileeError, StatementError
from bailee.records.canonical import MAX_INTEGER
from bailee.records.schema import MAX_COLUMNS, UNIT
from bailee.statements.dataset import DatasetClaim, Domain, commit_dataset, prove_dataset, verify_dataset
from bailee.statements.fixed_point import (
    GRADIENT_BITS,
    GRADIENT_LIMIT,
    INDEX_HALF,
    MAX_SHIFT,
    NOISE_BITS,
    PROBABILITY_UNIT,
    SCORE_DROP_BITS,
    SCORE_LIMIT,
    sensitivity,
    weight_radius,
)
from bailee.statements.gradient import _WEIGHT_LIMIT, GradientClaim
from bailee.statements.noise import noise_table

ROWS = (GRADIENT_LIMIT >> GRADIENT_BITS) - 1
NOISE = 14 * 4000 + 2


def test_a_row_norm_cannot_wrap() -> None:
    """norm_bound - norm, a residue, is below 2^60 only if the integer is in [0, 2^60)."""
    norm, bound = (1 << 62) - 1, (1 << 60) - 1
    assert (bound - norm) % P >= 1 << 60
    assert (0 - norm) % P >= 1 << 60
    limbs = -(-60 // RANGE_BITS)
    assert sum(((1 << RANGE_BITS) - 1) << (RANGE_BITS * k) for k in range(limbs)) == (1 << 60) - 1


def test_a_score_is_one_integer() -> None:
    """z = 2^15 zq + r - 2^14 with zq in the table and r below 2^15: no other integer of its residue can be a score."""
    largest = MAX_COLUMNS * UNIT * _WEIGHT_LIMIT
    told = (INDEX_HALF << SCORE_DROP_BITS) + (1 << SCORE_DROP_BITS)
    assert largest + told < P // 2
    assert SCORE_LIMIT + (1 << (SCORE_DROP_BITS - 1)) < INDEX_HALF << SCORE_DROP_BITS
    for bound in (1, UNIT * UNIT, 3 * UNIT * UNIT + 1, (1 << 60) - 1):
        assert weight_radius(bound) ** 2 * bound <= SCORE_LIMIT**2


@pytest.mark.parametrize("shift", [1, 20, MAX_SHIFT])
def test_a_released_sum_is_one_integer(shift: int) -> None:
    """G + 2^(k-1) - rho = 2^k (sum - nu) mod p holds over the integers: the two sides differ by less than p."""
    gradient = ROWS * PROBABILITY_UNIT * UNIT
    assert gradient < GRADIENT_LIMIT
    left = gradient + (1 << shift)
    right = (1 << shift) * ((1 << (61 - shift)) + NOISE)
    assert left + right < P


def test_a_draw_is_one_row() -> None:
    """S = U + V - 2^60 c with both S - low and high - S in [0, 2^60): only one carry and one row fit."""
    top = (1 << NOISE_BITS) - 1
    for uniform in (0, 1, top):
        for coin in (0, 1, top):
            fits = []
            for carry in (0, 1):
                point = (uniform + coin - (carry << NOISE_BITS)) % P
                for low, high in ((0, top // 2), (top // 2 + 1, top)):
                    if (point - low) % P <= top and (high - point) % P <= top:
                        fits.append((carry, low))
            assert len(fits) == 1


@pytest.mark.parametrize("sigma", ["0.000000000001", "0.3", "1", "700", "4000"])
def test_a_noise_table_covers_all_points_once(sigma: str) -> None:
    table = noise_table(sigma)
    low, high = [int(v) for v in table.low], [int(v) for v in table.high]
    assert low[0] == 0
    assert high[-1] == (1 << NOISE_BITS) - 1
    assert all(a + 1 == b for a, b in zip(high, low[1:], strict=False))
    assert max(abs(int(v)) for v in table.nu) <= NOISE


def test_sums_fit_records_and_sensitivity_is_rounded_up() -> None:
    assert MAX_INTEGER > (1 << 52)
    for bound in (1, 2, UNIT**2, (1 << 60) - 1):
        found = sensitivity(bound, 7, 20)
        exact_squared = 4 * bound * PROBABILITY_UNIT**2
        assert (found - sensitivity(0, 7, 20)) ** 2 * (1 << 40) >= exact_squared
        assert sensitivity(0, 7, 20) ** 2 >= 7


def claim(**change: Any) -> GradientClaim:
    fields: dict[str, Any] = {
        "rows": 4,
        "columns": 3,
        "label": 2,
        "released": (True, True, False),
        "weights": np.zeros((1, 3), dtype=np.int64),
        "sums": np.zeros((1, 3), dtype=np.int64),
        "coins": np.zeros((1, 3), dtype=np.uint64),
        "shift": 20,
        "sigma": "800",
    }
    return GradientClaim(**{**fields, **change})


@pytest.mark.parametrize(
    "change",
    [
        {"rows": ROWS + 1},
        {"rows": 0},
        {"shift": 0},
        {"shift": MAX_SHIFT + 1},
        {"weights": np.array([[1 << 30, 0, 0]])},
        {"weights": np.array([[-(1 << 30), 0, 0]])},
        {"weights": np.array([[0, 0, 1]])},
        {"sums": np.array([[1 << 41, 0, 0]])},
        {"sums": np.array([[-(1 << 41), 0, 0]])},
        {"sums": np.array([[0, 0, 1]])},
        {"coins": np.full((1, 3), 1 << 60, dtype=np.uint64)},
        {"released": (True, True, True)},
        {"weights": np.zeros((0, 3), dtype=np.int64)},
    ],
)
def test_a_claim_beyond_its_bounds_is_none(change: dict[str, Any]) -> None:
    claim()
    with pytest.raises(StatementError):
        claim(**change)


@pytest.mark.parametrize("bad", [1 << 24, -(1 << 24)])
def test_values_at_the_widest_domain_prove_and_one_beyond_does_not(bad: int) -> None:
    """Domains at the limit, norm just below 2^60: a true statement is proven; one more step is none."""
    wide = Domain(-(1 << 24), 1 << 24, 1 << 24)
    width = 1 << 11
    names = tuple(f"c{k}" for k in range(width))
    matrix = np.full((2, width), bad, dtype=np.int64)
    norm = width << 48
    valid = DatasetClaim(2, names, (wide,) * width, (), UNIT, norm)
    commitment = commit_dataset(matrix, 3, bytes(32))
    verify_dataset(valid, commitment, 0, b"", prove_dataset(valid, matrix, bytes(32), 3, 0, b""))
    short = DatasetClaim(2, names, (wide,) * width, (), UNIT, norm - 1)
    with pytest.raises(StatementError):
        prove_dataset(short, matrix, bytes(32), 3, 1, b"")
    with pytest.raises(BaileeError):
        Domain(-(1 << 24) - 1, 0)
    with pytest.raises(BaileeError):
        DatasetClaim(2, names, (wide,) * width, (), UNIT, 1 << 60)


@pytest.mark.parametrize(("rows", "columns"), [(1 << 32, 1), ((1 << 26) + 1, 2), (10**18, 40)])
def test_a_card_of_a_size_no_proof_can_bear_is_refused_before_memory_is_taken(rows, columns):
    names = tuple(f"c{i}" for i in range(columns))
    with pytest.raises(StatementError, match="seal in parts"):
        DatasetClaim(rows, names, (Domain(0, 1),) * columns, (), 4096, 1)
