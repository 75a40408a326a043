"""`bailee lend`, `coin`, `train-model`, `verify` on models, as owners, a trainer and a reader type them."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from commands import SCHEMA, refused, run, start

PLAN = """
name = "tiny-net"
purpose = "tests"
label = "ill"
loss = "logistic"
hidden = [2]
batch = 8
epochs = 2
learning_rate = 0.5

[privacy]
mode = "private"
clip = 1
epsilon = 4
delta = 0.00001
"""
OPEN = PLAN.split("[privacy]")[0] + '[privacy]\nmode = "unprotected"\n'


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two owners with a sealed dataset each, and a trainer."""
    folder = tmp_path_factory.mktemp("models")
    for name, text in (("schema.toml", SCHEMA), ("plan.toml", PLAN), ("open.toml", OPEN)):
        (folder / name).write_text(text)
    rows = "".join(f"{17 * n % 100},{'fm'[n % 2]},{int(17 * n % 100 > 50)}\n" for n in range(16))
    (folder / "rows.csv").write_text("age,sex,ill\n" + rows)
    for name in ("a", "b", "trainer"):
        assert run("key", "new", name.upper(), "--home", folder / name)[0] == 0
    for name in ("a", "b"):
        sealing = ("seal", folder / "rows.csv", folder / "schema.toml", "--openings", "20")
        assert run(*sealing, "--home", folder / name)[0] == 0
    return folder


def give(world: Path, name: str, plan: str = "plan.toml", *more: str) -> str:
    trainer = world / "trainer"
    code, said = run("grant", "tiny", "--builder", trainer, "--plan", world / plan, *more, "--home", world / name)
    assert code == 0, said
    return str(said["grant"])


def train(world: Path, *more: str | Path, plan: str = "plan.toml") -> tuple[int, dict[str, Any]]:
    return run("train-model", world / plan, *more, "--home", world / "trainer")


def lend(world: Path, name: str, grant: str, out: Path) -> dict[str, Any]:
    code, said = run("lend", grant, "--to", world / "trainer", "--out", out, "--home", world / name)
    assert code == 0, said
    return said


@pytest.mark.slow
def test_owners_lend_and_draw_the_noise(world: Path, tmp_path: Path) -> None:
    sets: list[str | Path] = []
    for name in ("a", "b"):
        said = lend(world, name, give(world, name), tmp_path / name)
        assert said["openings"] == 4
        sets += ["--dataset", tmp_path / name]
    waiting = train(world, *sets, "--out", tmp_path / "model")
    refused(waiting, 5, "SessionError", "waiting for the coins of", "bailee coin show", "--resume")
    opening = next((world / "trainer" / "models").glob("*/opening.json"))
    coins: list[str | Path] = []
    for name in ("a", "b"):
        showing = ("coin", "show", opening, "--out", tmp_path / f"{name}.coin", "--home", world / name)
        assert run(*showing)[0] == 0
        assert run(*showing)[0] == 0  # the same again
        coins += ["--coin", tmp_path / f"{name}.coin"]
    refused(run("coin", "show", opening, "--home", world / "trainer"), 2, "InputError", "promised no coin")
    code, said = train(world, *sets, *coins, "--out", tmp_path / "model", "--resume")
    assert code == 0, said
    assert said["revealed"] is False
    code, proven = run("verify", tmp_path / "model", "--trusted", world / "trainer", "--trusted", world / "a",
                       "--trusted", world / "b")  # fmt: skip
    assert code == 0, proven
    assert (proven["kind"], proven["coins_drawn_by"], proven["one_party"]) == ("model", "parties", False)
    refused(run("verify", tmp_path / "model", "--trusted", world / "trainer"), 3, "SignatureError", "none of the 1")
    again = train(world, *sets, "--out", tmp_path / "again")
    refused(again, 3, "BudgetError", "the grant allows")
    # another opening never gets the same coin
    assert run("coin", "promise", world / "plan.toml", "--out", tmp_path / "p", "--home", world / "a")[0] == 0


