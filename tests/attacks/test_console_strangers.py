"""The console against what is near it: other programs and users of the machine, hostile requests and servers."""

from __future__ import annotations

import gzip
import re
import secrets
import socket
import stat
import threading
import time
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from bailee.adapters import api_client
from bailee.adapters.api_client import Client
from bailee.cli import completing
from bailee.cli import console as command
from bailee.errors import ConflictError, SessionError
from bailee.keys import Identity
from bailee.party import asking
from bailee.party.granting import Terms
from bailee.party.home import PartyHome
from bailee.party.plans import parse_any_plan
from bailee.server.console import serving
from bailee.server.console.checks import RUNNING, Check, Checks, File
from bailee.server.console.pages import finding
from bailee.server.console.rendering import loss
from commands import PLAN, app, free_address, make_world
from console_world import World, open_console

ME, CLINIC = Identity.generate("Lab"), Identity.generate("Clinic").public_key


@pytest.fixture
def empty(tmp_path: Path) -> World:
    Identity.create(tmp_path / "home", "Ann")
    return open_console(tmp_path / "home").enter()


# ----------------------------------------------------------------------------------------------- beside the browser


def test_what_looks_ahead_at_the_link_does_not_use_it_up(empty: World) -> None:
    world = open_console(empty.home)
    link = f"/enter?link={world.context.access.new_link()}"
    ahead = world.client.head(link)
    assert (ahead.status_code, "set-cookie" in ahead.headers) == (405, False)
    assert world.client.get(link).status_code == 200


@pytest.mark.parametrize(
    "other", ['ui={"a": [1, 2]}', "a[b]=1", "a@b=1", "path=/", "=", "x" * 9000, "a=\xe9", 'a="b; c']
)
def test_cookies_of_other_programs_sign_nobody_out(empty: World, other: str) -> None:
    ours = f"{empty.context.cookie}={empty.client.cookies[empty.context.cookie]}"
    empty.client.cookies.clear()
    for sent in (f"{other}; {ours}", f"{ours}; {other}", f"{empty.context.cookie}=evil; {ours}"):
        answer = empty.client.get("/settings", headers={"Cookie": sent.encode("latin-1")})
        assert answer.status_code == 200


def test_the_link_is_no_argument_of_a_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every user of a machine may list the arguments of all programs."""
    opened: list[tuple[str, str]] = []

    def browser(url: str) -> bool:
        page = Path(url.removeprefix("file://"))
        assert stat.S_IMODE(page.parent.stat().st_mode) == 0o700
        opened.append((url, page.read_text()))
        return True

    monkeypatch.setattr(webbrowser, "open", browser)
    monkeypatch.setattr(serving, "serve", lambda server: [close() for close in server._context.closing])
    command.console(listen=free_address(), home=tmp_path / "home")
    ((url, page),) = opened
    (link,) = re.findall(r"url=(http://127\.0\.0\.1:[0-9]+/enter\?link=([\w-]{43}))\"", page)
    assert link[1] not in url
    assert not Path(url.removeprefix("file://")).exists()


# ----------------------------------------------------------------------------------------------- hostile requests


def test_an_absurd_number_in_a_request_keeps_nobody_from_refusing_it(tmp_path: Path) -> None:
    world, now = make_world(tmp_path), datetime.now(UTC)
    owner, builder = PartyHome(world / "owner"), PartyHome(world / "builder")
    card, plan = owner.own_dataset("tiny").card, parse_any_plan(PLAN)
    console = open_console(world / "owner").enter()
    for number, (epsilon, delta) in enumerate((("9" * 40, None), ("0." + "0" * 79 + "1", "0." + "0" * 79 + "1"))):
        terms = Terms(
            builder.public.public_key.hex(), now, now + timedelta(days=1), max_epsilon=epsilon, max_delta=delta
        )
        asked = asking.ask(builder, builder.identity, card, plan, terms, "", now, bytes([number]) * 16)
        asking.receive(owner, asked.envelope, now)
        page = f"/requests/{asked.record.id}"
        assert console.client.get(page).status_code == 200
        for absurd in ("1e99999999", "9" * 60, "1e-99999999", "NaN", "-1"):
            console.refusal(console.post(f"{page}/give", {"epsilon": absurd}))
        done = console.post(f"{page}/refuse", {"reason": "no"})
        assert (done.status_code, "mend=" in done.headers["location"]) == (303, False)
    assert loss("9" * 40) == "1.000e+40"


# ----------------------------------------------------------------------------------------------- hostile servers


@contextmanager
def answering(answer: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server that reads a request and then does as `answer` likes."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()

        def one(heard: socket.socket) -> None:
            with heard, suppress(OSError):
                heard.recv(1 << 16)
                answer(heard)

        def accept() -> None:
            with suppress(OSError):
                while True:
                    threading.Thread(target=one, args=(listening.accept()[0],), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        with suppress(OSError):
            listening.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize("packed", ["gzip", "gzip, gzip", "deflate"])
def test_what_is_packed_is_not_unpacked(packed: str) -> None:
    body = gzip.compress(gzip.compress(bytes(1 << 24)))
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: {packed}\r\nContent-Length: {len(body)}\r\n\r\n"
    with (
        answering(lambda heard: heard.sendall(head.encode() + body)) as url,
        Client(url, CLINIC, ME) as client,
        pytest.raises(SessionError, match="something packed, which was not asked for"),
    ):
        client.datasets()


@pytest.mark.parametrize("begun", [b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n", b"HTTP/1.1 200 OK\r\nX: "])
def test_a_server_that_drips_is_left(begun: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each byte comes in time, and all of them never."""
    monkeypatch.setattr(api_client, "_SLOWEST", 1 << 30)

    def drip(heard: socket.socket) -> None:
        heard.sendall(begun)
        while True:
            heard.sendall(b"a")
            time.sleep(0.02)

    with (
        answering(drip) as url,
        Client(url, CLINIC, ME, patience=2.0) as client,
        pytest.raises(SessionError, match="is too slow: no whole answer within 2 s"),
    ):
        client.datasets()


