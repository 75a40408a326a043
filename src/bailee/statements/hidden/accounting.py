"""What a hidden-model run costs in privacy, by Google's dp-accounting (docs/sessions.md, hidden mode).

One row is replaced. Its slice is fixed before the run, so in each pass it enters one step: that step is a Gaussian
release of the clipped sum, all later steps are work on what was released. E passes are E releases, whatever the number
of steps and the order of the rows, known or secret.

Amplification is claimed in one case: a run in a secret order that ends before its only pass does. It reads m of the n
rows of a dataset, drawn without replacement, each at most once: whatever it costs who is among them counts for m/n of
delta, and epsilon shrinks to log(1 + m/n (e^epsilon - 1)) (Balle, Barthe, Gaboardi 2018; docs/sessions.md). In whole
passes every row is read, and no accountant bounds what is gained by not knowing when (decision 0014).

The noise is a discrete Gaussian of scale sigma in each coordinate. It is also the continuous Gaussian of scale
sqrt(sigma^2 - 16) followed by a random rounding to the integers with a discrete Gaussian of scale 4, up to a factor
within 2^-400 of 1 in every probability (the sum of exp(-(n - y)^2 / 32) over the integers is that close to constant in
y, by Poisson summation). Rounding after the fact costs nothing: so the exact privacy loss of the continuous Gaussian
bounds it; so does the Renyi accountant (Canonne, Kamath, Steinke 2020). The smaller counts.

What is really drawn comes from tables at distance tau from the exact law: E releases of d coordinates cost
(1 + e^epsilon) E d tau of delta. Steps that do not read the row may draw from any law: they only work on releases.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_CEILING
from decimal import Decimal as Number
from fractions import Fraction
from functools import lru_cache

from bailee.errors import PlanError
from bailee.records.canonical import Json
from bailee.records.fields import decimal_text
from bailee.statements.hidden.terms import Setup, sampled
from bailee.statements.network.draws import NoiseScale
from bailee.statements.network.plan import NEIGHBOURS, ModelPlan
from bailee.statements.noise import noise_table

ACCOUNTANT = "dp_accounting: the smaller of rdp.RdpAccountant and pld GaussianPrivacyLoss"
AMPLIFIED = f"{ACCOUNTANT}, amplified by sampling without replacement"
SLACK = Number("0.000002")
"""Two machines may round the last digit of a float differently; nothing else may differ."""
_PARTS = (64, 16, 4)
_LARGEST_DELTA = Fraction(1, 100)
"""Of the mechanism under a sampling: beyond it the promise would be no more than that a row was probably not read."""
_ROUNDING = 16
_LEAST_VARIANCE = 64 * _ROUNDING
_SUM_DISTANCE = Fraction(1, 1 << 190)
"""Of two draws' sum from the discrete Gaussian of their joint scale, and of all that is within 2^-400 above."""
_STEP = Number("0.000001")
_MORE_NOISE = Fraction(2001, 2000)


@dataclass(frozen=True)
class ModelLoss:
    """(epsilon, delta)-differential privacy of any one row; neighbours differ in one replaced row."""

    epsilon: str
    delta: str
    part: int
    """One part in so many of delta pays for the distance of the tables."""


def model_loss(setup: Setup) -> ModelLoss | None:
    """The loss of a run; None for an unprotected plan. Raises PlanError where the tables do not fit in delta."""
    return None if not setup.plan.private else _loss(setup, setup.plan.epochs)


