"""Strangers' bytes and lying answers against the commands on rights: graphs, prices, doors, nodes."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from web3 import Web3
from web3.providers import BaseProvider

from adapters.chain.rights import Life, begun
from bailee.adapters.chain.chain import Chain
from bailee.adapters.chain.index import events, follow, open_index
from bailee.adapters.chain.index.earnings import _sum
from bailee.adapters.chain.ledger import Sent
from bailee.adapters.chain.ledger.events import Claimed, Registered, Where
from bailee.adapters.chain.ledger.facts import Kind, Naming
from bailee.cli.asking import ask_price
from bailee.cli.face import Face
from bailee.cli.registered import work_named
from bailee.errors import ChainError, InputError, StorageError
from bailee.own.graph import Graph, WorkNode, differences, picture
from bailee.own.trace import Happening, as_page, as_text, timeline
from chains import open_engine
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
        return {"jsonrpc": "2.0", "id": 1, "result": told[method]}


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
