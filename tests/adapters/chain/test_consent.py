"""Training under a ledger over real contracts, on each engine: sessions, kills, refusals, readers with a node."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from eth_account.signers.local import LocalAccount

from bailee.adapters.chain.chain import Chain
from bailee.adapters.chain.consent import ChainConsent, opened_with
from bailee.adapters.chain.deployment import Configuration, deploy
from bailee.errors import (
    AuthorityError,
    BaileeError,
    BudgetError,
    ChainError,
    GrantError,
    InputError,
    PassportError,
    SessionError,
)
from bailee.records import AnchoredPassport, canonical, digest
from bailee.train.events import Event
from bailee.train.holding import Holding
from bailee.verify.passport import verify_passport
from bailee.verify.statement import ProvenStatement
from chains import Engine, engine  # noqa: F401
from evm import Contract, Evm, shipped
from parties import PLAN as OFF_LEDGER
from parties import Cast, Killed, PretendCards, make_cast, pretend_verify, run_session
from rights import BOND, DISPUTE_BOND, WINDOW, Rights, Terms, work_id

EMBEDDED = pytest.mark.parametrize("engine", ["embedded"], indirect=True, scope="module")
"""For what a session does after the chain has answered: that chains answer alike, other tests here show."""
EPSILON, DELTA = 8 * 10**9, 10**13
"""What a session of `parties.PLAN` may cost, in units."""


@pytest.fixture(scope="module")
def built(engine: Engine) -> Rights:  # noqa: F811
    evm = Evm(engine)
    arbiters = tuple(one.address for one in evm.accounts[6:9])
    found = deploy(engine.chain, evm.accounts[9], Configuration(arbiters, 2, 2, WINDOW, BOND, DISPUTE_BOND))
    names = ("Arbiters", "Verifiers", "Registry", "Grants")
    return Rights(evm, *(Contract(getattr(found, name.lower()), shipped(name).abi) for name in names))


@pytest.fixture
def rights(built: Rights) -> Iterator[Rights]:
    before = built.evm.snapshot()
    yield built
    built.evm.revert(before)


@dataclass
class World:
    rights: Rights
    cast: Cast
    grants: list[bytes]

    @property
    def chain(self) -> Chain:
        return self.rights.evm.engine.chain

    def account(self, place: int) -> LocalAccount:
        return self.rights.evm.accounts[2 + place]

    def send(self, who: LocalAccount, name: str, *arguments: Any) -> None:
        self.rights.evm.nonces.clear()  # sessions send, too
        self.rights.evm.do(who, self.rights.grants, name, *arguments)


def ledger_of(rights: Rights) -> str:
    return f"{rights.evm.engine.chain.caip2}:{rights.grants.address.lower()}"


def commitment_of(holding: Holding) -> bytes:
    return bytes.fromhex(digest(canonical(holding.card.record.commitment)))


def make_world(rights: Rights, root: Path, sizes: tuple[int, ...] = (20, 30)) -> World:
    """Every owner's dataset is registered with a budget for two sessions, its grant accepted by the builder."""
    plan = replace(OFF_LEDGER, ledger=ledger_of(rights))
    cast = make_cast(root, sizes, plan)
    world = World(rights, cast, [])
    world.cast = replace(cast, node=lambda name: opened_with(world.chain, _account(world, name)))
    for place, holding in enumerate(cast.owners):
        work = rights.register(world.account(place), commitment_of(holding))
        world.send(world.account(place), "set_budget", work, 2 * EPSILON, 2 * DELTA)
        world.grants.append(accept(world, place, work))
    return world


def accept(world: World, place: int, work: int, **more: Any) -> bytes:
    record = bytes.fromhex(world.cast.owners[place].grant.digest)
    terms = Terms(work, world.rights.builder.address, record=record, epsilon=EPSILON, delta=DELTA)
    return world.rights.accept(replace(terms, **more), world.account(place), world.rights.builder)


def _account(world: World, name: str) -> LocalAccount | None:
    return None if name == "builder" else world.account(int(name.removeprefix("owner")))


@pytest.fixture
def world(rights: Rights, tmp_path: Path) -> World:
    return make_world(rights, tmp_path)


