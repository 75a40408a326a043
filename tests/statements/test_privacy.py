"""Privacy accounting: what dp-accounting says, with the table's distance paid for out of delta."""

from __future__ import annotations

import math
from decimal import Decimal

import dp_accounting
import pytest
from dp_accounting import rdp

from bailee.errors import PlanError
from bailee.statements.fixed_point import sensitivity
from bailee.statements.privacy import (
    SIGMA_MOST,
    Release,
    calibrate_multiplier,
    choose_lattice,
    privacy_curve,
    privacy_loss,
)

BOUND = 21 * 4096**2
RELEASE = Release(norm_bound=BOUND, released=20, columns=21, shift=24, sigma="1356.881", rounds=60)


def direct(multiplier: float, rounds: int, delta: float) -> float:
    accountant = rdp.RdpAccountant(neighboring_relation=dp_accounting.NeighboringRelation.REPLACE_ONE)
    for _ in range(rounds):
        accountant.compose(dp_accounting.GaussianDpEvent(multiplier))
    return float(accountant.get_epsilon(delta))


def test_the_loss_is_the_accountants() -> None:
    loss = privacy_loss(RELEASE, "0.00001")
    reach = 2 * math.sqrt(BOUND) * 2**16 / 2**24 + math.sqrt(20)
    expected = direct(1356.881 / reach, 60, 1e-5 * 63 / 64)
    assert 0 <= float(loss.epsilon) - expected < 2e-6
    assert loss.delta == "0.00001"
    assert float(sensitivity(BOUND, 20, 24)) == pytest.approx(reach, rel=1e-9)
    assert float(sensitivity(BOUND, 20, 24)) >= reach


def test_the_curve_ends_at_the_loss() -> None:
    curve = privacy_curve(RELEASE, "0.00001", range(1, 61))
    assert curve[-1] == privacy_loss(RELEASE, "0.00001").epsilon
    assert [Decimal(value) for value in curve] == sorted(Decimal(value) for value in curve)


@pytest.mark.parametrize(
    ("epsilon", "rounds", "released"), [("1", 100, 20), ("4", 60, 20), ("8", 30, 8), ("2", 500, 60)]
)
def test_calibration_meets_its_target(epsilon: str, rounds: int, released: int) -> None:
    multiplier = calibrate_multiplier(epsilon, "0.00001", rounds)
    shift, sigma = choose_lattice(multiplier, BOUND, released)
    release = Release(BOUND, released, released + 1, shift, sigma, rounds)
    assert release.noise_multiplier() >= multiplier * (1 - 1e-12)
    assert 0.99 * float(epsilon) < float(privacy_loss(release, "0.00001").epsilon) <= float(epsilon)
    assert 700 <= float(sigma) <= SIGMA_MOST + 1


def test_rounding_costs_little_noise() -> None:
    shift, _ = choose_lattice(8.0, BOUND, 20)
    assert math.sqrt(20) < 0.05 * float(sensitivity(BOUND, 20, shift))


def test_no_lattice_for_absurd_noise() -> None:
    with pytest.raises(PlanError, match="no lattice"):
        choose_lattice(1e9, 4096**2, 20)


def test_a_delta_the_table_cannot_carry_is_refused() -> None:
    with pytest.raises(PlanError, match="noise table"):
        privacy_loss(RELEASE, "0.0000000000001")
