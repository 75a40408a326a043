"""`bailee prove-rules` on rows sealed here, and `bailee verify` on what it hands out."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from bailee.errors import BaileeError, PassportError, ProofError, RecordError
from bailee.keys import Identity
from bailee.records import open_signed, sign
from bailee.records.rules import DatasetRules
from bailee.verify.rules import verify_rules
from commands import SCHEMA, refused, run

TABLES = {
    "first": "age,sex,ill\n30,f,0\n40,m,1\n50,f,1\n",
    "second": "age,sex,ill\n31,f,0\n40,f,1\n",
    "twice": "age,sex,ill\n30,f,0\n40,m,1\n30,f,0\n",
}
BOUNDS = """
[[bound]]
column = "age"
measure = "mean"
at_least = 39.5
at_most = 40.5

[[bound]]
column = "age"
measure = "mean square"
at_least = 0
at_most = 0.1

[[bound]]
column = "sex=f"
measure = "rows"
at_least = 2
at_most = 2

[[bound]]
column = "ill"
measure = "mean"
at_least = 0.6
at_most = 0.7
"""
OPENINGS = 5
"""One is the card's and one is kept: three rules."""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("world")
    (folder / "schema.toml").write_text(SCHEMA)
    (folder / "bounds.toml").write_text(BOUNDS)
    done("key", "new", "Owner", "--home", folder / "owner")
    for name, rows in TABLES.items():
        (folder / f"{name}.csv").write_text(rows)
        sealed = ("seal", folder / f"{name}.csv", folder / "schema.toml", "--as", name)
        done(*sealed, "--openings", str(OPENINGS), "--home", folder / "owner")
    return folder


def done(*arguments: str | Path) -> dict[str, Any]:
    code, said = run(*arguments)
    assert code == 0, said
    return said


def proving(world: Path, out: str, *arguments: str | Path) -> tuple[int, dict[str, Any]]:
    return run("prove-rules", *arguments, "--out", world / out, "--home", world / "owner")


@pytest.fixture(scope="module")
def distinct(world: Path) -> Path:
    code, said = proving(world, "distinct", "first", "second")
    assert (code, said["openings_left"]) == (0, [2, 2]), said
    return world / "distinct"


@pytest.fixture(scope="module")
def bounds(world: Path, distinct: Path) -> Path:
    code, said = proving(world, "bounds", "first", "--bounds", world / "bounds.toml")
    assert (code, said["openings_left"]) == (0, [1]), said
    return world / "bounds"


def test_rules_are_verified_from_their_folder_alone(distinct: Path, bounds: Path) -> None:
    said = done("verify", distinct)
    assert (said["kind"], [one["rows"] for one in said["datasets"]]) == ("dataset-rules", [3, 2])
    assert done("verify", bounds)["record"]["bounds"][2]["at_least"] == "2"


def test_both_verifiers_say_the_same_in_words(distinct: Path, bounds: Path) -> None:
    for folder, line in ((distinct, "none is shared by two datasets"), (bounds, "mean of 'age': 39.5 to 40.5")):
        words = [verify_rules(folder / "rules.json", plain).to_text() for plain in (False, True)]
        assert words[0].replace("fast", "plain") == words[1]
        assert line in words[0]


def test_the_same_rule_again_is_the_same_proof(world: Path, bounds: Path) -> None:
    code, said = proving(world, "again", "first", "--bounds", world / "bounds.toml")
    assert (code, said["openings_left"]) == (0, [1])
    assert (world / "again" / "rules.json").read_bytes() == (bounds / "rules.json").read_bytes()


def test_an_owner_that_is_not_trusted_is_named(world: Path, distinct: Path, tmp_path: Path) -> None:
    done("key", "new", "Other", "--home", tmp_path)
    refused(run("verify", distinct, "--trusted", tmp_path), 3, "SignatureError", "Owner")
    done("verify", distinct, "--trusted", world / "owner")


