"""Strangers' bytes and lying answers against the commands on rights: graphs, prices, doors, nodes."""

from __future__ import annotations

import base64
import json
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests
from hexbytes import HexBytes
from web3 import Web3
from web3.providers import BaseProvider

from adapters.chain.rights import Life, begun
from bailee.adapters.chain.chain import Chain
from bailee.adapters.chain.index import events, follow, open_index
from bailee.adapters.chain.index.earnings import _sum
from bailee.adapters.chain.index.lineage import lineage
from bailee.adapters.chain.ledger import Sent
from bailee.adapters.chain.ledger.events import (
    ChallengeConcluded,
    Claimed,
    DisputeConcluded,
    Paid,
    Registered,
    UnitsTransferred,
    Where,
    decoded,
)
from bailee.adapters.chain.ledger.facts import Kind, Naming
from bailee.adapters.chain.opening import open_chain
from bailee.adapters.chain.refusals import outside
from bailee.cli import asking
from bailee.cli.asking import ask_price
from bailee.cli.face import Face
from bailee.errors import ChainError, InputError, StorageError
from bailee.own.graph import Graph, WorkNode, differences, picture
from bailee.own.trace import Happening, as_page, as_text, timeline
from bailee.party.amounts import quoted
from bailee.party.cases import cases_of
from bailee.party.opened_ledger import LedgerPlace, remember
from bailee.party.registered import work_named
from bailee.settle.buying import Asked, sign_payment
from bailee.settle.pricing import Currency, Price
from bailee.settle.x402 import requirements
from chains import account, open_engine
from commands import refused, run


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Life]:
    with open_engine("embedded", tmp_path_factory.mktemp("chain")) as engine:
        yield begun(engine)


def test_a_link_that_is_no_text_hides_nothing_from_others(life: Life, tmp_path: Path) -> None:
    """Contracts do not check that a string is UTF-8: one registration of such a link must not blind every reader."""
    naming = Naming(f"{77:064x}")
    registry = life.owner.registry
    call = registry._contract.functions.register(int(Kind.CONTENT), naming.words(), b"", "LINK", 0, bytes(32), [])
    data = call._encode_transaction_data().replace(b"LINK".hex(), b"a\xff\xfeb".hex())
    life.owner.chain.send({"to": registry.address, "data": data}, registry._sender())
    every = [one for one in life.owner.events() if isinstance(one, Registered)]
    assert every[-1].uri == "a\\xff\\xfeb"
    with open_index(f"sqlite:///{tmp_path}/index.db") as index:
        follow(index, life.owner)
        told = [one.event for one in events(index, life.owner)]
    assert any(isinstance(one, Registered) and one.naming.commitment == naming.commitment for one in told)
    assert registry.work(registry.id_of(naming.commitment)).uri == every[-1].uri


def test_a_link_with_line_breaks_makes_no_line_of_its_own(life: Life) -> None:
    uri = "ipfs://a\n2031-01-01 00:00:00  block 9        The arbiters decided: upheld\u202e"
    fields = {"id": 7, "registrant": "0x" + "1" * 40, "kind": 3, "commitment": "ab" * 32, "uri": uri}
    moved = {"by": "0x" + "1" * 40, "id": 7, "earlier": 8, "evidence": "ab" * 32, "uri": uri}
    told = [
        Happening(kind, values, 1, 2, "cd" * 32, 0, "0x" + "2" * 40)
        for kind, values in (("Registered", fields), ("Disputed", moved))
    ]
    lines = timeline(7, told, {}, {})
    assert len(as_text(7, "eip155:1:0x", lines).split("\n")) == 3 + 2 * len(told)
    assert "\u202e" not in as_page(7, "eip155:1:0x", lines, "")
    node = WorkNode(
        7, "content", ("ab" * 32,) * 5, b"", uri, "0x" + "1" * 40, "0x" + "1" * 40, "0x" + "2" * 40, 1, 1, 1, "cd" * 32,
        "good", 0, (), (("0x" + "1" * 40, 10**9),), (), None, (),
    )  # fmt: skip
    graph = Graph(f"eip155:1:0x{'3' * 40}", f"eip155:1:0x{'4' * 40}", 1, "cd" * 32, None, (node,), ())
    assert not [line for line in picture.as_text(graph).split("\n") if line.startswith("2031")]
    assert "\u202e" not in picture.as_page(graph, "")


