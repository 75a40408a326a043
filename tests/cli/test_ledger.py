"""`bailee ledger` and `bailee account`: a chain made, funded, served, and the contracts on it."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

from bailee.adapters.chain.opening import open_chain
from bailee.errors import ChainError
from commands import free_address, refused, run, start

ARBITERS = [f"--arbiter=0x{number:040x}" for number in (1, 2, 3)]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With an account and a chain on which it has money."""
    home = tmp_path_factory.mktemp("home")
    (home / "passphrase").write_text("eine lange Losung\n")
    (home / "passphrase").chmod(0o600)
    code, made = run("account", "new", "--passphrase-file", home / "passphrase", "--home", home)
    assert (code, made["name"]) == (0, "main")
    code, said = run("ledger", "init", "--home", home)
    assert (code, said["block"], said["accounts"]) == (0, 0, {"main": "0"})
    assert run("ledger", "fund", "12.5", "--home", home)[1]["has"] == "12.5"
    return home


def test_accounts_are_listed_and_shown(home: Path) -> None:
    listed = run("account", "list", "--home", home)[1]["accounts"]
    assert [one["name"] for one in listed] == ["main"]
    assert run("account", "show", "--home", home)[1] == listed[0]
    again = run("account", "new", "--passphrase-file", home / "passphrase", "--home", home)
    refused(again, 2, "InputError", "never replaced")
    refused(run("account", "show", "other", "--home", home), 2, "NotFoundError", "has no account other")


def test_a_chain_is_made_once(home: Path, tmp_path: Path) -> None:
    refused(run("ledger", "init", "--home", home), 2, "InputError", "has an embedded chain already")
    refused(run("ledger", "status", "--home", tmp_path), 2, "InputError", "has no embedded chain yet")
    said = run("ledger", "init", "--chain-id", "31337", "--home", tmp_path)[1]
    assert (said["chain"], said["accounts"]) == ("eip155:31337", {})
    refused(run("ledger", "fund", "1", "--home", tmp_path), 2, "InputError", "which account?")


def test_contracts_are_deployed_once_and_found_again(home: Path) -> None:
    told = ("ledger", "deploy", *ARBITERS, "--passphrase-file", home / "passphrase", "--home", home)
    code, made = run(*told)
    assert (code, made["ledger"].rpartition(":")[2]) == (0, made["grants"].lower())
    block = run("ledger", "status", "--home", home)[1]["block"]
    assert run(*told)[1] == made
    assert run("ledger", "status", "--home", home)[1]["block"] == block
    refused(run(*told, "--dispute-bond", "much"), 2, "InputError", "expected an amount")


def test_a_served_chain_is_shared(home: Path) -> None:
    at = free_address()
    running = start(home / "serve.log", "ledger", "serve", "--listen", at, "--home", home)
    try:
        deadline = time.monotonic() + 300
        while True:
            try:
                with open_chain(f"http://{at}") as chain:
                    named = chain.caip2
                break
            except ChainError:
                assert running.process.poll() is None, running.said
                assert time.monotonic() < deadline
                time.sleep(0.05)
        url = f"--ledger=http://{at}"
        assert run("ledger", "status", url, "--home", home)[1]["chain"] == named
        funded = run("ledger", "fund", "1", url, "--home", home)
        refused(funded, 2, "InputError", "is it `bailee ledger serve --faucet`?")
    finally:
        running.process.send_signal(signal.SIGINT)
        assert running.wait() == 0, running.said
    assert run("ledger", "status", "--home", home)[1]["chain"] == named
