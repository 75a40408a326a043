"""The chain over HTTP: the same answers, several at once, and who is turned away."""

from __future__ import annotations

import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import uvicorn
from eth_account import Account

from bailee.adapters.chain.embedded.memory import MemoryLedger
from bailee.adapters.chain.embedded.methods import Methods
from bailee.adapters.chain.embedded.serve import BATCH_LIMIT, BODY_LIMIT, Application
from bailee.adapters.chain.opening import open_chain
from chains import account
from ports import free_port

SENDERS = [account(number) for number in range(4)]


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    ledger, port = MemoryLedger(), free_port()
    for one in SENDERS:
        ledger.fund(bytes.fromhex(one.address[2:]), 10**20)
    application = Application(Methods(ledger))
    server = uvicorn.Server(uvicorn.Config(application, port=port, log_level="warning", lifespan="on"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join()
    ledger.close()


def asked(url: str, body: bytes, method: str = "POST", **headers: str) -> tuple[int, Any]:
    request = urllib.request.Request(url, body or None, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            assert "access-control-allow-origin" not in {name.lower() for name in answer.headers}
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def test_several_share_one_chain(url: str) -> None:
    """Clients with keys of their own, and two with the same, send at once through connections of their own."""
    stranger = Account.create().address

    def send(number: int) -> int:
        with open_chain(url) as chain:
            sender = SENDERS[number % 3]
            return sum(chain.send({"to": stranger, "value": 1}, sender)["status"] for _ in range(3))

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(send, range(4))) == [3] * 4
    with open_chain(url) as chain:
        assert chain.web3.eth.get_balance(stranger) == 12  # type: ignore[arg-type]


def test_batches_are_answered_in_order(url: str) -> None:
    methods = ["eth_chainId", "eth_nothing", "eth_blockNumber"]
    batch = [{"jsonrpc": "2.0", "id": place, "method": method} for place, method in enumerate(methods)]
    status, told = asked(url, json.dumps([*batch, 7]).encode())
    assert (status, [one["id"] for one in told]) == (200, [0, 1, 2, None])
    assert [one.get("error", {}).get("code") for one in told] == [None, -32601, None, -32600]


TOO_MANY = json.dumps([1] * (BATCH_LIMIT + 1)).encode()


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", -32700),
        (b"[]", -32600),
        (b"[" * 100_000, -32700),
        (b"[" * 1_999, -32700),
        (TOO_MANY, -32600),
    ],
)
def test_what_is_no_request_is_told_so(url: str, body: bytes, code: int) -> None:
    status, told = asked(url, body)
    assert (status, told["error"]["code"], told["id"]) == (200, code, None)


def test_pages_and_floods_are_turned_away(url: str) -> None:
    request = b'{"jsonrpc": "2.0", "id": 1, "method": "eth_chainId"}'
    assert asked(url, request, Host="evil.example")[0] == 403
    assert asked(url, request, Host="evil.example:8545")[0] == 403
    assert asked(url, request, Host="localhost:1")[0] == 200
    for page in ("https://evil.example", "http://localhost:3000", "null", "HTTP://EVIL.EXAMPLE", "file://"):
        # What a page may send to any host unasked: it could not read the answer, but it would be done.
        told = asked(url, request, **{"Origin": page, "Content-Type": "text/plain"})
        assert (told[0], told[1]["error"]["message"]) == (403, "no page in a browser is served"), page
    assert asked(url, request, Origin="chrome-extension://wallet")[0] == 200
    assert asked(url, b"", "GET")[0] == 405
    assert asked(url, b"", "OPTIONS")[0] == 405
    assert asked(url, b" " * (BODY_LIMIT + 1))[0] == 413


def test_money_and_the_past_are_not_for_callers(url: str) -> None:
    for method in ("bailee_fund", "anvil_setBalance", "eth_sendTransaction", "personal_sign"):
        told = asked(url, json.dumps({"id": 1, "method": method, "params": ["0x0", "0x0"]}).encode())[1]
        assert told["error"]["code"] == -32601, method
