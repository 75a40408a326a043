"""The command line on small data: what a person sees, and the exit code of every kind of mistake."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import typer.main
from typer.testing import CliRunner

from bailee.cli.app import tree
from bailee.cli.entries import ENTRIES
from bailee.cli.one_command import Entry, OneCommandGroup
from commands import PLAN, app, give, make_world, refused, run


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_world(tmp_path_factory.mktemp("world"))


def test_keys_are_never_replaced(world: Path) -> None:
    before = (world / "owner" / "identity.pem").read_bytes()
    refused(run("key", "new", "Again", "--home", world / "owner"), 2, "InputError", "already holds an identity")
    assert (world / "owner" / "identity.pem").read_bytes() == before


def test_without_keys_it_says_how_to_make_them(tmp_path: Path) -> None:
    refused(run("status", "--home", tmp_path / "none"), 2, "InputError", "bailee init NAME --home")


def test_readable_keys_are_refused(world: Path, tmp_path: Path) -> None:
    run("key", "new", "Open", "--home", tmp_path)
    os.chmod(tmp_path / "identity.pem", stat.S_IRUSR | stat.S_IROTH)
    refused(run("key", "show", "--home", tmp_path), 6, "StorageError", "chmod 600")


@pytest.mark.parametrize(
    ("rows", "kind", "words"),
    [
        ("age,sex\n1,f\n", "SchemaError", ("'ill'",)),
        ("age,sex,ill\n101,f,0\n", "SchemaError", ("row 1", "age", "[0, 100]")),
        ("age,sex,ill\nNaN,f,0\n", "SchemaError", ("row 1", "age")),
        ("age,sex,ill\n1,x,0\n", "SchemaError", ("row 1", "sex", "known categories")),
        ("age,sex,ill\n1,f,\n", "SchemaError", ("row 1", "ill")),
        ("age,sex,ill\n", "InputError", ("no rows",)),
        ("", "InputError", ("empty",)),
    ],
)
def test_rows_that_do_not_fit(world: Path, tmp_path: Path, rows: str, kind: str, words: tuple[str, ...]) -> None:
    (tmp_path / "bad.csv").write_text(rows)
    command = ("seal", tmp_path / "bad.csv", world / "schema.toml", "--as", "bad", "--home", world / "owner")
    refused(run(*command), 2, kind, *words)
    assert not (world / "owner" / "datasets" / "bad").exists()


def test_a_dataset_is_never_overwritten(world: Path) -> None:
    command = ("seal", world / "rows.csv", world / "schema.toml", "--home", world / "owner")
    refused(run(*command), 2, "InputError", "exists already")


def test_a_name_that_leaves_the_folder_is_refused(world: Path) -> None:
    command = ("seal", world / "rows.csv", world / "schema.toml", "--as", "../out", "--home", world / "owner")
    refused(run(*command), 2, "InputError", "--as")


def test_rows_without_a_schema_are_not_sealed(world: Path) -> None:
    words = "the second file is the schema (TOML); docs/howto/own-table.md shows one"
    refused(run("seal", world / "rows.csv", "--home", world / "owner"), 2, "InputError", words)
    command = ("seal", world / "rows.csv", world / "rows.csv", "--home", world / "owner")
    refused(run(*command), 2, "SchemaError", "not TOML", words)


def test_a_private_key_is_not_taken_for_an_identity(world: Path) -> None:
    command = ("grant", "tiny", "--builder", world / "builder" / "identity.pem", "--plan", world / "plan.toml")
    refused(
        run(*command, "--home", world / "owner"), 2, "InputError", "identity.pem is the private key: never hand it out"
    )


def test_a_card_is_shown_and_checked(world: Path) -> None:
    code, said = run("card", "show", "tiny", "--check", "--home", world / "owner")
    assert (code, said["valid"], said["columns"]) == (0, True, ["age", "sex=f", "sex=m", "(bias)", "ill"])


def test_a_changed_card_is_refused(world: Path, tmp_path: Path) -> None:
    card = (world / "owner" / "datasets" / "tiny" / "card.json").read_bytes()
    other = b"B" if card[-30:-29] == b"A" else b"A"  # one character of the signature
    (tmp_path / "card.json").write_bytes(card[:-30] + other + card[-29:])
    code, said = run("card", "show", tmp_path / "card.json")
    assert (code, said["error"]) in ((3, "SignatureError"), (2, "RecordError"))


def test_a_grant_is_given_shown_and_taken_back(world: Path) -> None:
    code, said = give(world, "--until", "2099-12-31", "--field", "age")
    assert (code, said["until"]) == (0, "2099-12-31T23:59:59Z")
    assert said["fields"] == ["age", "(bias)"]
    status = run("status", "--home", world / "owner")[1]
    assert [one["state"] for one in status["grants"] if one["grant"] == said["grant"]] == ["holds"]
    assert run("revoke", said["grant"][:12], "--home", world / "owner")[0] == 0
    status = run("status", "--home", world / "owner")[1]
    assert [one["state"][:7] for one in status["grants"] if one["grant"] == said["grant"]] == ["revoked"]


@pytest.mark.parametrize(
    ("more", "code", "kind", "word"),
    [
        (("--field", "height"), 3, "GrantError", "height"),
        (("--until", "soon"), 2, "InputError", "2027-01-31"),
        (("--until", "2001-01-01"), 2, "RecordError", "before it begins"),
        (("--max-epsilon", "much"), 2, "RecordError", "much"),
    ],
)
def test_grants_that_make_no_sense(world: Path, more: tuple[str, ...], code: int, kind: str, word: str) -> None:
    refused(give(world, *more), code, kind, word)


def test_only_the_owner_can_revoke(world: Path) -> None:
    file = give(world)[1]["file"]
    refused(run("revoke", file, "--home", world / "builder"), 3, "GrantError", "only the owner")


def test_an_unknown_grant_lists_the_known(world: Path) -> None:
    refused(run("join", "127.0.0.1:1", "--grant", "zz", "--home", world / "owner"), 2, "InputError", "no grant 'zz'")


def test_nobody_listens(world: Path) -> None:
    given = give(world)[1]["grant"]
    command = ("join", "127.0.0.1:1", "--grant", given, "--patience", "1", "--home", world / "owner")
    refused(run(*command), 5, "SessionError", "no builder")
    said = CliRunner().invoke(app, [str(word) for word in command]).stderr
    assert "nobody answers at 127.0.0.1:1 yet (connection refused); trying for 1 s, see --patience; Ctrl-C" in said


def test_a_wrong_address_is_told_before_rows_are_decrypted(world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def opened(*_: object) -> None:
        raise RuntimeError("the rows were opened")

    monkeypatch.setattr("bailee.cli.training.hold", opened)
    given = give(world)[1]["grant"]
    command = ("join", "127.0.0.1:1", "--grant", given, "--patience", "1", "--home", world / "owner")
    refused(run(*command), 5, "SessionError", "no builder")


def test_nobody_comes(world: Path) -> None:
    command = ("train", world / "plan.toml", "--owner", world / "owner", "--listen", "127.0.0.1:0", "--patience", "1")
    refused(run(*command, "--home", world / "builder"), 5, "SessionError", "nobody connected")


def test_a_bad_plan_names_what_is_wrong(world: Path, tmp_path: Path) -> None:
    (tmp_path / "plan.toml").write_text(PLAN.replace("rounds = 2", "rounds = 0"))
    command = ("train", tmp_path / "plan.toml", "--owner", world / "owner", "--home", world / "builder")
    refused(run(*command), 2, "PlanError", "rounds")


def test_a_passport_that_is_none(world: Path) -> None:
    refused(run("verify", world / "plan.toml"), 2, "RecordError", "passport")
    refused(run("verify", world / "owner"), 2, "InputError", "is this a party's folder? name a passport's folder")
    refused(run("verify", world / "none.json"), 2, "InputError", "none.json")


def test_a_bad_address(world: Path) -> None:
    given = give(world)[1]["grant"]
    refused(run("join", "builder", "--grant", given, "--home", world / "owner"), 2, "InputError", "127.0.0.1")


def test_errors_without_json_are_one_message_and_no_traceback(world: Path) -> None:
    done = CliRunner().invoke(app, ["status", "--home", str(world / "none")])
    assert done.exit_code == 2
    assert done.stderr.startswith("InputError: ")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("words", [["status", "--json", "--hme", "x"], ["revoke", "--json"], ["tain", "--json"]])
def test_arguments_that_do_not_fit_are_json_for_machines(words: list[str]) -> None:
    done = CliRunner().invoke(app, words)
    said = json.loads(done.stdout)
    assert (done.exit_code, said["error"], said["exit_code"], done.stderr) == (2, "InputError", 2, "")
    assert said["message"]


def test_exit_codes_are_the_same_with_json(world: Path) -> None:
    assert CliRunner().invoke(app, ["status", "--json", "--home", str(world / "none")]).exit_code == 2
    assert CliRunner().invoke(app, ["status", "--json", "--home", str(world / "owner")]).exit_code == 0


def test_every_command_has_help_with_an_example() -> None:
    for command in ("seal", "reseal", "grant", "revoke", "join", "train", "verify", "status", "key new", "card show"):
        done = CliRunner().invoke(app, [*command.split(), "--help"])
        assert done.exit_code == 0
        assert f"bailee {command}" in " ".join(done.stdout.split())


def test_a_strangers_name_is_shown_as_it_is_and_never_read_as_markup():
    """Names come from other people's records: `[/x]` must neither crash the table nor style it."""
    from io import StringIO

    from rich.console import Console

    from bailee.cli.face import facts_table

    out = StringIO()
    Console(file=out, width=80).print(facts_table({"name": "[/x] [link=https://a.example]here[/link]"}))
    assert "[/x] [link=https://a.example]here[/link]" in out.getvalue()


