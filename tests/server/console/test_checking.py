"""Checking passports, watching sessions, models and plans: sound pages, what they must say, what they refuse."""

from __future__ import annotations

import re
import shutil
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from bailee.keys import Identity
from bailee.party import asking
from bailee.party.granting import Terms
from bailee.party.handing_out import NOTE
from bailee.party.home import PartyHome
from bailee.party.papers import paper_named
from bailee.party.planning import FOLDER, keep_plan
from bailee.party.plans import parse_any_plan
from bailee.party.remotes import add_remote
from bailee.records import canonical
from bailee.server.console.checks import Checks, File
from bailee.server.console.link_words import link_words
from bailee.server.console.pages.verifying import MOST_FILES
from commands import PLAN
from console_html import Page, read_page
from console_world import HOSTILE, World, open_console, served
from trained_home import PASSPORT, files_of, tampered, zipped

PAGES = (
    "/verify",
    "/find",
    "/asks",
    "/plans",
    "/plans/new",
    "/sessions",
    "/models",
    "/royalties",
    "/lineage",
    "/events",
)


def page(world: World, path: str, status: int = 200) -> Page:
    answer = world.client.get(path)
    assert answer.status_code == status, answer.text[-2000:]
    return read_page(answer.text)


@pytest.fixture(scope="module")
def building(trained: Path) -> World:
    """The builder's console, for looking only."""
    return open_console(trained / "builder").enter()


def checked(world: World, files: list[tuple[str, tuple[str, bytes]]], data: dict[str, Any] | None = None) -> Page:
    """The page of the result, once it is there."""
    sent = world.post("/verify", data, files=files)
    assert sent.status_code == 303, sent.text
    place = sent.headers["location"]
    assert re.fullmatch(r"/verify/[0-9a-f]{32}", place)
    end = time.monotonic() + 300
    while "Checking…" in (found := world.client.get(place).text):
        assert time.monotonic() < end
        time.sleep(0.05)
    return read_page(found)


def as_files(files: dict[str, bytes], field: str = "folder") -> list[tuple[str, tuple[str, bytes]]]:
    return [(field, (f"somewhere/{name}", data)) for name, data in files.items()]


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("path", PAGES)
def test_sound_with_nothing_and_in_both_languages(empty: World, path: str, language: str) -> None:
    found = page(empty, f"{path}?lang={language}")
    assert found.forms or found.links


@pytest.mark.parametrize("path", PAGES)
def test_sound_with_much(seen: World, path: str) -> None:
    found = page(seen, path)
    assert "&49" not in found.text
    assert HOSTILE not in seen.client.get(path).text


def test_a_folder_holds(bare: World, trained: Path) -> None:
    """At a console without keys, too: who checks needs none."""
    found = checked(bare, as_files(files_of(trained / "passport") | {"notes.txt": b"hello"})).text
    assert "It holds." in found
    for words in ("What is not proven", "98.2", "not known here", "The proof of Owner", "Builder"):
        assert words in found
    assert "2 files were left out, and the check does not need them" in found
    assert "notes.txt" in found
    assert "report.json" in found
    assert not bare.home.exists()


def test_a_changed_proof_is_found_with_the_reason(building: World, trained: Path) -> None:
    found = checked(building, [("files", ("p.zip", zipped(tampered(trained / "passport"))))]).text
    assert "It does not hold." in found
    assert found.count("was changed: its bytes have digest") == 1
    assert "What is not proven" not in found


def test_only_whom_i_trust(building: World, trained: Path) -> None:
    files = as_files(files_of(trained / "passport"))
    owner = ("trusted", ("o.json", (trained / "owner" / "identity.json").read_bytes()))
    assert "none of the 1 parties you trust" in checked(building, [*files, owner]).text
    refused = building.post("/verify", files=[*files, ("trusted", ("x.json", b"{}"))])
    assert "no public identity" in building.refusal(refused)


