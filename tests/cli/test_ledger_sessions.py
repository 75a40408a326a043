"""A session under a ledger through the command line: one embedded chain, served to owner, builder and reader."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import uvicorn
from eth_account.signers.local import LocalAccount

from bailee.adapters.chain.accounts import create_account, open_account
from bailee.adapters.chain.deployment import Configuration, deploy
from bailee.adapters.chain.embedded.memory import MemoryLedger
from bailee.adapters.chain.embedded.methods import Methods
from bailee.adapters.chain.embedded.serve import Application
from bailee.adapters.chain.opening import embedded_chain
from bailee.keys import Secret
from bailee.records import Grant, canonical, digest, open_passport, open_signed
from bailee.seal import open_dataset
from chains import Engine
from commands import PLAN, free_address, give, make_world, refused, run, start
from evm import Contract, Evm, shipped
from ports import free_port
from rights import BOND, DISPUTE_BOND, WINDOW, Rights, Terms

PASSPHRASE = "correct horse battery"


@dataclass
class World:
    folder: Path
    url: str
    rights: Rights
    owner: LocalAccount
    grant: str

    @property
    def sessions(self) -> int:
        """How often was spent under the grant."""
        record = self.rights.evm.call(self.rights.grants, "grant", bytes.fromhex(self.grant_on_ledger))
        return int(record[11])

    grant_on_ledger: str = ""


def _served(engine: Engine) -> tuple[uvicorn.Server, threading.Thread, str]:
    port = free_port()
    application = Application(Methods(engine.chain.web3.provider.ledger))  # type: ignore[attr-defined]
    server = uvicorn.Server(uvicorn.Config(application, host="127.0.0.1", port=port, log_level="error", ws="none"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    return server, thread, f"http://127.0.0.1:{port}"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The owner's dataset is registered by its own account, its grant accepted by the builder's."""
    folder = make_world(tmp_path_factory.mktemp("ledger"))
    plan = PLAN.replace("rounds = 2", "rounds = 1")  # what is tested comes before the first round, and after the last
    with embedded_chain(MemoryLedger()) as chain:
        engine = Engine("embedded", chain)
        for one in engine.accounts:
            engine.fund(one.address, 10**20)
        evm = Evm(engine)
        arbiters = tuple(one.address for one in evm.accounts[6:9])
        found = deploy(chain, evm.accounts[9], Configuration(arbiters, 2, 2, WINDOW, BOND, DISPUTE_BOND))
        names = ("Arbiters", "Verifiers", "Registry", "Grants")
        rights = Rights(evm, *(Contract(getattr(found, name.lower()), shipped(name).abi) for name in names))
        (folder / "passphrase").write_text(PASSPHRASE)
        (folder / "passphrase").chmod(0o600)
        secret = Secret(PASSPHRASE.encode())
        create_account(folder / "owner", "main", secret, scrypt_n=2**12)
        owner = open_account(folder / "owner", "main", secret)
        engine.fund(owner.address, 10**20)
        ledger = f"{chain.caip2}:{rights.grants.address}"
        (folder / "plan.toml").write_text(f'ledger = "{ledger}"\n{plan}')
        given = give(folder)[1]
        card = open_dataset(folder / "owner" / "datasets" / "tiny").card
        work = rights.register(owner, bytes.fromhex(digest(canonical(card.record.commitment))))
        evm.do(owner, rights.grants, "set_budget", work, 10**10, 10**13)
        record = open_signed(Path(given["file"]).read_bytes(), Grant).digest
        on_ledger = rights.accept(
            Terms(work, rights.builder.address, record=bytes.fromhex(record)), owner, rights.builder
        )
        server, thread, url = _served(engine)
        try:
            yield World(folder, url, rights, owner, given["grant"], on_ledger.hex())
        finally:
            server.should_exit = True
            thread.join(10)


