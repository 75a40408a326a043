"""`bailee gate`: a model's predictions sold over real HTTP, and bought; each pays once, whatever is repeated."""

from __future__ import annotations

import json
import signal
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from bailee.adapters.chain.ledger import Ledger
from bailee.adapters.chain.opening import open_chain
from bailee.cli.asking import read_rows
from bailee.errors import InputError
from bailee.records import digest
from commands import Running, free_address, refused, run, start
from paid_works import PaidWorks, new_paid_works
from parties import make_cast, run_session

ROWS = "size,age,dose\n0.5,-0.25,0.125\n-1,1,0\n"


@dataclass
class Market:
    """A chain that is served, a gate before a model, and one who buys."""

    works: PaidWorks
    passport: Path
    model: int
    node: str
    door: str
    gate: Running

    def ask(self, rows: Path, *more: str, door: str = "") -> tuple[int, dict[str, Any]]:
        return self.works.run("consumer", "gate", "ask", door or self.door, rows, *more, "--ledger", self.node)

    @property
    def received(self) -> int:
        with open_chain(self.node) as chain:
            return Ledger.named(chain, self.works.ledger).shares(self.model).received(self.works.coin)


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Market]:
    folder = tmp_path_factory.mktemp("market")
    outcome, said = run_session(make_cast(folder / "cast", (30, 20)))
    assert outcome is not None, said
    passport = outcome.path.parent
    (folder / "home").mkdir()
    works = new_paid_works(folder / "home")
    model = works.add_model(digest((passport / "passport.json").read_bytes()))
    at, door = free_address(), free_address()
    node = start(folder / "node.log", "ledger", "serve", "--listen", at, "--home", works.home)
    try:
        await_words(node, "serving")
        gate = start(folder / "gate.log", *serving(works, passport), "--listen", door, "--ledger", f"http://{at}")
        try:
            await_words(gate, f"selling predictions for 0.01 COIN into work {model}")
            yield Market(works, passport, model, f"http://{at}", f"http://{door}", gate)
            gate.process.send_signal(signal.SIGINT)
            assert gate.wait() == 0, gate.said
            assert "the gate is closed" in gate.said
        finally:
            gate.process.kill()
    finally:
        node.process.send_signal(signal.SIGINT)
        node.wait()


def serving(works: PaidWorks, passport: Path) -> tuple[str | Path, ...]:
    who = ("--account", "builder", "--passphrase-file", works.home / "passphrase", "--home", works.home)
    return ("gate", "serve", passport, "--price", "0.01", "--currency", works.coin, *who)


def await_words(running: Running, words: str) -> None:
    end = time.monotonic() + 300
    while words not in running.said:
        assert time.monotonic() < end, running.said
        assert running.process.poll() is None, running.said
        time.sleep(0.02)


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    path = tmp_path / "rows.csv"
    path.write_text(ROWS)
    return path


def test_the_price_is_shown_and_nothing_is_paid_unasked(market: Market, rows: Path) -> None:
    before = market.received
    told = f"the door asks for 0.01 COIN ({market.works.coin}) to the holders of work {market.model}"
    refused(market.ask(rows), 3, "PaymentError", told, "nothing is paid: say --yes")
    coin = ("--currency", market.works.coin)
    refused(market.ask(rows, "--most", "0.009999", *coin), 3, "PaymentError", "more than --most 0.009999")
    refused(market.ask(rows, "--most", "1"), 2, "InputError", "name it with --currency")
    other = ("--currency", "0x" + "12" * 20)
    refused(market.ask(rows, "--most", "1", *other), 3, "PaymentError", "you said --currency", "nothing is paid")
    assert market.received == before


def test_a_request_is_paid_and_answered(market: Market, rows: Path) -> None:
    before = market.received
    code, said = market.ask(rows, "--most", "0.01", "--currency", market.works.coin)
    assert (code, said["paid"], said["work"]) == (0, "0.01 COIN", str(market.model)), said
    answers = run("predict", market.passport, rows)[1]["answers"]
    assert [one["class"] for one in said["answer"]["answers"]] == [str(one[0]) for one in answers]
    receipt = json.loads(Path(said["receipt"]).read_text())
    assert (receipt["transaction"], json.loads(receipt["answer"])) == (said["transaction"], said["answer"])
    assert market.received == before + 10_000
    holders = market.works.look("royalty", "holders", str(market.model), "--ledger", market.node)[1]["holders"]
    assert [one["share"] for one in holders] == ["60 %", "40 %"]


