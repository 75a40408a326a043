"""Plans written from fields: whatever somebody types, the file is the plan that was meant, or none."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bailee.errors import InputError, NotFoundError, PlanError
from bailee.party.loss_words import words_of
from bailee.party.planning import cost_of, keep_plan, plan_named, plans_of, written
from bailee.party.plans import parse_any_plan
from bailee.statements.network.plan import ModelPlan
from bailee.statements.plan import Plan

SUMS = {"kind": "sums", "name": "n", "purpose": "p", "label": "ill", "rounds": "20", "learning_rate": "0.5",
        "epsilon": "2", "delta": "0.00001"}  # fmt: skip
NETWORK = {"kind": "network", "name": "n", "purpose": "p", "label": "ill", "loss": "softmax", "hidden": "16, 8",
           "batch": "64", "epochs": "4", "learning_rate": "0.05", "clip": "1", "noise_multiplier": "2",
           "delta": "0.00001"}  # fmt: skip


@given(st.text(max_size=60))
def test_texts_come_back_as_they_were_typed_or_are_refused(text: str) -> None:
    try:
        found = parse_any_plan(written(SUMS | {"purpose": text}))
    except PlanError:  # a name that no record takes; the file itself is sound, or this would be another plan
        return
    assert found.purpose == text


def test_both_kinds_are_what_was_meant() -> None:
    sums = parse_any_plan(written(SUMS | {"features": "age, sex=f", "momentum": "0.9"}))
    assert isinstance(sums, Plan)
    assert (sums.rounds, sums.features, sums.epsilon, sums.momentum) == (20, ("age", "sex=f"), "2", "0.9")
    network = parse_any_plan(written(NETWORK))
    assert isinstance(network, ModelPlan)
    assert (network.hidden, network.batch, network.loss, network.privacy.mode) == ((16, 8), "64", "softmax", "private")
    for wrong in ({"rounds": "many"}, {"epsilon": "-1"}, {"delta": "1e-5"}, {"rounds": "20\nl2 = 1"}):
        with pytest.raises(InputError, match="expected a number"):
            written(SUMS | wrong)


def test_costs_are_the_accountants() -> None:
    two = cost_of(parse_any_plan(written(SUMS)))
    more = cost_of(parse_any_plan(written(SUMS | {"rounds": "40"})))
    assert (two.words.epsilon, two.releases) == ("2", 20)
    assert 0 < two.multiplier < more.multiplier  # the same epsilon over more rounds takes more noise
    assert two.halfway is not None
    assert float(two.halfway) < 2
    by_noise = {**SUMS, "epsilon": "", "noise_multiplier": f"{two.multiplier:.6f}"}
    assert float(cost_of(parse_any_plan(written(by_noise))).words.epsilon or 0) == pytest.approx(2, abs=1e-3)
    network = cost_of(parse_any_plan(written(NETWORK)))
    assert (network.multiplier, network.releases) == (2.0, 4)


def test_plans_are_kept_once_and_read_again(tmp_path: Path) -> None:
    kept = keep_plan(tmp_path, "spring", written(SUMS))
    assert (plan_named(tmp_path, "spring"), list(plans_of(tmp_path))) == (kept, [kept])
    with pytest.raises(InputError, match="already"):
        keep_plan(tmp_path, "spring", written(NETWORK))
    for name in ("", "..", "a/b", "Spring", "x" * 65):
        with pytest.raises(InputError, match="expected a name"):
            keep_plan(tmp_path, name, written(SUMS))
        with pytest.raises(NotFoundError, match="no plan"):
            plan_named(tmp_path, name)
    with pytest.raises(PlanError):
        keep_plan(tmp_path, "bad", "rounds = 1")
    assert not (tmp_path / "plans" / "bad.toml").exists()
    (tmp_path / "plans" / "broken.toml").write_bytes(b"\xff")
    assert [one.fault is None for one in plans_of(tmp_path)] == [False, True]


def test_what_a_loss_means() -> None:
    assert (words_of("4", "0.00001").guess, words_of("4", "0.00001").one_in) == (
        pytest.approx(0.98201, abs=1e-5),
        100_000,
    )
    assert [words_of(one, "0").strength for one in ("0", "1", "4", "4.1", "10000")] == [
        "strong", "strong", "fair", "weak", "weak",
    ]  # fmt: skip
    assert words_of("0", None).guess == 0.5
    for nothing in (None, "", "x", "-1", "NaN"):
        assert words_of(nothing, "0.1").strength == "none"
