"""The paid door with the client of PyPI's `x402`, unchanged: it is asked, pays, and is answered."""

from __future__ import annotations

import asyncio
import base64
import json
import secrets
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from x402 import x402Client
from x402.http.clients.httpx import x402AsyncTransport
from x402.http.utils import decode_payment_required_header, decode_payment_response_header
from x402.mechanisms.evm.exact.register import register_exact_evm_client

from bailee.adapters.chain.payments import Payments
from bailee.adapters.receipts import Receipts
from bailee.server.pay.application import MOST_BODY, PaidDoor
from bailee.server.pay.predictions import Predictions
from bailee.settle.pricing import Currency, Price
from bailee.settle.till import Till
from chains import Engine, engine  # noqa: F401
from evm import WHOLE, Contract, World, new_world
from release.models import model

PATH = "/models/red/predictions"
ROW = {"age": 40, "vessels": 1, "pain": "mild", "smoker": True, "numbers": "2"}
BODY = json.dumps({"rows": [ROW, ROW | {"age": "61.5", "pain": None}]}).encode()


class Door:
    def __init__(self, world: World, path: Path) -> None:
        self.world = world
        world.evm.nonces.clear()
        number = int.from_bytes(secrets.token_bytes(8))
        self.shares: Contract = world.make(number, {world.owner.address: WHOLE}, (world.coin.address,))
        chain = world.evm.engine.chain
        currency = Currency(chain.chain_id, world.coin.address, "Bailee coin", "1")
        self.price = Price(currency, 20_000, self.shares.address)
        self.till = Till(Receipts(path), {currency.network: Payments(chain, world.evm.accounts[7])}, time.time)
        self.sold = Predictions(model("softmax", (8,), 3), self.price)
        self.app = PaidDoor({PATH: self.sold}, self.till, "https://models.example")
        self.sent: list[httpx.Headers] = []

    def post(
        self, body: bytes, headers: dict[str, str] | None = None, path: str = PATH, pays: bool = False
    ) -> httpx.Response:
        return asyncio.run(self._post(body, headers, path, pays))

    async def _post(self, body: bytes, headers: dict[str, str] | None, path: str, pays: bool) -> httpx.Response:
        transport: Any = _Watching(httpx.ASGITransport(self.app), self.sent)
        if pays:
            client = register_exact_evm_client(x402Client(), self.world.evm.accounts[0])
            client.set_spend_controls({"allowed_assets": True})  # by itself it pays in well-known coins only
            transport = x402AsyncTransport(client, transport)
        async with httpx.AsyncClient(transport=transport, base_url="https://models.example") as session:
            return await session.post(path, content=body, headers=headers)

    @property
    def received(self) -> int:
        return int(self.world.evm.call(self.shares, "received", self.world.coin.address))


class _Watching(httpx.AsyncBaseTransport):
    """Keeps what was sent, to send it again."""

    def __init__(self, inner: httpx.AsyncBaseTransport, sent: list[httpx.Headers]) -> None:
        self.inner, self.sent = inner, sent

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.sent.append(request.headers)
        return await self.inner.handle_async_request(request)


@pytest.fixture(scope="module")
def world(engine: Engine) -> World:  # noqa: F811
    world = new_world(engine)
    world.give(world.coin, world.evm.accounts[0], 10**6)
    return world


@pytest.fixture
def door(world: World, tmp_path: Path) -> Door:
    return Door(world, tmp_path / "receipts.sqlite")


def test_without_a_payment_it_says_the_price(door: Door) -> None:
    found = door.post(BODY)
    assert (found.status_code, found.json()) == (402, {"error": "payment required"})
    asked: Any = decode_payment_required_header(found.headers["PAYMENT-REQUIRED"])
    (one,) = asked.accepts
    assert (one.scheme, one.network, one.amount) == ("exact", door.price.currency.network, "20000")
    assert (one.asset, one.pay_to) == (door.world.coin.address, door.shares.address)
    assert asked.resource.url == "https://models.example" + PATH


