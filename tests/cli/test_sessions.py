"""Whole sessions through the command line, owner and builder in processes of their own: what ends them, what then."""

from __future__ import annotations

import json
import shutil
import signal
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bailee.adapters.transport import Listener
from bailee.keys import Identity
from bailee.records import Passport, Proven, digest, open_signed, sign
from bailee.seal import open_dataset
from commands import PLAN, SMALL, Running, free_address, give, make_world, refused, run, start, start_session


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_world(tmp_path_factory.mktemp("sessions"))


@pytest.fixture(scope="module")
def passport(world: Path) -> Path:
    """A passport that holds."""
    session = start_session(world, give(world)[1]["grant"], "passport")
    assert session.wait() == (0, 0), session.owner.said + session.builder.said
    assert run("verify", world / "passport")[0] == 0  # the folder will do
    code, said = run("verify", world / "passport" / "passport.json")
    assert (code, said["holds"], said["rows"]) == (0, True, 3)
    return world / "passport"


def copy_of(passport: Path, tmp_path: Path) -> Path:
    shutil.copytree(passport, tmp_path / "copy")
    return tmp_path / "copy"


def read(folder: Path) -> Passport:
    return open_signed((folder / "passport.json").read_bytes(), Passport).record


def wait_for(running: Running, words: str, seconds: float = 300) -> None:
    end = time.monotonic() + seconds
    while words not in running.said:
        assert time.monotonic() < end, running.said
        assert running.process.poll() is None, running.said
        time.sleep(0.005)


def test_both_verifiers_accept(passport: Path, world: Path) -> None:
    trusted = ("--trusted", world / "owner", "--trusted", world / "builder")
    code, said = run("verify", passport / "passport.json", "--plain", *trusted)
    assert (code, said["plain"]) == (0, True)


def test_a_passport_without_a_ledger_has_nothing_to_check_there(passport: Path, tmp_path: Path) -> None:
    code, said = run("verify", passport)
    assert (code, said["anchor"]) == (0, None)
    asked = run("verify", passport, "--ledger", "embedded:", "--home", tmp_path)
    refused(asked, 2, "InputError", "names no ledger")


def test_a_model_answers_rows_and_is_exported(passport: Path, tmp_path: Path) -> None:
    rows = tmp_path / "rows.csv"
    rows.write_text("sex,age\nf,30\nm,99.5\n")
    code, said = run("predict", passport, rows)
    assert (code, said["columns"], said["rows"]) == (0, ["ill", "p(0)", "p(1)"], 2)
    onnxruntime = pytest.importorskip("onnxruntime")
    graph = tmp_path / "m.onnx"
    code, written = run("export", passport, "--onnx", graph, "--safetensors", tmp_path / "m.safetensors")
    assert (code, len(written["files"])) == (0, 2)
    session = onnxruntime.InferenceSession(graph.read_bytes(), providers=["CPUExecutionProvider"])
    feed = {"numbers": np.array([[30.0], [99.5]]), "sex": np.array([["f"], ["m"]], dtype=object)}
    scores = session.run(["scores"], feed)[0]
    assert np.abs(scores - [row[1:] for row in said["answers"]]).max() <= written["bound_scores"]
    refused(run("export", passport, "--onnx", graph), 2, "InputError", "exists already")
    refused(run("export", passport), 2, "InputError", "nothing to write")
    rows.write_text("sex,age\nx,30\n")
    refused(run("predict", passport, rows), 2, "SchemaError", "row 1, sex")


NETWORK = """
name = "tiny-network"
purpose = "tests"
label = "ill"
loss = "logistic"
hidden = [3]
batch = "full"
epochs = 2
learning_rate = 0.05

[privacy]
mode = "private"
clip = 1
epsilon = 4
delta = 0.00001
"""


def test_owners_train_a_network_at_home(tmp_path: Path) -> None:
    world = make_world(tmp_path)
    (world / "plan.toml").write_text(NETWORK)
    address, grant = free_address(), give(world)[1]["grant"]
    shown = ("--test", world / "rows.csv", "--schema", world / "schema.toml")
    training = ("train", world / "plan.toml", "--owner", world / "owner", "--listen", address, *shown)
    builder = start(world / "builder.log", *training, "--out", world / "network", "--home", world / "builder")
    owner = start(world / "owner.log", "join", address, "--grant", grant, "--home", world / "owner")
    assert (builder.wait(), owner.wait()) == (0, 0), builder.said + owner.said
    code, said = run("verify", world / "network")
    assert (code, said["model"]) == (0, "a network with logistic loss, hidden layers 3")
    assert [name for name, _ in said["shapes"]] == ["weight1", "weight2", "bias2"]
    report = json.loads((world / "network" / "report.json").read_text())
    assert len(report["accuracy_by_round"]) == 2
    code, answered = run("predict", world / "network", world / "rows.csv")
    assert (code, answered["columns"]) == (0, ["ill", "p(0)", "p(1)"])
    guesses = [int(row[2] > row[1]) for row in answered["answers"]]
    assert report["accuracy"] == np.mean(np.array(guesses) == [0, 1, 1])