def test_pages_without_measure_are_no_list(monkeypatch: pytest.MonkeyPatch) -> None:
    with Client("http://127.0.0.1:1", CLINIC, ME) as client:
        monkeypatch.setattr(client, "_get", lambda path: b'{"items": [%s], "next": "x"}' % b",".join([b"{}"] * 201))
        with pytest.raises(SessionError, match="a page of more than 200 items"):
            client.datasets()


def test_names_that_no_address_can_hold_are_left_out(empty: World, monkeypatch: pytest.MonkeyPatch) -> None:
    good = {"name": "fine", "rows": 1, "columns": ["a\ud800"], "created": "\ud800"}
    told = [good, *(good | {"name": name} for name in ("a\ud800", "", "x" * 201, "a\u202eb", 7))]

    class Told:
        def __enter__(self) -> Any:
            return self

        def __exit__(self, *_: object) -> None: ...

        def datasets(self) -> list[dict[str, Any]]:
            return told

    monkeypatch.setattr("bailee.party.correspondence.reached", lambda *_: Told())
    identity = (empty.home / "identity.json").read_bytes()
    added = empty.post(
        "/find/add", {"name": "clinic", "url": "http://127.0.0.1:1"}, files={"identity": ("i", identity)}
    )
    assert added.status_code == 303
    page = empty.client.get("/find?remote=clinic")
    assert page.status_code == 200
    assert re.findall(r"ask\?dataset=([^\"]+)", page.text) == ["fine"]
    assert [one["name"] for one in told if finding._is_name(one["name"])] == ["fine"]


# ----------------------------------------------------------------------------------------------- what is left behind


def test_a_check_that_must_wait_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    checks = Checks()
    for _ in range(2):
        name = secrets.token_hex(16)
        checks._all[name] = Check(name, "busy", Path("/nowhere"), (), False, state=RUNNING)
    with pytest.raises(ConflictError):
        checks.take([File("passport.json", BytesIO(b"{}"))])
    assert checks._folder is not None
    assert list(checks._folder.iterdir()) == []
    checks.stop()


# ----------------------------------------------------------------------------------------------- the shell


@pytest.mark.parametrize(
    "name",
    ["$(touch${IFS}evil)", "`touch${IFS}evil`", "a;touch${IFS}evil", "\\$(id)", "a'b", 'a"b', "--help", "a*", "a|b",
     "a&b", "a>b", "~root", "a\nb", "a b"],
)  # fmt: skip
def test_no_name_is_completed_that_a_shell_would_run(name: str, tmp_path: Path) -> None:
    for one in (name, "fine-1.2_é"):
        (tmp_path / "datasets" / one).mkdir(parents=True)
        (tmp_path / "datasets" / one / "card.json").touch()

    class Context:
        params = {"home": tmp_path}  # noqa: RUF012 - of a test

    assert completing.datasets(Context(), "") == ["fine-1.2_é"]  # type: ignore[arg-type]


def test_a_folder_in_colours_stays_plain_in_what_doctor_says(tmp_path: Path) -> None:
    Identity.create(tmp_path / "home", "Ann")
    place = tmp_path / "home" / "datasets" / "a\x1b[31mred"
    place.mkdir(parents=True)
    (place / "card.json").write_text("{}")
    said = CliRunner().invoke(app, ["doctor", "--home", str(tmp_path / "home"), "--patience", "5"]).stdout
    assert "red" in said
    assert "\x1b[31m" not in said