def loss_curve(setup: Setup) -> tuple[str, ...]:
    """epsilon after each number of passes, from 1; empty for an unprotected plan. Long runs are shown in 64 points."""
    if not setup.plan.private:
        return ()
    epochs = setup.plan.epochs
    shown = sorted({max(1, epochs * point // 64) for point in range(1, 65)})
    known = {count: _loss(setup, count).epsilon for count in shown}
    curve: list[str] = []
    for count in range(1, epochs + 1):  # between two points the later one: never less than what is spent
        curve.append(known[next(point for point in shown if point >= count)])
    return tuple(curve)


def calibrate(plan: ModelPlan, part: Fraction = Fraction(1)) -> Fraction:
    """A noise multiplier (to 10^-6, from above) at which the plan's passes cost at most its epsilon.

    part: of the rows, what the run reads (`terms.sampled`).
    """
    privacy = plan.privacy
    if privacy.noise_multiplier is not None:
        return Fraction(privacy.noise_multiplier)
    if privacy.epsilon is None or privacy.delta is None:
        raise PlanError("privacy: an unprotected plan has no noise")
    target, delta = float(privacy.epsilon), Fraction(privacy.delta) * (_PARTS[0] - 1) / _PARTS[0]
    high = 1.0
    while _amplified(high, high, plan.epochs, delta, part)[0] > target:
        high *= 2
        if high > 1e9:
            raise PlanError(f"privacy.epsilon: no noise reaches {privacy.epsilon} at delta {privacy.delta}")
    low = 0.0
    while high - low > 1e-7:
        middle = (low + high) / 2
        if middle > 0 and _amplified(middle, middle, plan.epochs, delta, part)[0] <= target:
            high = middle
        else:
            low = middle
    return Fraction(decimal_text(Number(high).quantize(_STEP, rounding=ROUND_CEILING)))


def epsilon_of(multiplier: Fraction, delta: str, passes: int) -> str:
    """epsilon of `passes` over all rows at a noise multiplier, before any lattice is chosen: what a plan may be told to
    cost while nobody's rows are known. Raises PlanError where it is not finite."""
    value = float(multiplier)
    return _round_up(_amplified(value, value, passes, Fraction(delta) * (_PARTS[0] - 1) / _PARTS[0], Fraction(1))[0])


def settle(plan: ModelPlan, make: Callable[[str], Setup], part: Fraction = Fraction(1)) -> Setup:
    """The setup of the least noise (to 5e-4) that keeps a private plan's loss; `make` takes a noise multiplier."""
    noise = calibrate(plan, part)
    for _ in range(8):
        setup = make(_rounded_up(noise))
        loss = model_loss(setup)
        if loss is None or Number(loss.epsilon) <= Number(plan.privacy.epsilon or loss.epsilon):
            check_plan(setup, loss)
            return setup
        noise *= _MORE_NOISE  # rounding to a lattice cost a little: ask for a little more
    raise PlanError(f"privacy.epsilon: no noise was found that keeps the run within {plan.privacy.epsilon}")


def check_plan(setup: Setup, loss: ModelLoss | None) -> None:
    """That the run costs no more, and has no less noise, than the plan says. Raises PlanError."""
    privacy = setup.plan.privacy
    if loss is None:
        return
    if privacy.epsilon is not None and Number(loss.epsilon) > Number(privacy.epsilon) + SLACK:
        raise PlanError(f"the run costs epsilon {loss.epsilon}; the plan allows {privacy.epsilon}")
    if privacy.noise_multiplier is not None:
        found = setup.rule.noise_multiplier(setup.architecture)
        if found < Fraction(privacy.noise_multiplier):
            raise PlanError(f"the noise multiplier is {float(found):.6g}; the plan says {privacy.noise_multiplier}")


def accounting(setup: Setup, loss: ModelLoss | None) -> dict[str, Json]:
    """How a loss was reached, for the passport: every number a reader needs to redo it, and the rates as executed."""
    plan, rule = setup.plan, setup.rule
    rates = rule.rates(setup.batch)
    executed: dict[str, Json] = {
        "steps": setup.steps,
        "passes": plan.epochs,
        "rows_of_a_step": setup.batch,
        "sampler": _sampler(setup),
        "learning_rate_first": _short(rates[0]),
        "learning_rate_last": _short(rates[setup.steps - 1]),
    }
    if loss is None or rule.noise is None:
        return {"mode": plan.privacy.mode, "promise": "none: the model may reveal rows", **executed}
    return {
        "mode": plan.privacy.mode,
        "accountant": ACCOUNTANT if plan.steps is None else AMPLIFIED,
        "mechanism": "discrete-gaussian",
        "unit": "one row",
        "relation": NEIGHBOURS,
        "releases": plan.epochs,
        "clip": plan.privacy.clip or "",
        "shift": rule.shift,
        "sensitivity": _short(rule.sensitivity(setup.architecture)),
        "factor": rule.noise.factor,
        "sigma_coarse": rule.noise.coarse,
        "sigma_fine": rule.noise.fine,
        "coordinates": setup.architecture.entries,
        "delta": loss.delta,
        "delta_for_tables": f"1/{loss.part}",
        **executed,
    }


def _sampler(setup: Setup) -> str:
    plan = setup.plan
    if plan.full_batch:
        return "every row in every step"
    if plan.steps is not None:
        read = ", ".join(f"{setup.uses(place)} of {rows}" for place, rows in enumerate(setup.terms.rows))
        return f"{read} rows, each once, drawn without replacement: the first in a secret order nobody chose"
    if plan.shuffled:
        return "every row once in each pass, in slices of a secret order nobody chose, the same in every pass"
    return "every row once in each pass, in contiguous slices that are public and the same in every pass"


def _loss(setup: Setup, passes: int) -> ModelLoss:
    privacy, rule = setup.plan.privacy, setup.rule
    if privacy.delta is None or rule.noise is None:
        raise PlanError("privacy: expected a private plan with noise")
    variance = rule.noise.variance()
    if variance < _LEAST_VARIANCE:
        raise PlanError(f"the noise has a scale of {math.sqrt(variance):.1f} lattice units; at least 32 are needed")
    exact = rule.noise_multiplier(setup.architecture)
    multiplier = math.nextafter(float(exact), 0.0)
    smooth = math.nextafter(multiplier * math.sqrt(1 - _ROUNDING / float(variance)), 0.0)
    target = Fraction(privacy.delta)
    distance = passes * setup.architecture.entries * table_distance(rule.noise)
    needed = math.inf
    read = sampled(setup.plan, setup.terms.rows)
    for part in _PARTS:
        epsilon, whole = _amplified(multiplier, smooth, passes, target * (part - 1) / part, read)
        # the tables' distance is the mechanism's under the sampling: what it costs is amplified with it
        needed = (1 + math.exp(min(whole, 700.0))) * float(distance * read)
        if needed <= float(target / part):
            return ModelLoss(_round_up(epsilon), privacy.delta, part)
    raise PlanError(
        f"the noise tables are {float(distance):.3g} from the exact law over {passes} passes, which takes {needed:.3g} "
        f"of delta {privacy.delta}: ask for a smaller epsilon, fewer epochs or a larger delta"
    )


def table_distance(noise: NoiseScale) -> Fraction:
    """Total variation between one coordinate's noise and the discrete Gaussian of its scale."""
    fine = noise_table(noise.fine).total_variation
    return _SUM_DISTANCE + fine + (noise_table(noise.coarse).total_variation if noise.factor else 0)


def _amplified(multiplier: float, smooth: float, passes: int, delta: Fraction, read: Fraction) -> tuple[float, float]:
    """(epsilon of a run on a part `read` of the rows, that of the mechanism on whoever is read), at `delta`."""
    if read == 1:
        epsilon = _epsilon(multiplier, smooth, passes, float(delta))
        return epsilon, epsilon
    whole = _epsilon(multiplier, smooth, passes, math.nextafter(float(min(delta / read, _LARGEST_DELTA)), 0.0))
    if whole > 700:
        return whole, whole
    return math.log1p(float(read) * math.expm1(whole)) * (1 + 1e-12), whole


@lru_cache(maxsize=1024)
def _epsilon(multiplier: float, smooth: float, passes: int, delta: float) -> float:
    """The smaller of both accountants' epsilon: Renyi at `multiplier`, the exact privacy loss at `smooth`.

    Multipliers are relative to how far one replaced row moves a release: the distance between neighbours, whatever
    they are called. (`PLDAccountant` would take them as relative to an added row, and double it.) Kept, because a run
    asks for the same losses when it is settled, begun and finished, and a search over models for the same calibration.
    """
    import dp_accounting
    from dp_accounting import rdp

    renyi = rdp.RdpAccountant(neighboring_relation=dp_accounting.NeighboringRelation.REPLACE_ONE)
    renyi.compose(dp_accounting.GaussianDpEvent(multiplier), passes)
    high = float(renyi.get_epsilon(delta))
    if not math.isfinite(high):
        return high
    return min(high, _exact(smooth / math.sqrt(passes), high, delta) * (1 + 1e-9) + 1e-9)


def _exact(scale: float, high: float, delta: float) -> float:
    """The least epsilon of a Gaussian of `scale` at distance 1, below `high`. E releases are one at scale / sqrt(E)."""
    from dp_accounting.pld.privacy_loss_mechanism import GaussianPrivacyLoss

    law, low = GaussianPrivacyLoss(scale), 0.0
    for _ in range(60):
        middle = (low + high) / 2
        if law.get_delta_for_epsilon(middle) <= delta:
            high = middle
        else:
            low = middle
    return high


def _round_up(value: float) -> str:
    if not math.isfinite(value):
        raise PlanError("the accountant finds no finite epsilon: more noise is needed")
    return decimal_text(Number(value).quantize(_STEP, rounding=ROUND_CEILING))


def _rounded_up(value: Fraction) -> str:
    """A positive rational as a decimal, rounded up at 10^-6."""
    scaled = -((-value.numerator * 10**6) // value.denominator)
    return decimal_text(f"{scaled // 10**6}.{scaled % 10**6:06}")


def _short(value: Fraction) -> str:
    """A rational as a decimal of 12 digits, for people; what is exact is recomputed."""
    return decimal_text(Number(f"{float(value):.12g}"))
