"""Lists are kept until something they show is other: what is new, gone, or ends by itself is told at once."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from api_world import World, refused
from bailee.party import asking
from bailee.party.granting import Terms
from bailee.party.home import PartyHome
from bailee.party.plans import parse_any_plan
from bailee.records import digest
from bailee.server.api.rendered import Body, Rendered
from commands import PLAN

OLD = time.time() - 60


def aged(*folders: Path) -> None:
    """As if nothing had happened in them for a minute."""
    for folder in folders:
        os.utime(folder, (OLD, OLD))


def test_kept_while_nothing_changes(tmp_path: Path) -> None:
    kept, made = Rendered(), []

    def render() -> Body:
        made.append(len(made))
        return Body(str(made[-1]).encode(), (str(tmp_path), str(tmp_path / "none")))

    assert [kept.body(("a",), 0.0, render).data for _ in range(2)] == [b"0", b"1"]  # a date of now is not relied on
    aged(tmp_path)
    assert [kept.body(("a",), 0.0, render).data for _ in range(3)] == [b"2", b"2", b"2"]
    assert kept.body(("b",), 0.0, render).data == b"3"  # another question
    (tmp_path / "new").touch()
    assert kept.body(("a",), 0.0, render).data == b"4"
    aged(tmp_path)
    kept.body(("a",), 0.0, render)
    (tmp_path / "none").mkdir()
    aged(tmp_path)
    assert kept.body(("a",), 0.0, render).data == b"6"


def test_a_body_ends_by_itself_and_is_none_of_before(tmp_path: Path) -> None:
    kept, made = Rendered(), []

    def render() -> Body:
        made.append(len(made))
        return Body(str(made[-1]).encode(), (), 100.0)

    times = (50.0, 99.9, 100.0, 40.0, 45.0)
    assert [kept.body((), now, render).data for now in times] == [b"0", b"0", b"1", b"2", b"2"]


def test_what_is_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Rendered()
    for number in range(1000):
        kept.body((str(number),), 0.0, lambda: Body(b"x"))
    assert len(kept._kept) == 256
    kept.body(("large",), 0.0, lambda: Body(b"x" * (1 << 18)))
    assert ("large",) not in kept._kept


def test_grants_given_taken_back_and_over_are_told_at_once(world: World) -> None:
    home = world.context.party.path
    first = world.give("a", days=1)
    aged(home / "grants", home)

    def listed(who: str = "owner") -> dict[str, str]:
        items = world.client.get("/v1/grants", headers=world.headers(who)).json()["items"]
        return {one["grant"]: one["state"] for one in items}

    assert listed() == listed() == {first["grant"]: "holds"}
    assert world.context.rendered._kept
    other = world.give("b", builder="ab" * 32, days=2)
    assert set(listed()) == {first["grant"], other["grant"]}
    assert set(listed("builder")) == {first["grant"]}
    aged(home / "grants")
    assert listed()[other["grant"]] == "holds"
    world.client.post(f"/v1/grants/{other['grant']}/revocation", headers=world.headers("owner", "r"))
    assert listed()[other["grant"]].startswith("revoked")
    aged(home / "grants", home / "revocations")
    assert listed()[first["grant"]] == "holds"
    world.late = timedelta(days=1, seconds=5)
    assert listed()[first["grant"]] == "expired"


def test_requests_answered_and_over_are_told_at_once(world: World) -> None:
    home, now, plan = world.context.party.path, datetime.now(UTC), parse_any_plan(PLAN)
    builder, card = PartyHome(world.folder / "builder"), world.context.party.own_dataset("tiny").card
    for number in (1, 2):
        terms = Terms(builder.public.public_key.hex(), now, now + timedelta(days=number))
        signed = asking.ask(builder, builder.identity, card, plan, terms, "", now, bytes([number]) * 16)
        asking.receive(world.context.party, signed.envelope, now)
    first, second = ("01" * 16, "02" * 16)

    def listed(who: str = "builder") -> dict[str, str]:
        items = world.client.get("/v1/requests", headers=world.headers(who)).json()["items"]
        return {one["request"]: one["state"] for one in items}

    aged(home / "requests")
    assert listed() == listed() == listed("owner") == {first: "open", second: "open"}
    assert ("requests", builder.public.public_key.hex(), "50", "") in world.context.rendered._kept
    asking.answer_refuse(world.context.party, world.context.party.identity, second, "no", now)
    assert listed() == {first: "open", second: "refused"}
    aged(home / "requests")
    assert listed() == {first: "open", second: "refused"}
    world.late = timedelta(days=1, seconds=5)
    assert listed() == {first: "expired", second: "refused"}


@pytest.mark.parametrize("path", ["datasets", "grants", "revocations", "sessions", "requests"])
def test_a_list_that_the_caller_has_is_not_sent_again(world: World, path: str) -> None:
    headers = world.headers("owner")
    for url in (f"/v1/{path}", f"/v1/{path}?limit=7"):  # the short way and the long one
        whole = world.client.get(url, headers=headers)
        tag = whole.headers["etag"]
        assert tag == f'"{digest(whole.content)[:32]}"'
        for told in (tag, f"W/{tag}", f'"other", {tag}', "*"):
            same = world.client.get(url, headers=headers | {"If-None-Match": told})
            assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", tag), told
            assert "content-length" not in same.headers
        for told in ("", '"other"', tag[1:-1], "W/", '"*"', f"*, {tag[:-1]}"):
            assert world.client.get(url, headers=headers | {"If-None-Match": told}).content == whole.content, told
        refused(world.client.get(url, headers={"If-None-Match": "*"}), 401, "NotSignedIn")


def test_a_list_that_is_another_has_another_tag(world: World) -> None:
    world.give("a")
    headers = world.headers("owner")
    tag = world.client.get("/v1/grants", headers=headers).headers["etag"]
    world.give("b")
    other = world.client.get("/v1/grants", headers=headers | {"If-None-Match": tag})
    assert (other.status_code, len(other.json()["items"])) == (200, 2)
    assert other.headers["etag"] != tag


def test_a_dataset_that_is_sealed_or_gone_is_told_at_once(world: World) -> None:
    home = world.context.party.path
    aged(home / "datasets" / "tiny", home / "datasets")

    def listed() -> list[str]:
        items = world.client.get("/v1/datasets", headers=world.headers("consumer")).json()["items"]
        return [one["name"] for one in items]

    assert listed() == listed() == ["tiny"]
    (home / "datasets" / "tiny").rename(home / "datasets" / "other")
    assert listed() == ["other"]