def test_a_party_that_is_not_trusted(passport: Path, world: Path) -> None:
    result = run("verify", passport / "passport.json", "--trusted", world / "owner")
    refused(result, 3, "SignatureError", "'Builder'", "--trusted")


def test_a_changed_passport(passport: Path, tmp_path: Path) -> None:
    copy = copy_of(passport, tmp_path)
    data = bytearray((copy / "passport.json").read_bytes())
    at = data.index(b'"payload":"') + 200
    data[at] = data[at] + 1 if data[at] in b"AQgw" else ord("A")
    (copy / "passport.json").write_bytes(data)
    code, said = run("verify", copy / "passport.json")
    assert (code, said["error"]) in ((2, "RecordError"), (3, "SignatureError"))


def change_epsilon(record: Passport) -> Passport:
    return replace(record, owners=(replace(record.owners[0], epsilon="1"),))


def change_owner(record: Passport) -> Passport:
    return replace(record, owners=(replace(record.owners[0], name="Somebody"),))


def change_rows(record: Passport) -> Passport:
    return replace(record, owners=(replace(record.owners[0], rows=4),))


def change_plan(record: Passport) -> Passport:
    return replace(record, plan={**record.plan, "rounds": 3})


def change_date(record: Passport) -> Passport:
    return replace(record, created="2001-01-01T00:00:00Z")


def change_weights(record: Passport) -> Passport:
    return replace(record, weights=(record.weights[0] + 1, *record.weights[1:]))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (change_epsilon, "epsilon"),
        (change_owner, "Somebody"),
        (change_rows, "rows"),
        (change_plan, "another plan"),
        (change_date, "dated"),
        (change_weights, "weights"),
    ],
)
def test_a_passport_that_its_builder_signed_again(
    passport: Path, world: Path, tmp_path: Path, change: Any, words: str
) -> None:
    copy = copy_of(passport, tmp_path)
    changed = sign(change(read(copy)), Identity.load(world / "builder"))
    (copy / "passport.json").write_bytes(changed.envelope)
    refused(run("verify", copy / "passport.json"), 4, "PassportError", words)


