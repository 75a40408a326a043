"""Signing in with an account that a party linked: in that party's role, once, for this server alone."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from api_world import World, refused
from bailee.records.account import link_account
from bailee.records.ethereum_sign_in import answer_as_account, read_sign_in
from chains import account

NOW = "2026-11-23T00:00:00Z"
WALLET = account(0)


def link(world: World, who: str = "builder", wallet: Any = WALLET) -> str:
    return link_account(world.identity(who), wallet, 31337, NOW).envelope.decode()


def given(world: World, who: str = "builder") -> dict[str, Any]:
    found = world.client.post("/v1/auth/ethereum/challenges", json={"link": link(world, who)})
    assert found.status_code == 200, found.text
    told: dict[str, Any] = found.json()
    return told


def signed(world: World, told: dict[str, Any], who: str = "builder", wallet: Any = WALLET) -> dict[str, Any]:
    origin, party = world.context.ethereum.origin, world.identity(who).public_key.hex()
    signature = answer_as_account(wallet, told["message"], origin, told["audience"], party, datetime.now(UTC))
    return {"message": told["message"], "signature": signature}


def token(world: World, asked: dict[str, Any]) -> httpx.Response:
    return world.client.post("/v1/auth/ethereum/tokens", json=asked)


def test_the_account_has_its_partys_role(world: World) -> None:
    found = token(world, signed(world, given(world)) | {"seconds": 60})
    assert found.status_code == 200, found.text
    assert found.json()["role"] == "builder"
    headers = {"Authorization": f"Bearer {found.json()['token']}"}
    assert world.client.get("/v1/grants", headers=headers).status_code == 200
    refused(world.client.get("/v1/status", headers=headers), 403, "RoleRefused", "you are builder")


def test_a_message_names_this_server_and_ends(world: World) -> None:
    told = given(world)
    message = read_sign_in(told["message"])
    assert (message.origin, message.address) == ("http://127.0.0.1:8443", WALLET.address)
    assert (message.server, message.party) == (told["audience"], world.identity("builder").public_key.hex())
    asked = signed(world, told)
    world.late = timedelta(seconds=world.context.limits.challenge + 1)
    refused(token(world, asked), 401, "SignInRefused", "has ended")


def test_good_once(world: World) -> None:
    asked = signed(world, given(world))
    assert token(world, asked).status_code == 200
    refused(token(world, asked), 401, "SignInRefused", "used already")


def test_every_changed_byte_makes_another_message(world: World) -> None:
    told = given(world)
    for old, new in (
        ("http://127.0.0.1:8443", "http://127.0.0.1:8444"),
        ("Chain ID: 31337", "Chain ID: 1"),
        (world.identity("builder").public_key.hex(), world.identity("owner").public_key.hex()),
        ("Issued At: 2", "Issued At: 3"),
        ("Nonce: ", "Nonce: 0"),
        (WALLET.address, WALLET.address.lower()),
    ):
        text = told["message"].replace(old, new)
        assert text != told["message"]
        signature = bytes(WALLET.sign_message(_defunct(text)).signature).hex()
        refused(
            token(world, {"message": text, "signature": signature}), 401, "SignInRefused", "no message of this server"
        )


def test_a_message_of_another_server_or_before_a_restart(world: World) -> None:
    asked = signed(world, given(world))
    with World.open(world.folder) as again:
        refused(token(again, asked), 401, "SignInRefused", "before its last start")


def test_another_account_cannot_answer(world: World) -> None:
    told = given(world)
    signature = bytes(account(1).sign_message(_defunct(told["message"])).signature).hex()
    refused(token(world, {"message": told["message"], "signature": signature}), 401, "SignInRefused", "not that of")
    for bad in ("00" * 65, "11" * 64 + "1b"):
        refused(token(world, {"message": told["message"], "signature": bad}), 401, "SignInRefused")


def test_who_has_no_role_and_the_owner(world: World) -> None:
    refused(token(world, signed(world, given(world, "stranger"), "stranger")), 401, "SignInRefused", "no role here")
    refused(token(world, signed(world, given(world, "owner"), "owner")), 401, "SignInRefused", "the folder's own key")


def test_a_link_must_hold(world: World) -> None:
    for text, status, name in (
        ("{}", 422, "RecordError"),
        (link(world).replace("a", "b", 1), 422, "RecordError"),
        (world.context.shelf.dataset("tiny").card.envelope.decode(), 422, "RecordError"),
    ):
        refused(world.client.post("/v1/auth/ethereum/challenges", json={"link": text}), status, name)


def test_without_the_library_it_is_said(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    told, known = given(world), link(world)
    monkeypatch.setitem(sys.modules, "eth_account", None)
    found = world.client.post("/v1/auth/ethereum/challenges", json={"link": known})
    refused(found, 501, "NotInstalled", "bailee[ledger]")
    refused(token(world, {"message": told["message"], "signature": "00" * 65}), 501, "NotInstalled")


def test_signed_out_is_out(world: World) -> None:
    headers, other = world.headers("builder"), world.headers("builder")
    assert world.client.delete("/v1/auth/token", headers=headers).status_code == 204
    refused(world.client.get("/v1/grants", headers=headers), 401, "NotSignedIn", "signed out")
    refused(world.client.delete("/v1/auth/token", headers=headers), 401, "NotSignedIn", "signed out")
    assert world.client.get("/v1/grants", headers=other).status_code == 200


def _defunct(text: str) -> Any:
    from eth_account.messages import encode_defunct

    return encode_defunct(text=text)
