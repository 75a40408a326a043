"""Every role at every call: the table in docs/api.md, the routes, and what a server answers say the same."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.routing import Route

from api_world import ROLES, World, refused
from bailee.server.api.application import RESOURCES, calls
from bailee.server.api.routes import DeclaredRoute, allows, check_declared, router

DOCS = Path(__file__).parents[3] / "docs" / "api.md"
ROUTES: list[DeclaredRoute] = [route for one in RESOURCES for route in one.routes.routes]  # type: ignore[misc]
_ROW = re.compile(r"^\| `([A-Z]+) ([^`]+)` \| ([a-z.-]+) \|(.*)\|$", re.MULTILINE)


def written() -> dict[str, tuple[str, str, dict[str, str]]]:
    """By operation: method, path, and what the table says of anybody and each role."""
    who = ("anybody", "consumer", "verifier", "builder", "owner")
    rows = _ROW.findall(DOCS.read_text())
    cells = {row[2]: dict(zip(who, (cell.strip() for cell in row[3].split("|")), strict=True)) for row in rows}
    return {row[2]: (row[0], row[1], cells[row[2]]) for row in rows}


def test_the_table_is_what_the_routes_declare() -> None:
    declared = {}
    for route in ROUTES:
        (method,) = route.methods
        roles = {"anybody"} | set(ROLES) if route.call.anybody else {str(role) for role in route.call.roles}
        declared[route.call.operation] = (method, route.path, roles)
    told = {name: (method, path, {who for who, cell in cells.items() if cell}) for name, (method, path, cells) in
            written().items()}  # fmt: skip
    assert told == declared


@pytest.mark.parametrize("who", ["nobody", "stranger", *ROLES])
def test_every_call_as_every_role(world: World, who: str) -> None:
    """A call that is not for a role is refused before anything else is looked at: 401 or 403, and nothing changes."""
    if who == "stranger":
        refused(world.sign_in(who), 401, "SignInRefused", "no role here")
    headers = {"Idempotency-Key": "k"} | (world.headers(who) if who in ROLES else {})
    before = sorted(path for path in world.context.party.path.rglob("*") if path.is_file())
    for operation, (method, path, cells) in written().items():
        url = re.sub(r"\{[a-z_]+\}", "0" * 32, path)
        found = world.client.request(method, url, headers=headers)
        if cells["anybody"] or cells.get(who):
            assert found.status_code not in (401, 403), (operation, found.text)
        elif who in ROLES:
            refused(found, 403, "RoleRefused", f"you are {who}")
        else:
            refused(found, 401, "NotSignedIn")
        if operation == "auth.sign-out" and who in ROLES:
            headers |= world.headers(who)
    after = {path for path in world.context.party.path.rglob("*") if path.is_file()}
    assert {path.name for path in after - set(before)} <= {"ready"}, who  # asked with nothing: nothing was made


def test_a_route_without_roles_cannot_be_registered(world: World) -> None:
    routes = router()

    async def anything() -> None:
        """Nobody said who may."""

    with pytest.raises(TypeError, match="anything declares no roles"):
        routes.get("/v1/anything")(anything)
    with pytest.raises(TypeError, match="declares nobody"):
        allows("nothing", ())
    made = calls(world.context)
    made.router.routes.append(Route("/v1/other", lambda request: None))
    with pytest.raises(TypeError, match="/v1/other is a route without declared roles"):
        check_declared(made)
    made = FastAPI(openapi_url="/openapi.json")
    with pytest.raises(TypeError, match="without declared roles"):
        check_declared(made)


def test_two_calls_of_one_operation_are_refused(world: World) -> None:
    routes = router()

    @routes.get("/v1/twin")
    @allows("datasets.list", ("owner",))  # type: ignore[arg-type]
    async def twin() -> None:
        """Another call of a name that tokens know."""

    made = calls(world.context)
    made.router.routes.extend(routes.routes)
    with pytest.raises(TypeError, match="same operation"):
        check_declared(made)


def test_a_builder_sees_its_own_grants_only(world: World) -> None:
    own, other = world.give("a"), world.give("b", builder="ab" * 32)
    headers = world.headers("builder")
    listed = world.client.get("/v1/grants", headers=headers).json()["items"]
    assert [one["grant"] for one in listed] == [own["grant"]]
    for tail in ("", "/record"):
        assert world.client.get(f"/v1/grants/{own['grant']}{tail}", headers=headers).status_code == 200
        refused(world.client.get(f"/v1/grants/{other['grant']}{tail}", headers=headers), 404, "NotFoundError")
        owner = world.client.get(f"/v1/grants/{other['grant']}{tail}", headers=world.headers("owner"))
        assert owner.status_code == 200
    known = {one["grant"] for one in world.client.get("/v1/grants", headers=world.headers("owner")).json()["items"]}
    assert known == {own["grant"], other["grant"]}


def test_a_role_that_is_taken_away_ends_its_tokens(world: World) -> None:
    headers = world.headers("consumer")
    assert world.client.get("/v1/datasets", headers=headers).status_code == 200
    world.context.gate.callers.remove(world.identity("consumer").public_key.hex())
    refused(world.client.get("/v1/datasets", headers=headers), 401, "NotSignedIn", "has changed")


def test_a_damaged_entry_lets_nobody_in(world: World) -> None:
    headers = world.headers("consumer")
    key = world.identity("consumer").public_key.hex()
    entry = world.context.party.path / "api" / "callers" / f"{key}.json"
    for text in ("{}", "[]", "{", json.dumps({"key": key, "name": "x", "role": "owner", "added": "x"})):
        entry.write_text(text)
        refused(world.client.get("/v1/datasets", headers=headers), 503, "StorageError", "the party's folder")
