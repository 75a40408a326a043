"""What a session costs in privacy, by Google's dp-accounting; nothing home-made but the sum that feeds it.

An owner's release is a discrete Gaussian added to integers whose replace-one sensitivity is known (`fixed_point`).
Its Renyi divergence is at most that of the continuous Gaussian of the same parameter (Canonne, Kamath, Steinke 2020,
"The Discrete Gaussian for Differential Privacy"), so the continuous accountant bounds it. The noise really drawn comes
from a table at total-variation distance tau from that law; over T rounds of d values, T*d*tau. A mechanism within
tau' of an (epsilon, delta')-private one is (epsilon, delta' + (1 + e^epsilon) * tau')-private.

The delta of a plan is split: 63/64 go to the accountant, 1/64 must cover the table.
dp-accounting is imported where it is used: it takes seconds to load and an owner's key handling should not wait.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING
from decimal import Decimal as Number
from fractions import Fraction
from functools import lru_cache

from bailee.errors import PlanError
from bailee.records.fields import decimal_text
from bailee.statements.fixed_point import MAX_SHIFT, sensitivity
from bailee.statements.noise import noise_table, parse_sigma
from bailee.statements.plan import Plan

ACCOUNTANT = "dp_accounting.rdp.RdpAccountant"
MECHANISM = "discrete-gaussian"
TABLE_PART = 64
SIGMA_LEAST, SIGMA_MOST = 700, 3900
ROUNDING_OVERHEAD = 0.05
_EPSILON_STEP = Number("0.000001")
_SIGMA_STEP = Number("0.001")


@dataclass(frozen=True)
class Release:
    """What one owner sends: `rounds` vectors of `released` values, noise sigma (lattice units, decimal) on each."""

    norm_bound: int
    released: int
    columns: int
    shift: int
    sigma: str
    rounds: int

    def noise_multiplier(self) -> float:
        """sigma over the sensitivity, rounded down: what the accountant is given."""
        return math.nextafter(float(self.exact_multiplier()), 0.0)

    def exact_multiplier(self) -> Fraction:
        return parse_sigma(self.sigma) / sensitivity(self.norm_bound, self.released, self.shift)

    def table_distance(self) -> Fraction:
        """Total variation between all noise drawn in the session and the exact law."""
        return self.rounds * self.columns * noise_table(self.sigma).total_variation


@dataclass(frozen=True)
class Loss:
    """(epsilon, delta)-differential privacy of one owner's rows, neighbours differing in one replaced row."""

    epsilon: str
    delta: str


def privacy_loss(release: Release, delta: str) -> Loss:
    """The loss of a whole session at `delta`. Raises PlanError where the table's distance does not fit in delta.

    epsilon is rounded up at 10^-6.
    """
    return Loss(privacy_curve(release, delta, (release.rounds,))[0], delta)


def check_noise(plan: Plan, release: Release) -> None:
    """That a plan which names a noise multiplier gets at least that much noise. Raises PlanError."""
    if plan.noise_multiplier is not None and release.exact_multiplier() < Fraction(plan.noise_multiplier):
        raise PlanError(
            f"the session's noise multiplier is {release.noise_multiplier():.6g}; the plan says {plan.noise_multiplier}"
        )


def privacy_curve(release: Release, delta: str, rounds: Sequence[int]) -> tuple[str, ...]:
    """epsilon after each of the numbers of `rounds` given, at `delta`."""
    target = Fraction(delta)
    multiplier = release.noise_multiplier()
    curve: list[str] = []
    for count in rounds:
        epsilon = _rdp_epsilon(multiplier, count, float(target * (TABLE_PART - 1) / TABLE_PART))
        _check_table(release, epsilon, target)
        curve.append(_round_up(epsilon, _EPSILON_STEP))
    return tuple(curve)


def epsilon_of(multiplier: float, delta: str, rounds: int) -> str:
    """epsilon of `rounds` releases at a noise multiplier, before any lattice is chosen: what a plan may be told to
    cost while nobody's rows are known. Rounded up at 10^-6. Raises PlanError where it is not finite."""
    target = float(Fraction(delta) * (TABLE_PART - 1) / TABLE_PART)
    return _round_up(_rdp_epsilon(multiplier, rounds, target), _EPSILON_STEP)


