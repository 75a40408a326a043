"""What a real bash completes with the script that `bailee completion bash` prints."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import typer.main
from typer.testing import CliRunner

from bailee.cli import completing
from bailee.cli.app import tree
from bailee.cli.entries import ENTRIES
from commands import app, give, make_world

BASH = shutil.which("bash")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    world = make_world(tmp_path_factory.mktemp("completing"))
    code, said = give(world)
    assert code == 0
    program = world / "bailee"
    program.write_text(f'#!{sys.executable}\nfrom bailee.cli import main\n\nmain()\n')  # fmt: skip
    program.chmod(0o755)
    return world, said["grant"]


def completed(world: Path, *lines: str) -> list[list[str]]:
    """For each line, what a person who pressed Tab at its end is shown."""
    script = """
        eval "$(bailee completion bash)"
        found=$(complete -p bailee | sed 's/.*-F \\([^ ]*\\) .*/\\1/')
        while IFS= read -r line; do
            read -r -a COMP_WORDS <<< "$line"
            [[ $line == *" " ]] && COMP_WORDS+=("")
            COMP_CWORD=$(( ${#COMP_WORDS[@]} - 1 ))
            "$found" bailee
            echo "${COMPREPLY[@]}"
        done
    """
    env = os.environ | {"PATH": f"{world}{os.pathsep}{os.environ['PATH']}"}
    env.pop("BAILEE_HOME", None)
    told = "".join(f"{line}\n" for line in lines)
    done = subprocess.run(
        [BASH or "bash", "--norc", "-c", script], env=env, input=told, capture_output=True, text=True, cwd=world,
        timeout=600,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    return [line.split() for line in done.stdout.splitlines()]


@pytest.mark.skipif(BASH is None, reason="needs bash")
def test_bash_is_given_names_with_spaces_in_quotes_and_nothing_that_it_would_run(
    world: tuple[Path, str], tmp_path: Path
) -> None:
    folder, _ = world
    for name in ("two words!", "two $(touch ran)", "two *", "two'", "plain"):
        place = tmp_path / "datasets" / name
        place.mkdir(parents=True)
        (place / "card.json").touch()
    (tmp_path / "remotes").mkdir()
    (tmp_path / "remotes" / "clinic.json").touch()
    start = f"bailee reseal --home {tmp_path} "
    every, begun, asked = completed(folder, start, start + "tw", f"bailee ask --home {tmp_path} c")
    assert " ".join(every) == "'two words!' plain"
    assert " ".join(begun) == "'two words!'"
    assert asked == ["clinic"]
    assert not (folder / "ran").exists()


@pytest.mark.skipif(BASH is None, reason="needs bash")
def test_bash_completes_commands_options_and_names(world: tuple[Path, str]) -> None:
    folder, grant = world
    commands, inner, option, dataset, given = completed(
        folder,
        "bailee re",
        "bailee key ",
        "bailee grant --unt",
        "bailee reseal --home owner t",
        "bailee join 127.0.0.1:7447 --home owner --grant ",
    )
    assert commands == [one.name for one in ENTRIES if one.name.startswith("re")]
    assert inner == ["new", "show"]
    assert option == ["--until"]
    assert dataset == ["tiny"]
    assert given == [grant]


def test_completion_of_a_commands_name_loads_no_command(world: tuple[Path, str]) -> None:
    tell = "import atexit, sys; atexit.register(lambda: print(*sys.modules, file=sys.stderr)); "
    asked = {"_BAILEE_COMPLETE": "complete_bash", "COMP_WORDS": "bailee se", "COMP_CWORD": "1"}
    done = subprocess.run(
        [sys.executable, "-c", tell + "from bailee.cli import main; main()"],
        env=os.environ | asked, capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    assert done.stdout.split() == ["seal", "serve"]
    loaded = set(done.stderr.split())
    assert not loaded & {f"bailee.cli.{one.place.partition(':')[0]}" for one in ENTRIES}
    assert not loaded & {"numpy", "pyarrow", "cryptography", "sqlalchemy"}


@pytest.mark.parametrize(("shell", "word"), [("bash", "complete -o"), ("zsh", "#compdef bailee"), ("fish", "complete")])
def test_every_shell_has_its_script(shell: str, word: str) -> None:
    done = CliRunner().invoke(app, ["completion", shell])
    assert done.exit_code == 0
    assert word in done.output
    assert "_BAILEE_COMPLETE=complete_" + shell in done.output


def test_another_shell_is_refused() -> None:
    done = CliRunner().invoke(app, ["completion", "tcsh"])
    assert done.exit_code == 2
    assert "tcsh" in done.output


def test_a_name_that_is_no_word_of_a_shell_is_not_offered(tmp_path: Path) -> None:
    for name in ("fine", "two words", "line\nbreak", ".hidden"):
        place = tmp_path / "datasets" / name
        place.mkdir(parents=True)
        (place / "card.json").touch()
    group = typer.main.get_command(tree())
    command = group.loaded("reseal")  # type: ignore[attr-defined]
    ctx = command.make_context("reseal", ["--home", str(tmp_path)], resilient_parsing=True)
    found = command.params[0].shell_complete(ctx, "")
    assert [one.value for one in found] == ["fine"]


@pytest.mark.parametrize(
    ("typed", "offered"), [("tw", ["'two words!'"]), ("'tw", ["two words!"]), ('"tw', []), ("two\nw", [])]
)
def test_quotes_that_are_open_are_not_opened_again(
    typed: str, offered: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "datasets" / "two words!"
    place.mkdir(parents=True)
    (place / "card.json").touch()
    for name, text in (("_BAILEE_COMPLETE", "complete_bash"), ("COMP_CWORD", "2")):
        monkeypatch.setenv(name, text)
    monkeypatch.setenv("COMP_WORDS", f"bailee\nreseal\n{typed}")
    ctx = typer.Context(typer.main.get_command(tree()))
    ctx.params["home"] = tmp_path
    assert completing.datasets(ctx, "tw") == offered
