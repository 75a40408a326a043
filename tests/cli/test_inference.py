"""`bailee evaluate` and `bailee prove-inference` on a model trained here, and `bailee verify` on what they hand out."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from bailee.errors import ProofError, RecordError
from bailee.keys import Identity
from bailee.records import Record, open_signed, sign
from bailee.records.inference import Answer, Evaluation
from bailee.seal import Ledger
from bailee.verify.inference import verify_claim
from commands import ROWS, SCHEMA, refused, run

PLAN = """
name = "tiny-plan"
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
CLAIMS = """
[[group]]
name = "women"
where = ["sex=f"]

[[group]]
name = "older men"
where = ["not sex=f", "age >= 40"]

[[claim]]
measure = "correct"
exact = true

[[claim]]
measure = "size"
group = "women"
at_least = 2

[[claim]]
measure = "correct"
group = "older men"
rate_at_most = 1

[[gap]]
measure = "predicted ill"
groups = ["women", "older men"]
at_most = 1
"""
OPENINGS = 6


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An owner's rows, and a trainer's run on them: of six openings one is training's, one is kept."""
    folder = tmp_path_factory.mktemp("world")
    files = {"schema.toml": SCHEMA, "plan.toml": PLAN, "rows.csv": ROWS, "claims.toml": CLAIMS}
    files["asked.csv"] = "age,sex\n33,m\n71,f\n"
    for name, text in files.items():
        (folder / name).write_text(text)
    owner, trainer = folder / "owner", folder / "trainer"
    done("key", "new", "Owner", "--home", owner)
    done("key", "new", "Trainer", "--home", trainer)
    for name in ("train", "test"):
        done("seal", folder / "rows.csv", folder / "schema.toml", "--as", name, "--home", owner)
    plan = folder / "plan.toml"
    granted = done("grant", "train", "--builder", trainer, "--plan", plan, "--unprotected", "--home", owner)
    training = ("train-model", plan, "--dataset", owner / "datasets" / "train", "--grant", granted["file"])
    done(*training, "--model-openings", str(OPENINGS), "--out", folder / "passport", "--home", trainer)
    return folder


def done(*arguments: str | Path) -> dict[str, Any]:
    code, said = run(*arguments)
    assert code == 0, said
    return said


def the_run(world: Path) -> Path:
    return next((world / "trainer").glob("*/*/run.sealed")).parent


def evaluating(world: Path, out: str, *more: str | Path, dataset: str = "test") -> tuple[int, dict[str, Any]]:
    where = ("--out", world / out, "--data-home", world / "owner", "--home", world / "trainer")
    return run("evaluate", the_run(world), dataset, *more, *where)


def asking(world: Path, out: str, *more: str | Path) -> tuple[int, dict[str, Any]]:
    return run("prove-inference", the_run(world).name[:12], *more, "--out", world / out, "--home", world / "trainer")


@pytest.fixture(scope="module")
def evaluation(world: Path) -> Path:
    code, said = evaluating(world, "evaluation", "--claims", world / "claims.toml")
    assert (code, said["openings_left"]) == (0, OPENINGS - 3), said
    return world / "evaluation"


def test_an_evaluation_is_verified_from_its_folder_alone(evaluation: Path) -> None:
    said = done("verify", evaluation)
    assert (said["kind"], said["plan_name"], said["trained_on"]) == ("evaluation", "tiny-plan", False)
    assert said["record"]["claim"]["counts"][0]["at_least"] == said["record"]["claim"]["counts"][0]["at_most"]


def test_both_verifiers_say_the_same_in_words(world: Path, evaluation: Path) -> None:
    words = [verify_claim(evaluation / "evaluation.json", plain, (), ignore).to_text() for plain in (False, True)]
    assert words[0].replace("fast", "plain") == words[1]
    for line in ("'tiny-plan'", "group 'older men': not sex=f and age >= -819 (encoded)", "right answers: exactly"):
        assert line in words[0]


def test_the_same_claim_again_is_the_same_proof(world: Path, evaluation: Path) -> None:
    code, said = evaluating(world, "again", "--claims", world / "claims.toml")
    assert (code, said["openings_left"]) == (0, OPENINGS - 3)
    assert (world / "again" / "evaluation.json").read_bytes() == (evaluation / "evaluation.json").read_bytes()


