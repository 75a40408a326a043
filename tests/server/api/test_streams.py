"""Sessions and checks as they go on: what is told, and coming back for the rest."""

from __future__ import annotations

import asyncio
import json
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fastapi import Request

from api_world import ROOMY, World, refused, zipped
from bailee.party.course import leader_of, steps_of
from bailee.server.api.apart import links_of
from bailee.server.api.callers import Role
from bailee.server.api.jobs import ENDED, Job
from bailee.server.api.resources.sessions import told as told_of
from bailee.server.api.streams import Told
from bailee.server.api.tokens import Holder
from commands import run
from parties import make_cast, run_session


@pytest.fixture(scope="module")
def sessions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders of one session of two owners: the builder's and the owners'. The argument system is pretended."""
    folder = tmp_path_factory.mktemp("sessions")
    outcome, said = run_session(make_cast(folder, (20, 30)))
    assert outcome is not None, said
    return folder


def put(world: World, source: Path) -> str:
    """The session of that folder in the world's owner's."""
    shutil.copytree(source, world.folder / "owner" / "sessions", dirs_exist_ok=True)
    (folder,) = (path for path in (world.folder / "owner" / "sessions").iterdir() if path.is_dir())
    return folder.name


def events_of(world: World, path: str, name: str = "owner", after: str = "") -> list[dict[str, Any]]:
    """All events until the stream ends."""
    headers = world.headers(name) | ({"Last-Event-ID": after} if after else {})
    found: list[dict[str, Any]] = []
    with world.client.stream("GET", path, headers=headers) as response:
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        one: dict[str, Any] = {}
        for line in response.iter_lines():
            field, _, value = line.partition(": ")
            if not line and "data" in one:
                found.append(one)
                one = {}
            elif field in ("id", "event"):
                one[field] = value
            elif field == "data":
                one["data"] = json.loads(value)
    return found


def test_a_session_is_told_from_either_side(world: World, sessions: Path) -> None:
    name = put(world, sessions / "builder" / "sessions")
    told = events_of(world, f"/v1/sessions/{name}/events")
    stages = [one["event"] for one in told]
    assert (stages[0], stages[-1]) == ("invited", "done")
    assert stages.count("noise") == 2
    assert all(len(one["data"]["owner"]) == 64 for one in told if one["event"] in ("noise", "round"))
    shown = world.client.get(f"/v1/sessions/{name}", headers=world.headers("owner")).json()
    assert (shown["kind"], shown["finished"], shown["stage"]) == ("sums", True, "done")
    assert (shown["round"], len(shown["owners"])) == (shown["rounds"], 2)
    owner_side = next((sessions / "owner0" / "sessions").glob("[0-9a-f]*[0-9a-f]"))
    own = [step.stage for step in steps_of(owner_side)]
    assert {"invited", "noise", "committed", "round", "closing", "proved", "proven", "done"} <= set(own)
    assert leader_of(owner_side).builder == shown["builder"]


def test_nothing_a_message_says_is_told(world: World, sessions: Path) -> None:
    name = put(world, sessions / "builder" / "sessions")
    told = events_of(world, f"/v1/sessions/{name}/events")
    assert {frozenset(one["data"]) for one in told} == {frozenset({"stage", "at", "round", "owner"})}
    assert not [one for one in told if "sealed" in one["id"] and not one["id"].startswith("state-")]


def test_who_comes_back_gets_the_rest(world: World, sessions: Path) -> None:
    name = put(world, sessions / "builder" / "sessions")
    path = f"/v1/sessions/{name}/events"
    told = events_of(world, path)
    for place in range(len(told) - 1):
        assert events_of(world, path, after=told[place]["id"]) == told[place + 1 :]
    assert events_of(world, path, after="of-another-server") == told  # everything, rather than too little
    assert [one["event"] for one in events_of(world, path, after=told[-1]["id"])] == []


def test_events_come_as_files_do(world: World, sessions: Path) -> None:
    """A session that goes on while it is followed, its files coming one after another."""
    source = next(path for path in (sessions / "builder" / "sessions").iterdir() if path.is_dir())
    target = world.folder / "owner" / "sessions" / source.name
    target.mkdir(parents=True)
    steps = [step.name for step in steps_of(source)]
    shutil.copy(source / steps[0], target)

    async def run() -> list[str]:
        streams = world.context.streams
        holder = Holder(world.identity("owner").public_key.hex(), Role.OWNER, time.time() + 60)
        application = SimpleNamespace(state=SimpleNamespace(gate=world.context.gate))
        asker = Request({"type": "http", "headers": [], "state": {"caller": holder}, "app": application})
        response = streams.follow(asker, "s", lambda: told_of(target), target)
        got: list[str] = []
        left = steps[1:]
        async for block in response.body_iterator:
            text = block.decode() if isinstance(block, bytes) else str(block)
            if text.startswith("id: "):
                got.append(text.split("\n")[0][4:])
                if left:
                    shutil.copy(source / left.pop(0), target)
        return got

    assert asyncio.run(asyncio.wait_for(run(), 60)) == steps


def test_a_builder_follows_its_own_sessions_only(world: World, sessions: Path) -> None:
    name = put(world, sessions / "builder" / "sessions")
    for tail in ("", "/events"):
        found = world.client.get(f"/v1/sessions/{name}{tail}", headers=world.headers("builder"))
        refused(found, 404, "NotFoundError")  # another builder led it
    assert world.client.get("/v1/sessions", headers=world.headers("builder")).json()["items"] == []
    assert len(world.client.get("/v1/sessions", headers=world.headers("owner")).json()["items"]) == 1


def test_streams_end_with_their_token_and_are_bounded(world: World) -> None:
    name = "ab" * 32
    (world.folder / "owner" / "sessions" / name).mkdir(parents=True)
    with World.open(world.folder, replace(ROOMY, streams_of_one=0)) as small:
        found = small.client.get(f"/v1/sessions/{name}/events", headers=small.headers("owner"))
        refused(found, 429, "TooManyStreams")
    with World.open(world.folder, replace(ROOMY, streams=0)) as small:
        found = small.client.get(f"/v1/sessions/{name}/events", headers=small.headers("owner"))
        refused(found, 503, "TooManyStreams")
    token = world.token("owner", seconds=2)
    with world.client.stream("GET", f"/v1/sessions/{name}/events", headers={"Authorization": f"Bearer {token}"}) as one:
        lines = list(one.iter_lines())
    assert "event: token-ended" in lines
    assert world.context.streams._open == {}


def end_by_role(world: World, token: str) -> None:
    world.context.gate.callers.remove(world.identity("verifier").public_key.hex())


def end_by_sign_out(world: World, token: str) -> None:
    assert world.client.delete("/v1/auth/token", headers={"Authorization": f"Bearer {token}"}).status_code == 204


@pytest.mark.parametrize("end", [end_by_role, end_by_sign_out])
def test_a_stream_ends_with_its_callers_role_and_with_signing_out(
    world: World, tmp_path: Path, end: Callable[[World, str], None]
) -> None:
    """What is open already is no way around either, for the minutes that the token has left."""
    token, context = world.token("verifier"), world.context
    holder = context.gate.tokens.check(token, "sessions.events", "/", "read")
    request = Request({"type": "http", "headers": [], "app": SimpleNamespace(state=SimpleNamespace(gate=context.gate))})
    request.state.caller = holder
    told = [Told("0", "first", {})]
    (tmp_path / "grows").mkdir()

    async def follow() -> str:
        lines = context.streams.follow(request, "one", lambda: list(told), tmp_path / "grows").body_iterator
        said = [await anext(lines), await anext(lines)]
        end(world, token)
        told.append(Told("1", "second", {}))
        said += [line async for line in lines]
        return b"".join(one if isinstance(one, bytes) else str(one).encode() for one in said).decode()

    said = asyncio.run(asyncio.wait_for(follow(), 300))
    assert "event: first" in said
    assert "event: second" not in said
    assert said.endswith("event: token-ended\ndata: {}\n\n")


def wait(world: World, path: str, name: str) -> dict[str, Any]:
    end = time.monotonic() + 300
    while True:
        found: dict[str, Any] = world.client.get(path, headers=world.headers(name)).json()
        if found["state"] in ("holds", "broken", "failed"):
            return found
        assert time.monotonic() < end, found
        time.sleep(0.05)


def test_a_check_tells_each_link(world: World, sessions: Path) -> None:
    """The session's proofs are pretended: a real check finds that out, at the first of them, and says so."""
    folder = next(path for path in (sessions / "builder" / "sessions").iterdir() if path.is_dir())
    files = {"passport.json": (folder / "passport.json").read_bytes()}
    files |= {f"attachments/{path.name}": path.read_bytes() for path in (folder / "attachments").iterdir()}
    uploaded = world.upload("consumer", zipped(files))
    assert uploaded.status_code == 201, uploaded.text
    asked = {"passport": uploaded.json()["passport"]}
    begun = world.client.post("/v1/verifications", json=asked, headers=world.headers("consumer", "v"))
    assert begun.status_code == 202, begun.text
    path = begun.headers["location"]
    told = events_of(world, f"{path}/events", "consumer")
    found = wait(world, path, "consumer")
    assert (found["state"], told[-1]["event"]) == ("broken", "broken")
    links = {one["link"]: one["state"] for one in found["links"]}
    assert (links["passport"], links["invite"]) == ("holds", "holds")
    assert [name for name, state in links.items() if state == "broken"] == [found["links"][-1]["link"]]
    assert found["reason"].startswith(found["links"][-1]["link"])
    assert found["error"] == "StatementError"
    assert found["statement"] is None
    half = len(told) // 2
    assert events_of(world, f"{path}/events", "consumer", told[half]["id"]) == told[half + 1 :]
    refused(world.client.get(path, headers=world.headers("owner")), 404, "NotFoundError")
    refused(world.client.get(f"{path}/events", headers=world.headers("owner")), 404, "NotFoundError")
    replay = world.client.post("/v1/verifications", json=asked, headers=world.headers("consumer", "v"))
    assert replay.content == begun.content


