"""The order of payments, claims and gathers changes nothing, to the unit; the engines agree on every receipt."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from chains import ENGINES, Engine, engine, open_engine  # noqa: F401
from contracts.test_shares_graph import CURRENCIES, PEOPLE, WORKS, Graph, build
from evm import NATIVE, Receipt

USED = ("native", "coin", "mute")
"""A token that takes a fee takes it rounded, of each transfer: there the number of transfers matters."""


@pytest.fixture(scope="module")
def graph(engine: Engine) -> Graph:  # noqa: F811
    return build(engine)


def events(seed: int) -> list[list[tuple[Any, ...]]]:
    """Two spells of payments; units change hands between them."""
    chosen = random.Random(seed)
    return [
        [
            ("pay", chosen.choice(PEOPLE), chosen.choice(WORKS), chosen.choice(USED), chosen.randrange(1, 10**9))
            for _ in range(4)
        ]
        for _ in range(2)
    ]


def play(graph: Graph, seed: int, order: int) -> dict[tuple[str, ...], int]:
    """The payments of a spell in another order, with claims and gathers anywhere between; at the end all is pulled."""
    chosen = random.Random(order)
    spells = events(seed)
    for number, spell in enumerate(spells if graph.world.evm.engine.name == "anvil" else spells[:1]):
        chosen.shuffle(spell)
        for _, who, work, currency, amount in spell:
            assert graph.pay(who, work, currency, amount).status == 1
            for _ in range(chosen.randrange(3)):
                holder = chosen.choice(PEOPLE)
                graph.send(work, "claim", graph.address(holder), graph.currency(currency))
            if chosen.randrange(2):
                graph.send("model", "gather", graph.address("derived"), graph.currency(currency))
        pull(graph)  # units of a work are about to change hands: what its descendants earned is fetched before
        graph.send("model", "transfer", graph.address("ann"), 10**8 + number, who="cid")
        graph.send("voice", "transfer", graph.address("cid"), 333_333_333, who="bob")
    pull(graph)
    for work in WORKS:
        for currency in USED:
            for who in (*PEOPLE, "box"):
                graph.send(work, "claim", graph.address(who), graph.currency(currency))
    told = graph.told()
    native = {("had", who): value for (_, _, who), value in _had(graph).items()}
    return {key: value for key, value in told.items() if key[0] in ("balance", "received", "withdrawn")} | native


def pull(graph: Graph) -> None:
    for parent, child in (("model", "derived"), ("data", "model"), ("voice", "model")):
        for currency in USED:
            assert graph.send(parent, "gather", graph.address(child), graph.currency(currency)).status == 1


def _had(graph: Graph) -> dict[tuple[str, str, str], int]:
    """People pay for gas in native money, so what they got of it is counted by what they may still claim: nothing."""
    evm = graph.world.evm
    return {
        ("native", work, who): evm.call(graph.works[work], "claimable", graph.address(who), NATIVE)
        for work in WORKS
        for who in PEOPLE
    }


def test_the_order_of_events_changes_nothing(graph: Graph) -> None:
    evm = graph.world.evm
    found = []
    for order in (1, 2):
        before = evm.snapshot()
        found.append(play(graph, 1, order))
        evm.revert(before)
    assert found[0] == found[1]
    assert any(value for key, value in found[0].items() if key[0] == "withdrawn")


def scenario(graph: Graph, steps: int) -> tuple[list[Receipt], dict[tuple[str, ...], int]]:
    """Whatever comes, refusals too: the same of it on each engine."""
    chosen = random.Random(7)
    receipts = []
    for _ in range(steps):
        work, who = chosen.choice(WORKS), chosen.choice(PEOPLE)
        holder, currency = chosen.choice((*PEOPLE, "box", *WORKS)), graph.currency(chosen.choice(CURRENCIES))
        name, *arguments = chosen.choice(
            [
                ("claim", graph.address(holder), currency),
                ("claim_to", currency, graph.address(holder)),
                ("gather", graph.address(holder), currency),
                ("credit", currency),
                ("transfer", graph.address(holder), chosen.choice([0, 1, 10**6, 10**8])),
            ]
        )
        paid = chosen.choice(CURRENCIES)
        amount = chosen.choice([1, 10**9, 10**18, 10**19 if paid == "native" else 2**111])
        receipts.append(graph.pay(who, work, paid, amount))
        receipts.append(graph.send(work, name, *arguments, who=who))
    return receipts, graph.told()


@pytest.mark.skipif(len(ENGINES) < 2, reason="one engine")
def test_the_engines_agree_on_status_gas_logs_and_balances(tmp_path: Path) -> None:
    found = []
    for name in ENGINES:
        (tmp_path / name).mkdir()
        with open_engine(name, tmp_path / name) as opened:
            found.append(scenario(build(opened), 25))
    first, *others = found
    assert {receipt.status for receipt in first[0]} == {0, 1}
    for other in others:
        assert first == other