def test_rows_that_cannot_be_answered_cost_nothing(market: Market, tmp_path: Path) -> None:
    before = market.received
    wrong = tmp_path / "wrong.csv"
    wrong.write_text("size,age,dose\nhigh,0,0\n")
    refused(market.ask(wrong, "--yes"), 2, "InputError", "the door cannot answer these rows", "nothing was paid")
    assert market.received == before


def test_rows_are_read_from_csv_and_json(tmp_path: Path) -> None:
    path, other = tmp_path / "rows.json", tmp_path / "rows.csv"
    row = {"size": "0.5", "age": ""}
    for told in (row, [row], {"rows": [row]}):
        path.write_text(json.dumps(told))
        assert json.loads(read_rows(path)) == {"rows": [row]}
    other.write_text("size,age\n0.5,\n")
    assert read_rows(other) == read_rows(path)
    other.write_text("size,age\n1\n")
    with pytest.raises(InputError, match="more or fewer cells than the header"):
        read_rows(other)
    for text in ("[]", "7", "[1]", "{"):
        path.write_text(text)
        with pytest.raises(InputError, match=r"has no rows|neither JSON"):
            read_rows(path)


@dataclass
class Between:
    """A server between client and gate: it passes requests on, and `drops` paid ones' answers are lost."""

    door: str
    drops: int = 0
    paid: list[str] = field(default_factory=list)
    change: tuple[str, str] = ("", "")

    def start(self) -> ThreadingHTTPServer:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                payment = self.headers.get("payment-signature")
                headers = {"Content-Type": "application/json"} | ({"payment-signature": payment} if payment else {})
                status, told, text = outer.post(self.path, body, headers)
                if payment:
                    outer.paid.append(payment)
                    if outer.drops:
                        outer.drops -= 1
                        self.connection.close()
                        return
                self.send_response(status)
                for name in ("payment-required", "payment-response"):
                    if name in told:
                        self.send_header(name, outer.changed(told[name]))
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_: object) -> None: ...

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        return server

    def post(self, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, Any, bytes]:
        try:
            with urllib.request.urlopen(urllib.request.Request(self.door + path, body, headers)) as answer:
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.headers, error.read()

    def changed(self, header: str) -> str:
        import base64

        text = base64.b64decode(header).decode()
        return base64.b64encode(text.replace(*self.change).encode() if self.change[0] else text.encode()).decode()


def test_an_answer_that_was_lost_is_paid_once(market: Market, rows: Path) -> None:
    between = Between(market.door, drops=1)
    server = between.start()
    try:
        before, door = market.received, f"http://127.0.0.1:{server.server_port}"
        refused(market.ask(rows, "--yes", door=door), 6, "ChainError", "does not answer")
        assert market.received == before + 10_000  # it was taken
        code, said = market.ask(rows, "--yes", door=door)
        assert code == 0, said
        assert between.paid[0] == between.paid[1]
        assert market.received == before + 10_000
    finally:
        server.shutdown()
        server.server_close()


def test_a_door_that_wants_money_elsewhere_is_refused(market: Market, rows: Path) -> None:
    with open_chain(market.node) as chain:
        shares = Ledger.named(chain, market.works.ledger).shares(market.model).address
    between = Between(market.door, change=(shares, market.works.addresses["builder"]))
    server = between.start()
    try:
        asked = market.ask(rows, "--yes", door=f"http://127.0.0.1:{server.server_port}")
        refused(asked, 3, "PaymentError", "which is no work's shares")
        between.change = ("eip155:", "eip155:9")
        asked = market.ask(rows, "--yes", door=f"http://127.0.0.1:{server.server_port}")
        refused(asked, 3, "PaymentError", "names no way to pay on eip155:")
        assert between.paid == []
    finally:
        server.shutdown()
        server.server_close()
    refused(market.ask(rows, "--yes", door="ftp://there"), 2, "InputError", "expected a door as http")


def test_a_gate_sells_only_for_the_model_that_answers(market: Market) -> None:
    """Nothing is served: each of these is refused before."""
    told = (*serving(market.works, market.passport), "--ledger", market.node, "--listen", free_address())

    def served(*more: str) -> tuple[int, str]:
        from typer.testing import CliRunner

        from commands import app

        done = CliRunner().invoke(app, [*map(str, told), *more])
        return done.exit_code, " ".join(done.stderr.split())

    code, said = served("--work", str(market.works.song))
    assert (code, "pay for another work than what answers" in said) == (2, True), said
    code, said = served("--currency", "0x" + "0" * 40)
    assert (code, "native money knows no authorizations" in said) == (2, True), said
    code, said = served("--currency", market.works.addresses["owner"])
    assert (code, "is no contract on eip155" in said) == (2, True), said
    code, said = served("--listen", market.door.removeprefix("http://"))
    assert (code, "cannot listen at" in said) == (2, True), said
