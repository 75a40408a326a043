"""The trainer in integers: it is what floats train, and what could not be proved is refused or detected."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from numpy.typing import NDArray

from bailee.errors import InputError, PlanError, StatementError
from bailee.statements.network.architecture import Architecture
from bailee.statements.network.forward import predict, scores
from bailee.statements.network.optimizer import Rule, State
from bailee.statements.network.run import initial_state, rule_for, run_steps, used_weights
from statements.network.toys import UNIT, model, rows_for

Floats = dict[str, NDArray[np.float64]]


def float_run(
    architecture: Architecture,
    state: State,
    batches: NDArray[np.int64],
    rates: list[Fraction],
    momentum: float,
    decay: float,
) -> Floats:
    """The same training in float64, from the same start: plain back-propagation."""
    weights = {name: values / 2.0**28 for name, values in state.weights.items()}
    velocity = {name: np.zeros_like(values) for name, values in weights.items()}
    told = np.array(architecture.told)
    scale = 1 if architecture.loss == "logistic" else UNIT
    for step, rate in enumerate(rates):
        rows = batches[step % len(batches)]
        x, y = rows * told / UNIT, rows[:, list(architecture.labels)] / scale
        values, gates = [x], []
        for layer in range(1, architecture.layers + 1):
            z = values[-1] @ weights[f"weight{layer}"] + weights.get(f"bias{layer}", 0.0)
            gates.append(z > 0)
            values.append(np.maximum(z, 0) if layer < architecture.layers else z)
        if architecture.loss == "logistic":
            d = 1 / (1 + np.exp(-values[-1])) - y
        elif architecture.loss == "softmax":
            e = np.exp(values[-1] - values[-1].max(axis=1, keepdims=True))
            d = e / e.sum(axis=1, keepdims=True) - y
        else:
            d = values[-1] - y
        fresh = {}
        for layer in range(architecture.layers, 0, -1):
            fresh[f"weight{layer}"] = values[layer - 1].T @ d / len(rows)
            fresh[f"bias{layer}"] = d.mean(axis=0)
            if layer > 1:
                d = (d @ weights[f"weight{layer}"].T) * gates[layer - 2]
        for name in weights:
            velocity[name] = momentum * velocity[name] + fresh[name] + decay * weights[name]
            weights[name] = weights[name] - float(rate) * velocity[name]
    return weights


@pytest.mark.parametrize("loss", ["logistic", "softmax", "squared"])
@pytest.mark.parametrize("hidden", [(), (16,), (16, 8)])
@pytest.mark.parametrize("momentum", [Fraction(0), Fraction(9, 10)])
def test_integers_train_what_floats_train(loss: str, hidden: tuple[int, ...], momentum: Fraction) -> None:
    architecture = model(6, hidden, 1 if loss == "logistic" else 2, loss)
    batches = rows_for(architecture, 256).reshape(8, 32, -1)
    decay = Fraction(1, 1000)
    planned = [Fraction(1, 10) * (24 - k) / 24 for k in range(24)]
    rule = rule_for(architecture, 32, planned, momentum, decay)
    state = initial_state(architecture, b"start", momentum > 0)
    after, losses = run_steps(architecture, state, [batches], [np.ones((8, 32), dtype=np.bool_)], rule)
    floats = float_run(architecture, state, batches, list(rule.rates(32)), float(momentum), float(decay))
    moved = np.concatenate([(floats[n] - state.weights[n] / 2.0**28).reshape(-1) for n in floats])
    away = np.concatenate([(floats[n] - after.weights[n] / 2.0**28).reshape(-1) for n in floats])
    assert np.linalg.norm(away) < 4e-3 * np.linalg.norm(moved)
    assert len(losses) == 24
    assert losses[-1] < losses[0]


def test_one_step_of_a_network_is_within_a_thousandth() -> None:
    """MLP 30-32-16-1 on a batch of 64: the whole update, as a vector, within 0.1 % of the float one."""
    architecture = model(30, (32, 16), 1, "logistic")
    batches = rows_for(architecture, 64).reshape(1, 64, -1)
    state = initial_state(architecture, b"start")
    rule = rule_for(architecture, 64, [Fraction(1, 10)])
    after, _ = run_steps(architecture, state, [batches], [np.ones((1, 64), dtype=np.bool_)], rule)
    # from the weights as used: what the step is the gradient of
    start = State({n: v << 14 for n, v in used_weights(state).items()}, {})
    floats = float_run(architecture, start, batches, list(rule.rates(64)), 0.0, 0.0)
    moved = np.concatenate([(floats[n] - start.weights[n] / 2.0**28).reshape(-1) for n in floats])
    made = np.concatenate([((after.weights[n] - state.weights[n]) / 2.0**28).reshape(-1) for n in floats])
    error = np.linalg.norm(made - moved) / np.linalg.norm(moved)
    print(f"update error {error:.2e}")
    assert error < 1e-3


def test_steps_in_two_runs_are_steps_in_one() -> None:
    architecture = model(4, (5,), 1, "logistic")
    batches = rows_for(architecture, 32).reshape(4, 8, -1)
    present = np.ones((4, 8), dtype=np.bool_)
    rule = rule_for(architecture, 8, [Fraction(1, 10)] * 6, Fraction(1, 2))
    state = initial_state(architecture, b"start", True)
    whole, _ = run_steps(architecture, state, [batches], [present], rule)
    half, _ = run_steps(architecture, state, [batches], [present], rule.part(0, 4, 4))
    rest, losses = run_steps(architecture, half, [batches], [present], rule.part(4, 2, 4))
    assert len(losses) == 2
    for name, values in whole.weights.items():
        assert np.array_equal(values, rest.weights[name])
        assert np.array_equal(whole.velocity[name], rest.velocity[name])


def test_absent_rows_count_nothing() -> None:
    architecture = model(4, (5,), 3, "softmax")
    rows = rows_for(architecture, 8).reshape(1, 8, -1)
    rule = rule_for(architecture, 8, [Fraction(1, 10)])
    state = initial_state(architecture, b"start")
    present = np.arange(8)[None] < 5
    one, loss = run_steps(architecture, state, [rows], [present], rule)
    other, same = run_steps(architecture, state, [np.where(present[..., None], rows, 0)], [present], rule)
    assert loss == same
    assert all(np.array_equal(one.weights[n], other.weights[n]) for n in one.weights)


def test_labels_and_columns_left_out_have_no_weight() -> None:
    architecture = model(4, (5,), 1, "logistic")
    rows = rows_for(architecture, 32).reshape(1, 32, -1)
    rule = rule_for(architecture, 32, [Fraction(1)] * 5, decay=Fraction(1, 100))
    after, _ = run_steps(architecture, initial_state(architecture, b"s"), [rows], [np.ones((1, 32), bool)], rule)
    assert not after.weights["weight1"][[3, 5]].any()
    other = rows[0].copy()
    other[:, [3, 5]] = 4000
    used = used_weights(after)
    assert np.array_equal(predict(architecture, used, rows[0]), predict(architecture, used, other))


@pytest.mark.parametrize("loss", ["logistic", "softmax", "squared"])
def test_scores_are_what_the_loss_means(loss: str) -> None:
    architecture = model(3, (), 1 if loss == "logistic" else 2, loss)
    used = {"weight1": np.full((architecture.columns, architecture.outputs), 1 << 14)}
    found = scores(architecture, used, np.full((2, architecture.columns), UNIT))
    inputs = sum(architecture.told)
    wanted = {"logistic": 1 / (1 + np.exp(-inputs)), "softmax": 0.5, "squared": inputs}[loss]
    np.testing.assert_allclose(found, wanted)


def test_predictions_of_what_does_not_fit_are_refused() -> None:
    architecture = model(3, (4,), 1, "logistic")
    used = used_weights(initial_state(architecture, b"s"))
    rows = rows_for(architecture, 4)
    with pytest.raises(InputError, match="rows of 5 columns"):
        predict(architecture, used, rows[:, :4])
    with pytest.raises(InputError, match="within 4096"):
        predict(architecture, used, rows * 2)
    with pytest.raises(InputError, match="weight2"):
        predict(architecture, {"weight1": used["weight1"]}, rows)


def diverging(loss: str, hidden: tuple[int, ...], weight: int, rate: Fraction) -> str:
    architecture = model(3, hidden, 1 if loss == "logistic" else 2, loss)
    rows = rows_for(architecture, 8).reshape(1, 8, -1)
    rows[..., 0] = UNIT
    rule = rule_for(architecture, 8, [rate] * 200)
    weights = {p.name: np.zeros(p.shape, dtype=np.int64) for p in architecture.parameters}
    for name, values in weights.items():
        if name.startswith("weight"):
            values[:, 0] = weight << 28
    state = State(weights, {})
    with pytest.raises(StatementError, match=r"^step [0-9]+, .*diverged") as caught:
        run_steps(architecture, state, [rows], [np.ones((1, 8), dtype=np.bool_)], rule)
    return str(caught.value)


def test_divergence_names_step_layer_and_bound() -> None:
    assert "layer 1: a hidden value" in diverging("logistic", (4,) * 2, 7, Fraction(1))
    assert "the last layer: a residual" in diverging("squared", (), 7, Fraction(8))
    assert "2^17" in diverging("squared", (), 1, Fraction(100))
    assert "weight1: a weight" in diverging("logistic", (), 3, Fraction(1000))
    assert "a score in units" in diverging("logistic", (), 7, Fraction(1, 10))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rates": [Fraction(0)]}, "learning rates"),
        ({"rates": []}, "at least one row and one step"),
        ({"momentum": Fraction(1)}, "momentum"),
        ({"decay": Fraction(2)}, "weight decay"),
        ({"clip": Fraction(1, 1 << 20)}, "a clip from"),
        ({"noise_multiplier": Fraction(1)}, "with a clip"),
        ({"rates": [Fraction(1), Fraction(1, 1 << 19)]}, None),
        ({"decay": Fraction(1, 10**12)}, "too small to be executed"),
        ({"rows": 1 << 30, "rates": [Fraction(1)]}, "shift is 37, its bounds are 1 and 31"),
    ],
)
def test_a_plan_that_cannot_be_executed_is_refused(change: dict[str, object], message: str | None) -> None:
    arguments = {"rows": 64, "rates": [Fraction(1, 10)]} | change
    if message is None:
        rule_for(model(3, (4,), 1, "logistic"), **arguments)
        return
    with pytest.raises(PlanError, match=message):
        rule_for(model(3, (4,), 1, "logistic"), **arguments)


def test_rates_are_executed_within_a_hundredth() -> None:
    architecture = model(3, (4,), 1, "logistic")
    planned = [Fraction(3, 10) * (100 - k) / 100 for k in range(100)]
    for clip, noise in ((None, None), (Fraction(1), None), (Fraction(1), Fraction(1))):
        rule = rule_for(architecture, 64, planned, clip=clip, noise_multiplier=noise)
        for rate, made in zip(planned, rule.rates(64), strict=True):
            assert abs(rate - made) <= planned[0] / 100
        if noise:
            assert noise <= rule.noise_multiplier(architecture) < noise * Fraction(1001, 1000)


def test_what_does_not_fit_the_rule_is_refused() -> None:
    architecture = model(3, (4,), 1, "logistic")
    rows = rows_for(architecture, 8).reshape(1, 8, -1)
    present = np.ones((1, 8), dtype=np.bool_)
    rule = rule_for(architecture, 8, [Fraction(1, 10)], Fraction(1, 2))
    state = initial_state(architecture, b"s", True)
    with pytest.raises(InputError, match="columns"):
        run_steps(architecture, state, [rows[..., :3]], [present], rule)
    with pytest.raises(InputError, match="present"):
        run_steps(architecture, state, [rows], [present[:, :3]], rule)
    with pytest.raises(InputError, match="velocity"):
        run_steps(architecture, initial_state(architecture, b"s"), [rows], [present], rule)
    with pytest.raises(InputError, match="noise"):
        run_steps(architecture, state, [rows], [present], rule, {})
    with pytest.raises(InputError, match="within 4096"):
        run_steps(architecture, state, [2 * rows], [present], rule)
    with pytest.raises(PlanError, match="odd"):
        run_steps(architecture, state, [rows], [present], replace(rule, multipliers=(4,)))
    with pytest.raises(PlanError):
        rule.part(0, 2, 2)


@pytest.mark.parametrize(
    "change",
    [
        {"loss": "hinge"},
        {"outputs": 2, "labels": (4, 5), "columns": 6, "told": (True,) * 4 + (False,) * 2},
        {"labels": (7,)},
        {"labels": ()},
        {"told": (True,) * 5},
        {"told": (False,) * 5},
        {"told": (True,) * 4},
        {"hidden": (0,)},
        {"hidden": (4,) * 17},
    ],
)
def test_a_model_that_is_none_is_refused(change: dict[str, object]) -> None:
    fields = {"columns": 5, "hidden": (4,), "outputs": 1, "loss": "logistic", "labels": (4,)}
    fields |= {"told": (True,) * 4 + (False,)}
    Architecture(**fields)
    with pytest.raises(PlanError):
        Architecture(**(fields | change))


def test_padding_does_not_count_where_a_step_could_overflow() -> None:
    """A rule that just fits the rows of a batch also trains them padded to a power of two."""
    architecture = model(6, (), 1, "logistic")
    rows = 33
    rule = next(r for m in range(1023, 0, -2) if _fits(r := Rule(31, (m,), lift=20), architecture, rows))
    assert not _fits(rule, architecture, 64)
    features, present = np.zeros((1, 64, architecture.columns), dtype=np.int64), np.zeros((1, 64), dtype=np.bool_)
    present[:, :rows] = True
    run_steps(architecture, initial_state(architecture, bytes(32)), [features], [present], rule)


def _fits(rule: Rule, architecture: Architecture, rows: int) -> bool:
    try:
        rule.check(architecture, rows)
    except PlanError:
        return False
    return True
