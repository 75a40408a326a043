"""What `pip install bailee` lays down: all that the sources have and nothing else; the core's packages alone run it."""

from __future__ import annotations

import email
import json
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

from wheels import ROOT, Built, build, environment

_PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
_RUN = """
import contextlib, io, json, sys
from bailee.cli import main
for arguments in json.loads(sys.argv[1]):
    sys.argv, out, err, code = ["bailee", *arguments], io.StringIO(), io.StringIO(), 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main()
        except SystemExit as end:
            code = end.code
    print(json.dumps([code, out.getvalue(), err.getvalue()]))
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    return build(tmp_path_factory.mktemp("wheel"))


def sources() -> set[str]:
    return {
        str(path.relative_to(ROOT / "src"))
        for path in (ROOT / "src/bailee").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def run(built: Built, folder: Path, calls: list[list[str]], *extras: str) -> list[tuple[int, str, str]]:
    """Each call of `bailee` in one process that has the wheel, the core's packages and those of the extras."""
    done = subprocess.run(
        [sys.executable, "-c", _RUN, json.dumps(calls)],
        env=environment(built, folder / "path", *extras),
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    return [tuple(json.loads(line)) for line in done.stdout.splitlines()]  # type: ignore[misc]


def test_wheel_has_every_file_of_the_sources_and_nothing_else(built: Built) -> None:
    with zipfile.ZipFile(built.wheel) as file:
        names = {name for name in file.namelist() if not name.startswith("bailee-")}
        metadata = email.message_from_bytes(file.read(f"bailee-{_PROJECT['version']}.dist-info/METADATA"))
        entries = file.read(f"bailee-{_PROJECT['version']}.dist-info/entry_points.txt").decode()
    assert names == sources()
    assert metadata["Requires-Python"] == ">=3.11"
    assert set(metadata.get_all("Provides-Extra", [])) == set(_PROJECT["optional-dependencies"])
    assert "bailee = bailee.cli:main" in entries


def test_source_archive_builds_the_same_files(built: Built, tmp_path: Path) -> None:
    with tarfile.open(built.archive) as file:
        inside = {member.name.partition("/")[2] for member in file.getmembers() if member.isfile()}
    here = {f"src/{name}" for name in sources()} | {"pyproject.toml", "README.md", "LICENSE"}
    assert here <= inside
    assert {name for name in inside - here if ".egg-info/" not in name} == {"PKG-INFO", "setup.cfg"}


def test_core_alone_runs_and_says_what_else_needs_which_extra(built: Built, tmp_path: Path) -> None:
    home, other = str(tmp_path / "home"), str(tmp_path / "other")
    passphrase = tmp_path / "passphrase"
    passphrase.touch(0o600)
    passphrase.write_text("correct horse\n")
    calls = [
        ["--version"],
        ["key", "new", "North", "--home", home],
        ["status", "--home", home, "--json"],
        ["serve", "--home", home],
        ["vault", "init", "--home", home, "--catalogue", "postgresql://127.0.0.1/none"],
        ["vault", "serve", "--home", home],
        ["ledger", "init", "--home", home],
        ["account", "new", "--home", home, "--passphrase-file", str(passphrase)],
        ["console", "--home", other],
    ]
    version, made, told, *lacking = run(built, tmp_path, calls)
    assert version == (0, f"bailee {_PROJECT['version']}\n", "")
    assert (made[0], told[0], json.loads(told[1])["name"]) == (0, 0, "North")
    wanted = ["api", "postgresql", "s3", "ledger", "ledger", "console"]
    for call, (code, out, err), extra in zip(calls[3:], lacking, wanted, strict=True):
        assert (code, out) == (2, ""), f"{call}: {out}{err}"
        assert f"pip install 'bailee[{extra}]'" in err, f"{call}: {err}"


@pytest.mark.parametrize(
    ("extra", "module"),
    [
        ("api", "bailee.server.api.application"),
        ("console", "bailee.server.console.application"),
        ("export", "bailee.release"),
        ("fingerprints", "bailee.own.fingerprints"),
        ("ledger", "bailee.adapters.chain.embedded.ledger"),
        ("mount", "bailee.server.mounting"),
        ("proxies", "bailee.seal.vault.share.proxies"),
        ("postgresql", "psycopg"),
        ("s3", "bailee.server.s3.application"),
        ("sklearn", "bailee.estimators"),
    ],
)
def test_an_extra_brings_all_that_its_part_imports(built: Built, tmp_path: Path, extra: str, module: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", f"import bailee, {module}; print(bailee.__file__)"],
        env=environment(built, tmp_path / "path", extra),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.strip()).is_relative_to(built.unpacked)
