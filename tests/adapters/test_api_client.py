"""The API's client against a real server, and against servers that lie, fail, or say too much."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from bailee import errors
from bailee.adapters import api_client
from bailee.adapters.api_client import Client
from bailee.errors import AuthorityError, InputError, NotFoundError, PlanError, RecordError, SessionError
from bailee.keys import Identity
from bailee.records import canonical

ME, CLINIC = Identity.generate("Lab"), Identity.generate("Clinic").public_key
Answer = tuple[int, bytes] | tuple[int, bytes, dict[str, str]]


def challenge(**more: str) -> bytes:
    facts = {"audience": CLINIC.hex(), "caller": ME.public_key.hex(), "expires": "2099-01-01T00:00:00Z", **more}
    return json.dumps({"challenge": canonical(facts).decode()}).encode()


@contextlib.contextmanager
def serving(
    answers: Callable[[str, str], Answer | None],
) -> Iterator[tuple[str, list[tuple[str, str, dict[str, str]]]]]:
    """A server that answers `answers(method, path)`; signing in works where it says None."""
    seen: list[tuple[str, str, dict[str, str]]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            seen.append((self.command, self.path, dict(self.headers)))
            found: Any = answers(self.command, self.path)
            if found is None:
                good = {"/v1/auth/challenges": challenge(), "/v1/auth/tokens": b'{"token": "t0ken"}'}
                found = (200, good.get(self.path, b"{}"))
            if found[0] == 0:
                self.close_connection = True  # hangs up
                return
            self.send_response(found[0])
            for name, value in (found[2] if len(found) > 2 else {}).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(found[1])))
            self.end_headers()
            with contextlib.suppress(OSError):
                self.wfile.write(found[1])

        do_POST = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Not a word."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", seen
    finally:
        server.shutdown()
        server.server_close()


@contextlib.contextmanager
def client(url: str, waits: list[float] | None = None) -> Iterator[Client]:
    with Client(url, CLINIC, ME, wait=(waits if waits is not None else []).append) as made:
        yield made


def calls(seen: list[tuple[str, str, dict[str, str]]], path: str) -> list[dict[str, str]]:
    return [headers for _, found, headers in seen if found.partition("?")[0] == path]


def test_signs_in_by_itself_and_keeps_the_token() -> None:
    with serving(lambda method, path: (200, b'{"items": [{"name": "a"}], "next": null}') if "datasets" in path else None) as (url, seen), client(url) as one:  # noqa: E501 # fmt: skip
        assert one.datasets() == [{"name": "a"}]
        assert one.datasets() == [{"name": "a"}]
    assert len(calls(seen, "/v1/auth/tokens")) == 1
    assert [headers["Authorization"] for headers in calls(seen, "/v1/datasets")] == ["Bearer t0ken"] * 2
    assert "Authorization" not in calls(seen, "/v1/auth/challenges")[0]


def test_a_token_that_ended_is_drawn_anew_once() -> None:
    left = [401, 200]

    def answers(method: str, path: str) -> Answer | None:
        return (left.pop(0), b"{}") if "requests" in path else None

    with serving(answers) as (url, seen), client(url) as one:
        assert one.asked("ab" * 16) == {}
    assert len(calls(seen, "/v1/auth/tokens")) == 2
    left[:] = [401, 401]
    with serving(answers) as (url, seen), client(url) as one, pytest.raises(AuthorityError, match="status 401"):
        one.asked("ab" * 16)
    assert len(calls(seen, "/v1/auth/tokens")) == 2


@pytest.mark.parametrize("told", [{"audience": "ab" * 32}, {"caller": "ab" * 32}, {"expires": "2001-01-01T00:00:00Z"}])
def test_signs_for_no_other_server(told: dict[str, str]) -> None:
    def answers(method: str, path: str) -> Answer | None:
        return (200, challenge(**told)) if "challenges" in path else None

    with serving(answers) as (url, seen), client(url) as one, pytest.raises(InputError, match="challenge"):
        one.datasets()
    assert calls(seen, "/v1/auth/tokens") == []


def test_errors_come_back_as_what_they_were() -> None:
    said: list[Answer] = [(200, b"")]
    with serving(lambda method, path: said[0] if "requests" in path else None) as (url, _), client(url) as one:
        for status, body, kind, words in (
            (422, {"error": "PlanError", "detail": "no such label"}, PlanError, "no such label"),
            (404, {"error": "NotFoundError", "detail": "gone"}, NotFoundError, "gone"),
            (
                403,
                {"type": "https://bailee.dev/errors/RoleRefused", "detail": "you are x"},
                AuthorityError,
                "you are x",
            ),
            (403, {"error": "BaseException", "detail": "x"}, AuthorityError, "x"),
            (400, {"error": "load", "detail": 7}, InputError, "status 400"),
            (500, [], SessionError, "status 500"),
            (418, {"detail": "\x1b[31mred\n" + "x" * 5000}, InputError, "red"),
        ):
            said[0] = (status, json.dumps(body).encode())
            with pytest.raises(errors.BaileeError, match=words) as found:
                one.asked("ab" * 16)
            assert type(found.value) is kind
            assert len(str(found.value)) < 1200
            assert "\x1b" not in str(found.value)


def test_tries_again_what_may_be_tried_again() -> None:
    left: list[Answer] = [(503, b"{}"), (0, b""), (201, b'{"state": "open"}')]
    waits: list[float] = []
    with serving(lambda method, path: left.pop(0) if "requests" in path else None) as (url, seen), client(url, waits) as one:  # noqa: E501 # fmt: skip
        assert one.ask(b"{}") == {"state": "open"}
    keys = {headers["Idempotency-Key"] for headers in calls(seen, "/v1/requests")}
    assert (len(keys), len(calls(seen, "/v1/requests")), waits) == (1, 3, [0.2, 1.0])


def test_waits_for_its_own_request_that_is_still_under_way() -> None:
    left: list[Answer] = [(409, b"{}", {"Retry-After": "1"}), (201, b'{"state": "open"}'), (409, b"{}")]
    waits: list[float] = []

    def answers(method: str, path: str) -> Answer | None:
        return left.pop(0) if "requests" in path else None

    with serving(answers) as (url, _), client(url, waits) as one:
        assert one.ask(b"{}") == {"state": "open"}
        assert waits == [1.0]
        with pytest.raises(InputError, match="status 409"):
            one.ask(b"{}")


def test_gives_up_in_words() -> None:
    waits: list[float] = []
    with serving(lambda method, path: (503, b"{}") if "requests" in path else None) as (url, seen), client(url, waits) as one:  # noqa: E501 # fmt: skip
        with pytest.raises(SessionError, match="status 503"):
            one.asked("ab" * 16)
        assert len(waits) == 2
    with client(url) as one, pytest.raises(SessionError, match="cannot be reached"):
        one.datasets()
    told: Answer = (429, b"{}", {"Retry-After": "3600"})
    with serving(lambda method, path: told if "requests" in path else None) as (url, seen), client(url) as one:
        with pytest.raises(SessionError, match="status 429"):
            one.asked("ab" * 16)
        assert len(calls(seen, "/v1/requests/" + "ab" * 16)) == 1  # an hour is not waited for


def test_what_is_too_large_or_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[Answer] = [(200, b"")]
    monkeypatch.setattr(api_client, "_SAID", 1000)
    with serving(lambda method, path: said[0] if "datasets" in path else None) as (url, _), client(url) as one:
        for body, words in (
            (b'{"items": "' + b"x" * 2000 + b'"}', "more than 1000 bytes"),
            (b"<html>", "JSON object"),
            (b"[" * 900, "JSON object"),
            (b'{"items": {}}', "without items"),
            (b'{"items": [1]}', "without items"),
            (b'{"items": [], "next": "x"}', "more than 50 pages"),
        ):
            said[0] = (200, body)
            with pytest.raises(SessionError, match=words):
                one.datasets()
        said[0] = (302, b"{}", {"Location": "http://127.0.0.1:1/"})
        assert one.datasets  # a redirection is followed nowhere
        with pytest.raises(SessionError):
            one.datasets()


def test_a_card_must_be_the_servers(tmp_path: Path) -> None:
    def answers(method: str, path: str) -> Answer | None:
        return (200, b"{}") if "card" in path else None

    with serving(answers) as (url, _), client(url) as one, pytest.raises(RecordError):
        one.card("tiny")
    with pytest.raises(InputError, match="no CA certificate"):
        Client("https://127.0.0.1:1", CLINIC, ME, tmp_path / "none.pem")
