"""Plans of models: what is read, what each mistake is called; schedules; how a run is cut into chunks."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bailee.errors import PlanError
from bailee.statements.hidden.schedule import MAX_CHUNK, cut
from bailee.statements.hidden.terms import architecture_of, check_label
from bailee.statements.network.plan import ModelPlan
from bailee.train.model import model_plan_from_toml, read_model_plan
from bailee.train.model.sizing import Cut, Room, chunk_bytes, find_cut, openings_needed
from model_cast import PLAN, PLAN_FIELDS
from parties import SCHEMA

COLUMNS = SCHEMA.layout.names
PRIVATE: dict[str, Any] = PLAN_FIELDS["privacy"]


def plan(**changes: Any) -> ModelPlan:
    return model_plan_from_toml({**PLAN_FIELDS, **changes})


def test_a_plan_is_read_and_read_back(tmp_path: Path) -> None:
    (tmp_path / "plan.toml").write_text(
        'name = "n"\npurpose = "p"\nlabel = "ill"\nloss = "softmax"\nbatch = "full"\nsteps = 7\nlearning_rate = 0.25\n'
        'schedule = "step"\ndecay_every = 2\ndecay_factor = 0.5\n[privacy]\nmode = "unprotected"\n'
    )
    found = read_model_plan(tmp_path / "plan.toml")
    assert (found.epochs, found.batch, found.private, found.learning_rate) == (7, "full", False, "0.25")
    assert ModelPlan.from_mapping(found.to_mapping()) == found
    assert found.digest != PLAN.digest


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"loss": "hinge"}, "loss: expected one of"),
        ({"batch": 48}, "batch"),
        ({"batch": None}, "batch: expected"),
        ({"batch": "all"}, "batch: expected"),
        ({"epochs": 0}, "epochs: expected"),
        ({"epochs": None}, "epochs"),
        ({"steps": 3}, "steps: only with"),
        ({"learning_rate": 0}, "learning_rate: expected"),
        ({"learning_rate": "much"}, "learning_rate"),
        ({"schedule": "warm"}, "schedule: expected"),
        ({"schedule": "step"}, "schedule: decay_every"),
        ({"schedule": "step", "decay_every": 1, "decay_factor": 2}, "decay_factor: expected"),
        ({"momentum": 1}, "momentum: expected"),
        ({"weight_decay": -1}, "weight_decay: expected"),
        ({"hidden": [0]}, "hidden: expected"),
        ({"hidden": [4] * 17}, "hidden: expected"),
        ({"features": []}, "features: expected"),
        ({"features": ["all", "age"]}, "features"),
        ({"rounds": 3}, "rounds: a model's plan has no such field"),
        ({"privacy": None}, "privacy: expected a table"),
        ({"privacy": {"epsilon": 1}}, "privacy.mode: expected"),
        ({"privacy": {**PRIVATE, "mode": "none"}}, "privacy.mode: expected"),
        ({"privacy": {**PRIVATE, "mode": "unprotected"}}, "privacy.clip: an unprotected plan has none"),
        ({"privacy": {**PRIVATE, "clip": None}}, "needs clip and delta"),
        ({"privacy": {**PRIVATE, "clip": 0}}, "privacy.clip: expected"),
        ({"privacy": {**PRIVATE, "delta": 1}}, "privacy.delta: expected"),
        ({"privacy": {**PRIVATE, "noise_multiplier": 1}}, "exactly one of"),
        ({"privacy": {**PRIVATE, "sigma": 1}}, "privacy.sigma: no such field"),
        ({"start": -1}, "start"),
    ],
)
def test_a_mistake_is_named(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(PlanError, match=words.replace("[", r"\[").replace("(", r"\(")):
        plan(**changes)


def test_label_and_loss_go_together() -> None:
    check_label(PLAN, SCHEMA)
    with pytest.raises(PlanError, match="softmax learns a label of the kind classes"):
        check_label(plan(loss="softmax"), SCHEMA)
    with pytest.raises(PlanError, match="label: the card's label is 'ill'"):
        plan(label="other").labels(SCHEMA.layout.names)
    with pytest.raises(PlanError, match="no column 'height'"):
        plan(features=["height"]).used(SCHEMA.layout.names)


@pytest.mark.parametrize(
    ("schedule", "rates"),
    [
        ("constant", [1.0] * 8),
        ("linear", [1 - t / 8 for t in range(8)]),
        ("cosine", [(1 + np.cos(np.pi * t / 8)) / 2 for t in range(8)]),
        ("step", [1.0] * 4 + [0.5] * 4),
    ],
)
def test_schedules(schedule: str, rates: list[float]) -> None:
    more = {"decay_every": 2, "decay_factor": Decimal("0.5")} if schedule == "step" else {}
    made = plan(learning_rate=1, schedule=schedule, **more)
    assert [float(made.rate(t, 8, 2)) for t in range(8)] == pytest.approx(rates, abs=1e-15)


@given(
    st.lists(st.integers(1, 300), min_size=1, max_size=3), st.integers(1, 5), st.sampled_from([1, 4, 16]),
    st.integers(0, 5), st.booleans(),
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_every_row_is_used_once_in_each_pass(
    rows: list[int], epochs: int, batch: int, chunk_bits: int, full: bool
) -> None:
    rows = [max(count, batch) for count in rows]
    made = plan(batch="full" if full else batch, epochs=epochs)
    chunks = cut(made, rows, 1 << chunk_bits, 1)
    uses = [np.zeros(count, dtype=np.int64) for count in rows]
    step = 0
    for chunk in chunks:
        assert chunk.first == step
        assert len(chunk.active) <= MAX_CHUNK
        assert len(chunk.active) & (len(chunk.active) - 1) == 0
        assert chunk.active == tuple(sorted(chunk.active, reverse=True))
        step += chunk.steps
        for part in chunk.slices:
            assert part.first % (part.steps * part.batch) == 0
            assert chunk.steps == chunk.passes * part.present
            uses[part.dataset][part.first : part.first + part.steps * part.batch] += chunk.passes
    assert all((count == epochs).all() for count in uses)
    assert step == epochs * (1 if full else sum(-(-count // batch) for count in rows))


def test_laps_need_whole_datasets() -> None:
    chunks = cut(plan(batch=16, epochs=5), [64], 4, 4)
    assert [(chunk.steps, len(chunk.active), chunk.passes) for chunk in chunks] == [(16, 16, 4), (4, 4, 1)]
    for rows, steps in ([65], 8), ([64], 2):
        with pytest.raises(PlanError, match="laps: more than one only where"):
            cut(plan(batch=16, epochs=5), rows, steps, 2)


def test_rates_are_exact_fractions() -> None:
    assert plan(learning_rate="0.1").rate(0, 10, 1) == Fraction(1, 10)


def test_a_model_too_large_is_refused_before_memory_is_taken() -> None:
    with pytest.raises(PlanError, match="at most 16777216"):
        architecture_of(plan(hidden=[8192, 8192]), SCHEMA.layout.names)


def test_a_cut_takes_the_longest_chunks_there_is_room_for() -> None:
    full = plan(batch="full", epochs=100)
    architecture = architecture_of(full, COLUMNS)
    for steps in (1, 4, 32):
        room = Room(chunk_bytes(full, architecture, (1000,), steps), 1 << 40)
        assert find_cut(full, architecture, (1000,), room, [62]) == Cut(steps, 1, (-(-100 // steps),))
    with pytest.raises(PlanError, match="more than there is"):
        find_cut(full, architecture, (1000,), Room(1, 1), [62])


def test_laps_spend_fewer_openings_where_there_is_room() -> None:
    mini = plan(batch=8, epochs=16)
    architecture = architecture_of(mini, COLUMNS)
    room = Room(chunk_bytes(mini, architecture, (64,), 32), 1 << 40)
    assert find_cut(mini, architecture, (64,), room, [62]) == Cut(8, 4, (4,))
    # of several datasets no more laps than the openings ask for: none of them has the last word for long
    assert find_cut(mini, architecture, (64, 64), room, [62, 62]).laps == 1
    assert find_cut(mini, architecture, (64, 64), room, [62, 8]).laps == 2
    assert not find_cut(mini, architecture, (64, 64), room, [62, 3]).fits([62, 3])


def test_openings_are_counted_before_rows_are_sealed() -> None:
    full = plan(batch="full", epochs=40)
    little = chunk_bytes(full, architecture_of(full, COLUMNS), (1000, 500), 4)
    assert openings_needed(full, COLUMNS, (1000, 500), little) == (10, 10)
    assert openings_needed(plan(batch=8, epochs=1, order="secret"), COLUMNS, (64,), little) == (1,)
