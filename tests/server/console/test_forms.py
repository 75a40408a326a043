"""Every form of an owner's does what it says, once, and refuses what makes no sense."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bailee.party import asking
from bailee.party.granting import Terms
from bailee.party.home import PartyHome
from bailee.party.plans import parse_any_plan
from bailee.party.requested import REQUESTS, find
from bailee.server.console.drafts import Drafts
from commands import PLAN, make_world
from console_html import read_page
from console_world import HOSTILE, ORIGIN, World, open_console

ASKED, HOSTILE_ASKED, REFUSED = "00" * 16, "01" * 16, "03" * 16
GRANT = "30" * 16


def state(world: World, name: str) -> str:
    return find(PartyHome(world.home), REQUESTS, name, datetime.now(UTC)).state


def test_revoking_asks_first_and_is_done_once(full: World) -> None:
    asking = full.client.get(f"/grants/{GRANT}/revoke")
    assert "What it does not undo" in asking.text
    assert ("post", f"/grants/{GRANT}/revoke") in read_page(asking.text).forms
    assert PartyHome(full.home).revocation(GRANT) is None  # asking does nothing
    answer = full.post(f"/grants/{GRANT}/revoke")
    assert (answer.status_code, answer.headers["location"]) == (303, "/grants")
    taken = PartyHome(full.home).revocation(GRANT)
    assert taken is not None
    assert "is taken back since" in full.client.get("/grants").text
    full.post(f"/grants/{GRANT}/revoke")
    again = PartyHome(full.home).revocation(GRANT)
    assert again is not None
    assert again.envelope == taken.envelope
    assert full.client.get(f"/grants/{GRANT}/revoke", follow_redirects=False).status_code == 303


def test_giving_what_was_asked(full: World) -> None:
    answer = full.post(f"/requests/{ASKED}/give")
    assert (answer.status_code, answer.headers["location"]) == (303, "/grants")
    assert state(full, ASKED) == "given"
    assert "The grant is given" in full.client.get("/grants").text
    before = len(list(PartyHome(full.home).grants()))
    full.post(f"/requests/{ASKED}/give")
    assert len(list(PartyHome(full.home).grants())) == before


def test_giving_less(full: World) -> None:
    until = (datetime.now(UTC) + timedelta(days=5)).strftime("%Y-%m-%d")
    sent = {"until": until, "epsilon": "4.0", "narrowed": "yes", "field": ["age", "sex=f", "sex=m"]}
    assert full.post(f"/requests/{ASKED}/give", sent).status_code == 303
    grant = find(PartyHome(full.home), REQUESTS, ASKED, datetime.now(UTC)).grant
    assert grant is not None
    assert (grant.record.not_after[:10], grant.record.max_epsilon) == (until, "4")
    assert set(grant.record.fields) >= {"age", "sex=f"}


def test_boxes_are_the_tables_columns_and_ticked_as_the_plan_needs(tmp_path: Path) -> None:
    make_world(tmp_path)
    builder, owner = (PartyHome(tmp_path / name) for name in ("builder", "owner"))
    now = datetime.now(UTC)
    terms = Terms(builder.public.public_key.hex(), now, now + timedelta(days=9))
    plan = parse_any_plan('features = ["sex=f"]' + PLAN)
    asked = asking.ask(builder, builder.identity, owner.own_dataset("tiny").card, plan, terms, "", now, bytes(16))
    asking.receive(owner, asked.envelope, now)
    world = open_console(owner.path).enter()
    text = world.client.get(f"/requests/{ASKED}").text
    boxes = re.findall(r'name="field" value="([^"]+)"( checked)?', text)
    assert boxes == [("age", ""), ("sex", " checked")]
    assert "as the plan needs: sex" in text
    assert "The plan needs: sex. Without one of them no session can run." in text
    assert world.post(f"/requests/{ASKED}/give", {"narrowed": "yes", "field": ["sex"]}).status_code == 303
    given = find(owner, REQUESTS, ASKED, now).grant
    assert given is not None
    assert set(given.record.fields) == {"sex=f", "(bias)"}  # no more of the column than the plan needs


def test_the_last_day_may_be_given_whole(full: World) -> None:
    record = find(PartyHome(full.home), REQUESTS, ASKED, datetime.now(UTC)).request.record
    assert full.post(f"/requests/{ASKED}/give", {"until": record.ends[:10]}).status_code == 303
    grant = find(PartyHome(full.home), REQUESTS, ASKED, datetime.now(UTC)).grant
    assert grant is not None
    assert grant.record.not_after == record.ends


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ({"epsilon": "5"}, "a larger epsilon than 4"),
        ({"epsilon": "much"}, "expected a number as epsilon"),
        ({"epsilon": "-1"}, "at least 0"),
        ({"epsilon": "inf"}, "at least 0"),
        ({"until": "yesterday"}, "or a date like"),
        ({"narrowed": "yes"}, "no column is ticked"),
        ({"narrowed": "yes", "field": ["rows"]}, "rows"),
    ],
)
def test_giving_more_or_nonsense_is_refused(full: World, sent: dict[str, str], words: str) -> None:
    page = read_page(full.refusal(full.post(f"/requests/{ASKED}/give", sent)))
    assert words in page.text
    assert {(name, value) for name, value in sent.items() if name in ("epsilon", "until")} <= set(page.fields)
    assert state(full, ASKED) == "open"


def test_what_was_typed_and_ticked_comes_back_and_stays_on_reload(full: World) -> None:
    sent = {"epsilon": "many", "until": "2030-01-01", "narrowed": "yes", "field": ["sex"], "unprotected": "yes"}
    place = full.post(f"/requests/{HOSTILE_ASKED}/give", sent).headers["location"]
    assert place.startswith(f"/requests/{HOSTILE_ASKED}?mend=")
    for _ in range(2):
        text = full.client.get(place).text
        assert re.findall(r'name="field" value="([^"]+)"( checked)?', text) == [("age", ""), ("sex", " checked")]
        assert {("epsilon", "many"), ("until", "2030-01-01")} <= set(read_page(text).fields)
        assert "expected a number as epsilon" in text
        assert 'name="unprotected" value="yes" required' in text  # ticked anew each time
    fresh = full.client.get(f"/requests/{HOSTILE_ASKED}").text
    assert "expected a number as epsilon" not in fresh
    assert ("epsilon", "many") not in read_page(fresh).fields
    unknown = full.client.get(f"/requests/{HOSTILE_ASKED}?mend=gone").text
    assert ("epsilon", "many") not in read_page(unknown).fields
    answer = full.post("/settings/look", {"language": "zh", "back": place})
    assert answer.headers["location"] == place  # another language loses nothing either
    assert f'name="back" value="{place}"' in full.client.get(f"{place}&lang=en").text


def test_what_was_typed_is_text(full: World) -> None:
    text = full.refusal(full.post(f"/requests/{ASKED}/refuse", {"reason": HOSTILE + "\u202e"}))
    assert HOSTILE not in text
    assert HOSTILE in read_page(text).text


@pytest.mark.parametrize(
    ("path", "back"),
    [
        (f"/grants/{'77' * 16}/revoke", f"/grants/{'77' * 16}/revoke"),
        ("/datasets/a%2Fb/renew", "/datasets/a%2Fb"),
        ("/requests/..%3Fx/give", "/requests/..%3Fx"),
    ],
)
def test_a_form_of_nothing_leads_to_a_page_of_nothing(full: World, path: str, back: str) -> None:
    answer = full.post(path)
    assert answer.status_code in (303, 404)
    if answer.status_code == 303:
        assert answer.headers["location"].startswith(f"{back}?mend=")
        full.refusal(answer, 404)


def test_training_without_privacy_needs_a_word_more(full: World) -> None:
    answer = full.post(f"/requests/{HOSTILE_ASKED}/give")
    assert "say so with --unprotected" in full.refusal(answer)
    assert state(full, HOSTILE_ASKED) == "open"
    assert full.post(f"/requests/{HOSTILE_ASKED}/give", {"unprotected": "yes"}).status_code == 303
    assert state(full, HOSTILE_ASKED) == "given"
    assert "unprotected" in full.client.get("/grants").text


def test_refusing_with_a_reason(full: World) -> None:
    answer = full.post(f"/requests/{ASKED}/refuse", {"reason": "Too much privacy for us.\r\nAsk for less."})
    assert (answer.status_code, answer.headers["location"]) == (303, "/requests")
    told = find(PartyHome(full.home), REQUESTS, ASKED, datetime.now(UTC))
    assert told.state == "refused"
    assert told.answer is not None
    assert "Too much privacy for us." in told.answer.record.reason
    assert "was refused" in full.refusal(full.post(f"/requests/{ASKED}/give"))
    assert full.post(f"/requests/{REFUSED}/refuse").status_code == 303  # as it was


def test_language_and_colours_are_kept(full: World) -> None:
    assert 'lang="en"' in full.client.get("/").text
    answer = full.post("/settings/look", {"language": "zh", "theme": "dark", "back": "/grants"})
    assert answer.headers["location"] == "/grants"
    for cookie in answer.headers.get_list("set-cookie"):
        assert "HttpOnly" in cookie
        assert "SameSite=strict" in cookie
    text = full.client.get("/grants").text
    assert 'lang="zh-Hans" data-theme="dark"' in text
    assert full.post("/settings/look", {"language": "xx"}).status_code == 400
    assert full.post("/settings/look", {"theme": "pink"}).status_code == 400


@pytest.mark.parametrize("charset", ["utf-7", "unicode_escape", "punycode", "utf-16", "none such"])
@pytest.mark.parametrize("path", ["/find/x/ask", "/verify/own", "/find/add"])
def test_a_form_in_other_letters_is_refused_before_it_is_read(full: World, path: str, charset: str) -> None:
    fields = {"csrf": full.token(), "dataset": "+2AA-\\ud800", "paper": "+2AA-\\ud800"}
    parts = (f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{said}\r\n' for name, said in fields.items())
    headers = {"Origin": ORIGIN, "Content-Type": f'multipart/form-data; boundary=b; charset="{charset}"'}
    answer = full.client.post(path, content=f"{''.join(parts)}--b--\r\n", headers=headers, follow_redirects=False)
    assert answer.status_code == 415
    assert "a form is sent as UTF-8" in answer.text


def test_what_no_form_of_ours_could_hold_is_not_kept() -> None:
    drafts = Drafts()
    drafts.keep("a", {"one": ["x" * (4 << 20), "y" * (4 << 20)]}, "why")
    assert len(drafts.get("a").texts["one"]) == 2
    drafts.keep("a", {"one": ["x" * (4 << 20)], "two": ["y" * (4 << 20), "z"]}, "why")
    assert (drafts.get("a").texts, drafts.get("a").problem) == ({}, "why")
