"""What takes longer than a request: tasks in threads, and parts of pages that stay current."""

from __future__ import annotations

import json
import shutil
import threading
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.testclient import TestClient

from bailee.adapters.files import lock
from bailee.errors import ConflictError, SchemaError, StoreError
from bailee.party import followed
from bailee.server.console import streams
from bailee.server.console.context import ConsoleContext, visitor_of
from bailee.server.console.door import Door
from bailee.server.console.tasks import Report, Task, Tasks
from console_html import read_page
from console_world import HOST, ORIGIN, open_console


def finished(task: Task) -> Task:
    for thread in threading.enumerate():
        if thread.name.endswith(task.id):
            thread.join(120)
    return task


def test_a_task_reports_and_ends() -> None:
    def work(report: Report) -> str:
        report("read", 0.5)
        report("read", 1.5)
        report("prove", -1.0)
        return "there"

    tasks = Tasks()
    task = finished(tasks.start("sealing", "rows", work))
    assert (task.state, task.result, task.error) == ("done", "there", None)
    assert task.steps == {"read": 1.0, "prove": 0.0}
    assert tasks.get(task.id) is task
    assert tasks.running() == []
    assert tasks.get("another") is None


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (SchemaError("row 3 does not fit"), "SchemaError: row 3 does not fit"),
        (StoreError("gone"), "StoreError: gone"),
        (MemoryError(), "too little memory"),
        (OSError(28, "No space left on device", "/home/secret/file"), "StorageError: No space left on device"),
        (RuntimeError("the key is 12345"), "not your doing"),
    ],
)
def test_a_task_that_fails_says_why(error: Exception, told: str, capsys: pytest.CaptureFixture[str]) -> None:
    def work(report: Report) -> None:
        raise error

    task = finished(Tasks().start("sealing", "rows", work))
    assert task.state == "failed"
    assert task.error is not None
    assert told in task.error
    assert "12345" not in task.error
    assert "secret" not in task.error


def test_of_one_kind_one_runs_and_the_newest_are_kept() -> None:
    tasks, go = Tasks(), threading.Event()
    first = tasks.start("sealing", "first", lambda report: go.wait(120))
    with pytest.raises(ConflictError, match="another sealing is under way"):
        tasks.start("sealing", "second", lambda report: None)
    other = finished(tasks.start("checking", "other", lambda report: None))
    go.set()
    finished(first)
    for _ in range(40):
        last = finished(tasks.start("sealing", "more", lambda report: None))
    assert tasks.get(last.id) is last
    assert tasks.get(other.id) is None


class Live:
    """A console with one stream, which draws what `drawn` holds, in that order."""

    def __init__(self, home: Path, drawn: list[tuple[str, bool]], leave_at: int = -1) -> None:
        self.asked = 0

        def follow(request: Request) -> Response:
            def draw() -> tuple[str, bool]:
                self.asked += 1
                if self.asked == leave_at:
                    self.context.access.leave(visitor_of(request))
                return drawn[min(self.asked, len(drawn)) - 1]

            return streams.stream(request, draw, 0.001)

        self.context = ConsoleContext(home, frozenset({HOST}))

        async def refused(scope: object, receive: object, send: object) -> None:
            raise AssertionError("not signed in")

        def broken(request: Request, error: Exception) -> Response:
            raise error

        door = Middleware(Door, refused=refused, broken=broken, context=self.context)
        app = Starlette(routes=[Route("/welcome", follow)], middleware=[door])
        app.state.context = self.context
        self.client = TestClient(app, base_url=ORIGIN)
        cookie = self.context.access.enter(self.context.access.new_link())
        self.client.cookies.set(self.context.cookie, cookie or "")

    def events(self) -> list[tuple[str, object]]:
        text = self.client.get("/welcome").text
        lines = [one.split("\n") for one in text.split("\n\n") if one.startswith("event")]
        return [(name.removeprefix("event: "), json.loads(data.removeprefix("data: "))) for name, data in lines]


def test_only_what_changed_is_sent(tmp_path: Path) -> None:
    drawn = [("<p>a\n</p>", False), ("<p>a\n</p>", False), ("<p>b</p>", False), ("<p>b</p>", True)]
    live = Live(tmp_path, drawn)
    assert live.events() == [("html", "<p>a\n</p>"), ("html", "<p>b</p>"), ("end", {})]
    assert live.asked == 4


def test_a_stream_ends_with_its_session(tmp_path: Path) -> None:
    live = Live(tmp_path, [("x", False)], leave_at=3)
    assert live.events() == [("html", "x"), ("end", {})]
    assert live.asked == 3


def test_a_stream_ends_where_the_server_goes(tmp_path: Path) -> None:
    live = Live(tmp_path, [("x", False)])
    live.context.stopping.set()
    assert live.events() == [("end", {})]


def test_too_many_streams_of_one_session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    live = Live(tmp_path, [("x", True)])
    monkeypatch.setattr(streams, "STREAMS_OF_ONE", 0)
    assert live.client.get("/welcome").status_code == 429


@pytest.mark.parametrize(("role", "theirs"), [("builder", "join"), ("owner", "train")])
def test_a_session_that_no_process_works_on_is_not_running(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, role: str, theirs: str
) -> None:
    monkeypatch.setattr(followed, "_QUIET", 10**6)  # the training may be long ago: it is shared
    home = tmp_path / role
    shutil.copytree(trained / role, home)
    (place,) = (home / "sessions").glob("?" * 64)
    (place / "passport.json").unlink()
    world = open_console(home).enter()
    with lock(home):
        assert "running" in read_page(world.client.get(f"/sessions/{place.name}").text).text
    told = read_page(world.client.get(f"/sessions/{place.name}").text).text
    assert "running" not in told
    ours = {"join": "train", "train": "join"}[theirs]
    resume = {
        "train": "bailee train PLAN.toml --owner OWNER.json --resume",
        "join": "bailee join HOST:PORT --grant ID --resume",
    }
    assert f"{resume[ours]} --home {home}" in told
    assert resume[theirs] in told
    assert f"{resume[theirs]} --home" not in told  # this folder is nothing there
    assert ("At each owner's:" if role == "builder" else "At the builder's:") in told