def test_parties_that_are_not_trusted_are_named(world: Path, evaluation: Path) -> None:
    refused(run("verify", evaluation, "--trusted", world / "trainer"), 3, "SignatureError", "Owner")


def test_a_false_claim_costs_nothing(world: Path) -> None:
    refused(evaluating(world, "false", "--at-least", "4"), 4, "StatementError", "'correct' in 'everyone'", "at least 4")
    assert not (world / "false").exists()


@pytest.fixture(scope="module")
def answers(world: Path, evaluation: Path) -> list[int]:
    """Three answers, in folders of these names; the openings that were left after each."""
    ways: dict[str, tuple[str | Path, ...]] = {
        "score": ("--rows", world / "asked.csv", "--tell", "score"),
        "hidden": ("--rows", world / "asked.csv", "--hidden"),
        "sealed": ("--dataset", "test", "--row", "3", "--row", "1", "--data-home", world / "owner"),
    }
    return [asking(world, name, *more)[1]["openings_left"] for name, more in ways.items()]


def test_answers_are_verified_and_say_no_more_than_they_tell(world: Path, answers: list[int]) -> None:
    assert len(done("verify", world / "score")["record"]["rows"]) == 2
    for name in ("hidden", "sealed"):
        record = verify_claim(world / name / "answer.json", check_model=ignore).record
        assert isinstance(record, Answer)
        assert (record.rows, len(record.answers)) == ((), 2)


def test_openings_end_and_kept_proofs_stay(world: Path, answers: list[int]) -> None:
    asked = ("--rows", world / "asked.csv")
    assert answers == [2, 1, 0]
    refused(asking(world, "more", *asked, "--tell", "logits"), 3, "BudgetError", "all 4 proofs", "train it again")
    code, said = asking(world, "score-again", *asked, "--tell", "score")
    assert (code, said["openings_left"]) == (0, 0)


def test_a_ledger_that_is_gone_is_not_begun_anew(world: Path, evaluation: Path, tmp_path: Path) -> None:
    ledger = the_run(world) / "openings.jsonl"
    shutil.move(ledger, tmp_path / "kept")
    refused(evaluating(world, "lost", "--at-least", "0"), 6, "StorageError", "openings.jsonl", "restore")
    shutil.move(tmp_path / "kept", ledger)


def ignore(*_: object) -> None:
    """Stands for the check of the model's passport, which has tests of its own."""


def change(record: dict[str, Any], path: tuple[str | int, ...], value: Any) -> None:
    for step in path[:-1]:
        record = record[step]  # type: ignore[index]
    record[path[-1]] = value  # type: ignore[index]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("claim", "counts", 0, "at_least"), 0),
        (("claim", "gaps", 0, "at_most"), "0.5"),
        (("claim", "groups", 0, "where", 0, "column"), "sex=m"),
        (("claim", "rows"), 2),
        (("claim", "first"), 1),
        (("claim", "threshold"), 5),
        (("opening",), 3),
        (("model", "opening"), 3),
        (("model", "opening"), 0),
        (("model", "passport"), None),
        (("model", "passport"), "0" * 64),
        (("model", "architecture", "hidden"), [3]),
        (("model", "commitment", "root"), "0" * 64),
        (("builder_name",), "Somebody"),
        (("created",), "2001-01-01T00:00:00Z"),
        (("proof",), "0" * 64),
    ],
)
def test_a_trainer_cannot_sign_another_claim(
    world: Path, evaluation: Path, tmp_path: Path, path: tuple[str | int, ...], value: Any
) -> None:
    signed = resigned(world, evaluation / "evaluation.json", Evaluation, path, value)
    folder = shutil.copytree(evaluation, tmp_path / "changed")
    (folder / "evaluation.json").write_bytes(signed)
    with pytest.raises((ProofError, RecordError)):
        verify_claim(folder / "evaluation.json", check_model=ignore)


def resigned(world: Path, file: Path, kind: type[Record], path: tuple[str | int, ...], value: Any) -> bytes:
    record: dict[str, Any] = json.loads(json.dumps(open_signed(file.read_bytes(), kind).record.to_predicate()))
    change(record, path, value)
    return sign(kind.from_predicate(record), Identity.load(world / "trainer")).envelope