def test_a_real_proof_holds(world: World, tmp_path: Path) -> None:
    """No two of the sealed rows are the same: proved by the command line, checked here; by whom one knows, or not."""
    home = world.folder / "owner"
    assert run("prove-rules", "tiny", "--out", tmp_path / "out", "--home", home)[0] == 0
    papers = (path for path in (tmp_path / "out").rglob("*") if path.is_file())
    files = {str(path.relative_to(tmp_path / "out")): path.read_bytes() for path in papers}
    passport = world.upload("verifier", zipped(files)).json()["passport"]
    own, other = world.identity("owner").public_key.hex(), world.identity("stranger").public_key.hex()
    ends = {}
    for name, trusted in (("a", [own]), ("b", [other])):
        asked = {"passport": passport, "trusted": trusted}
        begun = world.client.post("/v1/verifications", json=asked, headers=world.headers("verifier", name))
        ends[name] = wait(world, begun.headers["location"], "verifier")
    assert [ends[name]["state"] for name in "ab"] == ["holds", "broken"]
    assert ends["a"]["statement"] is not None
    assert {one["state"] for one in ends["a"]["links"]} <= {"holds"}
    assert ends["b"]["error"] == "SignatureError"
    listed = world.client.get("/v1/verifications", headers=world.headers("verifier")).json()["items"]
    assert [one["statement"] for one in listed] == [None, None]


