"""Whole graphs of works, whatever happens and in whatever order, against exact integers (`ledger_model`).

After every step: each balance, each counter and each claimable amount is the model's, to the unit; so nothing is made,
lost or stuck. At the end everything is pulled out, and what is left is less than one unit for each holder.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from chains import Engine, engine  # noqa: F401
from contracts.ledger_model import Model
from evm import MOST, NATIVE, WHOLE, Contract, Receipt, World, double, new_world

WORKS = ("data", "voice", "model", "derived")
PEOPLE = ("ann", "bob", "cid")
HOLDERS = (*PEOPLE, "box", *WORKS)
CURRENCIES = ("native", "coin", "fee", "mute", "shrinking")
RICH = 2**114
USE = b"\x11" * 32


@dataclass
class Graph:
    """Four works that hold parts of one another, five currencies, three people and a contract that holds shares."""

    world: World
    works: dict[str, Contract]
    tokens: dict[str, Contract]
    box: Contract
    lens: Contract
    asked: list[tuple[str, ...]]
    """What `told` tells, in order."""
    question: str

    def address(self, who: str) -> str:
        if who in PEOPLE:
            return self.world.evm.accounts[PEOPLE.index(who)].address
        return self.box.address if who == "box" else self.works[who].address

    def currency(self, name: str) -> str:
        return NATIVE if name == "native" else self.tokens[name].address

    def pay(self, who: str, work: str, currency: str, amount: int) -> Receipt:
        account = self.world.evm.accounts[PEOPLE.index(who)]
        value = amount if currency == "native" else 0
        return self.world.evm.send(account, self.works[work], "pay", self.currency(currency), amount, USE, value=value)

    def send(self, work: str, name: str, *arguments: Any, who: str = "ann") -> Receipt:
        return self.world.evm.send(self.world.evm.accounts[PEOPLE.index(who)], self.works[work], name, *arguments)

    def told(self) -> dict[tuple[str, ...], int]:
        """Every balance, counter and claimable amount, by one call."""
        evm = self.world.evm
        answer = evm.ask("eth_call", {"to": self.lens.address, "data": self.question}, "latest")
        return dict(zip(self.asked, self.lens.result("look", bytes.fromhex(answer[2:])), strict=True))


BEGINNING = {
    "data": {"ann": WHOLE},
    "voice": {"bob": WHOLE - 333, "box": 333},
    "model": {"data": 123_456_789, "voice": 76_543_211, "cid": 800_000_000},
    "derived": {"model": 250_000_001, "box": 749_999_998, "ann": 1},
}


def build(engine: Engine) -> Graph:  # noqa: F811
    world = new_world(engine)
    evm = world.evm
    tokens = {"coin": world.coin}
    tokens |= {"fee": evm.deploy(double("Token")), "mute": evm.deploy(double("Mute"))}
    tokens |= {"shrinking": evm.deploy(double("Token"))}
    evm.do(world.owner, tokens["fee"], "set_fee", 123)
    graph = Graph(world, {}, tokens, evm.deploy(double("Receiver")), evm.deploy(double("Lens")), [], "")
    for number, (work, held) in enumerate(BEGINNING.items()):
        holders = {graph.address(who): units for who, units in held.items()}
        made = world.make(number + 1, holders, tuple(tokens[name].address for name in ("coin", "fee", "mute")))
        evm.do(world.owner, made, "accept_currency", tokens["shrinking"].address)
        graph.works[work] = made
    for token in tokens.values():
        for number, _ in enumerate(PEOPLE):
            evm.do(world.owner, token, "mint", evm.accounts[number].address, RICH)
            for made in graph.works.values():
                evm.do(evm.accounts[number], token, "approve", made.address, 2**256 - 1)
    asked: list[tuple[tuple[str, ...], Contract, bytes]] = []
    for work, made in graph.works.items():
        for currency in CURRENCIES:
            place = graph.currency(currency)
            asked += [((name, work, currency), made, made.data(name, place)) for name in ("received", "withdrawn")]
            for who in HOLDERS:
                message = made.data("claimable", graph.address(who), place)
                asked.append((("claimable", work, currency, who), made, message))
        asked += [(("units", work, who), made, made.data("balanceOf", graph.address(who))) for who in HOLDERS]
    for currency, token in tokens.items():
        for who in HOLDERS:
            asked.append((("balance", currency, who), token, token.data("balanceOf", graph.address(who))))
    contracts = (*WORKS, "box")
    graph.asked = [one[0] for one in asked] + [("balance", "native", who) for who in contracts]
    targets, messages = [one[1].address for one in asked], [one[2] for one in asked]
    look = graph.lens.data("look", targets, messages, [graph.address(who) for who in contracts])
    graph.question = "0x" + look.hex()
    return graph


def expected(model: Model, graph: Graph) -> dict[tuple[str, ...], int]:
    found: dict[tuple[str, ...], int] = {}
    for work in WORKS:
        for currency in CURRENCIES:
            book = model.books[work, currency]
            found["received", work, currency] = book.received
            found["withdrawn", work, currency] = book.withdrawn
            for who in HOLDERS:
                found["claimable", work, currency, who] = book.owed(who)
        for who in HOLDERS:
            found["units", work, who] = model.units[work].get(who, 0)
    for currency in CURRENCIES:
        for who in HOLDERS:
            if currency != "native" or who not in PEOPLE:  # people pay for gas
                found["balance", currency, who] = model.purse[currency, who]
    return found


def new_model() -> Model:
    model = Model({"fee": 123}, {work: dict(held) for work, held in BEGINNING.items()})
    for currency in CURRENCIES:
        for who in PEOPLE:
            model.purse[currency, who] = RICH
    return model


works = st.sampled_from(WORKS)
people = st.sampled_from(PEOPLE)
holders = st.sampled_from(HOLDERS)
turns = st.integers(0, 1)
amounts = st.one_of(
    st.sampled_from([0, 1, 2, 999_999_999, 10**9, 10**9 + 1, 10**18]), st.integers(0, 10**19), st.integers(0, MOST)
)


class Royalties(RuleBasedStateMachine):
    """Whatever may happen to money. Everything is compared after each step on anvil, after the last one elsewhere."""

    def __init__(self, graph: Graph) -> None:
        super().__init__()
        self.graph = graph
        self.before = graph.world.evm.snapshot()
        self.model = new_model()

    @initialize(chosen=st.permutations(CURRENCIES), amounts=st.lists(amounts, min_size=8, max_size=8))
    def begin(self, chosen: list[str], amounts: list[int]) -> None:
        """Two currencies an example, so that much happens to each; every work has earned in both."""
        self.chosen = chosen[:2]
        for number, amount in enumerate(amounts):
            self.pay(WORKS[number // 2], number % 2, PEOPLE[number % 3], amount)

    def teardown(self) -> None:
        try:
            self.pull_all()
        finally:
            self.graph.world.evm.revert(self.before)

    @rule(work=works, turn=turns, who=people, amount=amounts)
    def pay(self, work: str, turn: int, who: str, amount: int) -> None:
        currency = self.chosen[turn]
        if currency == "native":
            amount %= 10**20
        room = MOST - self.model.books[work, currency].received
        amount = min(amount, self.model.purse[currency, who])
        fee = amount * self.model.fees.get(currency, 0) // 10_000
        receipt = self.graph.pay(who, work, currency, amount)
        if amount - fee > room:
            assert receipt.status == 0
            return
        assert receipt.status == 1
        came = self.model.pay(work, currency, who, amount)
        paid = [log.values["amount"] for log in receipt.logs(self.graph.works[work]) if log.name == "Paid"]
        assert paid == [came]

    @rule(work=works, who=people, amount=st.integers(0, 10**19), other=works, holder=holders, turn=turns)
    def pay_in_a_token_that_calls_back(
        self, work: str, who: str, amount: int, other: str, holder: str, turn: int
    ) -> None:
        """In the middle of the payment the token claims at some work: there, or in vain where the payment goes."""
        currency = self.chosen[turn]
        if holder == other:
            return
        world, token = self.graph.world, self.graph.tokens["fee"]
        room = MOST - self.model.books[work, "fee"].received
        amount = min(amount, self.model.purse["fee", who], room)
        message = self.graph.works[other].data("claim", self.graph.address(holder), self.graph.currency(currency))
        world.evm.do(world.owner, token, "set_call", self.graph.address(other), message, False)
        receipt = self.graph.pay(who, work, "fee", amount)
        assert receipt.status == 1
        before = self.model.purse["fee", work]
        if other != work:
            self.model.claim(other, currency, holder)
        self.model.move("fee", who, work, amount)
        came = min(self.model.purse["fee", work] - before, amount)
        self.model.credit(work, "fee")
        paid = [log.values["amount"] for log in receipt.logs(self.graph.works[work]) if log.name == "Paid"]
        assert paid == [came]

    @rule(work=works, turn=turns, who=people, amount=amounts)
    def send_plainly(self, work: str, turn: int, who: str, amount: int) -> None:
        currency = self.chosen[turn]
        amount = min(amount % 10**20, self.model.purse[currency, who])
        evm, to = self.graph.world.evm, self.graph.address(work)
        account = evm.accounts[PEOPLE.index(who)]
        if currency == "native":
            evm.transact(account, to, b"", amount)
        else:
            evm.do(account, self.graph.tokens[currency], "transfer", to, amount)
        self.model.move(currency, who, work, amount)

    @rule(work=works, turn=turns)
    def credit(self, work: str, turn: int) -> None:
        currency = self.chosen[turn]
        assert self.graph.send(work, "credit", self.graph.currency(currency)).status == 1
        self.model.credit(work, currency)

    @rule(work=works, turn=turns, holder=holders)
    def claim(self, work: str, turn: int, holder: str) -> None:
        currency = self.chosen[turn]
        if holder == work:
            return
        receipt = self.graph.send(work, "claim", self.graph.address(holder), self.graph.currency(currency))
        assert receipt.status == 1
        amount = self.model.claim(work, currency, holder)
        assert [log.values["amount"] for log in receipt.logs(self.graph.works[work])] == ([amount] if amount else [])

    @rule(work=works, turn=turns, who=people, to=holders)
    def claim_to(self, work: str, turn: int, who: str, to: str) -> None:
        currency = self.chosen[turn]
        if to == work:
            return
        arguments = (self.graph.currency(currency), self.graph.address(to))
        assert self.graph.send(work, "claim_to", *arguments, who=who).status == 1
        self.model.claim(work, currency, who, to)

    @rule(parent=works, child=works, turn=turns)
    def gather(self, parent: str, child: str, turn: int) -> None:
        currency = self.chosen[turn]
        if parent == child:
            return
        arguments = (self.graph.address(child), self.graph.currency(currency))
        fits = self.model.gathered(parent, child, currency) <= MOST - self.model.books[parent, currency].received
        assert self.graph.send(parent, "gather", *arguments).status == fits
        if fits:  # else it stays at the child, and claimable there
            self.model.gather(parent, child, currency)

    @rule(work=works, sender=people, receiver=holders, part=st.floats(0, 1))
    def transfer(self, work: str, sender: str, receiver: str, part: float) -> None:
        units = int(self.model.units[work].get(sender, 0) * part)
        if receiver == work:
            return
        assert self.graph.send(work, "transfer", self.graph.address(receiver), units, who=sender).status == 1
        self.model.transfer(work, sender, receiver, units)

    @rule(work=works, receiver=holders, part=st.floats(0, 1))
    def transfer_by_a_contract(self, work: str, receiver: str, part: float) -> None:
        units = int(self.model.units[work].get("box", 0) * part)
        if receiver == work:
            return
        made, evm = self.graph.works[work], self.graph.world.evm
        message = made.data("transfer", self.graph.address(receiver), units)
        evm.do(evm.accounts[0], self.graph.box, "act", made.address, message, 0)
        self.model.transfer(work, "box", receiver, units)

    @rule(work=works, part=st.floats(0, 1))
    def shrink(self, work: str, part: float) -> None:
        amount = int(self.model.purse["shrinking", work] * part)
        world = self.graph.world
        world.evm.do(world.owner, self.graph.tokens["shrinking"], "burn", self.graph.address(work), amount)
        self.model.purse["shrinking", work] -= amount
        self.model.burnt["shrinking"] += amount

    @invariant()
    def after_each_step(self) -> None:
        if self.graph.world.evm.engine.name == "anvil":  # the embedded chain takes a second for so many questions
            self.all_is_as_in_the_model()

    def all_is_as_in_the_model(self) -> None:
        told, wanted = self.graph.told(), expected(self.model, self.graph)
        assert {key: value for key, value in told.items() if wanted[key] != value} == {}
        for currency in CURRENCIES:
            held = sum(self.model.purse[currency, who] for who in HOLDERS) + self.model.burnt[currency]
            assert held == RICH * len(PEOPLE)
            for work in WORKS:
                if currency != "shrinking":
                    claimable = sum(told["claimable", work, currency, who] for who in HOLDERS)
                    assert claimable <= self.model.purse[currency, work]

    def pull_all(self) -> None:
        """Works gather, as often as the lineage is deep, then everybody claims: what is left is dust."""
        for turn, currency in enumerate(self.chosen):
            for _ in WORKS:
                for parent in WORKS:
                    for child in WORKS:
                        if self.model.books[child, currency].owed(parent):
                            self.gather(parent, child, turn)
            for work in WORKS:
                for who in (*PEOPLE, "box"):
                    if self.model.books[work, currency].owed(who):
                        self.claim(work, turn, who)
                book = self.model.books[work, currency]
                if currency != "shrinking":
                    left = book.received - book.withdrawn - sum(book.owed(who) for who in WORKS)
                    assert left * WHOLE == sum(book.earned[who] % WHOLE for who in HOLDERS)
                    assert left < len(HOLDERS)
        self.all_is_as_in_the_model()


@pytest.fixture(scope="module")
def graph(engine: Engine) -> Graph:  # noqa: F811
    return build(engine)


def test_whatever_happens_the_money_is_where_it_belongs(graph: Graph) -> None:
    few = settings(
        max_examples=8 if graph.world.evm.engine.name == "anvil" else 1,
        stateful_step_count=25,
        deadline=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate,),  # shrinking takes minutes; what failed is printed, step by step
    )
    run_state_machine_as_test(partial(Royalties, graph), settings=few)


def test_what_a_work_has_no_room_for_stays_where_it_was_earned(graph: Graph) -> None:
    """2^112 of a currency is all that a work can count: `gather` is refused, and what was earned stays claimable."""
    before = graph.world.evm.snapshot()
    try:
        assert graph.pay("ann", "voice", "mute", MOST).status == 1
        assert graph.pay("bob", "model", "mute", 10**9).status == 1
        voice, mute = graph.works["voice"], graph.currency("mute")
        arguments = (graph.address("model"), mute)
        refusal = graph.world.evm.refusal(graph.world.owner, voice, "gather", *arguments)
        assert refusal == "shares: a currency's total stays below 2^112"
        assert graph.told()["claimable", "model", "mute", "voice"] == 76_543_211
    finally:
        graph.world.evm.revert(before)