@lru_cache(maxsize=64)  # a search of a tenth of a second that several parties of one process ask for alike
def calibrate_multiplier(epsilon: str, delta: str, rounds: int) -> float:
    """The smallest noise multiplier (to 10^-6) whose `rounds`-fold composition costs at most `epsilon`."""
    import dp_accounting
    from dp_accounting import rdp

    found: float = dp_accounting.calibrate_dp_mechanism(
        lambda: rdp.RdpAccountant(neighboring_relation=dp_accounting.NeighboringRelation.REPLACE_ONE),
        lambda value: dp_accounting.SelfComposedDpEvent(dp_accounting.GaussianDpEvent(value), rounds),
        float(epsilon) * (1 - 1e-6),
        float(Fraction(delta) * (TABLE_PART - 1) / TABLE_PART),
        bracket_interval=dp_accounting.LowerEndpointAndGuess(0.0, 2.0),
        tol=1e-6,
    )
    return found


def choose_lattice(multiplier: float, norm_bound: int, released: int) -> tuple[int, str]:
    """(shift, sigma): the coarsest lattice with sigma of at least 700 on which rounding adds less than 5 % of noise.

    If none does, the finest whose table still fits. sigma is rounded up, so the multiplier is never below the wanted.
    Raises PlanError if no lattice carries the multiplier.
    """
    wanted = Fraction(multiplier)
    found: tuple[int, str] | None = None
    for shift in range(MAX_SHIFT, 0, -1):
        reach = sensitivity(norm_bound, released, shift)
        sigma = wanted * reach
        if sigma > SIGMA_MOST:
            break
        if sigma < SIGMA_LEAST:
            continue
        number = Number(sigma.numerator) / Number(sigma.denominator)
        found = (shift, decimal_text((number + _SIGMA_STEP).quantize(_SIGMA_STEP, rounding=ROUND_CEILING)))
        if math.sqrt(released) < ROUNDING_OVERHEAD * float(reach):
            break
    if found is None:
        raise PlanError(f"no lattice carries a noise multiplier of {multiplier:.6g}: ask for less or more noise")
    return found


def accounting(release: Release, delta: str) -> dict[str, str | int]:
    """How a loss was reached, for the passport: every number a reader needs to redo it."""
    return {
        "accountant": ACCOUNTANT,
        "mechanism": MECHANISM,
        "relation": "replace-one",
        "rounds": release.rounds,
        "released": release.released,
        "shift": release.shift,
        "sigma": release.sigma,
        "delta": delta,
        "delta_for_table": f"1/{TABLE_PART}",
    }


@lru_cache(maxsize=256)
def _rdp_epsilon(multiplier: float, rounds: int, delta: float) -> float:
    import dp_accounting
    from dp_accounting import rdp

    accountant = rdp.RdpAccountant(neighboring_relation=dp_accounting.NeighboringRelation.REPLACE_ONE)
    accountant.compose(dp_accounting.GaussianDpEvent(multiplier), rounds)
    return float(accountant.get_epsilon(delta))


def _check_table(release: Release, epsilon: float, delta: Fraction) -> None:
    distance = release.table_distance()
    needed = (1 + math.exp(min(epsilon, 700.0))) * float(distance)
    if not needed <= float(delta / TABLE_PART):
        raise PlanError(
            f"the noise table is {float(distance):.3g} from the exact law, which at epsilon {epsilon:.3f} takes "
            f"{needed:.3g} of delta; at most delta/{TABLE_PART} = {float(delta / TABLE_PART):.3g} may go there: "
            "ask for a smaller epsilon, fewer rounds or a larger delta"
        )


def _round_up(value: float, step: Number) -> str:
    if not math.isfinite(value):
        raise PlanError("the accountant finds no finite epsilon: more noise is needed")
    return decimal_text(Number(value).quantize(step, rounding=ROUND_CEILING))
