"""Idempotency keys: the same bytes again, another request refused, and a server killed at the worst moment."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from api_world import ROOMY, World, refused
from bailee.party.home import PartyHome

KILLED = """
import os, signal, sys
from pathlib import Path
from api_world import World
from bailee.server.api import once

real, calls = once.write_atomic, []

def write(path, data, mode=0o644):
    calls.append(path)
    if len(calls) == 2:  # the work is done, its answer not yet on disk
        os.kill(os.getpid(), signal.SIGKILL)
    real(path, data, mode)

once.write_atomic = write
with World.open(Path(sys.argv[1])) as world:
    world.client.post("/v1/grants", json=world.asked_grant(), headers=world.headers("owner", "the-key"))
"""


def grants_of(world: World) -> list[bytes]:
    return [path.read_bytes() for path in sorted((world.folder / "owner" / "grants").glob("*.json"))]


def test_the_same_request_gets_the_same_bytes(world: World) -> None:
    headers = world.headers("owner", "k")
    first = world.client.post("/v1/grants", json=world.asked_grant(), headers=headers)
    second = world.client.post("/v1/grants", json=world.asked_grant(), headers=world.headers("owner", "k"))
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.content == second.content
    assert first.headers["location"] == second.headers["location"]
    assert ("idempotency-replayed" in first.headers, second.headers["idempotency-replayed"]) == (False, "true")
    assert len(grants_of(world)) == 1
    with World.open(world.folder) as later:  # another start of the server
        third = later.client.post("/v1/grants", json=later.asked_grant(), headers=later.headers("owner", "k"))
        assert third.content == first.content
        revoke = f"/v1/grants/{first.json()['grant']}/revocation"
        for path, body in (("/v1/grants", later.asked_grant(days=31)), (revoke, None)):
            found = later.client.post(path, json=body, headers=later.headers("owner", "k"))
            refused(found, 422, "KeyReused", "fresh one")
    assert len(grants_of(world)) == 1


def test_keys_are_the_callers_own(world: World) -> None:
    uploads = []
    for name in ("consumer", "verifier"):
        found = world.upload(name, b"no zip", "same-key")
        refused(found, 400, "InputError", "zip")
        uploads.append(found.json()["detail"])
    assert len(uploads) == 2


@pytest.mark.parametrize("key", [None, "", "x" * 129, "with space", "t\u00e4b"])
def test_a_key_is_needed(world: World, key: str | None) -> None:
    headers: dict[str, str | bytes] = dict(world.headers("owner"))
    if key is not None:
        headers["Idempotency-Key"] = key.encode("latin-1")
    found = world.client.post("/v1/grants", json=world.asked_grant(), headers=headers)  # type: ignore[arg-type]
    refused(found, 422, "BadShape")
    assert grants_of(world) == []


def test_a_failure_leaves_the_key_free(world: World) -> None:
    headers = world.headers("owner", "k")
    refused(
        world.client.post("/v1/grants", json=world.asked_grant(dataset="no"), headers=headers), 404, "NotFoundError"
    )
    assert world.client.post("/v1/grants", json=world.asked_grant(), headers=headers).status_code == 201


def test_killed_before_the_answer_was_kept(world: World) -> None:
    path = os.pathsep.join([str(Path(__file__).parents[2]), *sys.path])
    done = subprocess.run([sys.executable, "-c", KILLED, str(world.folder)], env=os.environ | {"PYTHONPATH": path})
    assert done.returncode == -9
    left = grants_of(world)
    assert len(left) == 1  # the grant was signed and kept, and nobody was told
    time.sleep(1.1)  # a record signed anew would have a later date
    found = world.client.post("/v1/grants", json=world.asked_grant(), headers=world.headers("owner", "the-key"))
    assert found.status_code == 201
    assert grants_of(world) == left
    assert [found.json()["grant"]] == [grant.record.id for grant in PartyHome(world.folder / "owner").grants()]


def test_two_at_once_make_one(world: World) -> None:
    headers, asked = world.headers("owner", "k"), world.asked_grant()

    def post(_: int) -> int:
        return world.client.post("/v1/grants", json=asked, headers=headers).status_code

    with ThreadPoolExecutor(8) as pool:
        codes = list(pool.map(post, range(8)))
    assert set(codes) <= {201, 409}
    assert 201 in codes
    assert len(grants_of(world)) == 1


def test_what_is_kept_is_bounded_and_forgotten(world: World) -> None:
    with World.open(world.folder, replace(ROOMY, answers_of_one=2)) as small:
        made = [
            small.client.post("/v1/grants", json=small.asked_grant(), headers=small.headers("owner", str(number)))
            for number in range(3)
        ]
        assert [one.status_code for one in made] == [201, 201, 429]
        refused(made[2], 429, "TooManyKeys")
        small.context.once.sweep(time.time() + small.context.limits.kept + 5)
        again = small.client.post("/v1/grants", json=small.asked_grant(), headers=small.headers("owner", "2"))
        assert again.status_code == 201


def test_a_damaged_answer_is_not_taken_for_one(world: World) -> None:
    world.give("k")
    (kept,) = (world.folder / "owner" / "api" / "answers").glob("*/*.json")
    kept.write_text("{}")
    headers = world.headers("owner", "k")
    refused(world.client.post("/v1/grants", json=world.asked_grant(), headers=headers), 503, "StorageError", "damaged")


def test_a_grant_taken_back_twice_stays_taken_back_from_then_on(world: World) -> None:
    grant = world.give()["grant"]
    path = f"/v1/grants/{grant}/revocation"
    first = world.client.post(path, headers=world.headers("owner", "a"))
    time.sleep(1.1)
    second = world.client.post(path, headers=world.headers("owner", "b"))
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.content == second.content
    assert (
        world.client.get(f"/v1/grants/{grant}", headers=world.headers("builder")).json()["state"].startswith("revoked")
    )
    listed = world.client.get("/v1/revocations", headers=world.headers("verifier")).json()["items"]
    assert [one["grant"] for one in listed] == [grant]
