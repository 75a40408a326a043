"""The short way answers as the long way does: the same calls, by the same gate, byte for byte."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient

from api_world import ROLES, World, refused
from bailee.server.api.application import calls
from bailee.server.api.bodies import Outermost
from bailee.server.api.quick import Quick
from bailee.server.api.routes import check_declared


def told(answer: httpx.Response) -> tuple[int, Any, dict[str, str]]:
    """Without what is of one request alone."""
    apart = {"x-request-id", "date"}
    headers = {name: value for name, value in answer.headers.items() if name not in apart}
    body = re.sub(rb"urn:bailee:request:[0-9a-f]+", b"", answer.content)
    return answer.status_code, re.sub(rb'"seen":"[^"]*"', b"", body), headers


def test_both_ways_answer_the_same(world: World) -> None:
    given = world.give("a")
    world.client.post(f"/v1/grants/{given['grant']}/revocation", headers=world.headers("owner", "r"))
    context = world.context
    made = calls(context)
    routes = check_declared(made)
    quick = Quick(made, routes, context.gate, lambda request, error: None)  # type: ignore[arg-type,return-value]
    short = {route.path for route in quick._exact.values()} | {route.path for _, route in quick._named}
    assert {"/v1/datasets", "/v1/grants/{grant}", "/v1/sessions"} <= short
    assert "/healthz" not in short  # it takes no request
    long = TestClient(
        Outermost(made, context.limits, context.log, context.metrics, False), raise_server_exceptions=False
    )
    headers: list[dict[str, str]] = [{}, {"Authorization": "Bearer x"}, *(world.headers(who) for who in ROLES)]
    for path in sorted(short - {"/readyz"}):
        if path.endswith("/events"):
            continue
        for name in ("0" * 32, given["grant"], "tiny", "a%2Fb", "%3F", "..", "%00"):
            url = re.sub(r"\{[a-z_]+\}", name, path)
            for one in headers if url == path or name in (given["grant"], "tiny") else headers[2:3]:
                assert told(world.client.get(url, headers=one)) == told(long.get(url, headers=one)), (url, one)
            if url == path:
                break


def test_a_query_another_method_or_path_goes_the_long_way(world: World) -> None:
    headers = world.headers("owner")
    refused(world.client.get("/v1/datasets?limit=0", headers=headers), 422, "BadShape")
    refused(world.client.delete("/v1/datasets", headers=headers), 405, "NoSuchMethod")
    refused(world.client.get("/v1/datasets/", headers=headers), 404, "NoSuchCall")
    refused(world.client.get("/v1/nothing", headers=headers), 404, "NoSuchCall")


def test_a_fault_on_the_short_way_says_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("a secret")

    monkeypatch.setattr(type(world.context.shelf), "dataset", broken)
    found = world.client.get("/v1/datasets/tiny", headers=world.headers("owner"))
    refused(found, 500, "InternalError")
    assert "secret" not in found.text
    assert any('"failure"' in line and "RuntimeError" in line for line in world.lines)
