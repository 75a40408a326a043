"""A console over a folder, for tests: in this process, by ASGI; and a folder in which much has happened."""

from __future__ import annotations

import contextlib
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from starlette.testclient import TestClient

from bailee.keys import Identity
from bailee.party import asking
from bailee.party.granting import Terms, give, take_back
from bailee.party.home import PartyHome
from bailee.party.plans import parse_any_plan
from bailee.records import digest
from bailee.server.console.application import console
from bailee.server.console.context import ConsoleContext
from bailee.server.console.serving import server_of
from bailee.train.ledger import Entry
from commands import PLAN, make_world, run
from ports import free_port

HOST = "127.0.0.1:8440"
ORIGIN = f"http://{HOST}"
HOSTILE = "<script>alert(1)</script>\"'&{{7*7}}"
"""A name that would do harm where it were not written as text."""
OWNER_PAGES = (
    "/",
    "/datasets",
    "/requests",
    "/grants",
    "/uses",
    "/budget",
    "/stores",
    "/earnings",
    "/settings",
    "/about",
)
OPEN_PLAN = """
name = "open"
purpose = "a model for everybody"
label = "ill"
loss = "logistic"
batch = "full"
epochs = 3
hidden = [8, 4]
learning_rate = 1
[privacy]
mode = "unprotected"
"""


@dataclass
class World:
    """`client` is signed in where `enter` was called."""

    context: ConsoleContext
    client: TestClient
    late: timedelta = field(default_factory=timedelta)

    @property
    def home(self) -> Path:
        return self.context.home

    def enter(self) -> World:
        assert self.client.get(f"/enter?link={self.context.access.new_link()}").status_code == 200
        return self

    def token(self, page: str = "/settings") -> str:
        found = re.search(r'name="csrf" value="([^"]+)"', self.client.get(page).text)
        assert found is not None
        return found[1]

    def post(
        self, path: str, data: dict[str, Any] | None = None, page: str = "/settings", **more: Any
    ) -> httpx.Response:
        """As the form on a page would."""
        sent = {"csrf": self.token(page), **(data or {})}
        return self.client.post(path, data=sent, headers={"Origin": ORIGIN}, follow_redirects=False, **more)

    def refusal(self, answer: httpx.Response, status: int = 200) -> str:
        """The form's page, to which a form that could not be done leads; it says why."""
        assert answer.status_code == 303, answer.text
        assert "mend=" in answer.headers["location"]
        shown = self.client.get(answer.headers["location"])
        assert shown.status_code == status, shown.text
        return shown.text


def open_console(home: Path, **more: Any) -> World:
    context = ConsoleContext(home, frozenset({HOST, "localhost:8440"}), **more)
    return World(context, TestClient(console(context), base_url=ORIGIN, raise_server_exceptions=False))


def make_full(folder: Path) -> Path:
    """HOME of an owner in whose folder much has happened: sealed, asked, given, used, taken back, kept in a vault.

    What strangers may name, one of them has named hostilely. Sessions are only written down, not run.
    """
    make_world(folder)
    now = datetime.now(UTC)
    Identity.create(folder / "hostile", HOSTILE[:90])
    home, owner = folder / "owner", PartyHome(folder / "owner")
    card = owner.own_dataset("tiny").card
    for number, (who, text, plan, more) in enumerate(
        (
            ("builder", "We study what age does. It is for the spring report.", PLAN, {}),
            ("hostile", HOSTILE, OPEN_PLAN, {"purpose": HOSTILE}),
            ("builder", "", PLAN, {"fields": ("age",), "max_epsilon": "4"}),
            ("builder", "Once more?", PLAN, {}),
        )
    ):
        builder = PartyHome(folder / who)
        end = now + timedelta(days=30 + number)
        terms = Terms(builder.public.public_key.hex(), now, end, unprotected=who == "hostile", **more)
        asked = asking.ask(
            builder, builder.identity, card, parse_any_plan(plan), terms, text, now, bytes([number]) * 16
        )
        asking.receive(owner, asked.envelope, now)
    given = asking.answer_give(owner, owner.identity, "02" * 16, now, b"\x22" * 16)
    asking.answer_refuse(owner, owner.identity, "03" * 16, "Not this year; ask again in spring.", now)
    key = PartyHome(folder / "builder").public.public_key.hex()
    for number, days in enumerate((3, 300)):
        terms = Terms(key, now - timedelta(days=2), now + timedelta(days=days))
        dataset, plan = owner.own_dataset("tiny"), parse_any_plan(PLAN)
        made = give(owner, owner.identity, dataset, plan, terms, now, bytes([0x30 + number]) * 16)
        if days == 300:
            take_back(owner, owner.identity, made.grant, now)
    assert given.grant is not None
    origin = owner.origin(owner.own_dataset("tiny"))
    for number in range(2):
        entry = Entry(origin, digest(bytes([number])), digest(b"plan"), given.grant.digest, "1.75", "0.000001")
        owner.ledger().charge(entry, ("4", "0.00001"))
        owner.own_dataset("tiny").ledger.spend("session", now, digest(bytes([number])))
    assert run("vault", "init", "--home", home)[0] == 0
    (folder / "letter.txt").write_text("kept\n" * 1000)
    assert run("vault", "put", folder / "letter.txt", "letter", "--home", home)[0] == 0
    return home


@contextlib.contextmanager
def served(home: Path) -> Iterator[tuple[str, ConsoleContext]]:
    """A console that real browsers reach: its origin and its context."""
    port = free_port()
    context = ConsoleContext(home, frozenset({f"127.0.0.1:{port}"}))
    server = server_of(context, "127.0.0.1", port)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started and thread.is_alive():
        time.sleep(0.02)
    try:
        yield f"http://127.0.0.1:{port}", context
    finally:
        server.should_exit = True
        thread.join(20)
