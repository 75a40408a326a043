"""Hidden models from Python: trained on rows that are here or were lent, evaluated, asked, and verified."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import bailee
from bailee.errors import BudgetError, InputError, SessionError, SignatureError, StatementError
from commands import PLAN, SCHEMA, run

ROWS = pd.DataFrame({"age": [30, 40, 50], "sex": ["f", "m", "f"], "ill": [0, 1, 1]})
ASKED = ROWS[["age", "sex"]]
OPEN = """
name = "tiny-net"
purpose = "tests"
label = "ill"
loss = "logistic"
hidden = [2]
batch = "full"
steps = 2
learning_rate = 1
[privacy]
mode = "unprotected"
"""
PRIVATE = """
name = "tiny-line"
purpose = "tests"
label = "ill"
loss = "logistic"
batch = "full"
epochs = 1
learning_rate = 0.5
[privacy]
mode = "private"
clip = 1
epsilon = 4
delta = 0.00001
"""
CLAIMS: dict[str, Any] = {
    "group": [{"name": "women", "where": ["sex=f"]}, {"name": "older men", "where": ["not sex=f", "age >= 40"]}],
    "claim": [
        {"measure": "size", "group": "women", "at_least": 2},
        {"measure": "correct", "group": "older men", "rate_at_most": 1.0},
    ],
    "gap": [{"measure": "predicted ill", "groups": ["women", "older men"], "at_most": 1}],
}
TOML = """
[[group]]
name = "women"
where = ["sex=f"]
[[group]]
name = "older men"
where = ["not sex=f", "age >= 40"]
[[claim]]
measure = "size"
group = "women"
at_least = 2
[[claim]]
measure = "correct"
group = "older men"
rate_at_most = 1.0
[[gap]]
measure = "predicted ill"
groups = ["women", "older men"]
at_most = 1
"""
OPENINGS = 6


@dataclass
class World:
    """An owner of three datasets, of which a trainer knows one, and the model that it trained on that."""

    folder: Path
    owner: bailee.Party
    trainer: bailee.Party
    grant: bailee.Grant
    model: bailee.Passport


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    folder = tmp_path_factory.mktemp("hidden")
    owner, trainer = (bailee.init(name, folder / name) for name in ("Owner", "Trainer"))
    schema, plan = bailee.schema(text=SCHEMA), bailee.plan(text=OPEN)
    for name in ("train", "test"):
        owner.seal(ROWS, schema, name=name)
    grant = owner.grant("train", trainer, plan, unprotected=True)
    model = trainer.train_model(plan, [grant], model_openings=OPENINGS)
    return World(folder, owner, trainer, grant, model)


@pytest.fixture(scope="module")
def proof(world: World) -> bailee.Proof:
    return world.trainer.evaluate(world.model, world.owner.dataset("test"), world.folder / "proof", claims=CLAIMS)


def test_a_model_stays_hidden_and_its_passport_holds(world: World) -> None:
    statement = world.model.verify(trusted=[world.owner, world.trainer])
    assert (statement.facts["kind"], statement.facts["mode"]) == ("model", "unprotected")
    assert world.model.report["steps"] == 2
    assert "steps" in repr(world.model)
    with pytest.raises(InputError, match="hidden"):
        world.model.predict(ASKED)


def test_an_evaluation_is_verified_and_is_what_the_command_makes(world: World, proof: bailee.Proof) -> None:
    assert proof.openings_left == (OPENINGS - 3,)
    facts = proof.verify(trusted=[world.owner, world.trainer]).facts
    assert (facts["kind"], facts["trained_on"]) == ("evaluation", False)
    (world.folder / "claims.toml").write_text(TOML)
    evaluating = ("evaluate", world.model.file, "test", "--claims", world.folder / "claims.toml")
    where = ("--data-home", world.owner.home, "--home", world.trainer.home, "--out", world.folder / "by-command")
    code, said = run(*evaluating, *where)
    assert (code, said["openings_left"]) == (0, OPENINGS - 3), said  # the same claim again is the same proof
    assert (world.folder / "by-command" / proof.file.name).read_bytes() == proof.file.read_bytes()
    assert list(proof.told) == said["told"]


def test_a_stranger_among_the_parties_is_named(world: World, proof: bailee.Proof) -> None:
    with pytest.raises(SignatureError, match="is none of the 1 parties you trust"):
        proof.verify(trusted=[world.trainer])


def test_what_does_not_hold_costs_nothing(world: World, proof: bailee.Proof) -> None:
    left = world.owner.dataset("test").openings_left
    with pytest.raises(StatementError, match="at least 4"):
        world.trainer.evaluate(world.model, world.owner.dataset("test"), world.folder / "false", at_least=4)
    assert world.owner.dataset("test").openings_left == left
    assert not (world.folder / "false").exists()


def test_answers_to_a_table_told_and_hidden_and_to_sealed_rows(world: World, proof: bailee.Proof) -> None:
    ask, model, sealed = world.trainer.prove_inference, world.model.file.parent, world.owner.dataset("test")
    told = ask(model, ASKED, world.folder / "told", tell="score")
    assert len(told.told) == 1 + len(ASKED)
    hidden = ask(model, {"age": [33], "sex": ["m"]}, world.folder / "committed", hidden=True)
    rows = ask(model, sealed, world.folder / "rows", which=[3, 1])
    assert (hidden.openings_left, rows.openings_left) == ((OPENINGS - 5,), (OPENINGS - 6,))
    for one, places in ((hidden, ()), (rows, (2, 0))):
        record = one.verify().facts["record"]
        assert (record["rows"], tuple(record["places"])) == ([], places)
    # no opening is left but the one that is kept; what was proven is there to be had again
    with pytest.raises(BudgetError, match="train it again"):
        ask(model, ASKED, world.folder / "more", tell="logits")
    again = ask(model, ASKED, world.folder / "again", tell="score")
    assert again.file.read_bytes() == told.file.read_bytes()


def test_rules_on_rows(world: World) -> None:
    owner = world.owner
    bounds = {"bound": [{"column": "age", "measure": "mean", "at_least": 39.5, "at_most": 50}]}
    mean = owner.prove_rules("train", world.folder / "mean", bounds=bounds)
    distinct = owner.prove_rules([owner.dataset("train")], world.folder / "distinct", columns=["age"])
    assert mean.told == ("mean of 'age': 39.5 to 50",)
    assert mean.openings_left[0] == distinct.openings_left[0] + 1
    for one in (mean, distinct):
        assert one.verify(trusted=[owner]).facts["kind"] == "dataset-rules"
        assert bailee.passport(one.folder).file == one.file
    with pytest.raises(StatementError):
        owner.prove_rules(["train", "test"], world.folder / "shared")  # the same rows, sealed twice


def test_proofs_show_themselves_and_nothing_of_strangers_as_html(world: World, proof: bailee.Proof) -> None:
    assert "Proof: evaluation" in repr(proof)
    assert "openings left" in proof._repr_html_()
    assert "older men" in repr(proof)
    assert "&#x27;women&#x27;" in proof._repr_html_()


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        ("claims or at_least, not both", {"claims": {}, "at_least": 1}),
        ("a whole number, got 1.5", {"claims": {"claim": [{"measure": "correct", "at_least": 1.5}]}}),
        ("unknown key 'clams'", {"claims": {"clams": []}}),
        (r"rows 1 to 4 are not in 'test', which has 3", {"rows": 4}),
        ("between 0 and 1", {"threshold": 1}),
    ],
)
def test_what_an_evaluation_refuses(world: World, words: str, asked: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=words):
        world.trainer.evaluate(world.model, world.owner.dataset("test"), world.folder / "none", **asked)


@pytest.mark.parametrize(
    ("words", "rows", "asked"),
    [
        ("which is about rows of a sealed dataset", ASKED, {"which": [1]}),
        ("tell: expected class, score or logits, got 'all'", ASKED, {"tell": "all"}),
        ("are hidden as they are", None, {"hidden": True}),
        ("which rows of 'test' are to be answered, 1 to 3", None, {}),
        ("which rows of 'test' are to be answered, 1 to 3", None, {"which": [0]}),
    ],
)
def test_what_an_answer_refuses(world: World, words: str, rows: Any, asked: dict[str, Any]) -> None:
    given = world.owner.dataset("test") if rows is None else rows
    with pytest.raises(InputError, match=words):
        world.trainer.prove_inference(world.model, given, world.folder / "none", **asked)


def test_a_statement_shows_what_is_told(proof: bailee.Proof) -> None:
    statement = proof.verify()
    for line in proof.told:
        assert line.strip() in statement.text
        assert line.strip() in repr(statement)


def test_whose_model_and_whose_rows(world: World, proof: bailee.Proof, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no runs of a hidden model"):
        world.owner.evaluate(world.model, "test", tmp_path / "out")
    with pytest.raises(InputError, match="a party proves rules on datasets of its own"):
        world.trainer.prove_rules(world.owner.dataset("test"), tmp_path / "out")
    folder = shutil.copytree(proof.folder, tmp_path / "copy")
    (folder / "passport.json").write_bytes(proof.file.read_bytes())
    with pytest.raises(InputError, match="no passport of a run that committed to its model"):
        world.trainer.evaluate(folder, world.owner.dataset("test"), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_what_cannot_be_trained_on(world: World, tmp_path: Path) -> None:
    plan = bailee.plan(text=OPEN)
    with pytest.raises(InputError, match="was not lent to anybody"):
        world.trainer.train_model(plan, [world.owner.dataset("test").directory])
    with pytest.raises(InputError, match="there is no dataset at"):
        world.trainer.train_model(plan, [tmp_path])
    sums = bailee.plan(text=PLAN)
    with pytest.raises(InputError, match="names no loss"):
        world.trainer.train_model(sums, [world.grant])
    with pytest.raises(InputError, match=r"rows: expected a list, got one Grant; write rows=\[\.\.\.\]"):
        world.trainer.train_model(plan, world.grant)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="coins: expected a list, got one str"):
        world.trainer.train_model(plan, [world.grant], coins="one.coin")
    with pytest.raises(InputError, match="expected a sealed dataset or its name, got DataFrame; seal a table first"):
        world.trainer.evaluate(world.model, ROWS, tmp_path / "out")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="claims: expected a dict, as the TOML file has it, or that file; got list"):
        world.trainer.evaluate(world.model, "test", tmp_path / "out", claims=[])  # type: ignore[arg-type]
    with pytest.raises(InputError, match="say at which node with ledger="):
        world.trainer.train_model(plan, [world.grant], account="main")
    with pytest.raises(InputError, match="expected one grant for this plan and builder, there are: none"):
        world.trainer.train_model(bailee.plan(text=PRIVATE), [world.owner])


def test_an_owner_lends_and_draws_the_noise_and_so_does_a_third_party(world: World) -> None:
    folder, plan = world.folder, bailee.plan(text=PRIVATE)
    notary = bailee.init("Notary", folder / "notary")
    lent = world.owner.lend(world.owner.grant("train", world.trainer, plan), world.trainer, folder / "lent", openings=2)
    promise = notary.promise_coin(plan, folder / "promise.json")
    with pytest.raises(SessionError, match="waiting for the coins of"):
        world.trainer.train_model(plan, [lent], promises=[promise])
    runs = world.trainer.home / "models"
    opening = runs / (runs / "newest").read_text() / "opening.json"
    kept = sorted(one.name for one in runs.iterdir() if one.is_dir())
    with pytest.raises(BudgetError, match="go on with the old one"):  # begun anew, which the grant does not pay for
        world.trainer.train_model(plan, [lent], promises=[promise])
    assert runs / (runs / "newest").read_text() / "opening.json" == opening
    assert sorted(one.name for one in runs.iterdir() if one.is_dir()) == kept  # no coin can be shown for the other
    coins = [one.show_coin(opening, folder / f"{one.name}.coin") for one in (world.owner, notary)]
    with pytest.raises(InputError, match="promised no coin"):
        world.trainer.show_coin(opening, folder / "none.coin")
    made = world.trainer.train_model(plan, [lent], promises=[promise], coins=coins, resume=True, reveal=True)
    facts = made.verify(trusted=[world.owner, world.trainer, notary]).facts
    assert (facts["coins_drawn_by"], facts["one_party"]) == ("parties", False)
    assert len(made.predict(ASKED)) == 3  # it was published
    assert made.report["epsilon"] == facts["epsilon"]
