"""The server as it is run: a process of its own, over TCP; stopped while streams are open; its description held to."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import CHECKS
from typer.testing import CliRunner

from api_world import World
from bailee.keys import Identity
from bailee.records.sign_in import answer
from bailee.server.api.application import RESOURCES
from commands import Running, app, free_address, refused, run, start
from ports import free_port

ROUTES = [route for one in RESOURCES for route in one.routes.routes]


def served(folder: Path, *more: str) -> tuple[Running, str]:
    address = free_address()
    running = start(folder / "serve.log", "serve", "--listen", address, "--home", folder / "owner", *more)
    end = time.monotonic() + 300
    while True:
        try:
            httpx.get(f"http://{address}/healthz").raise_for_status()
            return running, f"http://{address}"
        except httpx.TransportError:
            assert running.process.poll() is None, running.said
            assert time.monotonic() < end, running.said
            time.sleep(0.05)


def test_a_server_that_is_stopped_ends_streams_with_a_word(world: World) -> None:
    session = world.folder / "owner" / "sessions" / ("ab" * 32)
    session.mkdir(parents=True)
    metrics = free_address()
    running, url = served(world.folder, "--metrics", metrics)
    me = Identity.load(world.folder / "owner")
    told = httpx.post(f"{url}/v1/auth/challenges", json={"key": me.public_key.hex()}).json()
    asked = {"challenge": told["challenge"], "signature": answer(me, told["challenge"], told["audience"])}
    token = httpx.post(f"{url}/v1/auth/tokens", json=asked).json()["token"]
    headers = {"Authorization": f"Bearer {token}"}
    httpx.get(f"{url}/v1/datasets")
    text = httpx.get(f"http://{metrics}/metrics").text  # a door of their own
    assert 'bailee_requests_total{method="GET",operation="datasets.list",status="401"} 1.0' in text
    assert httpx.get(f"{url}/metrics").status_code == 404
    lines = []
    with httpx.stream("GET", f"{url}/v1/sessions/{session.name}/events", headers=headers, timeout=300) as stream:
        for line in stream.iter_lines():
            lines.append(line)
            if len(lines) == 1:
                running.process.send_signal(signal.SIGTERM)
    assert "event: closing" in lines
    assert running.wait() in (0, -signal.SIGTERM)
    said = [json.loads(line) for line in running.said.splitlines() if line.startswith("{")]
    assert said[-1]["event"] == "stopped"
    assert token not in running.said


def test_ready_says_what_is_not(world: World) -> None:
    assert world.client.get("/readyz").json() == {
        "ready": True,
        "checks": {"keys": "ok", "disk": "ok", "stores": "not used", "chain": "not used"},
    }
    port = free_port()
    place = {"url": f"http://127.0.0.1:{port}", "contracts": "eip155:1:0x" + "0" * 40}
    (world.folder / "owner" / "ledger.json").write_text(json.dumps(place))
    with World.open(world.folder) as again:
        found = again.client.get("/readyz")
        assert (found.status_code, found.json()["checks"]["chain"]) == (503, "fails")
        assert str(port) not in found.text
        assert any('"not ready"' in line for line in again.lines)


def test_the_description_is_kept_to(world: World) -> None:
    """schemathesis over every call, as the owner: no answer outside the description, none of 500."""
    world.give()
    headers = world.headers("owner")
    schema = schemathesis.openapi.from_dict(world.client.get("/v1/openapi.json").json())
    wanted = (
        "not_a_server_error",
        "status_code_conformance",
        "content_type_conformance",
        "response_schema_conformance",
    )
    checks = [check for check in CHECKS.get_all() if check.__name__ in wanted]
    assert len(checks) == 4
    asked: set[str] = set()

    for operation in schema.get_all_operations():
        call = operation.ok()
        if call.path.endswith("/events") or call.label == "POST /v1/passports":
            continue  # tests of their own: a stream does not end by itself, and zips are bent in test_bodies.py

        @settings(max_examples=6, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        @given(case=call.as_strategy())
        def one(case: schemathesis.Case) -> None:
            leaves = case.operation.label == "DELETE /v1/auth/token"
            own = world.headers("owner") if leaves else {}  # the token of the other calls must stay one
            case.headers = {**(case.headers or {}), **headers, **own}
            asked_so = case.as_transport_kwargs(base_url="http://testserver")
            for name in ("verify", "allow_redirects", "cookies"):
                asked_so.pop(name, None)
            if isinstance(asked_so.get("data"), bytes):
                asked_so["content"] = asked_so.pop("data")
            response = world.client.request(**asked_so)
            case.validate_response(response, checks=checks)

        one()
        asked.add(call.definition.raw["operationId"])
    assert len(asked) == len(ROUTES) - 3
    assert world.client.get("/v1/status", headers=headers).status_code == 200


def test_the_command_line_of_callers(world: World, tmp_path: Path) -> None:
    home = world.folder / "owner"
    code, said = run("caller", "ls", "--home", home)
    assert (code, {one["role"] for one in said["callers"]}) == (0, {"builder", "verifier", "consumer"})
    Identity.create(tmp_path / "new", "New")
    identity = tmp_path / "new" / "identity.json"
    code, said = run("caller", "add", identity, "--role", "verifier", "--home", home)
    assert (code, said["name"], said["role"]) == (0, "New", "verifier")
    refused(run("caller", "add", identity, "--role", "owner", "--home", home), 2, "InputError", "expected --role")
    refused(run("caller", "add", home, "--role", "builder", "--home", home), 2, "InputError", "folder's own key")
    assert run("caller", "rm", said["key"], "--home", home)[0] == 0
    refused(run("caller", "rm", said["key"], "--home", home), 2, "NotFoundError", "no caller")
    refused(run("caller", "rm", "../../identity", "--home", home), 2, "NotFoundError", "no caller")


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (("--listen", "nowhere"), "expected --listen HOST:PORT"),
        (("--certificate", "x.pem"), "TLS needs both"),
        (("--listen", "203.0.113.1:443"), "cannot listen"),
    ],
)
def test_options_that_do_not_fit(world: World, options: tuple[str, ...], word: str) -> None:
    done = CliRunner().invoke(app, ["serve", "--home", str(world.folder / "owner"), *options])
    assert done.exit_code == 2
    assert word in done.output