def test_ids_and_paths_stay_whole_and_lists_are_folded(monkeypatch: pytest.MonkeyPatch):
    from bailee.cli.face import facts_table

    monkeypatch.setenv("COLUMNS", "40")
    path, fields = "sessions/" + "a" * 64 + "/passport.json", ", ".join(["age"] * 20)
    lines = facts_table({"passport": path, "fields": fields, "name": "a\nkey  b"}).plain.split("\n")
    assert lines[0] == f"passport  {path}"
    assert all(len(line) <= 40 and line == line.rstrip() for line in lines[1:])
    assert lines[-1] == "name      a key  b"


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_the_help_of_all_says_of_a_command_what_its_own_says(entry: Entry) -> None:
    """So that `bailee --help` need not load it."""
    whole = typer.main.get_command(tree())
    assert isinstance(whole, OneCommandGroup)
    shown, command = whole.commands[entry.name], whole.loaded(entry.name)
    assert command.help.split("\n\n")[0].replace("\n", " ") == shown.help == entry.line
    assert command.rich_help_panel == shown.rich_help_panel


def test_help_loads_no_command_and_a_command_no_other() -> None:
    def loaded(*words: str) -> set[str]:
        tell = "import atexit, sys; atexit.register(lambda: print(*sys.modules, file=sys.stderr)); "
        run = [sys.executable, "-c", tell + "from bailee.cli import main; main()", *words, "--help"]
        modules = subprocess.run(run, check=True, capture_output=True, text=True).stderr.split()
        return {f"bailee.cli.{entry.place.partition(':')[0]}" for entry in ENTRIES}.intersection(modules)

    assert loaded() == set()
    assert loaded("key") == {"bailee.cli.keys"}


def test_a_command_that_is_not_there_is_refused_with_one_that_is() -> None:
    done = CliRunner().invoke(app, ["tain"])
    assert done.exit_code == 2
    assert "No such command 'tain'" in done.output
    assert "'train'" in done.output
