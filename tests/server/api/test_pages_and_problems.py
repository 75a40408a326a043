"""Lists in pages, and errors as problems."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api_world import World, refused
from bailee import errors
from bailee.errors import BaileeError
from bailee.server.api.pages import page
from bailee.server.api.problems import STATUS, of_error, status_of


@given(st.sets(st.text(min_size=1, max_size=5)), st.integers(1, 5), st.data())
def test_pages_show_everything_once(names: set[str], limit: int, data: st.DataObject) -> None:
    """What stays is shown exactly once, in order, whatever is added and removed between pages."""
    now, seen, cursor = set(names), [], None
    gone: set[str] = set()
    for _ in range(len(names) + 12):
        items, cursor = page(sorted(now), limit, cursor, lambda name: name)
        assert len(items) <= limit
        seen += items
        if cursor is None:
            break
        new = data.draw(st.text(min_size=1, max_size=5))
        lost = data.draw(st.sampled_from(sorted(now)))
        now = (now | ({new} if len(now) < len(names) + 5 else set())) - {lost}
        gone.add(lost)
    assert cursor is None
    assert seen == sorted(set(seen))
    assert set(names) - gone <= set(seen)


def test_lists_through_the_api(world: World) -> None:
    given_ = sorted(world.give(str(number))["grant"] for number in range(5))
    headers, found, cursor = world.headers("owner"), [], ""
    while cursor is not None:
        more = f"&cursor={cursor}" if cursor else ""
        told = world.client.get(f"/v1/grants?limit=2{more}", headers=headers).json()
        assert len(told["items"]) <= 2
        found += [one["grant"] for one in told["items"]]
        cursor = told["next"]
    assert found == given_
    refused(world.client.get("/v1/grants?cursor=%00", headers=headers), 400, "BadCursor")
    for query in ("limit=0", "limit=201", "limit=x", f"cursor={'A' * 700}"):
        refused(world.client.get(f"/v1/grants?{query}", headers=headers), 422, "BadShape")
    said = {
        "/v1/grants?limt=2": "this call has no parameter 'limt'; it takes limit, cursor",
        "/v1/grants?limit=2&limit=3": "the parameter 'limit' is there twice; say it once",
        "/healthz?really=1": "this call has no parameter 'really'; it takes none",
    }
    for path, reason in said.items():
        answer = world.client.get(path, headers=headers)
        refused(answer, 422, "BadShape")
        assert answer.json()["detail"] == reason


def tree() -> list[type[BaileeError]]:
    return [one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, BaileeError)]


@pytest.mark.parametrize("kind", tree(), ids=lambda one: one.__name__)
def test_every_error_has_a_status(kind: type[BaileeError]) -> None:
    error = kind("in /home/me/party/datasets/x")
    told = json.loads(bytes(of_error(error, "id", "/home/me/party").body))
    assert told["status"] == status_of(error)
    assert 400 <= told["status"] < 600
    assert (told["error"], told["exit_code"]) == (kind.__name__, kind.exit_code)
    assert told["type"] == f"https://bailee.dev/errors/{kind.__name__}"
    assert "/home/me" not in told["detail"]
    # What a caller did is 4xx; what the server or somebody behind it did is 5xx.
    theirs = issubclass(kind, (errors.InputError, errors.AuthorityError, errors.ProofError))
    theirs = theirs or kind in (errors.ConflictError, errors.MissingError)
    assert (told["status"] < 500) is theirs


def test_the_mapping_names_errors_of_the_tree_only() -> None:
    assert set(STATUS) <= set(tree())


def test_shapes_are_refused_without_saying_what_came(world: World) -> None:
    asked = world.asked_grant(secret="hunter2", days="hunter2", builder="hunter2")
    found = world.client.post("/v1/grants", json=asked, headers=world.headers("owner", "k"))
    refused(found, 422, "BadShape")
    assert {one["where"] for one in found.json()["fields"]} == {"body.secret", "body.days", "body.builder"}
    assert "hunter2" not in found.text


def test_errors_of_the_party_are_the_command_lines(world: World) -> None:
    headers = world.headers("owner", "k")
    for more, status, name, word in (
        ({"plan": "no plan"}, 422, "PlanError", "not TOML"),
        ({"plan": "[["}, 422, "PlanError", "not TOML"),
        ({"starts": "tomorrow"}, 400, "InputError", "or a date like"),
        ({"fields": ["height"]}, 403, "GrantError", "no field"),
        ({"unprotected": True}, 400, "InputError", "private"),
    ):
        found = world.client.post("/v1/grants", json=world.asked_grant(**more), headers=headers)
        refused(found, status, name, word)


def test_what_nobody_foresaw_says_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> list[str]:
        raise RuntimeError("with a secret in it")

    headers = world.headers("owner")
    monkeypatch.setattr(world.context.shelf, "dataset_names", broken)
    found = world.client.get("/v1/datasets", headers=headers)
    refused(found, 500, "InternalError", "log tells more")
    assert "secret" not in found.text
    line = next(json.loads(one) for one in world.lines if '"failure"' in one)
    assert line["kind"] == "RuntimeError"
    assert found.json()["instance"].endswith(line["id"])
    assert "secret" not in json.dumps(line)


def test_calls_that_are_not_there(world: World) -> None:
    refused(world.client.get("/v1/nothing"), 404, "NoSuchCall")
    refused(world.client.delete("/v1/datasets"), 405, "NoSuchMethod")
    refused(world.client.get("/docs"), 404, "NoSuchCall")
    refused(world.client.get("/v1/datasets/"), 404, "NoSuchCall")
