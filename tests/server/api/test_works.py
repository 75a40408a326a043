"""Works and earnings as the owner is told them: from a real chain; and why there is nothing where there is none."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from api_world import World, refused
from bailee.party import ledger_view
from bailee.server.api import ledger_views
from commands import run
from paid_works import REMIX, PaidWorks, new_paid_works


@pytest.fixture(scope="module")
def paid(tmp_path_factory: pytest.TempPathFactory) -> PaidWorks:
    works = new_paid_works(tmp_path_factory.mktemp("home"))
    assert works.run("consumer", "royalty", "pay", REMIX, "3.50", "--currency", works.coin.lower())[0] == 0
    assert run("key", "new", "Owner", "--home", works.home)[0] == 0
    return works


@pytest.fixture
def rich(paid: PaidWorks) -> Iterator[World]:
    """Its home is the chain's; nobody else is there."""
    folder = paid.home.parent / "as-a-world"
    folder.mkdir(exist_ok=True)
    if not (folder / "owner").exists():
        (folder / "owner").symlink_to(paid.home)
    with World.open(folder) as made:
        yield made


def get(world: World, path: str) -> dict[str, Any]:
    found = world.client.get(path, headers=world.headers("owner"))
    assert found.status_code == 200, found.text
    told: dict[str, Any] = found.json()
    return told


def test_works_and_what_they_earned(rich: World, paid: PaidWorks) -> None:
    told = get(rich, "/v1/works")
    assert (told["ledger"], told["reason"]) == (paid.ledger.lower(), None) or told["ledger"] == paid.ledger
    assert {one["work"] for one in told["items"]} == {str(paid.rows), str(paid.song), str(paid.remix)}
    (remix,) = [one for one in told["items"] if one["work"] == str(paid.remix)]
    assert (remix["kind"], remix["status"], remix["commitment"], remix["own"]) == ("content", "good", REMIX, True)
    assert [part["work"] for part in remix["made_from"]] == [str(paid.song)]
    assert get(rich, f"/v1/works/{paid.remix}") == remix
    refused(
        rich.client.get("/v1/works/7", headers=rich.headers("owner")), 404, "NotFoundError", "no work of the number"
    )
    page = get(rich, "/v1/works?limit=2")
    rest = get(rich, f"/v1/works?limit=2&cursor={page['next']}")
    assert [len(page["items"]), len(rest["items"]), rest["next"]] == [2, 1, None]
    earned = {one["work"]: one for one in get(rich, "/v1/earnings")["items"]}
    (coin,) = [one for one in earned[str(paid.remix)]["money"] if one["currency"].lower() == paid.coin.lower()]
    assert (coin["paid"], coin["words"]["paid"]) == ("3500000", "3.5 COIN")


def test_a_node_is_asked_once_a_minute(rich: World, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Path] = []
    real = ledger_view.refresh_view

    def counted(home: Path, now: Any) -> Any:
        asked.append(home)
        return real(home, now)

    monkeypatch.setattr(ledger_views, "refresh_view", counted)
    (rich.context.party.path / ledger_view.FILE).unlink(missing_ok=True)
    first = get(rich, "/v1/works")
    assert (get(rich, "/v1/earnings")["seen"], len(asked)) == (first["seen"], 1)
    rich.late = timedelta(seconds=ledger_views.FRESH + 1)
    assert get(rich, "/v1/works")["seen"] > first["seen"]
    assert len(asked) == 2


def test_a_node_that_does_not_answer_leaves_what_was_said(rich: World, monkeypatch: pytest.MonkeyPatch) -> None:
    (rich.context.party.path / ledger_view.FILE).unlink(missing_ok=True)
    first, asked = get(rich, "/v1/works"), [0]

    def broken(home: Path, now: Any) -> Any:
        asked[0] += 1
        raise ledger_views.BaileeError(f"the node of {home} is gone")

    monkeypatch.setattr(ledger_views, "refresh_view", broken)
    rich.late = timedelta(seconds=ledger_views.FRESH + 1)
    told = get(rich, "/v1/works")
    assert (told["items"], told["seen"]) == (first["items"], first["seen"])
    assert told["reason"] == "the node of the party's folder is gone"
    get(rich, "/v1/earnings")
    assert asked == [1]  # not again at once
    monkeypatch.undo()
    rich.late += timedelta(seconds=11)
    assert get(rich, "/v1/works")["reason"] is None


def test_a_folder_without_a_ledger_says_so(world: World) -> None:
    for path in ("/v1/works", "/v1/earnings"):
        told = get(world, path)
        assert (told["items"], told["next"], told["ledger"]) == ([], None, None)
        assert "bailee ledger use" in told["reason"]
    refused(world.client.get("/v1/works/1", headers=world.headers("owner")), 404, "NotFoundError", "bailee ledger use")
    refused(world.client.get("/v1/works", headers=world.headers("builder")), 403, "RoleRefused")
    (world.folder / "owner" / "ledger.json").write_text("{}")
    assert "does not say a ledger" in get(world, "/v1/works")["reason"]
    assert str(world.folder) not in get(world, "/v1/works")["reason"]
