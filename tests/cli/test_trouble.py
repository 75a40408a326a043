"""A full disk, Ctrl-C while sealing, tables without end: nothing is left half done, and a second try succeeds."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bailee.adapters.files import lock
from commands import BAILEE, SMALL, Running, give, make_world, refused, run, start

TEN_GB = 10 * 10**9


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_world(tmp_path_factory.mktemp("trouble"))


def nothing_left(world: Path, name: str) -> None:
    assert not (world / "owner" / "datasets" / name).exists()
    assert not list((world / "owner" / "datasets").glob(".*"))


def end(running: Running, code: int, *words: str) -> None:
    assert running.wait() == code, running.said
    for word in words:
        assert word in running.said
    assert "Traceback" not in running.said


def test_a_full_disk_while_sealing(world: Path) -> None:
    sealing = ("seal", world / "rows.csv", world / "schema.toml", "--as", "full", "--home", world / "owner")
    end(start(world / "full.log", *sealing, file_limit=SMALL), 6, "StorageError: no space left", "free space")
    nothing_left(world, "full")
    assert run(*sealing)[0] == 0


def test_ctrl_c_while_sealing(world: Path) -> None:
    (world / "long.csv").write_text("age,sex,ill\n" + "30,f,0\n40,m,1\n" * 30_000)
    sealing = ("seal", world / "long.csv", world / "schema.toml", "--as", "long", "--home", world / "owner")
    running = start(world / "long.log", *sealing)
    until = time.monotonic() + 300
    while "encode: done" not in running.said and time.monotonic() < until:
        time.sleep(0.01)
    running.process.send_signal(signal.SIGINT)
    end(running, 130, "Interrupted: stopped")
    nothing_left(world, "long")


def test_a_killed_run_is_swept_up_by_the_next(world: Path) -> None:
    draft = world / "owner" / "datasets" / ".draft-killed-0011"
    draft.mkdir()
    sealing = ("seal", world / "rows.csv", world / "schema.toml", "--as", "next", "--home", world / "owner")
    assert run(*sealing)[0] == 0
    assert not draft.exists()


# A process counts the memory of the one that started it as its own, so a small one starts it.
MEASURED = """
import resource, subprocess, sys
code = subprocess.run(sys.argv[1:]).returncode
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(used.ru_maxrss, used.ru_utime + used.ru_stime)
sys.exit(code)
"""


def test_ten_gigabytes_are_refused_early_and_in_little_memory(world: Path) -> None:
    """A sparse file: real rows first, more than a small memory ceiling takes, then a hole up to 10 GB."""
    table = world / "endless.csv"
    with table.open("wb") as file:
        file.write(b"age,sex,ill\n" + b"30,f,0\n40,m,1\n" * 1_000_000)
        file.truncate(TEN_GB)
    assert table.stat().st_size == TEN_GB
    sealing = ("seal", table, world / "schema.toml", "--as", "endless", "--memory", "64", "--home", world / "owner")
    done = subprocess.run([sys.executable, "-c", MEASURED, *BAILEE, *map(str, sealing)], capture_output=True, text=True)
    assert done.returncode == 2
    assert "SchemaError" in done.stderr
    assert "the limit is 64 MiB" in done.stderr
    memory, seconds = map(float, done.stdout.split()[-2:])
    assert memory < 1 << 20  # KiB: a tenth of the file; libraries and read-ahead, which varies from run to run
    assert seconds < 60  # of the processor; all of the file would take minutes
    nothing_left(world, "endless")
    table.unlink()


def test_a_pipe_is_refused(world: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    sealing = ("seal", tmp_path / "pipe", world / "schema.toml", "--as", "pipe", "--home", world / "owner")
    refused(run(*sealing), 2, "InputError", "is a pipe", "save it")
    nothing_left(world, "pipe")


def test_two_runs_in_one_folder(world: Path) -> None:
    given = give(world)[1]["grant"]
    with lock(world / "owner"):
        result = run("join", "127.0.0.1:1", "--grant", given, "--home", world / "owner")
    refused(result, 6, "StorageError", "another run is working", "wait for it to end")
