"""Plans: read from TOML, one digest each; terms that follow from them; every bad plan refused by name."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bailee.errors import BaileeError, InputError, PlanError
from bailee.statements.plan import Plan, Terms, check_bounds
from bailee.statements.privacy import Release, privacy_loss
from bailee.statements.tasks import plan_of
from bailee.train.plan import Party, fix_terms, plan_from_toml, read_plan
from parties import PLAN, make_cast

TEXT = """
name = "heart"
purpose = "research"
label = "ill"
rounds = 40
learning_rate = 0.25
l2 = 1e-3
[privacy]
epsilon = 2
delta = 1e-5
"""
BOUND = 4 * 4096**2 + 1
WIDE = tuple(map(str, range(500)))


def parsed(**changes: Any) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "name": "heart",
        "purpose": "research",
        "label": "ill",
        "rounds": 40,
        "learning_rate": Decimal("0.25"),
        "privacy": {"epsilon": 2, "delta": Decimal("0.00001")},
    }
    return {**fields, **changes}


def test_a_plan_is_read(tmp_path: Path) -> None:
    path = tmp_path / "plan.toml"
    path.write_text(TEXT)
    plan = read_plan(path)
    assert (plan.learning_rate, plan.l2, plan.epsilon, plan.delta) == ("0.25", "0.001", "2", "0.00001")
    assert (plan.neighbours, plan.features, plan.momentum) == ("replace-one", ("all",), "0")
    assert Plan.from_mapping(plan.to_mapping()) == plan
    assert replace(plan, rounds=41).digest != plan.digest
    path.write_text(TEXT.replace("0.25", "0.250").replace("1e-5", "0.00001"))
    assert read_plan(path).digest == plan.digest


def test_a_plan_that_names_a_ledger_has_a_version_of_its_own() -> None:
    ledger = "eip155:137:0x4e59b44847b379578588920cA78FbF26c0B4956C"
    plain, plan = plan_from_toml(parsed()), plan_from_toml(parsed(ledger=ledger))
    assert plan.ledger == ledger.lower()  # written with capitals, as checksums are, it is the same contract
    assert plan.to_mapping() == {**plain.to_mapping(), "version": 3, "ledger": ledger.lower()}
    assert plan_of(plan.to_mapping()) == plan
    assert plan_of(plain.to_mapping()) == plain
    assert "ledger" not in plain.to_mapping()
    # What it was before a plan could name a ledger.
    assert PLAN.digest == "31ba76e7fcb8bd3799dd27ff0170863e98bbe1d64a3accfb56e1b36d9784b845"
    for mapping, named in [
        ({**plain.to_mapping(), "ledger": None}, "has version 3"),
        ({**plan.to_mapping(), "version": 1}, "has version 3"),
        ({**plan.to_mapping(), "ledger": None}, "version 3 names one"),
        ({**plain.to_mapping(), "version": 3}, "version 3 names one"),
        ({**plan.to_mapping(), "ledger": ledger}, "CAIP-10"),
        ({**plan.to_mapping(), "ledger": "eip155:0:0x" + "ab" * 20}, "CAIP-10"),
        ({**plan.to_mapping(), "ledger": "solana:1:" + "ab" * 20}, "CAIP-10"),
    ]:
        with pytest.raises(PlanError, match=named):
            plan_of(mapping)
    with pytest.raises(PlanError, match="has version 3"):
        plan_from_toml(parsed(ledger=ledger, version=1))
    with pytest.raises(PlanError, match=r"ledger: .*check sum"):
        plan_from_toml(parsed(ledger=ledger.replace("4e59b", "5e59b")))


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"rounds": 0}, "rounds"),
        ({"rounds": "many"}, "rounds"),
        ({"rounds": True}, "rounds"),
        ({"learning_rate": Decimal(0)}, "learning_rate"),
        ({"learning_rate": "fast"}, "learning_rate"),
        ({"l2": Decimal(-1)}, "l2"),
        ({"momentum": 1}, "momentum"),
        ({"neighbours": "add-or-remove-one"}, "neighbours"),
        ({"model": "forest"}, "model"),
        ({"features": []}, "features"),
        ({"features": ["a", "a"]}, "features"),
        ({"features": ["all", "a"]}, "features"),
        ({"average": 1}, "average"),
        ({"name": ""}, "name"),
        ({"purpose": 3}, "purpose"),
        ({"extra": 1}, "extra"),
        ({"version": 2}, "version"),
        ({"epsilon": 1}, "privacy"),
        ({"privacy": None}, "privacy"),
        ({"privacy": {"delta": "0.00001"}}, "exactly one"),
        ({"privacy": {"epsilon": 1, "noise_multiplier": 1, "delta": "0.00001"}}, "exactly one"),
        ({"privacy": {"epsilon": 0, "delta": "0.00001"}}, "must lie in"),
        ({"privacy": {"epsilon": 1, "delta": "0.5"}}, "delta"),
        ({"privacy": {"epsilon": 1}}, "delta"),
        ({"privacy": {"epsilon": 1, "delta": "0.00001", "sigma": 3}}, "sigma"),
    ],
)
def test_a_bad_plan_is_refused_by_name(changes: dict[str, Any], named: str) -> None:
    with pytest.raises(PlanError, match=named):
        plan_from_toml(parsed(**changes))


@pytest.mark.parametrize("missing", ["name", "purpose", "label", "rounds", "learning_rate", "privacy"])
def test_a_missing_field_is_named(missing: str) -> None:
    fields = parsed()
    del fields[missing]
    with pytest.raises(PlanError, match=missing):
        plan_from_toml(fields)


def test_what_is_no_plan_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        read_plan(tmp_path / "none.toml")
    for content in (b"", b"[", b"\xff\xfe", b"name = 1e999"):
        (tmp_path / "plan.toml").write_bytes(content)
        with pytest.raises(PlanError):
            read_plan(tmp_path / "plan.toml")


@given(st.dictionaries(st.text(max_size=12), st.none() | st.integers() | st.text(max_size=5) | st.lists(st.integers())))
def test_any_mapping_is_a_plan_or_an_error(fields: dict[str, Any]) -> None:
    for attempt in (plan_from_toml, Plan.from_mapping, Terms.from_mapping):
        with pytest.raises(BaileeError):
            attempt(parsed(**fields) if attempt is not plan_from_toml else fields)


def test_terms_meet_the_target(tmp_path: Path) -> None:
    cast = make_cast(tmp_path, (50, 40))
    terms = fix_terms(PLAN, [Party(holding.card.record, BOUND) for holding in cast.owners])
    assert terms.rows == 90
    assert terms.released == (True, True, True, True, False)
    release = Release(BOUND, 4, 5, terms.shift, terms.sigma, PLAN.rounds)
    assert 7.99 < float(privacy_loss(release, PLAN.delta).epsilon) <= 8
    assert Terms.from_mapping(terms.to_mapping()) == terms
    given_noise = plan_from_toml(parsed(privacy={"noise_multiplier": 5, "delta": "0.00001"}))
    fixed = fix_terms(given_noise, [Party(cast.owners[0].card.record, BOUND)])
    assert Release(BOUND, 4, 5, fixed.shift, fixed.sigma, 40).noise_multiplier() == pytest.approx(5, rel=1e-4)


def test_features_choose_what_is_released() -> None:
    columns = ("age", "cp=typical", "cp=other", "(bias)", "ill")
    assert replace(PLAN, features=("cp",)).released(columns) == (False, True, True, True, False)
    assert replace(PLAN, features=("cp=other", "age")).released(columns) == (True, False, True, True, False)
    with pytest.raises(PlanError, match="no column 'chol'"):
        replace(PLAN, features=("chol",)).released(columns)
    with pytest.raises(PlanError, match="label"):
        replace(PLAN, label="age").released(columns)


def test_schemas_that_differ_are_refused(tmp_path: Path) -> None:
    card = make_cast(tmp_path, (50,)).owners[0].card.record
    other = replace(card, schema={**card.schema, "row_norm": "1.9"})
    with pytest.raises(PlanError, match="different schemas"):
        fix_terms(PLAN, [Party(card, BOUND), Party(other, BOUND)])


def test_a_bound_that_breaks_is_named() -> None:
    terms = Terms(("a", "(bias)", "ill"), (True, True, False), 100, BOUND, 20, "1000")
    check_bounds(PLAN, terms)
    for changes, named in (
        ({"rows": 1 << 34}, "below 2\\^62"),
        ({"rows": (1 << 34) - 1, "shift": 1}, "released sums"),
        ({"norm_bound": 2**53 - 1, "columns": WIDE, "released": (True,) * 499 + (False,)}, "no room"),
    ):
        with pytest.raises(PlanError, match=named):
            check_bounds(PLAN, replace(terms, **changes))
    with pytest.raises(PlanError, match="noise values"):
        check_bounds(
            replace(PLAN, rounds=1 << 14),
            replace(terms, columns=tuple(map(str, range(300))), released=(True,) * 299 + (False,)),
        )