@pytest.mark.parametrize(
    ("path", "value"),
    [(("answers", 0, 0), 1), (("rows", 0, 0), 7), (("told",), "logits"), (("threshold",), 5)],
)
def test_a_trainer_cannot_sign_another_answer(
    world: Path, answers: list[int], tmp_path: Path, path: tuple[str | int, ...], value: Any
) -> None:
    folder = shutil.copytree(world / "score", tmp_path / "changed")
    (folder / "answer.json").write_bytes(resigned(world, folder / "answer.json", Answer, path, value))
    with pytest.raises((ProofError, RecordError)):
        verify_claim(folder / "answer.json", check_model=ignore)


def test_an_attachment_less_or_another_passport_is_found(evaluation: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(evaluation, tmp_path / "less")
    proof = open_signed((folder / "evaluation.json").read_bytes(), Evaluation).record.proof
    (folder / "attachments" / proof).write_bytes(b"no proof")
    refused(run("verify", folder), 4, "PassportError", "the evaluation's proof")
    (folder / "passport.json").unlink()
    assert run("verify", folder)[0] == 2


@pytest.mark.parametrize(
    ("claims", "words"),
    [
        ("[[claim]]\nmeasure = 'right'\nexact = true", "no measure"),
        ("[[claim]]\nmeasure = 'correct'\nwhy = 1", "'why'"),
        ("[[group]]\nname = 'x'\nwhere = ['height >= 3']", "no condition"),
        ("[[gap]]\nmeasure = 'correct'\ngroups = ['a']\nat_most = 1", "two groups"),
        ("[[claim]\n", "TOML"),
        ("", "at least one row and one bound"),
    ],
)
def test_claims_that_do_not_fit_say_why(world: Path, tmp_path: Path, claims: str, words: str) -> None:
    (tmp_path / "claims.toml").write_text(claims)
    code, said = evaluating(world, "none", "--claims", tmp_path / "claims.toml")
    assert code in (2, 4)
    assert words in said["message"]


def test_only_the_trainer_can_prove(world: Path) -> None:
    where = ("--out", world / "other", "--home", world / "owner")
    refused(run("evaluate", the_run(world), "test", *where), 2, "InputError", "only its trainer")
    refused(evaluating(world, "none", dataset="nothing"), 2, "InputError", "nothing")
    refused(asking(world, "none"), 2, "InputError", "--rows TABLE")
    refused(asking(world, "none", "--rows", world / "asked.csv", "--tell", "all"), 2, "InputError", "tell: expected")


def test_a_hidden_model_is_released_with_its_evaluation(world: Path, evaluation: Path, tmp_path: Path) -> None:
    out, given = tmp_path / "released", ("--evaluation", evaluation)
    said = done("release", world / "passport", "--out", out, *given, "--home", world / "trainer")
    assert said["published"] is False
    assert sorted(said["files"]) == sorted(path.name for path in out.iterdir())
    assert "right answers" in (out / "MODEL_CARD.md").read_text()
    assert done("release", world / "passport", "--check", out, *given)["holds"] is True
    refused(run("release", world / "passport", "--check", out), 4, "PassportError", "with other evaluations")
    refused(run("release", evaluation, "--check", out), 2, "InputError", "no passport of a model")
    given = ("--evaluation", world / "passport")
    refused(run("release", world / "passport", "--check", out, *given), 2, "InputError", "is no evaluation")
    again = ("release", world / "passport", "--home", world / "owner", "--out")
    refused(run(*again, out), 2, "InputError", "exists already")
    refused(run(*again, tmp_path / "other"), 3, "SignatureError", "who alone can release it")
    refused(run("release", world / "passport"), 2, "InputError", "expected either --out")
    assert not (world / "owner" / "release-key.pem").exists()


def test_a_model_without_openings_costs_the_rows_none(world: Path, answers: list[int]) -> None:
    ledger = Ledger(world / "owner" / "datasets" / "test" / "openings.jsonl")
    left = ledger.budget().remaining
    refused(evaluating(world, "none", "--at-least", "0"), 3, "BudgetError", "all 4 proofs")
    assert ledger.budget().remaining == left
