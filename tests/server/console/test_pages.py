"""Every page of an owner's, with nothing there and with much: sound HTML, what it must say, nothing hostile alive."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from bailee.adapters.receipts import PaymentName, Receipts
from bailee.party.home import PartyHome
from bailee.party.sold import answers_sold
from bailee.records.schema import Schema
from bailee.server.console.columns import names_of
from bailee.server.console.rendering import NAVIGATION, day
from bailee.server.console.tasks import SEALING
from commands import run
from console_html import Page, read_page
from console_world import HOSTILE, OWNER_PAGES, World, open_console

ASKED, HOSTILE_ASKED, GIVEN, REFUSED = ("00" * 16, "01" * 16, "02" * 16, "03" * 16)
MORE = ("/datasets/tiny", "/seal", *(f"/requests/{one}" for one in (ASKED, HOSTILE_ASKED, GIVEN, REFUSED)),
        f"/grants/{'30' * 16}/revoke")  # fmt: skip


def page(world: World, path: str, status: int = 200) -> Page:
    answer = world.client.get(path)
    assert answer.status_code == status, answer.text[-2000:]
    return read_page(answer.text)


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("path", [*OWNER_PAGES, *MORE])
def test_sound_with_much(seen: World, path: str, language: str) -> None:
    found = page(seen, f"{path}?lang={language}")
    assert HOSTILE not in seen.client.get(path).text  # never as it came
    assert "&49" not in found.text  # nor read as a template
    assert all(action.startswith("/") for _, action in found.forms)


@pytest.mark.parametrize("path", [*OWNER_PAGES, "/seal"])
def test_sound_with_nothing(empty: World, path: str) -> None:
    page(empty, path)


@pytest.mark.parametrize(
    ("path", "command"),
    [
        ("/seal", "bailee seal table.csv schema.toml"),
        ("/requests", "bailee serve"),
        ("/requests", "bailee caller add BUILDER.json --role builder"),
        ("/grants", "bailee grant DATASET --builder identity.json --plan plan.toml"),
    ],
)
def test_commands_name_the_folder(empty: World, path: str, command: str) -> None:
    assert f"{command} --home {empty.home}" in page(empty, path).text


def test_a_folder_without_keys_shows_the_first_page(bare: World) -> None:
    for path in ("/", "/datasets", "/grants"):
        assert bare.client.get(path, follow_redirects=False).headers["location"] == "/welcome"
    assert "no keys yet" in page(bare, "/welcome").text
    assert not bare.home.exists()  # looking makes nothing
    answer = bare.post("/welcome", {"name": "Cleveland"}, page="/welcome")
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    found = page(bare, "/")
    assert "Cleveland" in found.text
    assert "Keep a copy of identity.pem" in found.text
    assert "Keep a copy of identity.pem" not in page(bare, "/").text  # said once
    assert bare.post("/welcome", {"name": "Another"}).status_code == 400


def test_what_is_there_is_said(seen: World) -> None:
    assert "tiny" in page(seen, "/datasets").text
    dataset = page(seen, "/datasets/tiny").text
    for word in ("age", "0 to 100", "f, m", "4 / 7", "card.json"):
        assert word in dataset
    grants = page(seen, "/grants")
    assert grants.text.count("holds") == 2
    assert f"/grants/{'31' * 16}/revoke" not in grants.links  # revoked already
    assert {f"/grants/{'30' * 16}/revoke", f"/grants/{'22' * 16}/revoke"} <= set(grants.links)
    budget = page(seen, "/budget").text
    assert "3.5 / 8" in budget
    assert "tests" in page(seen, "/uses").text
    assert "All is in order" in page(seen, "/stores").text


def test_the_overview_says_what_needs_its_owner(full: World) -> None:
    found = page(full, "/")
    assert {f"/requests/{ASKED}", f"/requests/{HOSTILE_ASKED}"} <= set(found.links)
    assert f"/requests/{GIVEN}" not in found.links
    assert "ends in 3 days" in found.text
    ledger = full.home / "datasets" / "tiny" / "openings.jsonl"
    ledger.write_text("damaged\n")
    damaged = page(full, "/")
    assert "cannot be read: datasets/tiny" in damaged.text
    assert str(full.home) not in damaged.text
    assert page(full, "/grants").text.count("holds") == 2  # the rest is there all the same


def test_a_privacy_ledger_that_cannot_be_read_tells_no_numbers(full: World) -> None:
    (full.home / "privacy.jsonl").write_text("damaged\n")
    assert "cannot be read: privacy.jsonl" in page(full, "/").text
    assert "3.5" not in page(full, "/").text
    assert "? / 4" in page(full, "/grants").text
    assert "spent: ?" in page(full, "/datasets").text
    page(full, f"/grants/{'30' * 16}/revoke")  # taking back works all the same
    for path in ("/budget", f"/requests/{ASKED}", "/uses"):
        assert "is damaged" in page(full, path, 503).text


def test_a_dataset_nearly_out_of_openings_is_said(full: World) -> None:
    ledger = PartyHome(full.home).own_dataset("tiny").ledger
    for _ in range(3):
        ledger.spend("more", datetime.now(UTC))
    assert "tiny has one opening left" in page(full, "/").text
    ledger.spend("more", datetime.now(UTC))
    assert "tiny has no opening left" in page(full, "/").text


def test_a_lost_store_is_said(empty: World, tmp_path: Path) -> None:
    assert "This folder has no vault" in page(empty, "/stores").text
    assert run("vault", "init", "--home", empty.home)[0] == 0
    (tmp_path / "letter").write_text("kept")
    assert run("vault", "put", tmp_path / "letter", "letter", "--home", empty.home)[0] == 0
    assert "stores of the vault answer" in empty.client.get("/stores/alert").text
    shutil.rmtree(empty.home / "stores" / "b")
    assert "These stores fail: b" in empty.client.get("/stores/alert").text
    found = page(empty, "/stores").text
    assert "does not answer" in found
    assert "No further store may be lost" in found


def test_a_grant_says_its_columns_and_when_it_was_revoked(seen: World) -> None:
    taken = PartyHome(seen.home).revocation("31" * 16)
    assert taken is not None
    for path in ("/grants?lang=en", "/datasets/tiny?lang=en"):
        assert f"revoked on {day(taken.record.revoked)}" in " ".join(seen.client.get(path).text.split())
    grants = seen.client.get("/grants").text
    assert '<span class="column">sex</span>' in grants  # the whole column, as the table names it
    assert "(bias)" not in grants
    assert "3 rows, 3 columns (5 when encoded)" in page(seen, "/datasets/tiny").text


@pytest.mark.parametrize(
    ("fields", "names"),
    [(("age", "sex=f", "sex=m", "(bias)"), ("age", "sex")), (("sex=m", "(bias)"), ("sex=m",)), (("(bias)",), ())],
)
def test_granted_columns_are_named_as_in_the_table(full_home: Path, fields: Any, names: Any) -> None:
    schema = Schema.from_json(PartyHome(full_home).own_dataset("tiny").card.record.schema)
    assert names_of(fields, schema) == names
    assert names_of(fields, None) == tuple(name for name in fields if name != "(bias)")


def test_a_request_is_told_in_words(seen: World) -> None:
    asked = page(seen, f"/requests/{ASKED}").text
    for words in (
        "logistic regression in 2 rounds",
        "Your rows stay here",
        "epsilon 4, with delta 0.00001",
        "spent epsilon 3.5; grants that hold allow 4.5 more",
        "may come to 12 in all",
        "spring report",
    ):
        assert words in asked
    hostile = page(seen, f"/requests/{HOSTILE_ASKED}")
    assert "neural network with hidden layers of 8, 4 units" in hostile.text
    assert "No privacy is promised" in hostile.text
    assert HOSTILE in hostile.text  # as text
    assert ("unprotected", "yes") in hostile.fields
    refused = page(seen, f"/requests/{REFUSED}")
    assert "Not this year; ask again in spring." in refused.text
    assert not any(action.endswith(("/give", "/refuse")) for _, action in refused.forms)


def test_turned_and_hidden_letters_are_written_out(tmp_path: Path) -> None:
    from bailee.server.console.rendering import plain

    assert plain("a\u202eb\u200bc\x1bd\ne") == "a\\u202eb\\u200bc\\x1bd\ne"


def test_what_is_not_there_is_a_page(seen: World) -> None:
    for path in ("/datasets/none", "/datasets/..%2f..", "/requests/zz", "/grants/zz/revoke", "/tasks/zz", "/seal/zz"):
        page(seen, path, 404)


def test_time_turns_states(full_home: Path) -> None:
    late = open_console(full_home, clock=lambda: datetime.now(UTC) + timedelta(days=10)).enter()
    assert page(late, "/grants").text.count("expired") == 1
    later = open_console(full_home, clock=lambda: datetime.now(UTC) + timedelta(days=400)).enter()
    assert page(later, f"/requests/{ASKED}").text.count("Its time was over") == 1


def test_only_grants_that_may_still_hold_are_taken_back(full_home: Path) -> None:
    late = open_console(full_home, clock=lambda: datetime.now(UTC) + timedelta(days=10)).enter()
    for path in ("/grants", "/datasets/tiny"):
        found = page(late, path)
        assert "expired" in found.text
        links = [link for link in found.links if link.endswith("/revoke")]
        assert links == [f"/grants/{'22' * 16}/revoke"]  # not the revoked one, not the expired one
    answer = late.client.get(f"/grants/{'30' * 16}/revoke", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/grants")


def test_a_request_for_a_dataset_that_is_gone_can_only_be_refused(full: World) -> None:
    shutil.rmtree(full.home / "datasets" / "tiny")
    found = page(full, f"/requests/{ASKED}")
    assert "not here any more" in found.text
    assert [action for _, action in found.forms if ASKED in action] == [f"/requests/{ASKED}/refuse"]


def test_renewing_is_offered_where_it_can_be_done(full: World) -> None:
    assert ("post", "/datasets/tiny/renew") in page(full, "/datasets/tiny").forms
    go = Event()
    task = full.context.tasks.start(SEALING, "another", lambda report: str(go.wait(30)))
    found = page(full, "/datasets/tiny")
    go.set()
    assert ("post", "/datasets/tiny/renew") not in found.forms
    assert f"/tasks/{task.id}" in found.links
    ledger = PartyHome(full.home).own_dataset("tiny").ledger
    for _ in range(4):
        ledger.spend("more", datetime.now(UTC))
    assert "/datasets/tiny" in page(full, "/").links
    ledger.spend_last("reseal", datetime.now(UTC), "ab" * 32)  # what it became lies in no folder of this home
    assert ("post", "/datasets/tiny/renew") not in page(full, "/datasets/tiny").forms
    for path in ("/", "/datasets"):
        assert "enew it" not in page(full, path).text


def test_the_navigation_marks_where_one_is(seen: World) -> None:
    for path in [place.path for _, group in NAVIGATION for place in group if place.path in OWNER_PAGES]:
        text = seen.client.get(path).text
        assert f'<a href="{path}" aria-current="page">' in text
        assert text.count("aria-current") == 1
    assert '<a href="/datasets" aria-current="page">' in seen.client.get("/datasets/tiny").text


def test_a_hostile_dataset_name_is_text(full: World) -> None:
    name = "x<img src=x onerror=alert(1)>&?#"
    shutil.copytree(full.home / "datasets" / "tiny", full.home / "datasets" / name)
    found = page(full, "/datasets")
    assert name in found.text
    (link,) = {one for one in found.links if one.startswith("/datasets/x")}
    assert name in page(full, link).text


def test_answers_that_the_gate_sold_are_uses(empty: World) -> None:
    assert "gate sold" not in page(empty, "/uses").text
    receipts = Receipts(empty.home / "gate" / "receipts.sqlite")
    for nonce, block in (("aa" * 32, 7), ("bb" * 32, 9)):
        name = PaymentName("eip155:31337", "0x" + "11" * 20, "0x" + "22" * 20, nonce)
        receipts.bind(name, "cd" * 32, b"the answer itself", block, 2**40)
    receipts.cash(PaymentName("eip155:31337", "0x" + "11" * 20, "0x" + "22" * 20, "bb" * 32), "0x" + "ee" * 32)
    receipts.close()
    assert [(one.block, one.cashed) for one in answers_sold(PartyHome(empty.home))] == [
        (9, "0x" + "ee" * 32),
        (7, None),
    ]
    text = page(empty, "/uses").text
    assert text.count("eip155:31337") == 2
    assert "not moved yet" in text
    assert "the answer itself" not in text
