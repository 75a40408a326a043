"""Logging in to OpenStack Swift, and going on when a token ends. What every store must do is in test_stores.py."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

import engine_swift
from bailee.adapters.stores import remote
from bailee.adapters.stores import swift as swift_module
from bailee.adapters.stores.entry import StoreEntry
from bailee.adapters.stores.opening import open_store
from bailee.adapters.stores.store import Store
from bailee.adapters.stores.swift import Login
from bailee.errors import InputError, MissingError, StoreError
from bailee.keys import Secret

OPTIONS = engine_swift.options("shelf")


def opened(auth: str, env: dict[str, str] = OPTIONS) -> Store:
    return open_store(StoreEntry("shelf", f"swift://vault/{secrets.token_hex(4)}?auth={auth}"), env)


def put(store: Store, path: str, data: bytes) -> None:
    writing = store.write(path)
    writing.write(data)
    writing.finish()


@pytest.fixture
def logins(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A URL for each log-in so far."""
    asked: list[str] = []
    ask = Login.ask
    monkeypatch.setattr(Login, "ask", lambda login: (asked.append(login.auth), ask(login))[1])
    return asked


@pytest.fixture
def refused(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The first token that a log-in brings, the third and so on do not hold. What is given out, "bad" or "good"."""
    given: list[str] = []
    ask = Login.ask

    def every_other(login: Login) -> tuple[str, Secret]:
        url, token = ask(login)
        given.append("good" if given[-1:] == ["bad"] else "bad")
        return url, token if given[-1] == "good" else Secret(b"AUTH_ftk-of-yesterday")

    monkeypatch.setattr(Login, "ask", every_other)
    return given


def test_a_token_that_ended_is_renewed(swift: engine_swift.Swift, logins: list[str]) -> None:
    store = opened(swift.hasty)
    assert logins == []
    put(store, "ab/c", b"kept")
    began = len(logins)
    deadline = time.monotonic() + 120
    while len(logins) == began and time.monotonic() < deadline:
        assert store.read("ab/c", 1, 2) == b"ep"
        time.sleep(0.2)
    assert len(logins) > began


def test_whatever_is_asked_first_renews(swift: engine_swift.Swift, refused: list[str]) -> None:
    kept = StoreEntry("shelf", f"swift://vault/{secrets.token_hex(4)}?auth={swift.auth}")
    put(open_store(kept, OPTIONS), "ab/c", b"kept")
    assert open_store(kept, OPTIONS).read("ab/c") == b"kept"
    assert [found.path for found in open_store(kept, OPTIONS).paths()] == ["ab/c"]
    with pytest.raises(MissingError):
        open_store(kept, OPTIONS).read("ab/gone")
    open_store(kept, OPTIONS).delete("ab/c")
    assert list(open_store(kept, OPTIONS).paths()) == []
    assert refused == ["bad", "good"] * 6


def test_many_threads_renew_once(swift: engine_swift.Swift, refused: list[str]) -> None:
    store = opened(swift.auth)
    threads = [threading.Thread(target=put, args=(store, f"ab/n{number}", b"x")) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(list(store.paths())) == 8
    assert refused == ["bad", "good"]


def test_a_string_longer_than_a_chunk(swift: engine_swift.Swift) -> None:
    store, data = opened(swift.auth), secrets.token_bytes(2 * remote.CHUNK + 5)
    put(store, "ab/long", data)
    assert [(found.path, found.size) for found in store.paths()] == [("ab/long", len(data))]
    assert store.read("ab/long", remote.CHUNK - 3, 6) == data[remote.CHUNK - 3 : remote.CHUNK + 3]
    assert store.read("ab/long") == data
    store.delete("ab/long")
    assert list(store.paths()) == []


def test_a_wrong_key_is_told_and_not_shown(swift: engine_swift.Swift, logins: list[str]) -> None:
    store = opened(swift.auth, {**OPTIONS, "BAILEE_STORE_SHELF_KEY": "hush"})
    for use in (lambda: store.read("x"), lambda: list(store.paths()), lambda: store.delete("x")):
        with pytest.raises(StoreError, match=r"store shelf: .* refuses its user and key \(status 401\)") as caught:
            use()
        assert not isinstance(caught.value, MissingError)
        assert "hush" not in str(caught.value)
    assert len(logins) == 3


def test_a_token_of_ones_own(swift: engine_swift.Swift) -> None:
    url, token = Login("shelf", swift.auth, Secret(engine_swift.USER.encode()), Secret(engine_swift.KEY.encode())).ask()
    entry = StoreEntry("shelf", f"swift://vault/{secrets.token_hex(4)}?endpoint={url}")
    put(open_store(entry, {"BAILEE_STORE_SHELF_TOKEN": token.reveal().decode()}), "ab/c", b"kept")
    ended = open_store(entry, {"BAILEE_STORE_SHELF_TOKEN": "AUTH_ftk-of-yesterday"})
    with pytest.raises(StoreError, match="store shelf: ab/c: PermissionDenied"):
        ended.read("ab/c")


def test_no_container_is_told(swift: engine_swift.Swift) -> None:
    store = open_store(StoreEntry("shelf", f"swift://nowhere/p?auth={swift.auth}"), OPTIONS)
    with pytest.raises(StoreError, match="store shelf: "):
        put(store, "x", b"y")


def test_what_logging_in_takes() -> None:
    with pytest.raises(InputError, match="set BAILEE_STORE_SHELF_USER and BAILEE_STORE_SHELF_KEY, or USER and KEY"):
        opened("https://host/auth/v1.0", {})
    with pytest.raises(InputError, match="takes a user and a key, in printable ASCII") as caught:
        opened("https://host/auth/v1.0", {**OPTIONS, "BAILEE_STORE_SHELF_KEY": "hush\r\nX-Other: y"})
    assert "hush" not in str(caught.value)
    for auth in ("host/auth", "file:///etc/passwd", "https://me:hush@host/auth"):
        with pytest.raises(InputError, match=r"store shelf: expected auth=https://HOST/auth/v1\.0") as caught:
            opened(auth)
        assert "hush" not in str(caught.value)
    with pytest.raises(InputError, match=r"store shelf: .*container.*check its URL and options"):
        open_store(StoreEntry("shelf", "swift:///p?auth=https://host/auth/v1.0"), OPTIONS)


def test_nobody_there_is_asked_again_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(swift_module, "REST", 0.01)
    with pytest.raises(StoreError, match=r"store shelf: cannot log in at http://127.0.0.1:9/auth: .*refused"):
        opened("http://127.0.0.1:9/auth").read("x")


def test_threads_that_wait_for_a_log_in_share_its_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    store, waiting, asked = opened("http://127.0.0.1:9/auth"), threading.Barrier(8), []

    def ask(login: Login) -> tuple[str, Secret]:
        asked.append(login.auth)
        time.sleep(0.3)
        raise StoreError("store shelf: nobody there")

    def use() -> None:
        waiting.wait()
        with pytest.raises(StoreError, match="nobody there"):
            store.read("x")

    monkeypatch.setattr(Login, "ask", ask)
    threads = [threading.Thread(target=use) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(asked) < 8


@contextmanager
def answering(status: int, **headers: str) -> Iterator[tuple[str, list[dict[str, str]]]]:
    """A server that always answers that; its URL, and the headers of who came."""
    came: list[dict[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            came.append(dict(self.headers))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/auth", came
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_the_key_follows_nobody_elsewhere() -> None:
    with answering(200) as (elsewhere, came), answering(302, Location=elsewhere) as (auth, asked):
        with pytest.raises(StoreError, match=r"store shelf: cannot log in at .*: status 302"):
            opened(auth).read("x")
        assert [headers["X-Auth-Key"] for headers in asked] == [engine_swift.KEY]
        assert came == []


@pytest.mark.parametrize("storage", ["", "file:///etc", "http://"])
def test_an_answer_without_a_place_to_store_at(storage: str) -> None:
    with (
        answering(200, X_Storage_Url=storage, X_Auth_Token="t") as (auth, _),
        pytest.raises(StoreError, match="answers with no http URL to store at"),
    ):
        opened(auth).read("x")


def test_a_private_log_in_leads_to_no_open_store() -> None:
    login = Login("shelf", "https://host/auth/v1.0", Secret(b"me"), Secret(b"hush"))
    assert login._checked("https://elsewhere/v1/me") == "https://elsewhere/v1/me"
    with pytest.raises(StoreError, match="answers with no https URL to store at"):
        login._checked("http://host/v1/me")