def test_a_proof_that_owner_and_builder_changed_and_signed_again(passport: Path, world: Path, tmp_path: Path) -> None:
    copy = copy_of(passport, tmp_path)
    record = read(copy)
    part = record.owners[0]
    proof = bytearray((copy / "attachments" / part.proof).read_bytes())
    proof[len(proof) // 2] ^= 1
    (copy / "attachments" / part.proof).write_bytes(proof)
    refused(run("verify", copy / "passport.json"), 4, "PassportError", "proof of Owner", "changed")
    proven = open_signed((copy / "attachments" / part.proven).read_bytes(), Proven).record
    again = sign(replace(proven, proof=digest(proof)), Identity.load(world / "owner"))
    part = replace(part, proof=digest(proof), proven=again.digest)
    (copy / "attachments" / part.proof).write_bytes(proof)
    (copy / "attachments" / part.proven).write_bytes(again.envelope)
    renewed = sign(replace(record, owners=(part,)), Identity.load(world / "builder"))
    (copy / "passport.json").write_bytes(renewed.envelope)
    for more in ((), ("--plain",)):
        refused(run("verify", copy / "passport.json", *more), 4, "ProofError", "proof of Owner")


def test_a_missing_attachment(passport: Path, tmp_path: Path) -> None:
    copy = copy_of(passport, tmp_path)
    (copy / "attachments" / read(copy).closing).unlink()
    refused(run("verify", copy / "passport.json"), 4, "PassportError", "closing", "does not exist")


@pytest.mark.parametrize("cut", [False, True])
def test_a_card_whose_proof_was_changed(world: Path, tmp_path: Path, cut: bool) -> None:
    shutil.copytree(world / "owner" / "datasets" / "tiny", tmp_path / "tiny")
    proof = bytearray((tmp_path / "tiny" / "card.proof").read_bytes())
    proof[1000] ^= 1
    (tmp_path / "tiny" / "card.proof").write_bytes(proof[:5000] if cut else proof)
    code, said = run("card", "show", tmp_path / "tiny", "--check")
    assert (code, said["exit_code"]) == (4, 4)
    assert "proof" in said["message"]


def test_an_expired_and_a_revoked_grant_stop_before_anything_is_sent(world: Path) -> None:
    expired = give(world, "--starts", "2001-01-01", "--until", "2001-01-02")[1]["grant"]
    refused(run("join", "127.0.0.1:1", "--grant", expired, "--home", world / "owner"), 3, "GrantError", "expired")
    revoked = give(world)[1]["grant"]
    assert run("revoke", revoked, "--home", world / "owner")[0] == 0
    refused(run("join", "127.0.0.1:1", "--grant", revoked, "--home", world / "owner"), 3, "GrantError", "revoked")


def test_a_foreign_grant(world: Path) -> None:
    assert run("key", "new", "Other", "--home", world / "other")[0] == 0
    sealing = ("seal", world / "rows.csv", world / "schema.toml", "--as", "theirs", "--home", world / "other")
    assert run(*sealing)[0] == 0
    granting = ("grant", "theirs", "--builder", world / "builder", "--plan", world / "plan.toml")
    theirs = run(*granting, "--home", world / "other")[1]["file"]
    refused(run("join", "127.0.0.1:1", "--grant", theirs, "--home", world / "owner"), 2, "InputError", "is not in")
    directory = world / "other" / "datasets" / "theirs"
    granting = ("grant", directory, "--builder", world / "builder", "--plan", world / "plan.toml")
    refused(run(*granting, "--home", world / "owner"), 3, "GrantError", "only its owner")


def test_a_grant_for_another_purpose_or_plan_or_less_privacy_loss(world: Path) -> None:
    (world / "longer.toml").write_text(PLAN.replace("rounds = 2", "rounds = 3"))
    cases = [
        (("--purpose", "advertising"), "plan.toml", "another purpose"),
        ((), "longer.toml", "another plan"),
        (("--max-epsilon", "1"), "plan.toml", "too much privacy loss"),
    ]
    sessions = []
    for index, (more, plan, words) in enumerate(cases):
        given = give(world, *more)[1]["grant"]
        session = start_session(world, given, f"case-{index}", plan=plan)
        assert session.wait() == (3, 5)  # one after the other: only one run works in a party's folder at a time
        sessions.append((session, words))
    for session, words in sessions:
        assert "GrantError: " in session.owner.said
        assert words in session.owner.said
        assert "Traceback" not in session.owner.said + session.builder.said
    spent = run("status", "--home", world / "owner")[1]["datasets"][0]
    assert float(spent["epsilon_spent"]) in (0, pytest.approx(4, abs=0.01))  # nothing but the passport's session


def test_somebody_elses_key(world: Path, tmp_path: Path) -> None:
    given = give(world)[1]["grant"]
    shutil.copytree(world / "owner", tmp_path / "owner")
    assert run("key", "new", "Thief", "--home", tmp_path / "thief")[0] == 0
    for name in ("identity.pem", "identity.json"):
        shutil.copy(tmp_path / "thief" / name, tmp_path / "owner" / name)
    with Listener() as door:  # somebody is there: the rows are opened only then
        joining = ("join", f"127.0.0.1:{door.address[1]}", "--grant", given, "--home", tmp_path / "owner")
        refused(run(*joining), 6, "StorageError")
    refused(run("reseal", "tiny", "--home", tmp_path / "owner"), 6, "StorageError")
    refused(run("revoke", given, "--home", tmp_path / "owner"), 3, "GrantError", "only the owner")


def test_a_session_that_meets_a_full_disk_and_ctrl_c_goes_on(tmp_path: Path) -> None:
    world = make_world(tmp_path, rounds=40)
    given = give(world)[1]["grant"]
    full = start_session(world, given, "full", builder_limit=SMALL)
    assert full.wait() == (5, 6)
    assert "StorageError: no space left" in full.builder.said
    stopped = start_session(world, given, "stopped", "--resume")
    wait_for(stopped.builder, "round 3 of 40")
    stopped.builder.process.send_signal(signal.SIGINT)
    assert stopped.wait() == (5, 130)
    for session in (full, stopped):
        assert "--resume" in session.owner.said
        assert "Traceback" not in session.builder.said + session.owner.said
    assert "--resume" in stopped.builder.said
    assert not (world / "stopped").exists()
    last = start_session(world, given, "last", "--resume")
    assert last.wait() == (0, 0), last.builder.said + last.owner.said
    assert run("verify", world / "last" / "passport.json")[0] == 0
    status = run("status", "--home", world / "owner")[1]
    assert float(status["datasets"][0]["epsilon_spent"]) <= 4  # three starts, one session, charged once
    assert len(status["sessions"]) == 1


def test_spent_openings_are_renewed(tmp_path: Path) -> None:
    world = make_world(tmp_path, openings=3)  # one for the card, one to train, one to renew
    given = give(world)[1]["grant"]
    open_dataset(world / "owner" / "datasets" / "tiny").ledger.spend("a session before", datetime.now(UTC))
    joining = ("join", "127.0.0.1:1", "--grant", given, "--home", world / "owner")
    refused(run(*joining), 3, "BudgetError", "openings", "bailee reseal tiny", "grant")
    code, said = run("reseal", "tiny", "--openings", "8", "--home", world / "owner")
    assert (code, said["rows"], said["openings_left"]) == (0, 3, 5)
    assert said["renews"] is not None
    assert run("card", "show", "tiny-2", "--check", "--home", world / "owner")[0] == 0
    refused(run("reseal", "tiny", "--as", "more", "--home", world / "owner"), 3, "BudgetError", "resealed already")
    renewed = give(world, dataset="tiny-2")[1]["grant"]
    assert start_session(world, renewed, "second").wait() == (0, 0)
    assert run("verify", world / "second" / "passport.json")[0] == 0
    spent = {one["name"]: one["epsilon_spent"] for one in run("status", "--home", world / "owner")[1]["datasets"]}
    assert spent["tiny"] == spent["tiny-2"] != "0"  # the rows are the same: what they cost stays with them