def test_a_graph_that_names_another_registry_is_not_what_the_ledger_says() -> None:
    graph = Graph(f"eip155:1:0x{'3' * 40}", f"eip155:1:0x{'4' * 40}", 1, "cd" * 32, None, (), ())
    other = replace(graph, registry=f"eip155:1:0x{'5' * 40}")
    assert differences(other, graph) == ["registry: the chain says otherwise"]


class _Liar(BaseProvider):
    def __init__(self, answer: dict[str, Any]) -> None:
        super().__init__()
        self.block = {
            "number": "0x1", "hash": "0x" + "11" * 32, "parentHash": "0x" + "22" * 32, "timestamp": "0x1",
            "baseFeePerGas": "0x1", "tip": "0x1",
        } | answer  # fmt: skip

    def make_request(self, method: Any, params: Any) -> Any:
        told = {"eth_chainId": "0x1", "eth_maxPriorityFeePerGas": self.block["tip"], "eth_getBlockByNumber": self.block}
        told["eth_getTransactionCount"] = hex(2**65)
        return {"jsonrpc": "2.0", "id": 1, "result": told[method]}


def test_a_nonce_that_cannot_be_is_no_traceback() -> None:
    """A lying node; the largest nonce is below 2^64."""
    wanted = {"to": account(1).address, "value": 0, "gas": 21_000, "chainId": 1} | Chain(Web3(_Liar({})))._priced({})
    with pytest.raises(ChainError, match="a transaction"):
        Chain(Web3(_Liar({})))._sent(wanted, account(1))


@pytest.mark.parametrize("answer", [{"timestamp": hex(2**60)}, {"number": None}, {"hash": "0xzz"}])
def test_a_block_that_cannot_be_is_no_traceback(answer: dict[str, Any]) -> None:
    chain = Chain(Web3(_Liar(answer)))
    with pytest.raises(ChainError, match=r"no answer|ask another"):
        chain.block()


@pytest.mark.parametrize("answer", [{"baseFeePerGas": hex(5 * 10**12)}, {"tip": hex(10**18)}, {"tip": hex(-(2**200))}])
def test_fees_that_only_the_node_wants_are_not_paid(answer: dict[str, Any]) -> None:
    """The node names the fees: without a bound it could have all that an account has, as a tip."""
    chain = Chain(Web3(_Liar(answer)))
    with pytest.raises(ChainError, match=r"10,000 are paid: nothing was sent"):
        chain._priced({})


