"""A ledger through Python, from deployment to a rejected challenge; its refusals in words, its events as records."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from eth_account.signers.local import LocalAccount

from bailee.adapters.chain.artefacts import artefact
from bailee.adapters.chain.deployment import Addresses, Configuration, deploy
from bailee.adapters.chain.ledger import Ledger
from bailee.adapters.chain.ledger import events as said
from bailee.adapters.chain.ledger.facts import (
    NATIVE,
    WHOLE,
    ZERO,
    Budget,
    ClaimState,
    Kind,
    Naming,
    Part,
    SpendingState,
    Status,
    Verdict,
    word,
)
from bailee.adapters.chain.ledger.reasons import REASONS
from bailee.errors import (
    AuthorityError,
    BudgetError,
    ChainError,
    ConflictError,
    GrantError,
    InputError,
    NotFoundError,
    RevertError,
    SignatureError,
)
from bailee.records.offer import Offer, sign_offer
from chains import Engine, account, engine  # noqa: F401
from evm import Evm, shipped

ROOT = Path(__file__).parents[4]
WINDOW = 1000
CONFIGURATION = Configuration(
    tuple(account(number).address for number in (6, 7, 8)), 2, quorum=2, window=WINDOW, verifier_bond=10**18,
    dispute_bond=10**17,
)  # fmt: skip
ROWS, MODEL, SESSION, EVIDENCE = (f"{number:064x}" for number in (1, 2, 3, 4))


@pytest.fixture(scope="module")
def deployed(engine: Engine) -> tuple[Engine, Addresses]:  # noqa: F811
    return engine, deploy(engine.chain, engine.accounts[9], CONFIGURATION)


@pytest.fixture
def world(deployed: tuple[Engine, Addresses]) -> Any:
    engine, addresses = deployed  # noqa: F811
    snapshot = engine.snapshot()
    yield World(engine, addresses)
    engine.revert(snapshot)


class World:
    def __init__(self, engine: Engine, addresses: Addresses) -> None:  # noqa: F811
        self.engine, self.addresses = engine, addresses
        self.owner, self.builder = self.as_(0), self.as_(1)
        self.owner_account: LocalAccount = engine.accounts[0]

    def as_(self, number: int) -> Ledger:
        return Ledger(self.engine.chain, self.addresses, self.engine.accounts[number])

    def registered(self) -> int:
        self.owner.registry.register(Kind.DATASET, Naming(ROWS), uri="ipfs://card")
        return self.owner.registry.id_of(ROWS)

    def offer(self, work: int, **terms: Any) -> Offer:
        first = Offer(
            work, self.engine.accounts[1].address, ZERO, ZERO, ZERO, ZERO, 0, 2**40, NATIVE, 0, 10**8, 4 * 10**9,
            10**13, ZERO,
        )  # fmt: skip
        return replace(first, **terms)

    def granted(self, work: int, **terms: Any) -> str:
        signed = sign_offer(self.offer(work, **terms), self.owner_account, self.owner.name)
        sent = self.builder.grants.accept(signed.offer, signed.signature)
        assert sent.one(said.Accepted).grant == signed.id
        return signed.id

    def decide(self, case: str, upheld: bool) -> None:
        for judge in (6, 7):
            self.as_(judge).arbiters.vote(case, upheld)


def test_a_work_from_reservation_to_sale(world: World) -> None:
    owner, registry = world.owner_account.address, world.owner.registry
    reserved = registry.reserve(ROWS, salt="07" * 32)
    naming = Naming(ROWS, *(f"{number:064x}" for number in (21, 22, 23, 24)))
    sent = registry.register(
        Kind.DATASET, naming, fingerprint=b"print", uri="ipfs://card", resale=250, salt="07" * 32
    )  # fmt: skip
    work = registry.work(registry.id_of(ROWS))
    assert (work.kind, work.naming, work.since, work.registered) == (Kind.DATASET, naming, reserved.block, sent.block)
    assert (work.owner, work.uri, work.resale, work.status) == (owner, "ipfs://card", 250, Status.GOOD)
    event = sent.one(said.Registered)
    assert event == said.Registered(
        event.where, work.id, owner, ROWS, 1, naming, b"print", "ipfs://card", work.shares, reserved.block
    )
    assert (event.where.block, event.where.transaction, event.where.contract) == (
        sent.block, sent.transaction, registry.address
    )  # fmt: skip
    assert registry.first(ROWS) == work.id
    assert registry.first(MODEL) is None
    assert registry.royalty(work.id, 10_000) == (work.shares, 250)
    assert world.owner.shares(work.id).work == work.id
    registry.approve(work.id, world.engine.accounts[1].address)
    world.builder.registry.transfer(work.id, world.engine.accounts[1].address)
    assert registry.owner(work.id) == world.engine.accounts[1].address
    assert world.owner.shares(work.id).units(owner) == WHOLE  # what it earns is not sold along


def test_a_dataset_trained_on_and_a_model_that_pays(world: World) -> None:
    work = world.registered()
    shares = world.owner.shares(work)
    grant = world.granted(work, price=1000)
    assert shares.claimable(world.owner_account.address) == 1000
    assert world.owner.grants.live(grant)
    state = world.owner.grants.grant(grant)
    assert state is not None
    assert (state.work, state.builder, state.royalty) == (work, world.engine.accounts[1].address, 10**8)
    world.owner.grants.set_budget(work, 10**10, 10**14)
    spent = world.owner.grants.spend(grant, SESSION, 10**9, 10**12, EVIDENCE)
    assert spent.one(said.Spent) == said.Spent(
        spent.events[0].where, grant, work, SESSION, 10**9, 10**12, EVIDENCE
    )  # fmt: skip
    assert world.owner.grants.spending(grant, SESSION) == SpendingState(spent.block, 10**9, 10**12, EVIDENCE)
    assert world.owner.grants.spending(grant, ROWS) is None
    assert world.owner.grants.budget(work) == Budget(10**10, 10**14, 10**9, 10**12)

    parts = [Part(grant, WHOLE)]
    claim = world.builder.registry.claim_of(MODEL, parts)
    for number in (3, 4):
        world.as_(number).verifiers.join()
        world.as_(number).verifiers.attest(claim)
    attesters = tuple(world.engine.accounts[number].address for number in (3, 4))
    found = world.owner.verifiers.claim(claim)
    assert found == ClaimState(attesters, found.since, None, 0, False)
    assert world.owner.verifiers.verifier(attesters[0]).claims == (claim,)
    world.engine.advance(WINDOW + 1)
    assert world.owner.verifiers.is_final(claim)
    derived = world.builder.registry.derive(Kind.MODEL, Naming(MODEL), parts).one(said.Derived)
    model = world.builder.registry.id_of(MODEL)
    assert (derived.id, derived.parent, derived.grant, derived.units) == (model, work, grant, 10**8)

    child = world.owner.shares(model)
    use = world.as_(5).shares(model).pay(10_000, SESSION)
    assert use.one(said.Paid).use == SESSION
    assert shares.gather(child.address).one(said.Gathered).amount == 1000
    claimed = world.as_(5).shares(work).claim(world.owner_account.address)
    assert claimed.one(said.Claimed).amount == 2000
    assert (shares.received(), shares.withdrawn(), shares.currencies()) == (2000, 2000, (NATIVE,))


def test_a_price_in_a_coin_is_allowed_and_taken(world: World) -> None:
    evm = Evm(world.engine)
    coin = evm.deploy(shipped("Coin"), evm.accounts[9].address)
    evm.do(evm.accounts[9], coin, "mint", evm.accounts[1].address, 1000)
    work = world.registered()
    world.owner.shares(work).accept_currency(coin.address)
    world.granted(work, currency=coin.address, price=600)
    world.builder.shares(work).pay(400, SESSION, coin.address)
    assert world.owner.shares(work).claimable(world.owner_account.address, coin.address) == 1000


def test_a_dispute_and_its_bond(world: World) -> None:
    work = world.registered()
    thief = world.builder.registry
    thief.register(Kind.CONTENT, Naming(MODEL))
    stolen = thief.id_of(MODEL)
    sent = world.owner.registry.dispute(stolen, EVIDENCE, "https://evidence", earlier=work)
    assert sent.one(said.Disputed).earlier == work
    assert thief.work(stolen).status is Status.DISPUTED
    assert world.owner.registry.last_dispute(stolen).by == world.owner_account.address
    with pytest.raises(ConflictError, match=r"\(undecided\): the arbiters have not decided yet"):
        thief.conclude(stolen)
    case = thief.case_of(stolen)
    world.decide(case, upheld=True)
    assert world.owner.arbiters.verdict(case) is Verdict.UPHELD
    assert thief.conclude(stolen).one(said.DisputeConcluded).upheld
    assert thief.work(stolen).status is Status.VOID
    assert world.owner.registry.refundable(world.owner_account.address) == CONFIGURATION.dispute_bond
    assert world.owner.registry.refund().one(said.Refunded).amount == CONFIGURATION.dispute_bond


def test_a_challenge_and_its_bonds(world: World) -> None:
    claim = world.builder.registry.claim_of(MODEL, [Part(ROWS, 1)])
    verifiers = world.as_(3).verifiers
    verifiers.join()
    verifiers.attest(claim)
    world.as_(4).verifiers.challenge(claim, EVIDENCE)
    assert verifiers.claim(claim).challenger == world.engine.accounts[4].address
    world.decide(verifiers.case_of(claim), upheld=True)
    sent = verifiers.conclude(claim)
    assert [type(event) for event in sent.events] == [said.ChallengeConcluded, said.Slashed]
    assert verifiers.refundable(world.engine.accounts[4].address) == 15 * 10**17
    assert not verifiers.verifier(world.engine.accounts[3].address).bonded
    world.as_(4).verifiers.refund()
    verifiers.join()
    verifiers.attest(ROWS)
    verifiers.retract(ROWS)
    verifiers.leave()
    world.engine.advance(2 * WINDOW + 1)
    verifiers.withdraw()
    assert (verifiers.bond, verifiers.quorum, verifiers.window) == (10**18, 2, WINDOW)
    assert (world.owner.arbiters.threshold, world.owner.arbiters.members()) == (2, CONFIGURATION.arbiters)


def test_refusals_say_what_to_do(world: World) -> None:
    work = world.registered()
    grant = world.granted(work)
    owner, builder = world.owner, world.builder
    forged = sign_offer(world.offer(work, salt=SESSION), world.engine.accounts[5], owner.name)
    for error, told, call in (
        (ConflictError, "registered this commitment already", lambda: world.registered()),
        (NotFoundError, "no work of that id", lambda: owner.registry.work(7)),
        (InputError, "a model can only be derived", lambda: owner.registry.register(Kind.MODEL, Naming(MODEL))),
        (AuthorityError, "neither owns the work", lambda: builder.grants.revoke(work, grant)),
        (SignatureError, "the work's present owner", lambda: builder.grants.accept(forged.offer, b"\1" * 65)),
        (SignatureError, "the work's present owner", lambda: builder.grants.accept(forged.offer, forged.signature)),
        (BudgetError, "has no budget", lambda: owner.grants.spend(grant, SESSION, 1, 1, ROWS)),
        (GrantError, "did not accept", lambda: owner.registry.derive(Kind.CONTENT, Naming(MODEL), [Part(grant, 1)])),
        (AuthorityError, "no verifier: join", lambda: owner.verifiers.attest(ROWS)),
        (AuthorityError, "not among the ledger's arbiters", lambda: owner.arbiters.vote(ROWS, True)),
        (InputError, "64 hex digits, got 'xy'", lambda: owner.grants.live("xy")),
        (InputError, "sending needs an account", lambda: Ledger(owner.chain, owner.addresses).verifiers.join()),
        (RevertError, "a currency that is not accepted", lambda: owner.shares(work).credit(owner.registry.address)),
    ):  # fmt: skip
        with pytest.raises(error, match=re.escape(told)):
            call()


def test_all_that_a_ledger_said_in_the_chains_order(world: World) -> None:
    first = world.engine.chain.block().number + 1
    work = world.registered()
    grant = world.granted(work)
    world.owner.grants.revoke(work, grant)
    world.as_(3).verifiers.join()
    found = list(world.owner.events(first))
    kinds = [said.WorkTransferred, said.Registered, said.Accepted, said.Revoked, said.Joined]
    assert [type(event) for event in found] == kinds
    assert list(world.owner.events(first, found[0].where.block)) == found[:2]
    assert [type(event) for event in world.owner.shares(work).events(first)] == [said.UnitsTransferred]


def test_a_node_that_gives_only_some_events_at_once(world: World, monkeypatch: Any) -> None:
    first = world.engine.chain.block().number + 1
    work = world.registered()
    world.owner.registry.approve(work, world.engine.accounts[5].address)
    whole = world.owner.registry._events

    def strict(begin: int, end: int) -> Any:
        if begin != end:
            raise ChainError("too many blocks at once")
        return whole(begin, end)

    monkeypatch.setattr("bailee.adapters.chain.ledger.contract._PIECE", 1)
    monkeypatch.setattr(world.owner.registry, "_events", strict)
    kinds = [said.WorkTransferred, said.Registered, said.WorkApproved]
    assert [type(event) for event in world.owner.registry.events(first)] == kinds


def test_a_ledger_by_its_name(world: World) -> None:
    chain, name = world.engine.chain, world.owner.name
    assert Ledger.named(chain, name).addresses == world.addresses
    with pytest.raises(InputError, match="and the node on eip155:"):
        Ledger.named(chain, f"eip155:1:{world.addresses.grants.lower()}")
    with pytest.raises(ChainError, match="no ledger answers"):
        Ledger.named(chain, f"eip155:{chain.chain_id}:{world.addresses.shares.lower()}")


def test_every_reason_of_every_contract_has_words() -> None:
    codes: set[str] = set()
    for name in ("Registry", "Grants", "Verifiers", "Arbiters"):
        creation = artefact(name).creation
        codes |= {code for code in REASONS if code.encode() in creation}
    assert codes == set(REASONS)  # none is left over
    for source in ("Registry", "Grants", "Verifiers", "Arbiters"):
        text = (ROOT / f"contracts/{source}.vy").read_text()
        used = set(re.findall(r'^\s+assert .*, "([a-z-]+)"$', text, re.MULTILINE))
        used |= set(re.findall(r'limits, "([a-z-]+)"\)', text))
        assert used - {"no-contract", "no-bond", "bad-quorum", "bad-window", "no-majority", "bad-member"} <= set(
            REASONS
        )
        assert len(used) > 3


def test_words_are_32_bytes() -> None:
    for bad in ("", "00" * 31, "00" * 33, "zz" * 32, "0x" + "00" * 31, " " + "00" * 32):
        with pytest.raises(InputError, match="64 hex digits"):
            word(bad)