def test_the_clients_of_others_pay_and_are_answered(door: Door) -> None:
    found = door.post(BODY, pays=True)
    assert found.status_code == 200, found.text
    assert found.content == door.sold.answer(BODY)
    answers = found.json()["answers"]
    assert [set(one["probabilities"]) for one in answers] == [{"red", "green", "blue"}] * 2
    settled = decode_payment_response_header(found.headers["PAYMENT-RESPONSE"])
    assert (settled.success, settled.network) == (True, door.price.currency.network)
    assert settled.payer == door.world.evm.accounts[0].address
    receipt = door.world.evm.ask("eth_getTransactionReceipt", settled.transaction)
    assert int(str(receipt["status"]), 16) == 1
    assert door.received == 20_000
    assert door.world.evm.call(door.shares, "claimable", door.world.owner.address, door.world.coin.address) == 20_000


def test_a_repeated_request_is_answered_again_and_another_one_is_not(door: Door) -> None:
    first = door.post(BODY, pays=True)
    payment = {"PAYMENT-SIGNATURE": door.sent[-1]["PAYMENT-SIGNATURE"]}
    again = door.post(BODY, payment)
    assert (again.status_code, again.content) == (200, first.content)
    assert again.headers["PAYMENT-RESPONSE"] == first.headers["PAYMENT-RESPONSE"]
    other = door.post(json.dumps({"rows": [ROW]}).encode(), payment)
    assert other.status_code == 402
    assert other.json() == {"error": "this payment is for another request: sign a new one"}
    assert door.received == 20_000


def test_a_request_that_cannot_be_answered_costs_nothing(door: Door) -> None:
    for body in (b"", b"[]", b'{"rows": []}', b'{"rows": [{"age": [1]}]}', b'{"rows": [{"age": "old"}]}', b"[" * 5000):
        assert door.post(body, pays=True).status_code == 400
    assert door.received == 0


def test_payments_changed_on_the_way_are_refused(door: Door) -> None:
    door.post(b"{}", pays=True)  # refused, so its payment is good and unused
    good = json.loads(base64.b64decode(door.sent[-1]["PAYMENT-SIGNATURE"]))

    def changed(*path: str, to: object) -> str:
        copy = json.loads(json.dumps(good))
        inner = copy
        for name in path[:-1]:
            inner = inner[name]
        inner[path[-1]] = to
        return base64.b64encode(json.dumps(copy).encode()).decode()

    other = "0x" + "12" * 20
    for header, message in (
        ("%%%", "expected payment-signature as base64 of JSON"),
        (base64.b64encode(b"7").decode(), "expected a payment of x402 version 2"),
        (changed("x402Version", to=1), "expected a payment of x402 version 2"),
        (changed("accepted", to=None), "payment.accepted.scheme: expected exact, got None"),
        (changed("accepted", "amount", to="1"), "payment.accepted.amount: expected 20000, got 1"),
        (
            changed("accepted", "network", to="eip155:1"),
            f"payment.accepted.network: expected {door.price.currency.network}",
        ),
        (
            changed("accepted", "payTo", to=other),
            f"payment.accepted.payTo: expected {door.shares.address}, got {other}",
        ),
        (changed("payload", to=[]), "payment.payload: expected an authorization and its signature"),
        (changed("payload", "authorization", "value", to="1"), "expected a payment of 20000, got one of 1"),
        (changed("payload", "authorization", "to", to=other), f"got one to {other}"),
        (changed("payload", "authorization", "from", to=other), f"expected the signature of {other}"),
        (changed("payload", "authorization", "validBefore", to="99999999999"), "expected the signature of"),
        (changed("payload", "signature", to="0x" + "00" * 65), "nobody's signature fits"),
        ("A" * 20_000, "expected a payment of at most 16384 bytes, got 20000"),
    ):
        found = door.post(BODY, {"PAYMENT-SIGNATURE": header})
        assert found.status_code == 402
        assert message in found.json()["error"]
        assert "PAYMENT-REQUIRED" in found.headers
    assert door.received == 0
    assert door.post(BODY, {"PAYMENT-SIGNATURE": changed("x402Version", to=2)}).status_code == 200


def test_what_is_not_sold_too_large_or_asked_in_another_way(door: Door) -> None:
    assert door.post(BODY, path="/elsewhere").status_code == 404
    assert door.post(b"x" * (MOST_BODY + 1)).status_code == 413

    async def get() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(door.app), base_url="https://x") as session:
            return await session.get(PATH)

    assert asyncio.run(get()).status_code == 405