def verified(path: Path, chain: Chain | None) -> ProvenStatement:
    opened = None if chain is None else opened_with(chain)
    return verify_passport(path, cards=PretendCards(), gradients=pretend_verify, open_books=opened)


def test_a_session_on_real_contracts(world: World) -> None:
    outcome, said = run_session(world.cast)
    assert outcome is not None, said
    record = outcome.passport.record
    assert isinstance(record, AnchoredPassport)
    anchor = verified(outcome.path, world.chain).anchor
    assert anchor is not None
    assert anchor.at_node
    session, evm = bytes.fromhex(record.session), world.rights.evm
    blocks = []
    for place, holding in enumerate(world.cast.owners):
        (part,) = [one for one in record.owners if one.owner == holding.key]
        block, epsilon, delta, noise = evm.call(world.rights.grants, "spending", world.grants[place], session)
        assert (noise.hex(), delta) == (part.noise, DELTA)
        assert epsilon == int(part.epsilon.replace(".", "").ljust(len(part.epsilon.split(".")[0]) + 9, "0"))
        blocks.append(block)
    assert anchor.block == max(blocks) + 1
    assert anchor.hash == world.chain.block(anchor.block).hash.hex()
    again = replace(world.cast, root=world.cast.root / "again")  # owners that forgot what they spent
    outcome, said = run_session(again)
    assert outcome is None
    assert isinstance(said["owner0"], BudgetError)
    assert "the grant's limit on the ledger is epsilon 8" in str(said["owner0"])


@EMBEDDED
@pytest.mark.parametrize("moment", ["before", "after", "spent"])
def test_a_party_killed_around_its_spending_spends_once(world: World, moment: str) -> None:
    real = world.cast.node
    assert real is not None

    def opened(name: str) -> Callable[[str], ChainConsent]:
        def open_it(ledger: str) -> ChainConsent:
            consent = real(name)(ledger)
            if name == "owner0" and moment in ("before", "after"):
                spend = consent.spend

                def dying(*arguments: Any) -> None:
                    if moment == "after":
                        spend(*arguments)
                    raise Killed

                consent.spend = dying
            return consent

        return open_it

    def watch(name: str, event: Event) -> None:
        if (name, event.stage) == ("owner0", moment):
            raise Killed

    outcome, said = run_session(replace(world.cast, node=opened), watch=watch)
    assert outcome is None
    assert isinstance(said["owner0"], Killed)
    outcome, said = run_session(world.cast, resume=True)
    assert outcome is not None, said
    verified(outcome.path, world.chain)
    for grant in world.grants:
        assert world.rights.evm.call(world.rights.grants, "grant", grant)[11] == 1  # sessions


def revoke(world: World) -> None:
    work = work_id(world.account(0).address, commitment_of(world.cast.owners[0]))
    world.send(world.account(0), "revoke", work, world.grants[0])