def joining(world: World, address: str, *more: str) -> tuple[str | Path, ...]:
    account = ("--account", "main", "--passphrase-file", world.folder / "passphrase", "--ledger", world.url)
    return ("join", address, "--grant", world.grant, *account, "--home", world.folder / "owner", *more)


def training(world: World, address: str, *more: str) -> tuple[str | Path, ...]:
    plan = ("train", world.folder / "plan.toml", "--owner", world.folder / "owner", "--listen", address)
    out = ("--out", world.folder / "passport", "--home", world.folder / "builder")
    return (*plan, "--ledger", world.url, *out, *more)


def test_a_session_that_is_killed_after_its_spending_goes_on(world: World) -> None:
    address, folder = free_address(), world.folder
    builder = start(folder / "builder-1.log", *training(world, address))
    owner = start(folder / "owner-1.log", *joining(world, address))
    end = time.monotonic() + 300
    while "waiting for the block after" not in owner.said:
        assert time.monotonic() < end, owner.said + builder.said
        assert owner.process.poll() is None, owner.said + builder.said
        time.sleep(0.005)
    owner.process.kill()
    owner.wait()
    builder.wait()
    assert world.sessions == 1
    address = free_address()
    builder = start(folder / "builder-2.log", *training(world, address, "--resume"))
    owner = start(folder / "owner-2.log", *joining(world, address, "--resume"))
    assert (builder.wait(), owner.wait()) == (0, 0), builder.said + owner.said
    assert world.sessions == 1
    assert PASSPHRASE not in owner.said
    passport = open_passport((folder / "passport" / "passport.json").read_bytes()).record
    assert passport.VERSION == 2
    code, offline = run("verify", folder / "passport")
    assert (code, offline["anchor"]["at_node"], len(offline["anchor"]["not_checked"])) == (0, False, 3)
    code, online = run("verify", folder / "passport", "--ledger", world.url)
    assert (code, online["anchor"]["at_node"], online["anchor"]["not_checked"]) == (0, True, [])
    assert offline["anchor"]["hash"] == online["anchor"]["hash"]
    other = embedded_chain(MemoryLedger())
    with other:
        server, thread, url = _served(Engine("embedded", other))
        refused(run("verify", folder / "passport", "--ledger", url), 2, "InputError", "and the node on")
        server.should_exit = True
        thread.join(10)
    refused(run("verify", folder / "passport", "--ledger", "http://127.0.0.1:1"), 6, "ChainError", "does not answer")
    refused(run("verify", folder / "passport", "--ledger", "file://x"), 2, "InputError", "http://")


def test_what_goes_together(world: World, tmp_path: Path) -> None:
    home, address = world.folder / "owner", "127.0.0.1:1"
    join = ("join", address, "--grant", world.grant, "--home", home)
    refused(run(*join, "--account", "main"), 2, "InputError", "--ledger")
    refused(run(*join, "--account", "none", "--ledger", world.url), 2, "NotFoundError", "none")
    refused(run(*join, "--passphrase-file", world.folder / "passphrase"), 2, "InputError", "--ledger")
    wrong = tmp_path / "wrong"
    wrong.write_text("another passphrase")
    wrong.chmod(0o600)
    options = ("--ledger", world.url, "--passphrase-file", wrong)  # the only account, where none is named
    refused(run(*join, *options), 3, "AuthorityError", "does not open")
    train = ("train", world.folder / "plan.toml", "--owner", home, "--home", world.folder / "builder")
    refused(run(*train), 2, "PlanError", "--ledger")


def test_the_passphrase_comes_from_a_descriptor(world: World) -> None:
    reading, writing = os.pipe()
    os.write(writing, PASSPHRASE.encode())
    os.close(writing)
    options = ("--account", "main", "--ledger", world.url, "--passphrase-fd", str(reading), "--patience", "1")
    join = ("join", "127.0.0.1:1", "--grant", world.grant, "--home", world.folder / "owner")
    refused(run(*join, *options), 5, "SessionError")
    os.close(reading)