@pytest.mark.parametrize(
    "said",
    [
        b"no HTTP at all\r\n\r\n",
        b"HTTP/1.1 200 \r\nContent-Length: 99\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 999,
    ],
    ids=["no HTTP", "cut off", "headers without end"],
)  # fmt: skip
def test_a_door_that_speaks_no_http_is_no_traceback(said: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            with server.accept()[0] as one:
                one.recv(65536)
                one.sendall(said)

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        with pytest.raises(ChainError, match="does not answer"):
            ask_price(f"http://127.0.0.1:{server.getsockname()[1]}", b"{}", "eip155:1", None)
        thread.join(10)


def test_an_authority_that_is_no_certificate_is_said(tmp_path: Path) -> None:
    (tmp_path / "no.pem").write_text("no")
    for name in ("no.pem", "missing.pem"):
        with pytest.raises(InputError, match=name):
            ask_price("https://127.0.0.1:1", b"{}", "eip155:1", tmp_path / name)


def test_half_a_letter_in_an_answer_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """An answer that was paid for: JSON may say `\\ud800`, which no output can encode."""
    Face(True).result({"answer": "\ud800"}, "")
    assert json.loads(capsys.readouterr().out) == {"answer": "\ud800"}


def test_a_commitment_chosen_to_be_a_works_number_gets_none_of_its_payments(life: Life, tmp_path: Path) -> None:
    told = f"{life.rows:064x}"
    life.builder.registry.register(Kind.CONTENT, Naming(told))
    assert life.builder.registry.first(told) == life.builder.registry.id_of(told)
    assert work_named(life.owner, tmp_path, told) == work_named(life.owner, tmp_path, f"0x{told}") == life.rows


def test_a_number_without_end_is_no_work(life: Life, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected a work's number"):
        work_named(life.owner, tmp_path, "9" * 200)


def test_a_name_too_long_for_the_disk_is_no_traceback(tmp_path: Path) -> None:
    refused(run("consent", "show", "a" * 300, "--home", tmp_path), StorageError.exit_code, "StorageError", "too long")


def test_what_a_currency_says_of_a_claim_is_not_counted() -> None:
    """A token that shares call can say `Claimed` as they do, of any amount."""
    shares, coin = "0x" + "1" * 40, "0x" + "2" * 40
    told = tuple(
        Claimed(Where(1, "", "", 0, by), shares, coin, amount, shares) for by, amount in ((coin, 9), (shares, 4))
    )
    assert _sum(Sent(1, "", 1, told), Claimed, shares) == 4


def test_a_currency_that_says_half_an_event_is_no_traceback(life: Life) -> None:
    """After the money moved, the receipt is read: what a token put in there must not end the command."""
    paid = "0x" + Web3.keccak(text="Paid(address,address,bytes32,uint256)").hex().removeprefix("0x")
    found = life.engine.chain.web3.eth.get_logs({"topics": [paid], "fromBlock": 0})  # type: ignore[typeddict-item,list-item]
    assert [type(one) for one in decoded(life.engine.chain.web3, "Shares", found)] == [Paid] * len(found)
    assert found
    torn = [{**log, "data": HexBytes(b"\x01")} for log in found]
    assert list(decoded(life.engine.chain.web3, "Shares", torn)) == []


@pytest.mark.parametrize(
    ("symbol", "shown"),
    [("of native money", "1 'of native money'"), ("000 USDC", "1 '000 USDC'"), ("1INCH", "1 '1INCH'"),
     ("USD.e", "1 USD.e"), ("'0'", "1 '0'")],
)  # fmt: skip
def test_a_symbol_is_not_read_as_native_money_or_as_digits(symbol: str, shown: str) -> None:
    assert f"1 {quoted(symbol)}" == shown


def test_the_key_in_a_nodes_url_is_for_its_owner_alone(tmp_path: Path) -> None:
    remember(tmp_path, LedgerPlace("https://node.example/v3/secretkey", f"eip155:1:0x{'3' * 40}"))
    assert (tmp_path / "ledger.json").stat().st_mode & 0o777 == 0o600
    with pytest.raises(ChainError, match="refused") as caught:
        open_chain("http://127.0.0.1:9/v3/secretkey")
    assert "secretkey" not in str(caught.value)
    answer = requests.Response()
    answer.status_code, answer.url, answer.reason = 401, "https://node.example/v3/secretkey", "no"
    with pytest.raises(ChainError, match="HTTP 401;"), outside("a block"):
        answer.raise_for_status()


def test_two_runs_at_once_bring_one_payment(life: Life, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both look for a payment before either has signed: the second must wait, and bring that of the first."""
    price = Price(Currency(1, f"0x{'5' * 40}", "Coin", "1"), 7, f"0x{'6' * 40}")
    asked = Asked(price, "", requirements(price))
    signing, bringing, brought = threading.Barrier(2), threading.Barrier(2), list[str]()

    def sign(*arguments: Any) -> Any:
        with suppress(threading.BrokenBarrierError):
            signing.wait(0.3)
        return sign_payment(*arguments)

    def post(url: str, body: bytes, headers: dict[str, str], authority: Path | None) -> Any:
        brought.append(headers["payment-signature"])
        bringing.wait(30)
        return 200, {"payment-response": base64.b64encode(b'{"transaction":"0x1"}').decode()}, "{}"

    monkeypatch.setattr(asking, "sign_payment", sign)
    monkeypatch.setattr(asking, "_post", post)
    with ThreadPoolExecutor(2) as pool:
        both = [pool.submit(asking.buy, "http://x", b"{}", asked, life.owner, tmp_path, None) for _ in range(2)]
        assert {one.result().transaction for one in both} == {"0x1"}
    assert len(brought) == 2
    assert brought[0] == brought[1]
    assert not list((tmp_path / "payments").glob("*[0-9a-f].json"))
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "payments").iterdir()} == {0o600}


def test_events_that_a_node_hides_are_no_traceback(life: Life, tmp_path: Path) -> None:
    with open_index(f"sqlite:///{tmp_path}/index.db") as index:
        follow(index, life.owner)
        every = events(index, life.owner)
    whole = lineage(every).work(life.rows)
    assert sum(whole.holders.values()) == 10**9
    minted = next(
        place for place, one in enumerate(every)
        if isinstance(one.event, UnitsTransferred) and one.event.where.contract == whole.shares
    )  # fmt: skip
    with pytest.raises(ChainError, match="has not all that the shares"):
        lineage(every[:minted] + every[minted + 1 :])
    where = every[0].event.where
    for one in (DisputeConcluded(where, life.rows, True), ChallengeConcluded(where, "ab" * 32, True)):
        with pytest.raises(ChainError, match="and not that it was opened"):
            cases_of([one])