def test_what_is_no_passport_is_refused(bare: World) -> None:
    for files, words in (
        ([], "no file came"),
        ([("files", ("p.zip", b"PK nonsense"))], "expected a zip"),
        ([("files", ("a.txt", b"x")), ("files", ("b.txt", b"y"))], "choose the whole folder"),
        (
            [("files", ("p.zip", zipped({"passport.json": b"{}", "evil.sh": b"x"})))],
            "no attachment named by its digest",
        ),
    ):
        answer = bare.post("/verify", files=files)
        assert words in read_page(bare.refusal(answer)).text
    found = checked(bare, [("files", ("passport.json", b"{}"))]).text
    assert "It does not hold." in found
    many = [("folder", (f"f/{number:064x}", b"")) for number in range(MOST_FILES + 1)]
    assert bare.post("/verify", files=many).status_code == 400  # while it is read, before it is a form
    kept = bare.refusal(bare.post("/verify", {"plain": "yes"}))
    assert 'name="plain" value="yes" checked' in kept
    assert page(bare, f"/verify/{'0' * 32}", 404).text


def test_two_at_a_time_and_the_newest_are_kept(trained: Path) -> None:
    checks = Checks()
    first = [checks.begin(trained / "passport", str(number)) for number in range(2)]
    with pytest.raises(Exception, match="two passports are checked already"):
        checks.begin(trained / "passport", "third")
    checks.stop()
    end = time.monotonic() + 300
    while any(one.state == "running" for one in first):
        assert time.monotonic() < end
        time.sleep(0.02)
    assert {one.state for one in first} == {"failed"}


def test_what_was_sent_is_gone_with_the_console(trained: Path) -> None:
    checks = Checks()
    with (trained / "passport" / "passport.json").open("rb") as data:
        check = checks.take([File("passport.json", data)])
    assert check.paper.is_dir()
    checks.stop()
    assert not check.paper.exists()


def test_a_console_that_goes_takes_with_it_what_was_sent(tmp_path: Path) -> None:
    """By the signal that services are stopped with, too, after which Python runs nothing more."""
    with served(tmp_path / "home") as (base, context), httpx.Client(base_url=base) as client:
        assert client.get(f"/enter?link={context.access.new_link()}").status_code == 200
        found = re.search(r'name="csrf" value="([^"]+)"', client.get("/verify").text)
        assert found is not None
        sent = client.post("/verify", data={"csrf": found[1]}, headers={"Origin": base},
                           files=[("files", ("passport.json", b"{}"))])  # fmt: skip
        assert sent.status_code == 303
        (stop,) = context.closing
        folder: Path = stop.__self__._folder  # type: ignore[attr-defined]
        assert folder.is_dir()
    assert not folder.exists()


def test_names_of_links_are_words_whatever_strangers_are_called() -> None:
    title, values, meaning = link_words(f"grant of {HOSTILE}\n")
    assert (title, values, bool(meaning)) == ("The grant of %(who)s", {"who": f"{HOSTILE}\n"}, True)
    assert link_words("something new") == ("%(name)s", {"name": "something new"}, "")


def test_a_session_and_its_model(building: World, trained: Path) -> None:
    assert "tiny-plan" in page(building, "/sessions").text
    model = page(building, f"/models/{PASSPORT}")
    (session,) = [link for link in model.links if link.startswith("/sessions/")]
    assert "98.2" in model.text
    assert "bailee verify" in model.text
    found = page(building, session)
    assert "It ended with a passport" in found.text
    assert "Owner reached 2." in found.text  # what the picture says to those who do not see it
    sent = building.post("/verify/own", {"paper": PASSPORT}, page=f"/models/{PASSPORT}")
    assert sent.status_code == 303
    owner = open_console(trained / "owner").enter()
    assert "The builder has the passport" in page(owner, session).text
    for path in ("/sessions/none", "/models/none", "/models/..%2Ftiny", "/plans/none"):
        page(building, path, 404)


