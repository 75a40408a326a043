"""A hidden model under a ledger through the command line: one embedded chain, served to lender, trainer and reader."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from eth_account.signers.local import LocalAccount

from bailee.adapters.chain.accounts import create_account, open_account
from bailee.adapters.chain.deployment import Configuration, deploy
from bailee.adapters.chain.embedded.memory import MemoryLedger
from bailee.adapters.chain.opening import embedded_chain
from bailee.keys import Identity, Secret
from bailee.records import Anchor, Grant, canonical, digest, open_signed, sign
from bailee.records.model import AnchoredModelPassport, ModelOpening, open_model_passport
from bailee.seal import open_dataset
from chains import Engine
from cli.test_ledger_sessions import PASSPHRASE, _served
from commands import SCHEMA, refused, run
from evm import Contract, Evm, shipped
from rights import BOND, DISPUTE_BOND, WINDOW, Rights, Terms

PLAN = """
name = "tiny-net"
purpose = "tests"
label = "ill"
loss = "logistic"
batch = "full"
epochs = 2
learning_rate = 0.5

[privacy]
mode = "private"
clip = 1
epsilon = 4
delta = 0.00001
"""


@dataclass
class World:
    """`lender` has lent its dataset to `trainer`, who has one of its own: both registered, both grants accepted."""

    folder: Path
    url: str
    rights: Rights
    sets: list[str | Path]
    accounts: dict[str, LocalAccount]
    works: dict[str, int]
    grants: dict[str, bytes] = field(default_factory=dict)

    def spent(self, name: str) -> int:
        """How often was spent under a party's grant."""
        return int(self.rights.evm.call(self.rights.grants, "grant", self.grants[name])[11])

    def train(self, *more: str | Path) -> tuple[int, dict[str, Any]]:
        home = self.folder / "trainer"
        return run("train-model", self.folder / "plan.toml", *self.sets, *more, "--ledger", self.url, "--home", home)

    def spend(self, *more: str | Path) -> tuple[int, dict[str, Any]]:
        account = ("--account", "main", "--passphrase-file", self.folder / "passphrase")
        return run("spend", self.file("opening.json"), *account, *more, "--home", self.folder / "lender")

    def show(self, *more: str | Path) -> tuple[int, dict[str, Any]]:
        out = ("--out", self.folder / "coin.json", "--home", self.folder / "lender")
        return run("coin", "show", self.file("opening.json"), *more, *out)

    def file(self, name: str) -> Path:
        runs = self.folder / "trainer" / "models"
        return runs / (runs / "newest").read_text() / name


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("models")
    with embedded_chain(MemoryLedger()) as chain:
        engine = Engine("embedded", chain)
        for one in engine.accounts:
            engine.fund(one.address, 10**20)
        evm = Evm(engine)
        arbiters = tuple(one.address for one in evm.accounts[6:9])
        found = deploy(chain, evm.accounts[9], Configuration(arbiters, 2, 2, WINDOW, BOND, DISPUTE_BOND))
        names = ("Arbiters", "Verifiers", "Registry", "Grants")
        rights = Rights(evm, *(Contract(getattr(found, name.lower()), shipped(name).abi) for name in names))
        rows = "".join(f"{17 * n % 100},{'fm'[n % 2]},{int(17 * n % 100 > 50)}\n" for n in range(8))
        ledger = f"{chain.caip2}:{rights.grants.address}"
        for name, text in (
            ("schema.toml", SCHEMA), ("rows.csv", "age,sex,ill\n" + rows), ("passphrase", PASSPHRASE),
            ("plan.toml", f'ledger = "{ledger}"\n{PLAN}'), ("off.toml", PLAN),
        ):  # fmt: skip
            (folder / name).write_text(text)
        (folder / "passphrase").chmod(0o600)
        server, thread, url = _served(engine)
        try:
            made = World(folder, url, rights, [], {}, {})
            for name in ("trainer", "lender"):
                assert run("key", "new", name, "--home", folder / name)[0] == 0
            for name in ("lender", "trainer"):
                _settle(made, engine, name)
            yield made
        finally:
            server.should_exit = True
            thread.join(10)


def _settle(world: World, engine: Engine, name: str) -> None:
    """Keys, an account, a sealed dataset that is registered, and a grant that the trainer accepted."""
    home, folder, rights = world.folder / name, world.folder, world.rights
    sealing = ("seal", folder / "rows.csv", folder / "schema.toml", "--openings", "8", "--home", home)
    assert run(*sealing)[0] == 0
    account = _account(home)
    engine.fund(account.address, 10**20)
    giving = ("grant", "tiny", "--builder", folder / "trainer", "--plan", folder / "plan.toml", "--home", home)
    code, given = run(*giving)
    assert code == 0, given
    card = open_dataset(home / "datasets" / "tiny").card
    work = rights.register(account, bytes.fromhex(digest(canonical(card.record.commitment))))
    rights.evm.do(account, rights.grants, "set_budget", work, 10**10, 10**14)
    record = bytes.fromhex(open_signed(Path(given["file"]).read_bytes(), Grant).digest)
    offer = Terms(work, rights.builder.address, record=record)
    world.accounts[name], world.works[name] = account, work
    world.grants[name] = rights.accept(offer, account, rights.builder)
    if name == "trainer":
        world.sets += ["--dataset", home / "datasets" / "tiny", "--grant", given["grant"]]
    else:
        lending = ("lend", given["grant"], "--to", folder / "trainer", "--out", folder / "lent", "--home", home)
        assert run(*lending)[0] == 0
        world.sets += ["--dataset", folder / "lent"]


def _account(home: Path) -> LocalAccount:
    secret = Secret(PASSPHRASE.encode())
    create_account(home, "main", secret, scrypt_n=2**12)
    return open_account(home, "main", secret)


