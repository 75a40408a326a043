"""JSON-RPC over HTTP on loopback, so that several processes share one embedded chain.

Whoever can reach the port can read the chain and send transactions that they signed; nobody can sign for another. No
page in a browser can: there is no CORS, what a page sends without being let read the answer is refused by its `Origin`,
and a request must name a loopback host (or one that was allowed), which keeps out names that a page makes point here.
Heads, batches and bodies are bounded.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress
from typing import Any

import uvicorn

from bailee import json_text
from bailee.adapters.chain.embedded.ledger import EmbeddedLedger
from bailee.adapters.chain.embedded.methods import Methods
from bailee.adapters.chain.embedded.refusals import RpcError
from bailee.adapters.connection import Connection

BODY_LIMIT = 2 * 1024 * 1024
"""Bytes. The largest transaction that a block has room for is well below."""
BATCH_LIMIT = 100
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
PAGES = (b"http", b"null", b"file")
"""How the `Origin` of a page begins; a wallet that is part of the browser has another."""
Scope = dict[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]


class Application:
    """An ASGI application over one chain."""

    def __init__(self, methods: Methods, hosts: Collection[str] = LOOPBACK) -> None:
        self._methods, self._hosts = methods, frozenset(hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _live(receive, send)
            return
        if scope["type"] != "http":
            return
        headers = {name.lower(): value for name, value in scope["headers"]}
        host = headers.get(b"host", b"").decode("latin-1")
        name = host if host.endswith("]") else host.rpartition(":")[0] or host
        if name.lower() not in self._hosts:
            await _answer(send, 403, _refused("this host name is not served", -32600))
        elif headers.get(b"origin", b"").lower().startswith(PAGES):
            await _answer(send, 403, _refused("no page in a browser is served", -32600))
        elif scope["method"] != "POST":
            await _answer(send, 405, _refused("send JSON-RPC by POST", -32600))
        elif (body := await _body(receive)) is None:
            await _answer(send, 413, _refused(f"a request has at most {BODY_LIMIT} bytes", -32600))
        else:
            await _answer(send, 200, await asyncio.to_thread(self._answered, body))

    def _answered(self, body: bytes) -> Any:
        try:
            asked = json_text.load(body)
        except ValueError:
            return _refused("parse error", -32700)
        if not isinstance(asked, list):
            return self._methods.answer(asked)
        if not 0 < len(asked) <= BATCH_LIMIT:
            return _refused(f"a batch has 1 to {BATCH_LIMIT} requests", -32600)
        return [self._methods.answer(one) for one in asked]


def server_of(ledger: EmbeddedLedger, host: str, port: int, faucet: bool = False) -> uvicorn.Server:
    hosts = {*LOOPBACK, f"[{host}]" if ":" in host else host}
    config = uvicorn.Config(
        Application(Methods(ledger, faucet), hosts), host=host, port=port, http=Connection, ws="none", lifespan="on",
        proxy_headers=False, server_header=False, access_log=False, log_level="warning", limit_concurrency=256,
    )  # fmt: skip
    return uvicorn.Server(config)


def serve(ledger: EmbeddedLedger, host: str, port: int, faucet: bool = False) -> None:
    """Serve until SIGINT, then return, or SIGTERM. The chain stays open: whoever opened it closes it."""
    with suppress(KeyboardInterrupt):  # uvicorn finishes what is under way, then raises the signal again
        server_of(ledger, host, port, faucet).run()


def _refused(words: str, code: int) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": None, "error": RpcError(words, code).as_json()}


async def _body(receive: Receive) -> bytes | None:
    body, more = b"", True
    while more:
        event = await receive()
        if event["type"] != "http.request":
            return b""
        body, more = body + event.get("body", b""), event.get("more_body", False)
        if len(body) > BODY_LIMIT:
            return None
    return body


async def _answer(send: Send, status: int, told: Any) -> None:
    body = json.dumps(told).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _live(receive: Receive, send: Send) -> None:
    while True:
        event = await receive()
        await send({"type": f"{event['type']}.complete"})
        if event["type"] == "lifespan.shutdown":
            return