def test_a_passport_that_out_put_elsewhere_is_a_model_of_the_folder(trained: Path, tmp_path: Path) -> None:
    home, away = tmp_path / "builder", trained / "passport"
    shutil.copytree(trained / "builder", home)
    shutil.rmtree(home / "passports")
    world = open_console(home).enter()
    (session,) = (path.name for path in (home / "sessions").glob("?" * 64))
    assert f"/models/{session}" in page(world, "/models").links
    assert f"bailee verify {away}" in page(world, f"/models/{session}").text
    assert f"Your passport is where --out put it: {away}" in page(world, f"/sessions/{session}").text
    assert world.post("/verify/own", {"paper": session}, page=f"/models/{session}").status_code == 303
    (home / "sessions" / session / NOTE).write_bytes(canonical({"folder": str(tmp_path / "gone")}))
    assert "No model was trained" in page(world, "/models").text
    told = page(world, f"/sessions/{session}").text
    assert f"kept in the session's folder, {home / 'sessions' / session}" in told
    assert "The builder has the passport" not in told
    page(world, f"/models/{session}", 404)


def test_a_plan_is_written_estimated_and_kept(empty: World) -> None:
    fields = {"file": "spring", "kind": "sums", "name": "spring", "purpose": HOSTILE[:40], "label": "ill",
              "rounds": "20", "learning_rate": "0.5", "epsilon": "2", "delta": "0.00001"}  # fmt: skip
    asked = empty.post("/plans/estimate", fields, page="/plans/new")
    assert (asked.status_code, "88.1 %" in asked.text, "20 releases" in asked.text) == (200, True, True)
    again = empty.refusal(empty.post("/plans/new", fields | {"do": "estimate"}, page="/plans/new"))
    assert 'value="spring"' in again
    assert "88.1 %" in again
    assert "This did not work" not in again
    refused = empty.refusal(empty.post("/plans/new", fields | {"rounds": "many"}, page="/plans/new"))
    assert "expected a number such as 12" in refused
    assert set((fields | {"rounds": "many"}).items()) - {("kind", "sums")} <= set(read_page(refused).fields)
    kept = empty.post("/plans/new", fields, page="/plans/new")
    assert (kept.status_code, kept.headers["location"]) == (303, "/plans/spring")
    found = page(empty, "/plans/spring")
    assert "bailee train" in found.text
    assert (empty.home / FOLDER / "spring.toml").read_text() in found.text
    assert (
        "there is a plan 'spring' already"
        in read_page(empty.refusal(empty.post("/plans/new", fields, page="/plans/new"))).text
    )
    (empty.home / FOLDER / "bad.toml").write_text("rounds = ")
    assert "cannot be read" in page(empty, "/plans").text
    page(empty, "/plans/bad")


def test_a_server_is_added_asked_and_forgotten(empty: World, tmp_path: Path) -> None:
    other = Identity.create(tmp_path / "clinic", HOSTILE[:60])
    sent = empty.post("/find/add", {"name": "clinic", "url": "http://127.0.0.1:9"}, page="/find",
                      files=[("identity", ("identity.json", other.public.to_json()))])  # fmt: skip
    assert sent.headers["location"] == "/find?remote=clinic"
    found = page(empty, "/find?remote=clinic")  # nobody answers there: the page says so, and stands
    assert "There is no answer that can be used" in found.text
    typed = {"name": "clinic", "url": "https://a.example"}
    again = read_page(empty.refusal(empty.post("/find/add", typed, page="/find")))
    assert "no identity came" in again.text
    assert set(typed.items()) <= set(again.fields)
    empty.post("/find/forget", {"name": "clinic"}, page="/find")
    assert "You know no server" in page(empty, "/find").text
    page(empty, "/find?remote=clinic", 404)


def test_asking_a_server_that_does_not_answer_keeps_nothing_half(empty: World, tmp_path: Path) -> None:
    other = Identity.create(tmp_path / "clinic", "Clinic")
    add_remote(empty.home, "clinic", "http://127.0.0.1:9", other.public)
    keep_plan(empty.home, "spring", PLAN)
    answer = empty.post("/find/clinic/ask", {"dataset": "tiny", "plan": "spring"}, page="/find")
    assert answer.headers["location"].startswith("/find/clinic/ask?dataset=tiny&mend=")
    assert "SessionError" in empty.refusal(answer, 502)  # the form's page asks there, too: reloading it asks again
    assert "You asked for nothing yet" in page(empty, "/asks").text
    assert empty.post("/asks/look", page="/asks").status_code == 303


