"""What works earned, as the ledger said last; the ledger itself is asked only where somebody wants it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bailee.errors import ChainError
from bailee.keys import Identity
from bailee.own.graph import Graph
from bailee.party.earnings import Amount, Earned, WorkEarnings
from bailee.party.ledger_view import LedgerView, refresh_view
from bailee.party.opened_ledger import LedgerPlace
from bailee.party.registrations import METADATA, folder_of
from console_html import read_page
from console_world import HOSTILE, World, open_console
from paid_works import new_paid_works

PLACE = LedgerPlace("http://127.0.0.1:8545", "eip155:31337:0x" + "11" * 20)
PAGE = "bailee.server.console.pages.earnings"


def view(*works: WorkEarnings) -> LedgerView:
    graph = Graph.__new__(Graph)
    return LedgerView(PLACE.contracts, "2026-11-23T12:00:00Z", 77, graph, works, (), (), {})


def amounts(*smallest: int) -> list[Amount]:
    return [Amount(one, f"{one} COIN") for one in smallest]


def test_without_a_ledger_it_says_what_to_do(empty: World) -> None:
    found = read_page(empty.client.get("/earnings").text)
    assert "bailee ledger use" in found.text
    assert ("post", "/ledger/look") not in found.forms


def test_a_ledger_that_was_not_asked(empty: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{PAGE}.remembered", lambda home: PLACE)
    found = read_page(empty.client.get("/earnings").text)
    assert "not asked yet" in found.text
    assert ("post", "/ledger/look") in found.forms


@pytest.mark.parametrize("language", ["en", "zh"])
def test_what_came_is_shown_by_work(empty: World, monkeypatch: pytest.MonkeyPatch, language: str) -> None:
    money = Earned("native", *amounts(700, 300, 250, 40))
    works = (
        WorkEarnings(7, "dataset", "ab" * 32, 500_000_000, (money,), "tiny"),
        WorkEarnings(9, "model", "cd" * 32, 250_000_000, (Earned("native", *amounts(0, 0, 0, 0)),)),
    )
    monkeypatch.setattr(f"{PAGE}.remembered", lambda home: PLACE)
    monkeypatch.setattr(f"{PAGE}.kept_view", lambda home: view(*works))
    found = read_page(empty.client.get(f"/earnings?lang={language}").text)
    for words in ("700 COIN", "300 COIN", "250 COIN", "40 COIN", "50 %", "25 %", "77", "bailee royalty claim 7"):
        assert words in found.text
    assert "bailee royalty claim 9" not in found.text
    assert "/datasets/tiny" in found.links


def test_works_are_called_by_their_titles_beside_what_strangers_made(tmp_path: Path) -> None:
    works = new_paid_works(tmp_path)
    Identity.create(works.home, "Ann")
    folder = folder_of(works.home, works.ledger, works.song)
    folder.mkdir(parents=True)
    (folder / METADATA).write_text(json.dumps({"name": HOSTILE[:70]}))
    refresh_view(works.home, datetime(2027, 3, 1, tzinfo=UTC))
    world = open_console(works.home).enter()
    for path in ("/earnings", "/lineage", "/royalties", f"/royalties?work={works.song}"):
        text = world.client.get(path).text
        assert HOSTILE[:70] not in text
        assert HOSTILE[:20] in read_page(text).text, path  # a drawing may cut it short


def test_asking_the_ledger(empty: World, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def refresh(home: Any, now: Any) -> LedgerView:
        asked.append(home)
        return view()

    monkeypatch.setattr(f"{PAGE}.refresh_view", refresh)
    assert empty.client.get("/earnings").status_code == 200
    assert asked == []  # no page waits for a node
    answer = empty.post("/ledger/look", {"back": "/events"})
    assert (answer.status_code, answer.headers["location"], asked) == (303, "/events", [empty.home])
    assert "block 77" in empty.client.get("/settings").text

    def silent(home: Any, now: Any) -> LedgerView:
        raise ChainError("the node does not answer; start it, or name another")

    monkeypatch.setattr(f"{PAGE}.refresh_view", silent)
    refused = empty.post("/ledger/look", {"back": "/events"})
    assert refused.headers["location"].startswith("/events?mend=")
    assert "start it, or name another" in read_page(empty.refusal(refused)).text
    assert empty.post("/ledger/look", {"back": "//evil.example"}).status_code == 404