def no_budget(world: World) -> None:
    work = work_id(world.account(0).address, commitment_of(world.cast.owners[0]))
    world.send(world.account(0), "set_budget", work, EPSILON // 2, DELTA)


def other_spender(world: World) -> None:
    real = world.cast.node
    assert real is not None
    stranger = opened_with(world.chain, world.rights.evm.accounts[5])
    world.cast = replace(world.cast, node=lambda name: stranger if name == "owner0" else real(name))


def no_account(world: World) -> None:
    world.cast = replace(world.cast, node=lambda name: opened_with(world.chain))


REFUSED: dict[str, tuple[Callable[[World], None], type[BaileeError], str]] = {
    "revoked": (revoke, GrantError, "was revoked on the ledger in block"),
    "budget": (no_budget, BudgetError, "the dataset's budget on the ledger is epsilon 4"),
    "another account": (other_spender, AuthorityError, "neither owns the work nor is approved"),
    "no account": (no_account, InputError, "--account"),
}


@EMBEDDED
@pytest.mark.parametrize("name", REFUSED)
def test_an_owner_without_consent_shows_no_coin(world: World, name: str) -> None:
    change, error, words = REFUSED[name]
    change(world)
    outcome, said = run_session(world.cast)
    assert outcome is None
    assert isinstance(said["owner0"], error), said
    assert words in str(said["owner0"])


@EMBEDDED
def test_a_dataset_that_is_not_registered_or_not_granted(rights: Rights, tmp_path: Path) -> None:
    cast = make_cast(tmp_path, (20,), replace(OFF_LEDGER, ledger=ledger_of(rights)))
    world = World(rights, cast, [])
    cast = replace(cast, node=lambda name: opened_with(world.chain, _account(world, name)))
    assert "not registered" in str(run_session(cast)[1]["owner0"])
    work = rights.register(world.account(0), commitment_of(cast.owners[0]))
    assert "no grant on the plan's ledger" in str(run_session(cast)[1]["owner0"])
    accept(world, 0, work, record=bytes(32))
    assert "no grant on the plan's ledger" in str(run_session(cast)[1]["owner0"])
    accept(world, 0, work, not_before=2**39)
    assert "the ledger's time is" in str(run_session(cast)[1]["owner0"])
    accept(world, 0, work)  # one that is live, beside one that is not
    assert "budget on the ledger is epsilon 0" in str(run_session(cast)[1]["owner0"])


@EMBEDDED
def test_a_second_registration_of_the_same_rows_has_no_budget_of_its_own(world: World) -> None:
    """Its owner would double what it may spend; what the first registration holds counts."""
    other = world.rights.evm.accounts[5]
    work = world.rights.register(other, commitment_of(world.cast.owners[0]))
    world.send(other, "set_budget", work, 10 * EPSILON, 10 * DELTA)
    record = bytes.fromhex(world.cast.owners[0].grant.digest)
    terms = Terms(work, world.rights.builder.address, record=record, epsilon=EPSILON, delta=DELTA, salt=b"2" * 32)
    second = world.rights.accept(terms, other, world.rights.builder)
    real = world.cast.node
    assert real is not None

    class Sly(ChainConsent):
        def live_grant(self, *_: Any) -> str:
            return second.hex()

    def sly(ledger: str) -> ChainConsent:
        return Sly(world.chain, ledger, other)

    cast = replace(world.cast, node=lambda name: sly if name == "owner0" else real(name))
    outcome, said = run_session(cast)
    assert outcome is None
    assert isinstance(said["builder"], SessionError), said
    assert "not the first registered" in str(said["builder"])


@EMBEDDED
def test_a_passport_and_another_chain(world: World) -> None:
    outcome, said = run_session(world.cast)
    assert outcome is not None, said
    grants = outcome.passport.record.plan["ledger"]
    with pytest.raises(InputError, match="and the node on"):
        ChainConsent(world.chain, str(grants).replace("eip155:", "eip155:9"))
    for address in ("0x" + "ab" * 20, world.rights.registry.address, world.rights.arbiters.address):
        with pytest.raises(ChainError, match="no ledger answers"):
            ChainConsent(world.chain, f"{world.chain.caip2}:{address.lower()}")
    revoke(world)  # afterwards: what was spent was spent under a live grant
    assert verified(outcome.path, world.chain).anchor is not None


def test_a_chain_that_took_another_way(rights: Rights, tmp_path: Path) -> None:
    """The blocks of the session are reorganised away; others of the same numbers come."""
    world = make_world(rights, tmp_path, (20,))
    fork = rights.evm.snapshot()
    outcome, said = run_session(world.cast)
    assert outcome is not None, said
    rights.evm.revert(fork)
    rights.evm.engine.mine(9)
    with pytest.raises(PassportError, match=r"ledger: the ledger has no spending"):
        verified(outcome.path, world.chain)


def test_waiting_for_a_block(world: World) -> None:
    consent = ChainConsent(world.chain, ledger_of(world.rights))
    now = world.chain.block()
    assert consent.await_block(now.number, 0) == now.hash.hex()
    assert consent.await_block(now.number, 0.2, "e" * 64) == now.hash.hex()  # what it has, in the end
    assert consent.await_block(now.number + 5, 0.2) is None
    consent.follow(now.number)  # without an account it cannot
    assert world.chain.block() == now
    own = ChainConsent(world.chain, ledger_of(world.rights), world.account(0))
    own.follow(now.number)
    own.follow(now.number)  # there is one already
    assert world.chain.block().number == now.number + 1
