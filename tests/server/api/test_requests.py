"""Grants asked for over HTTP: a builder sends its own, sees its own; the owner gives that or less, once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from api_world import World, refused
from bailee.party import asking
from bailee.party.granting import Terms
from bailee.party.home import PartyHome
from bailee.party.plans import parse_any_plan
from bailee.records import Signed, open_signed
from bailee.records.request import GrantAnswer, GrantRequest


def ask(
    world: World, name: bytes = b"\x07" * 16, who: str = "builder", message: str = "May I?"
) -> Signed[GrantRequest]:
    now, party = datetime.now(UTC), PartyHome(world.folder / who)
    terms = Terms(party.public.public_key.hex(), now, now + timedelta(days=30), ("age",))
    plan = parse_any_plan((world.folder / "plan.toml").read_text())
    card = PartyHome(world.folder / "owner").own_dataset("tiny").card
    return asking.ask(party, party.identity, card, plan, terms, message, now, name)


def send(world: World, data: bytes, who: str = "builder", key: str = "send") -> httpx.Response:
    return world.client.post("/v1/requests", content=data, headers=world.headers(who, key))


def reply(world: World, request: str, key: str = "reply", **told: Any) -> httpx.Response:
    return world.client.post(f"/v1/requests/{request}/answer", json=told, headers=world.headers("owner", key))


def test_asked_given_and_fetched(world: World) -> None:
    signed = ask(world)
    sent = send(world, signed.envelope)
    assert sent.status_code == 201, sent.text
    assert sent.headers["location"] == f"/v1/requests/{signed.record.id}"
    told = sent.json()
    assert (told["state"], told["record"], told["answer_record"]) == ("open", signed.envelope.decode(), None)
    assert (told["plan_text"], told["fields"]) == (dict(signed.record.plan), ["age"])
    assert send(world, signed.envelope, key="other").json() == told  # the same request is the same
    assert world.client.get("/v1/grants", headers=world.headers("owner")).json()["items"] == []
    given = reply(world, signed.record.id, decision="given", max_epsilon="2")
    assert given.status_code == 201, given.text
    found = world.client.get(f"/v1/requests/{signed.record.id}", headers=world.headers("builder")).json()
    assert found == given.json()
    assert found["state"] == "given"
    answer = open_signed(found["answer_record"].encode(), GrantAnswer)
    assert answer.record.request == signed.digest
    record = world.client.get(f"/v1/grants/{found['grant']}/record", headers=world.headers("builder")).content
    taken = asking.take_answer(
        PartyHome(world.folder / "builder"), signed.record.id, answer.envelope, record, datetime.now(UTC)
    )
    assert taken.grant is not None
    assert (taken.state, taken.grant.record.max_epsilon) == ("given", "2")


def test_a_builder_sends_and_sees_its_own_only(world: World) -> None:
    own, other = ask(world), ask(world, b"\x08" * 16, "stranger")
    refused(send(world, other.envelope), 403, "GrantError", "signed by another key")
    assert send(world, own.envelope, key="own").status_code == 201
    assert send(world, other.envelope, "owner", "letter").status_code == 201  # what came by letter
    listed = world.client.get("/v1/requests", headers=world.headers("builder")).json()["items"]
    assert [one["request"] for one in listed] == [own.record.id]
    known = world.client.get("/v1/requests", headers=world.headers("owner")).json()["items"]
    assert [one["request"] for one in known] == [own.record.id, other.record.id]
    path = f"/v1/requests/{other.record.id}"
    refused(world.client.get(path, headers=world.headers("builder")), 404, "NotFoundError")
    assert world.client.get(path, headers=world.headers("owner")).status_code == 200


def test_what_cannot_be_sent(world: World) -> None:
    signed = ask(world)
    refused(send(world, b"{}"), 422, "RecordError")
    refused(send(world, signed.envelope[:-2]), 422, "RecordError")
    refused(send(world, b"[" * 60_000), 422, "RecordError")
    refused(send(world, signed.envelope + b" " * 70_000), 413, "TooLarge")
    world.late = timedelta(days=2)
    refused(send(world, signed.envelope, key="late"), 403, "GrantError", "more than a day ago")
    refused(send(world, signed.envelope, "verifier"), 403, "RoleRefused")


def test_refused_once_and_no_more_than_asked(world: World) -> None:
    first, second = ask(world), ask(world, b"\x08" * 16)
    for number, one in enumerate((first, second)):
        assert send(world, one.envelope, key=str(number)).status_code == 201
    no = reply(world, first.record.id, decision="refused", reason="Not this year.")
    assert (no.status_code, no.json()["state"], no.json()["reason"]) == (201, "refused", "Not this year.")
    refused(reply(world, first.record.id, "again", decision="given"), 403, "GrantError", "was refused")
    for wider, words in (
        ({"until": "2099-01-01"}, "a later end"),
        ({"max_epsilon": "5"}, "a larger epsilon"),
        ({"fields": ["age", "sex"]}, "more fields"),
        ({"unprotected": True}, "the plan is private"),
    ):
        found = reply(world, second.record.id, "wide", decision="given", **wider)
        assert (found.status_code, words in found.json()["detail"]) in ((403, True), (400, True)), found.text
    refused(reply(world, second.record.id, decision="refused", until="2099-01-01", key="x"), 400, "InputError")
    refused(reply(world, second.record.id, decision="given", reason="why not", key="y"), 400, "InputError")
    refused(reply(world, "0" * 32, decision="refused", key="z"), 404, "NotFoundError")
    assert world.client.get("/v1/grants", headers=world.headers("owner")).json()["items"] == []


def test_given_again_under_another_key_is_the_same_grant(world: World) -> None:
    signed = ask(world)
    send(world, signed.envelope)
    first, again = (reply(world, signed.record.id, key, decision="given").json() for key in ("a", "b"))
    assert first == again
    refused(reply(world, signed.record.id, "c", decision="refused"), 403, "GrantError", "bailee revoke")
    assert len(world.client.get("/v1/grants", headers=world.headers("owner")).json()["items"]) == 1


def test_a_request_ends_with_its_time(world: World) -> None:
    signed = ask(world)
    send(world, signed.envelope)
    path = f"/v1/requests/{signed.record.id}"
    assert world.client.get(path, headers=world.headers("builder")).json()["state"] == "open"
    world.late = timedelta(days=31)
    assert world.client.get(path, headers=world.headers("builder")).json()["state"] == "expired"
