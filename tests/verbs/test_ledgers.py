"""Plans that name a ledger, from Python: one embedded chain, served to owners, builder and reader."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import bailee
from bailee.adapters.chain.deployment import Configuration, deploy
from bailee.adapters.chain.embedded.memory import MemoryLedger
from bailee.adapters.chain.opening import embedded_chain
from bailee.errors import AuthorityError, InputError, PlanError, SessionError
from bailee.records import canonical, digest
from chains import Engine
from cli.test_ledger_models import _account
from cli.test_ledger_sessions import PASSPHRASE, _served
from commands import PLAN, SCHEMA, free_address
from evm import Contract, Evm, shipped
from rights import BOND, DISPUTE_BOND, WINDOW, Rights, Terms

ROWS = pd.DataFrame({"age": [30, 40, 50, 60], "sex": ["f", "m", "f", "m"], "ill": [0, 1, 1, 0]})
HIDDEN = """
name = "tiny-line"
purpose = "tests"
label = "ill"
loss = "logistic"
batch = "full"
epochs = 1
learning_rate = 0.5
[privacy]
mode = "private"
clip = 1
epsilon = 4
delta = 0.00001
"""


@dataclass
class World:
    """Two owners, each with a sealed dataset that is registered. ledger: as plans name it; url: its node."""

    folder: Path
    engine: Engine
    rights: Rights
    url: str
    owners: tuple[bailee.Party, bailee.Party]
    builder: bailee.Party
    grants: dict[str, bytes]

    @property
    def passphrase(self) -> Path:
        return self.folder / "passphrase"

    def plan(self, text: str) -> Any:
        ledger = f"{self.engine.chain.caip2}:{self.rights.grants.address}"
        return bailee.plan(text=f'ledger = "{ledger}"\n{text}')

    def give(self, owner: bailee.Party, plan: Any, to: bailee.Party | None = None) -> bailee.Grant:
        """A grant that the builder accepted on the ledger, too."""
        given, account = owner.grant("tiny", to or self.builder, plan), self.accounts[owner.name]
        work = self.works[owner.name]
        record = bytes.fromhex(given.signed.digest)
        self.grants[given.id] = self.rights.accept(
            Terms(work, self.rights.builder.address, record=record, salt=record), account, self.rights.builder
        )
        return given

    def spent(self, grant: bailee.Grant) -> int:
        """How often was spent under it."""
        return int(self.rights.evm.call(self.rights.grants, "grant", self.grants[grant.id])[11])

    def __post_init__(self) -> None:
        self.accounts, self.works = {}, {}
        for owner in self.owners:
            account = _account(owner.home)
            self.engine.fund(account.address, 10**20)
            card = owner.seal(ROWS, bailee.schema(text=SCHEMA)).card.signed
            work = self.rights.register(account, bytes.fromhex(digest(canonical(card.record.commitment))))
            self.rights.evm.do(account, self.rights.grants, "set_budget", work, 10**11, 10**15)
            self.accounts[owner.name], self.works[owner.name] = account, work


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("ledgers")
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
        first, second, builder = (bailee.init(name, folder / name) for name in ("Aachen", "Bern", "Maker"))
        server, thread, url = _served(engine)
        try:
            yield World(folder, engine, rights, url, (first, second), builder, {})
        finally:
            server.should_exit = True
            thread.join(10)


def test_owners_here_and_elsewhere_spend_once_each(world: World) -> None:
    plan = world.plan(PLAN.replace("rounds = 2", "rounds = 1"))
    first, second = world.owners
    here, there = world.give(first, plan), world.give(second, plan)
    address, parts, opens = free_address(), [], {"ledger": world.url, "passphrase_file": world.passphrase}
    joins = threading.Thread(
        target=lambda: parts.append(second.join(address, there, patience=60, account="main", **opens))
    )
    joins.start()
    made = world.builder.train(plan, [first, second.identity], listen=address, patience=60, **opens)
    joins.join()
    assert (world.spent(here), world.spent(there), len(parts)) == (1, 1, 1)
    offline, online = made.verify().facts["anchor"], made.verify(ledger=world.url).facts["anchor"]
    assert (offline["at_node"], len(offline["not_checked"])) == (False, 3)
    assert (online["at_node"], online["not_checked"]) == (True, [])


def test_a_hidden_model_on_rows_that_were_lent(world: World) -> None:
    plan, folder, (owner, _) = world.plan(HIDDEN), world.folder, world.owners
    grant = world.give(owner, plan)
    lent = [owner.lend(grant, world.builder, folder / "lent", openings=2)]
    opens = {"ledger": world.url, "passphrase_file": world.passphrase}
    with pytest.raises(SessionError, match="waiting for the spendings of"):
        world.builder.train_model(plan, lent, ledger=world.url)
    runs = world.builder.home / "models"
    run = runs / (runs / "newest").read_text()
    opening, anchor = run / "opening.json", run / "anchor.json"
    spent = owner.spend(opening, folder / "spent.json", **opens)
    kept = spent.read_bytes()
    assert owner.spend(opening, spent, account="main", grant=grant, **opens).read_bytes() == kept  # the same again
    assert world.spent(grant) == 1
    with pytest.raises(SessionError, match="waiting for the coins of"):
        world.builder.train_model(plan, lent, ledger=world.url, spent=[spent], resume=True)
    with pytest.raises(InputError, match="ask the trainer for its anchor"):
        owner.show_coin(opening, folder / "none")
    with pytest.raises(PlanError, match="names the ledger"):
        owner.show_coin(opening, folder / "none", anchor=anchor)
    coin = owner.show_coin(opening, folder / "coin.json", anchor=anchor, ledger=world.url)
    made = world.builder.train_model(plan, lent, ledger=world.url, coins=[coin], resume=True)
    assert made.verify(ledger=world.url).facts["anchor"]["not_checked"] == []


def test_a_trainer_spends_for_rows_of_its_own(world: World) -> None:
    plan, (owner, _) = world.plan(HIDDEN), world.owners
    grant = world.give(owner, plan, to=owner)
    opens = {"ledger": world.url, "account": "main", "passphrase_file": world.passphrase}
    with pytest.raises(PlanError, match="names the ledger"):
        owner.train_model(plan, [grant])
    made = owner.train_model(plan, [owner], **opens)
    assert (world.spent(grant), made.report["steps"]) == (1, 1)
    with pytest.raises(InputError, match="all of these lent"):
        world.builder.train_model(plan, [world.folder / "lent"], **opens)


def test_what_goes_together(world: World, tmp_path: Path) -> None:
    plan, (owner, _) = world.plan(PLAN.replace("tiny-plan", "other-plan")), world.owners
    grant = world.give(owner, plan)
    with pytest.raises(PlanError, match="names the ledger eip155:"):
        world.builder.train(plan, [owner], patience=5)
    with pytest.raises(InputError, match="is the chain of one folder"):
        world.builder.train(plan, [owner], ledger="embedded:", passphrase_file=world.passphrase)
    with pytest.raises(InputError, match="say at which node with ledger="):
        owner.join("127.0.0.1:1", grant, account="main")
    wrong = tmp_path / "wrong"
    wrong.write_text("another passphrase")
    wrong.chmod(0o600)
    with pytest.raises(AuthorityError, match="does not open"):
        world.builder.train(plan, [owner], ledger=world.url, passphrase_file=wrong)
    with pytest.raises(AuthorityError, match="does not open"):
        owner.join("127.0.0.1:1", grant, ledger=world.url, passphrase_file=wrong)
    assert world.spent(grant) == 0
