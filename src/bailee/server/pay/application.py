"""The paid door as an ASGI application: asks for a payment, takes it, answers; nothing else.

A request without a payment gets 402 and the price. One with a payment is answered once the payment is settled; the
same request with the same payment gets the same answer, whatever happened in between. A request that cannot be
answered costs nothing: its answer is worked out before money moves.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

from blake3 import blake3

from bailee.errors import AuthorityError, BaileeError, ChainError, InputError, PaymentError, SignatureError
from bailee.records.canonical import canonical, digest
from bailee.settle.pricing import Price
from bailee.settle.till import Till
from bailee.settle.x402 import (
    REQUIRED,
    RESPONSE,
    SIGNATURE,
    payment_required,
    payment_response,
    read_payment,
    requirements,
)

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

MOST_BODY = 1 << 20
WORKING = 8
"""Requests that are worked on at once, each mostly waiting for the chain."""
WAITING = 1024
_PATIENCE = 60.0
"""Seconds for a whole body."""
_LOG = logging.getLogger("bailee.server.pay")


class Resource(Protocol):
    """What is sold at one path. `answer` must not change anything: it is called before the payment moves."""

    @property
    def price(self) -> Price: ...
    @property
    def description(self) -> str: ...
    @property
    def media(self) -> str: ...

    def answer(self, body: bytes) -> bytes:
        """InputError where the request cannot be answered."""


class PaidDoor:
    """resources: by path. url: how clients name this server, as payment requests show it."""

    def __init__(self, resources: Mapping[str, Resource], till: Till, url: str) -> None:
        self._resources, self._till, self._url = dict(resources), till, url.rstrip("/")
        self._pool = ThreadPoolExecutor(WORKING, thread_name_prefix="pay")
        self._waiting = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        if scope["type"] != "http":
            raise RuntimeError(f"expected HTTP, got {scope['type']}")
        status, headers, body = await self._answer(scope, receive)
        fixed = [(b"content-length", str(len(body)).encode()), (b"cache-control", b"no-store")]
        await send({"type": "http.response.start", "status": status, "headers": [*headers, *fixed]})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})

    async def _answer(self, scope: Scope, receive: Receive) -> _Answer:
        path = scope["path"]
        resource = self._resources.get(path)
        if resource is None:
            return _refusal(404, f"nothing is sold at {path[:200]!r}")
        if scope["method"] != "POST":
            return _refusal(405, "expected POST", [(b"allow", b"POST")])
        paid = [value for name, value in scope["headers"] if name.lower() == SIGNATURE.encode()]
        try:
            body = await asyncio.wait_for(_body(receive), _PATIENCE)
        except (InputError, TimeoutError) as error:
            return _refusal(
                413 if isinstance(error, InputError) else 408, str(error) or "the body did not come in time"
            )
        if not paid:
            return self._ask(path, resource, "payment required")
        if len(paid) > 1:
            return _refusal(400, f"expected one {SIGNATURE}, got {len(paid)}")
        if self._waiting >= WAITING:
            return _refusal(503, "too many requests wait; come again", [(b"retry-after", b"5")])
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(
                self._pool, self._sell, path, resource, body, paid[0]
            )
        finally:
            self._waiting -= 1

    def _sell(self, path: str, resource: Resource, body: bytes, header: bytes) -> _Answer:
        try:
            payment = read_payment(header, resource.price)
            sale = self._till.sell(
                resource.price, payment, request_digest(path, body, resource.price), lambda: resource.answer(body)
            )
        except (PaymentError, SignatureError) as error:
            return self._ask(path, resource, str(error))
        except InputError as error:
            return _refusal(400, f"{error} (nothing was paid)")
        except ChainError as error:
            _LOG.warning("a payment is not settled: %s", error)
            again = "the payment is not settled yet: send the same request with the same payment again"
            return _refusal(503, again, [(b"retry-after", b"5")])
        except AuthorityError as error:
            return _refusal(403, str(error))
        except BaileeError:
            _LOG.exception("a request at %s failed", path)
            return _refusal(500, "it failed here; send the same request with the same payment again")
        settled = payment_response(resource.price, payment.payer, sale.transaction)
        return 200, [(b"content-type", resource.media.encode()), (RESPONSE.encode(), settled)], sale.answer

    def _ask(self, path: str, resource: Resource, error: str) -> _Answer:
        asked = payment_required(resource.price, self._url + path, resource.description, resource.media, error)
        return _refusal(402, error, [(REQUIRED.encode(), asked)])


_Answer = tuple[int, list[tuple[bytes, bytes]], bytes]


def request_digest(path: str, body: bytes, price: Price) -> str:
    """What a payment is bound to: place, body and price, hex."""
    asked = {key: value for key, value in requirements(price).items() if key != "maxTimeoutSeconds"}
    return digest(
        canonical({"kind": "paid-request/v1", "path": path, "body": blake3(body).hexdigest(), "price": asked})
    )


def _refusal(status: int, error: str, headers: list[tuple[bytes, bytes]] | None = None) -> _Answer:
    body = json.dumps({"error": error}).encode()
    return status, [(b"content-type", b"application/json"), *(headers or [])], body


async def _body(receive: Receive) -> bytes:
    data = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise InputError("the client left")
        data += message.get("body", b"")
        if len(data) > MOST_BODY:
            raise InputError(f"expected a body of at most {MOST_BODY} bytes")
        if not message.get("more_body"):
            return bytes(data)


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