def test_what_was_given_is_shown_and_not_what_was_asked_for(full: World) -> None:
    owner, builder = PartyHome(full.home), PartyHome(full.home.parent / "builder")
    now = datetime.now(UTC)
    Identity.create(builder.path, "Builder")
    terms = Terms(builder.public.public_key.hex(), now, now + timedelta(days=9), fields=("age", "sex"))
    card = owner.own_dataset("tiny").card
    wanted = parse_any_plan(PLAN)
    asked = asking.ask(builder, builder.identity, card, wanted, terms, "", now, b"\x77" * 16)
    asking.receive(owner, asked.envelope, now)
    less = replace(terms, fields=("age",), max_epsilon="2")
    given = asking.answer_give(owner, owner.identity, "77" * 16, now, b"\x78" * 16, terms=less)
    (answer,) = [one.answer for one in asking.requests(owner, now) if one.id == "77" * 16]
    assert answer is not None
    asking.take_answer(builder, "77" * 16, answer.envelope, given.grant.envelope, now)
    found = page(open_console(builder.path).enter(), "/asks").text
    for words in ("given, narrowed", "Columns: age", "Its plan cannot run under it.", "It needs the columns: sex.",
                  "It needs epsilon 4.", "The grant holds until"):  # fmt: skip
        assert words in found, found
    assert "Granted. What now?" not in found  # its plan cannot run


def test_answers_are_looked_for_where_some_are_owed(full: World) -> None:
    owner, builder = PartyHome(full.home), PartyHome(full.home.parent / "builder")
    now = datetime.now(UTC)
    Identity.create(builder.path, "Builder")
    terms = Terms(builder.public.public_key.hex(), now, now + timedelta(days=9))
    card = owner.own_dataset("tiny").card
    asked = asking.ask(builder, builder.identity, card, parse_any_plan(PLAN), terms, "", now, b"\x77" * 16)
    world = open_console(builder.path).enter()
    look = ("post", "/asks/look")
    assert look not in page(world, "/asks").forms  # no server of that owner is known
    add_remote(builder.path, "clinic", "http://127.0.0.1:9", owner.public)
    assert look in page(world, "/asks").forms
    asking.receive(owner, asked.envelope, now)
    given = asking.answer_give(owner, owner.identity, "77" * 16, now, b"\x78" * 16)
    (answer,) = [one.answer for one in asking.requests(owner, now) if one.id == "77" * 16]
    assert answer is not None
    asking.take_answer(builder, "77" * 16, answer.envelope, given.grant.envelope, now)
    found = page(world, "/asks")
    assert look not in found.forms  # nobody owes one
    assert "Granted. What now?" in found.text
    late = open_console(builder.path, clock=lambda: now + timedelta(days=10)).enter()
    over = page(late, "/asks").text
    assert "The grant ended on" in over
    assert "Granted. What now?" not in over


def test_only_commands_that_this_folder_can_run_are_shown(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world = open_console(trained / "builder").enter()
    own = page(world, f"/models/{PASSPORT}").text
    for command in ("bailee verify", "bailee predict", "bailee export"):
        assert command in own
    assert f"--out RELEASE --home {trained / 'builder'}" in own
    paper = paper_named(trained / "builder", PASSPORT)
    secret = replace(paper, builder="ab" * 32, revealed=False)
    monkeypatch.setattr("bailee.server.console.pages.models.paper_named", lambda home, name: secret)
    others = page(world, f"/models/{PASSPORT}").text
    assert "bailee verify" in others
    assert "The weights stayed secret" in others
    for command in ("bailee predict", "bailee export", "bailee release"):
        assert command not in others


@pytest.mark.parametrize(
    "path", ["/events?kind=none", "/events?from=-1", "/events?from=1e9", "/find?remote=..", "/royalties?amount=NaN"]
)
def test_what_makes_no_sense_in_an_address(empty: World, path: str) -> None:
    assert empty.client.get(path).status_code in (200, 400, 404)
    read_page(empty.client.get(path).text)


def test_events_in_pages_and_by_kind(seen: World) -> None:
    everything = page(seen, "/events").text
    assert "rows were sealed as" in everything
    assert "rows were sealed as" not in page(seen, "/events?kind=grants").text
    assert "asked for a grant on" in page(seen, "/events?kind=grants").text