@pytest.mark.slow
def test_a_trainer_that_is_killed_comes_back(world: Path, tmp_path: Path) -> None:
    grant = give(world, "a", "open.toml", "--unprotected")
    command = ("train-model", world / "open.toml", "--dataset", world / "a" / "datasets" / "tiny", "--grant", grant,
               "--reveal", "--home", world / "trainer", "--memory", "1", "--out", tmp_path / "model")  # fmt: skip
    running = start(tmp_path / "log", *command)
    deadline = time.monotonic() + 120
    while "trained" not in running.said and running.process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    os.kill(running.process.pid, signal.SIGKILL)
    running.wait()
    code, said = run(*command, "--resume")
    assert code == 0, said
    assert (said["revealed"], said["epsilon"]) == (True, None)
    code, proven = run("verify", tmp_path / "model")
    assert code == 0, proven
    assert (proven["mode"], proven["epsilon"]) == ("unprotected", None)
    assert proven["accounting"]["promise"] == "none: the model may reveal rows"
    refused(run(*command, "--resume", "--grant", give(world, "a")), 2, "InputError", "2 grants are named")


def test_what_train_model_refuses(world: Path, tmp_path: Path) -> None:
    own = ("--dataset", world / "b" / "datasets" / "tiny")
    refused(train(world, *own), 2, "InputError", "0 grants are named for 'tiny' of B")
    refused(train(world, "--dataset", tmp_path), 2, "InputError", "there is no dataset at")
    refused(train(world, *own, "--grant", "ffff"), 2, "InputError", "no grant begins with 'ffff'")
    refused(train(world, *own, "--grant", give(world, "a")), 2, "InputError", "no grant begins with")
    low = give(world, "b", "plan.toml", "--max-epsilon", "1")
    refused(train(world, *own, "--grant", low), 3, "GrantError", "too much privacy loss")
    refused(train(world, *own, "--grant", low, plan="open.toml"), 3, "GrantError", "a grant is not enough")
    assert run("revoke", low, "--home", world / "b")[0] == 0
    (world / "late.toml").write_text(PLAN.replace("epsilon = 4", "epsilon = 1"))
    taken = give(world, "b", "late.toml")
    assert run("revoke", taken, "--home", world / "b")[0] == 0
    refused(train(world, *own, "--grant", taken, plan="late.toml"), 3, "GrantError", "revoked")
    bad = world / "bad.toml"
    bad.write_text(PLAN.replace('"logistic"', '"softmax"'))
    refused(train(world, *own, "--grant", taken, plan="bad.toml"), 2, "PlanError", "softmax")


def test_an_unprotected_plan_is_never_granted_by_chance(world: Path) -> None:
    asking = ("grant", "tiny", "--builder", world / "trainer", "--home", world / "b")
    refused(run(*asking, "--plan", world / "open.toml"), 2, "InputError", "UNPROTECTED", "--unprotected")
    refused(run(*asking, "--plan", world / "plan.toml", "--unprotected"), 2, "InputError", "the plan is private")
    code, said = run(*asking, "--plan", world / "open.toml", "--unprotected")
    assert code == 0
    assert Path(said["waiver"]).is_file()


def test_what_lend_refuses(world: Path, tmp_path: Path) -> None:
    grant = give(world, "b")
    lending = ("lend", grant, "--out", tmp_path / "lent", "--home", world / "b")
    refused(run(*lending, "--to", world / "a"), 3, "GrantError", "another builder")
    refused(run(*lending, "--to", world / "trainer", "--openings", "60"), 3, "BudgetError", "openings to lend")
    assert not (tmp_path / "lent").exists()
    assert run("revoke", grant, "--home", world / "b")[0] == 0
    refused(run(*lending, "--to", world / "trainer"), 2, "InputError", "was revoked")
