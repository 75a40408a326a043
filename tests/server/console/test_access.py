"""Who gets in, and what every answer says to the browser."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

from bailee.server.console.access import IDLE_SECONDS, LINK_SECONDS, SESSION_SECONDS, Access, is_token_of
from bailee.server.console.application import check_posts
from bailee.server.console.posting import posted
from console_html import read_page
from console_world import HOST, ORIGIN, World, open_console

HEADERS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


def headers_hold(answer: object) -> None:
    found = answer.headers  # type: ignore[attr-defined]
    assert {name: found.get(name) for name in HEADERS} == HEADERS
    policy = dict(part.split(" ", 1) for part in found["content-security-policy"].split("; "))
    assert policy.pop("default-src") == "'none'"
    assert (policy.pop("frame-ancestors"), policy.pop("base-uri")) == ("'none'", "'none'")
    assert set(policy.values()) == {"'self'"}


@pytest.mark.parametrize("path", ["/", "/datasets", "/grants/x/revoke", "/nothing", "/settings", "/leave"])
def test_without_a_session_nothing_is_shown(full_home: Path, path: str) -> None:
    world = open_console(full_home)
    answer = world.client.get(path, headers={"Cookie": f"{world.context.cookie}=guessed"})
    assert answer.status_code == 401
    assert "tiny" not in answer.text
    assert "Owner" not in answer.text
    read_page(answer.text)
    headers_hold(answer)


def test_a_link_opens_once(empty: World) -> None:
    world = open_console(empty.home)
    link = f"/enter?link={world.context.access.new_link()}"
    answer = world.client.get(link)
    cookie = answer.headers["set-cookie"]
    assert answer.status_code == 200
    assert re.fullmatch(r"bailee-8440=[\w-]{43}; HttpOnly; Path=/; SameSite=strict", cookie)
    assert world.client.get("/").status_code == 200
    again = open_console(empty.home)
    for sent in (link, "/enter?link=guessed", "/enter"):
        world.client.cookies.clear()
        refused = world.client.get(sent)
        assert (refused.status_code, "set-cookie" in refused.headers) == (401, False)
        read_page(refused.text)
    assert again.client.get("/").status_code == 401


def test_with_tls_the_cookie_is_for_this_host_alone(empty: World) -> None:
    world = open_console(empty.home, tls=True)
    answer = world.client.get(f"/enter?link={world.context.access.new_link()}")
    assert answer.headers["set-cookie"].startswith("__Host-bailee-8440=")
    assert "Secure" in answer.headers["set-cookie"]
    assert answer.headers["strict-transport-security"] == "max-age=31536000"


def test_links_and_sessions_end() -> None:
    now = [0.0]
    access = Access(lambda: now[0])
    late, link = access.new_link(), access.new_link()
    now[0] = LINK_SECONDS
    cookie = access.enter(link)
    assert cookie is not None
    now[0] += 1
    assert access.enter(late) is None
    visitor = access.visitor(cookie)
    assert visitor is not None
    assert access.runs(visitor)
    now[0] += IDLE_SECONDS + 1
    assert access.visitor(cookie) is None
    cookie = access.enter(access.new_link())
    assert cookie is not None
    began = now[0]
    while now[0] - began <= SESSION_SECONDS:
        assert access.visitor(cookie) is not None
        now[0] += IDLE_SECONDS - 1
    assert access.visitor(cookie) is None


def test_few_links_and_sessions_are_kept() -> None:
    access = Access(lambda: 0.0)
    links = [access.new_link() for _ in range(17)]
    assert access.enter(links[0]) is None
    cookies = [access.enter(access.new_link()) for _ in range(33)]
    assert [access.visitor(cookie or "") is None for cookie in cookies].count(True) == 1


@given(st.text(max_size=80))
def test_no_other_token_opens_anything(guess: str) -> None:
    access = Access(lambda: 0.0)
    cookie = access.enter(access.new_link())
    assert cookie is not None
    visitor = access.visitor(cookie)
    assert visitor is not None
    assert access.enter(guess) is None
    assert access.visitor(guess) is None
    assert not is_token_of(visitor, guess)
    assert is_token_of(visitor, visitor.form_token)
    assert not is_token_of(visitor, cookie)


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8440", "127.0.0.1", "127.0.0.1:8441", ""])
def test_another_host_name_gets_nothing(seen: World, host: str) -> None:
    for path in ("/", "/static/console.css", "/enter"):
        answer = seen.client.get(path, headers={"Host": host})
        assert answer.status_code == 421
        headers_hold(answer)
    assert seen.client.get("/datasets", headers={"Host": "LOCALHOST:8440"}).status_code == 200


@pytest.mark.parametrize(
    "origin", [None, "null", "http://evil.example", "https://127.0.0.1:8440", "http://127.0.0.1:1", ""]
)
def test_forms_of_other_sites_are_refused(full: World, origin: str | None) -> None:
    grant = "30" * 16
    data = {"csrf": full.token()}
    headers = {} if origin is None else {"Origin": origin}
    answer = full.client.post(f"/grants/{grant}/revoke", data=data, headers=headers)
    assert answer.status_code == 403
    headers_hold(answer)
    assert not (full.home / "revocations" / f"{grant}.json").exists()


def test_forms_without_the_sessions_token_are_refused(full: World) -> None:
    grant = "30" * 16
    other = open_console(full.home).enter()
    for token in ("", "guessed", full.token() + "x", other.token()):
        answer = full.client.post(f"/grants/{grant}/revoke", data={"csrf": token}, headers={"Origin": ORIGIN})
        assert answer.status_code == 403, token
        assert "FormError" in answer.text
        read_page(answer.text)
    answer = full.client.post(f"/grants/{grant}/revoke", content=b"", headers={"Origin": ORIGIN})
    assert answer.status_code == 403
    assert not (full.home / "revocations" / f"{grant}.json").exists()


def test_every_method_but_looking_needs_a_form(seen: World) -> None:
    for method in ("PUT", "DELETE", "PATCH", "POST"):
        assert seen.client.request(method, "/grants", headers={"Origin": ORIGIN}).status_code == 405
    assert seen.client.request("OPTIONS", "/grants").status_code == 403


def test_pages_that_change_something_are_made_by_posted() -> None:
    def page(request: Request) -> PlainTextResponse:
        return PlainTextResponse("")

    sound = [Route("/a", page), posted("/b", lambda request, sent: PlainTextResponse(""), None)]
    assert check_posts(list(sound)) == sound
    for wrong in (Route("/c", page, methods=["POST"]), Route("/d", page, methods=["GET", "PUT"]), Mount("/e", page)):
        with pytest.raises(TypeError, match=r"posting\.posted"):
            check_posts([wrong])


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 200),
        ("GET", "/nothing", 404),
        ("GET", "/static/nothing.js", 404),
        ("GET", "/static/console.js", 200),
        ("GET", "/requests/nothing", 404),
        ("POST", "/datasets", 405),
        ("HEAD", "/grants", 200),
    ],
)
def test_every_answer_has_the_headers(seen: World, method: str, path: str, status: int) -> None:
    answer = seen.client.request(method, path, headers={"Origin": ORIGIN})
    assert answer.status_code == status
    headers_hold(answer)
    assert answer.headers["cache-control"] == ("no-cache" if path.startswith("/static") else "no-store")


def test_a_bug_of_ours_says_nothing_of_it(
    seen: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("the secret is 12345")

    monkeypatch.setattr("bailee.server.console.pages.datasets.owned", broken)
    answer = seen.client.get("/datasets")
    assert answer.status_code == 500
    assert "secret is 12345" not in answer.text  # the figures alone may stand in a digest
    assert "12345" in capsys.readouterr().err
    headers_hold(answer)
    read_page(answer.text)


@pytest.mark.parametrize(
    "path",
    ["/static/../access.py", "/static/..%2faccess.py", "/static/%2e%2e/access.py", "/static/..%5caccess.py",
     "/static//etc/passwd", "/static/%2fetc%2fpasswd", "/static/%00", "/static/....//access.py"],
)  # fmt: skip
def test_nothing_beside_the_static_files_is_served(seen: World, path: str) -> None:
    answer = seen.client.get(path)
    assert answer.status_code == 404
    assert "one-time links" not in answer.text
    assert "root:" not in answer.text


def test_a_form_too_large_is_not_read(full: World) -> None:
    answer = full.post("/settings/look", {"theme": "dark", "more": "x" * 300_000})
    assert answer.status_code == 413
    headers_hold(answer)


def test_forms_lead_nowhere_else(full: World) -> None:
    for back in ("https://evil.example/", "//evil.example", "/\\evil.example", "evil"):
        assert full.post("/settings/look", {"theme": "dark", "back": back}).status_code == 404


def test_leaving_ends_the_session(full: World) -> None:
    answer = full.post("/leave")
    assert answer.status_code == 200
    read_page(answer.text)
    assert 'bailee-8440=""' in answer.headers["set-cookie"]
    assert full.client.get("/").status_code == 401


def test_a_cookie_that_is_none_is_no_session(seen: World) -> None:
    for cookie in ("\x7f=;;;", "bailee-8440", f"bailee-8440={'x' * 20_000}", 'a=b; bailee-8440="\\'):
        world = open_console(seen.home)
        assert world.client.get("/", headers={"Cookie": cookie, "Host": HOST}).status_code == 401