def test_a_rule_that_does_not_hold_costs_nothing(world: Path, bounds: Path, tmp_path: Path) -> None:
    refused(proving(world, "false", "twice"), 4, "StatementError", "row 0 and row 2 are the same record")
    shared = ("first", "second", "--column", "age")
    refused(proving(world, "false", *shared), 4, "StatementError", "row 1 of dataset 0 and row 1 of dataset 1")
    (tmp_path / "bounds.toml").write_text(BOUNDS.replace("40.5", "39.9"))
    refused(proving(world, "false", "first", "--bounds", tmp_path / "bounds.toml"), 4, "StatementError", "column 0")
    assert not (world / "false").exists()
    left = {one["name"]: one["openings_left"] for one in done("status", "--home", world / "owner")["datasets"]}
    assert left == {"first": 1, "second": 2, "twice": 3}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "at least one [[bound]]"),
        ('[[bound]]\ncolumn = "age"\nmeasure = "mean"\nat_least = 1\n', "at_least and at_most"),
        ('[[bound]]\ncolumn = "size"\nmeasure = "mean"\nat_least = 1\nat_most = 2\n', "no column 'size'"),
        ('[[bound]]\ncolumn = "age"\nmeasure = "median"\nat_least = 1\nat_most = 2\n', "'median'"),
        ('[[bound]]\ncolumn = "age"\nmeasure = "rows"\nat_least = 1\nat_most = 2\n', "no measure 'rows'"),
    ],
)
def test_bounds_that_do_not_fit(world: Path, tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "bounds.toml").write_text(text)
    code, said = proving(world, "unfit", "second", "--bounds", tmp_path / "bounds.toml")
    assert code == 2, said
    assert words in said["message"]


def test_bounds_and_columns_do_not_go_together(world: Path) -> None:
    asked = ("first", "--column", "age", "--bounds", world / "bounds.toml")
    refused(proving(world, "both", *asked), 2, "InputError", "compares no columns")
    refused(proving(world, "unknown", "second", "--column", "size"), 2, "RecordError", "no column 'size'")


def verify_changed(folder: Path, signer: Identity, path: tuple[str | int, ...], value: Any) -> None:
    """Change a field of the record in `folder`, sign it again, and check that."""
    record = open_signed((folder / "rules.json").read_bytes(), DatasetRules).record
    said: Any = json.loads(json.dumps(record.to_predicate()))
    place = said
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    (folder / "rules.json").write_bytes(sign(DatasetRules.from_predicate(said), signer).envelope)
    verify_rules(folder / "rules.json")


@pytest.mark.parametrize(
    ("which", "path", "value"),
    [
        ("bounds", ("bounds", 0, "at_most"), "40.4"),
        ("bounds", ("bounds", 2, "column"), "sex=m"),
        ("bounds", ("bounds", 1, "measure"), "mean"),
        ("bounds", ("datasets", 0, "opening"), 3),
        ("bounds", ("datasets", 0, "opening"), 0),
        ("bounds", ("owner_name",), "Somebody"),
        ("bounds", ("created",), "2001-01-01T00:00:00Z"),
        ("bounds", ("rule",), "distinct"),
        ("distinct", ("columns",), ["age"]),
        ("distinct", ("datasets", 1, "opening"), 4),
        ("distinct", ("datasets", 1, "card"), "0" * 64),
        ("distinct", ("datasets", 1, "card_proof"), "0" * 64),
        ("distinct", ("proof",), "0" * 64),
    ],
)
def test_an_owner_cannot_sign_another_rule(
    world: Path, distinct: Path, bounds: Path, tmp_path: Path, which: str, path: tuple[str | int, ...], value: Any
) -> None:
    folder = shutil.copytree(world / which, tmp_path / "changed")
    with pytest.raises((ProofError, RecordError)):
        verify_changed(folder, Identity.load(world / "owner"), path, value)


def test_rows_of_another_owner_are_refused(world: Path, distinct: Path, tmp_path: Path) -> None:
    """Their card is genuine; but who signs a rule must have sealed the rows."""
    done("key", "new", "Other", "--home", tmp_path / "other")
    thief = Identity.load(tmp_path / "other")
    folder = shutil.copytree(distinct, tmp_path / "stolen")
    with pytest.raises(PassportError, match="another owner"):
        verify_changed(folder, thief, ("owner",), thief.public_key.hex())


def test_openings_end(world: Path, bounds: Path) -> None:
    assert proving(world, "sexes", "first", "--column", "age", "--column", "sex")[1]["openings_left"] == [0]
    asked = ("second", "first", "--column", "sex", "--column", "age", "--column", "ill")
    refused(proving(world, "none", *asked), 3, "BudgetError", "first is left", "bailee reseal")
    status = done("status", "--home", world / "owner")
    assert next(one["openings_left"] for one in status["datasets"] if one["name"] == "second") == 2


def test_papers_that_are_missing_are_named(bounds: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(bounds, tmp_path / "less")
    proof = open_signed((folder / "rules.json").read_bytes(), DatasetRules).record.proof
    (folder / "attachments" / proof).unlink()
    with pytest.raises(BaileeError, match="the rules' proof: attachment"):
        verify_rules(folder / "rules.json")
