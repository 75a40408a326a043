"""`bailee init`: everything at once, and again."""

from __future__ import annotations

import os
import pty
import subprocess
from pathlib import Path

import pytest

from commands import BAILEE, refused, run


def test_a_party_in_one_step_and_again(tmp_path: Path) -> None:
    home = tmp_path / "owner"
    code, said = run("init", "Cleveland", "--home", home)
    assert (code, said["name"], said["made"], said["kept"]) == (0, "Cleveland", ["keys"], [])
    code, again = run("init", "--vault", "--home", home)
    assert (code, again["key"], again["made"], again["kept"]) == (0, said["key"], ["vault"], ["keys"])
    code, third = run("init", "Cleveland", "--vault", "--home", home)
    assert (code, third["made"], third["kept"]) == (0, [], ["keys", "vault"])
    assert run("vault", "status", "--home", home)[0] == 0
    assert any("bailee seal" in line for line in third["next"])


def test_a_chain_of_its_own(tmp_path: Path) -> None:
    pytest.importorskip("web3")
    code, said = run("init", "Cleveland", "--ledger", "--home", tmp_path)
    assert (code, said["made"]) == (0, ["keys", "ledger"])
    assert run("init", "--ledger", "--home", tmp_path)[1]["kept"] == ["keys", "ledger"]
    assert run("ledger", "status", "--home", tmp_path)[1]["block"] == 0


def test_keys_are_never_replaced_nor_renamed(tmp_path: Path) -> None:
    run("init", "Cleveland", "--home", tmp_path)
    refused(run("init", "Hungary", "--home", tmp_path), 2, "InputError", "is the folder of 'Cleveland'", "--home")


def test_without_a_terminal_nothing_is_asked(tmp_path: Path) -> None:
    refused(run("init", "--home", tmp_path / "new"), 2, "InputError", "bailee init NAME")
    assert not (tmp_path / "new").exists()


def test_on_a_terminal_it_asks(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    home = tmp_path / "asked"
    process = subprocess.Popen([*BAILEE, "init", "--home", str(home)], stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    os.write(ours, b"Cleveland Clinic\nn\n")
    told = b""
    try:
        while part := os.read(ours, 4096):
            told += part
    except OSError:  # how Linux says that the other side closed
        pass
    os.close(ours)
    assert process.wait(300) == 0, told
    assert b"How are others to know this party" in told
    assert b"bailee doctor" in told
    assert not (home / "vault.json").exists()
    assert run("key", "show", "--home", home)[1]["name"] == "Cleveland Clinic"