def test_a_check_that_takes_too_much_fails_alone(world: World) -> None:
    with World.open(world.folder, replace(ROOMY, check_memory=1 << 26)) as small:
        passport = small.upload("consumer", zipped({"passport.json": b"{}"})).json()["passport"]
        headers = small.headers("consumer", "v")
        begun = small.client.post("/v1/verifications", json={"passport": passport}, headers=headers)
        found = wait(small, begun.headers["location"], "consumer")
        assert found["state"] == "failed"
        assert "than it is given" in found["reason"] or "more memory" in found["reason"]


def test_a_check_that_was_cut_off_begins_anew(world: World) -> None:
    passport = world.upload("consumer", zipped({"passport.json": b"{}"})).json()["passport"]
    key = world.identity("consumer").public_key.hex()
    jobs = world.context.jobs
    job = Job("cd" * 16, key, passport, False, (), time.time(), "checking")
    (jobs.folder / job.id).mkdir(parents=True)
    jobs._keep(job)
    jobs.told_path(job.id).write_text('{"state": "begun"}\n{"link": "passport", "state": "begun"}\n{"lin')
    with World.open(world.folder) as again:
        found = wait(again, f"/v1/verifications/{job.id}", "consumer")
    assert (found["state"], found["links"]) == ("broken", [])


def test_links_are_folded_and_begin_with_the_last_start() -> None:
    told = [
        {"state": "begun"},
        {"link": "lost", "state": "begun"},
        {"state": "begun"},
        *({"link": f"round {number} of Ann", "state": state} for number in (1, 2) for state in ("begun", "holds")),
        {"link": "closing", "state": "begun"},
        {"link": "closing", "state": "broken"},
    ]
    assert links_of(told) == [{"link": "rounds", "state": "holds"}, {"link": "closing", "state": "broken"}]


def test_checks_that_wait_are_bounded(world: World) -> None:
    with World.open(world.folder, replace(ROOMY, waiting_of_one=0)) as small:
        passport = small.upload("consumer", zipped({"passport.json": b"{}"})).json()["passport"]
        headers = small.headers("consumer", "v")
        found = small.client.post("/v1/verifications", json={"passport": passport}, headers=headers)
        refused(found, 429, "TooManyChecks")
    assert not list(world.context.jobs.folder.glob("*/job.json"))


def test_what_is_older_than_a_day_is_forgotten(world: World) -> None:
    passport = world.upload("consumer", zipped({"passport.json": b"{}"})).json()["passport"]
    begun = world.client.post(
        "/v1/verifications", json={"passport": passport}, headers=world.headers("consumer", "v")
    )  # fmt: skip
    wait(world, begun.headers["location"], "consumer")
    jobs = world.context.jobs
    while jobs.all()[0].state not in ENDED:  # told a moment before it is written down
        time.sleep(0.01)
    (jobs.uploads / ".body-left").write_bytes(b"of a server that was killed")
    jobs.sweep(time.time())
    assert world.client.get("/v1/passports", headers=world.headers("consumer")).json()["items"] != []
    jobs.sweep(time.time() + world.context.limits.kept + 5)
    assert world.client.get("/v1/passports", headers=world.headers("consumer")).json()["items"] == []
    refused(world.client.get(begun.headers["location"], headers=world.headers("consumer")), 404, "NotFoundError")
    assert not (jobs.uploads / ".body-left").exists()