@pytest.mark.slow
def test_a_hidden_model_under_a_ledger_from_grant_to_passport(world: World) -> None:
    folder, spends = world.folder, ("--account", "main", "--passphrase-file", world.folder / "passphrase")
    node = ("--ledger", world.url)
    plan = ("train-model", folder / "plan.toml", *world.sets, "--home", folder / "trainer")
    refused(run(*plan), 2, "PlanError", "names the ledger eip155:", "--ledger")
    refused(run(*plan, *spends), 2, "InputError", "--ledger")
    # The trainer spends for its own dataset, and waits for the lender.
    waiting = world.train(*spends)
    refused(waiting, 5, "SessionError", "waiting for the spendings of", "bailee spend opening.json", "--spent FILE")
    assert (world.spent("trainer"), world.spent("lender")) == (1, 0)
    refused(world.show(*node), 2, "InputError", "after every owner has spent there", "--anchor")
    refused(world.spend(), 2, "PlanError", "--ledger")
    out = ("--out", folder / "spent.json")
    code, said = world.spend(*node, *out)
    assert code == 0, said
    assert (said["dataset"], said["grant"]) == ("tiny", world.grants["lender"].hex())
    kept = (folder / "spent.json").read_bytes()
    assert world.spend(*node, *out)[0] == 0  # the same again
    assert (folder / "spent.json").read_bytes() == kept
    assert (world.spent("trainer"), world.spent("lender")) == (1, 1)
    opening = open_signed(world.file("opening.json").read_bytes(), ModelOpening)
    spending = world.rights.evm.call(
        world.rights.grants, "spending", world.grants["lender"], bytes.fromhex(opening.record.session)
    )
    assert spending[3].hex() == opening.digest
    # Then for its coin.
    waiting = world.train("--resume", "--spent", folder / "spent.json")
    refused(waiting, 5, "SessionError", "waiting for the coins of", "coin show opening.json --anchor anchor.json")
    anchor = ("--anchor", world.file("anchor.json"))
    refused(world.show(*anchor), 2, "PlanError", "--ledger")
    _false_anchor(world)
    code, said = world.show(*anchor, *node)
    assert code == 0, said
    assert world.show(*anchor, *node)[0] == 0  # the same again
    code, said = world.train("--resume", "--coin", folder / "coin.json", "--out", folder / "model")
    assert code == 0, said
    assert (world.spent("trainer"), world.spent("lender")) == (1, 1)
    record = open_model_passport((folder / "model" / "passport.json").read_bytes()).record
    assert isinstance(record, AnchoredModelPassport)
    code, offline = run("verify", folder / "model")
    assert (code, offline["anchor"]["at_node"], len(offline["anchor"]["not_checked"])) == (0, False, 3)
    code, online = run("verify", folder / "model", *node)
    assert (code, online["anchor"]["at_node"], online["anchor"]["not_checked"]) == (0, True, [])
    assert online["anchor"]["hash"] == world.rights.evm.engine.chain.block(online["anchor"]["block"]).hash.hex()
    # A proof about the model: its passport is of the new version too.
    proving = ("prove-inference", record.session[:16], "--dataset", "tiny", "--row", "1", "--out", folder / "answer")
    code, said = run(*proving, "--home", folder / "trainer")
    assert code == 0, said
    assert run("verify", folder / "answer")[0] == 0
    refused(run("verify", folder / "answer", *node), 2, "InputError", "for the model's own ledger verify")
    # A second run has no budget left under these grants, and none at all under one that is taken back.
    refused(world.train(*spends), 3, "BudgetError", "'tiny' of ", "too little for this session")
    world.rights.evm.nonces.clear()  # accounts have acted without it
    for name, account in world.accounts.items():
        world.rights.evm.do(account, world.rights.grants, "revoke", world.works[name], world.grants[name])
    refused(world.train(*spends), 3, "GrantError", "'tiny' of ", "revoked on the ledger")
    assert (world.spent("trainer"), world.spent("lender")) == (1, 1)


def test_what_goes_together(world: World, tmp_path: Path) -> None:
    home = world.folder / "lender"
    text = (world.folder / "plan.toml").read_text().split("[privacy]")[0]
    (tmp_path / "open.toml").write_text(text + '[privacy]\nmode = "unprotected"\n')
    giving = ("grant", "tiny", "--builder", world.folder / "trainer", "--plan", tmp_path / "open.toml", "--unprotected")
    refused(run(*giving, "--home", home), 2, "PlanError", "ledger: an", "names none")
    lent = ("--dataset", world.folder / "lent", "--account", "main", "--ledger", world.url)
    training = ("train-model", world.folder / "plan.toml", *lent, "--home", world.folder / "trainer")
    refused(run(*training), 2, "InputError", "all of these were lent")
    off = ("train-model", world.folder / "off.toml", *lent[:2], *lent[4:], "--home", world.folder / "trainer")
    refused(run(*off), 2, "PlanError", "the plan names none")


def _false_anchor(world: World) -> None:
    """Of the trainer's own hand, with another transaction of its own: the lender's node knows better."""
    real, trainer = open_signed(world.file("anchor.json").read_bytes(), Anchor).record, world.folder / "trainer"
    identity = Identity.load(trainer)
    key = identity.public_key.hex()
    false = [replace(one, transaction="e" * 64) if one.owner == key else one for one in real.spendings]
    path = world.folder / "false.json"
    path.write_bytes(sign(replace(real, spendings=tuple(false)), identity).envelope)
    refused(world.show("--anchor", path, "--ledger", world.url), 5, "SessionError", "contradicts", "no coin was shown")
