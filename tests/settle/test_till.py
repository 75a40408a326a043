"""Payment against answer: once, whatever is repeated, raced, killed, stolen or delivered by somebody else."""

from __future__ import annotations

import os
import secrets
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from bailee.adapters.chain.opening import open_chain
from bailee.adapters.chain.payments import Cashed, Cheque, Payments
from bailee.adapters.receipts import PaymentName, Receipts
from bailee.errors import ChainError, InputError, PaymentError, SignatureError
from bailee.settle.authorization import Authorization, read_authorization
from bailee.settle.pricing import Currency, Price
from bailee.settle.till import Sale, Till
from chains import Engine, engine  # noqa: F401
from contracts.gas_costs import signed_authorization
from evm import WHOLE, Contract, World, new_world

REQUEST, OTHER = "11" * 32, "22" * 32
HOUR = 3600


@dataclass
class Shop:
    world: World
    shares: Contract
    price: Price
    path: Path
    answers: int = 0

    def till(self, cashier: Any = None) -> Till:
        """A server that has just started, on the same file and chain."""
        cashier = cashier or self.cashier()
        return Till(Receipts(self.path), {self.price.currency.network: cashier}, time.time)

    def cashier(self, depth: int = 0) -> Payments:
        return Payments(self.world.evm.engine.chain, self.world.evm.accounts[7], depth)

    def signed(
        self, amount: int | None = None, times: tuple[int, int] | None = None, nonce: bytes = b""
    ) -> Authorization:
        payer = self.world.evm.accounts[0]
        amount, nonce = self.price.amount if amount is None else amount, nonce or secrets.token_bytes(32)
        times = times or (0, int(time.time()) + HOUR)
        signature = signed_authorization(self.world, "Transfer", payer, self.shares.address, amount, nonce, times)
        return Authorization(payer.address.lower(), self.shares.address.lower(), amount, *times, nonce.hex(), signature)

    def answer(self) -> bytes:
        self.answers += 1
        return b"answer %d" % self.answers

    @property
    def received(self) -> int:
        return int(self.world.evm.call(self.shares, "received", self.world.coin.address))

    def cash_directly(self, paid: Authorization) -> None:
        """Somebody else who saw it, at the currency itself."""
        evm, signature = self.world.evm, paid.signature
        arguments = (
            paid.payer,
            paid.payee,
            paid.amount,
            paid.valid_after,
            paid.valid_before,
            bytes.fromhex(paid.nonce),
        )
        evm.nonces.clear()
        evm.do(
            evm.accounts[6], self.world.coin, "transferWithAuthorization", *arguments,
            signature[64], signature[:32], signature[32:64],
        )  # fmt: skip


@pytest.fixture(scope="module")
def world(engine: Engine) -> World:  # noqa: F811
    world = new_world(engine)
    world.give(world.coin, world.evm.accounts[0], 10**9)
    return world


@pytest.fixture
def shop(world: World, tmp_path: Path) -> Shop:
    world.evm.nonces.clear()
    shares = world.make(int.from_bytes(secrets.token_bytes(8)), {world.owner.address: WHOLE}, (world.coin.address,))
    currency = Currency(world.evm.engine.chain.chain_id, world.coin.address, "Bailee coin", "1")
    return Shop(world, shares, Price(currency, 250_000, shares.address), tmp_path / "receipts.sqlite")


def test_a_payment_buys_one_answer_and_the_same_one_again(shop: Shop) -> None:
    paid = shop.signed()
    first = shop.till().sell(shop.price, paid, REQUEST, shop.answer)
    assert first.answer == b"answer 1"
    assert shop.received == 250_000
    for till in (shop.till(), shop.till()):
        assert till.sell(shop.price, paid, REQUEST, shop.answer) == first
    assert (shop.received, shop.answers) == (250_000, 1)
    with pytest.raises(PaymentError, match="this payment is for another request: sign a new one"):
        shop.till().sell(shop.price, paid, OTHER, shop.answer)
    assert (shop.received, shop.answers) == (250_000, 1)


def test_many_at_once_pay_once(shop: Shop) -> None:
    """Four threads of one server, and two more servers on the same file."""
    paid, tills = shop.signed(), [shop.till() for _ in range(3)]
    with ThreadPoolExecutor(6) as pool:
        found = list(
            pool.map(lambda till: till.sell(shop.price, paid, REQUEST, shop.answer), [tills[0]] * 4 + tills[1:])
        )
    assert len(set(found)) == 1
    assert shop.received == 250_000


def test_of_two_requests_with_one_payment_one_is_answered(shop: Shop) -> None:
    paid, till = shop.signed(), shop.till()

    def ask(request: str) -> Sale | None:
        try:
            return till.sell(shop.price, paid, request, shop.answer)
        except PaymentError:
            return None

    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(ask, [REQUEST, OTHER]))
    assert sum(one is not None for one in found) == 1
    assert shop.received == 250_000


class Killed(BaseException):
    pass


class Dying:
    """A cashier whose process ends at a moment."""

    def __init__(self, real: Payments, moment: str) -> None:
        self.real, self.moment = real, moment

    def newest(self) -> int:
        return self.real.newest()

    def check(self, cheque: Cheque) -> None:
        self.real.check(cheque)

    def cash(self, cheque: Cheque, since: int) -> Cashed:
        if self.moment == "before":
            raise Killed
        self.real.cash(cheque, since)
        raise Killed


@pytest.mark.parametrize("moment", ["before", "after"])
def test_what_was_killed_before_or_after_the_money_moved_goes_on(shop: Shop, moment: str) -> None:
    paid = shop.signed()
    with pytest.raises(Killed):
        shop.till(Dying(shop.cashier(), moment)).sell(shop.price, paid, REQUEST, shop.answer)
    assert shop.received == (250_000 if moment == "after" else 0)
    with pytest.raises(PaymentError, match="for another request"):  # the binding is on disk
        shop.till().sell(shop.price, paid, OTHER, shop.answer)
    assert shop.till().sell(shop.price, paid, REQUEST, shop.answer).answer == b"answer 1"
    assert (shop.received, shop.answers) == (250_000, 1)


class Shot(Dying):
    """The process is killed, with nothing run after it."""

    def cash(self, cheque: Cheque, since: int) -> Cashed:
        if self.moment == "after":
            self.real.cash(cheque, since)
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("not reached")


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_process_that_is_killed_between_binding_and_answer(shop: Shop, moment: str) -> None:
    url = getattr(shop.world.evm.engine.chain.web3.provider, "endpoint_uri", None)
    if url is None:
        pytest.skip("a chain in this process dies with it; its own tests kill it")
    paid, child = shop.signed(), os.fork()
    if child == 0:
        try:
            with open_chain(url) as chain:
                dying = Shot(Payments(chain, shop.world.evm.accounts[7]), moment)
                shop.till(dying).sell(shop.price, paid, REQUEST, shop.answer)
        finally:
            os._exit(1)  # not reached, unless it fails
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL
    assert shop.received == (250_000 if moment == "after" else 0)
    with pytest.raises(PaymentError, match="for another request"):
        shop.till().sell(shop.price, paid, OTHER, shop.answer)
    assert shop.till().sell(shop.price, paid, REQUEST, shop.answer).answer == b"answer 1"
    assert (shop.received, shop.answers) == (250_000, 0)  # the answer is the one that was bound


class Raced(Dying):
    """Somebody cashes it at the currency once it can be seen."""

    def __init__(self, shop: Shop, paid: Authorization) -> None:
        super().__init__(shop.cashier(), "never")
        self.shop, self.paid = shop, paid

    def cash(self, cheque: Cheque, since: int) -> Cashed:
        self.shop.cash_directly(self.paid)
        return self.real.cash(cheque, since)


def test_who_is_quicker_only_delivers_it(shop: Shop) -> None:
    paid = shop.signed()
    sale = shop.till(Raced(shop, paid)).sell(shop.price, paid, REQUEST, shop.answer)
    assert sale.answer == b"answer 1"
    assert shop.received == 250_000  # delivered plainly, credited by the till


def test_a_payment_that_was_cashed_before_it_came_is_nobodys(shop: Shop) -> None:
    """Its signature lies open on the chain: whoever brings it need not be who paid."""
    paid = shop.signed()
    shop.cash_directly(paid)
    with pytest.raises(PaymentError) as caught:
        shop.till().sell(shop.price, paid, REQUEST, shop.answer)
    told = "the payment cannot be cashed: coin: authorization used or cancelled; nothing was taken by it"
    assert str(caught.value) == told
    assert shop.answers == 0


def test_another_transfer_in_the_same_transaction_does_not_count(shop: Shop) -> None:
    """An authorization of nothing is used, and a plain transfer is somewhere near: no payment."""
    evm, coin = shop.world.evm, shop.world.coin
    nothing = shop.signed(amount=0)
    evm.nonces.clear()
    since = shop.cashier().newest()
    shop.cash_directly(nothing)
    evm.do(evm.accounts[0], coin, "transfer", shop.shares.address, shop.price.amount)
    cheque = Cheque(
        coin.address, nothing.payer, shop.shares.address, shop.price.amount, nothing.valid_after, nothing.valid_before,
        nothing.nonce, nothing.signature,
    )  # fmt: skip
    assert shop.cashier().find(cheque, since) is None
    assert shop.cashier().find(replace(cheque, amount=0), since) is not None


def test_what_is_refused_costs_nothing(shop: Shop) -> None:
    now = int(time.time())
    other = replace(shop.price, amount=shop.price.amount + 1)
    good = shop.signed()
    elsewhere = replace(shop.price, shares=shop.world.works.address)
    for price, paid, kind, message in (
        (other, good, PaymentError, "expected a payment of 250001, got one of 250000"),
        (elsewhere, good, PaymentError, f"expected a payment to {shop.world.works.address}, got one to {good.payee}"),
        (shop.price, shop.signed(times=(0, now)), PaymentError, "sign a new one"),
        (shop.price, shop.signed(times=(now + HOUR, now + 2 * HOUR)), PaymentError, "the payment is valid only after"),
        (shop.price, replace(good, nonce="00" * 32), SignatureError, "expected the signature of"),
        (shop.price, replace(good, payer=shop.shares.address.lower()), SignatureError, "expected the signature of"),
    ):
        with pytest.raises(kind, match=message):
            shop.till().sell(price, paid, REQUEST, shop.answer)
    dear = replace(shop.price, amount=10**12)
    with pytest.raises(PaymentError, match="the payment cannot be cashed: coin: more than held"):
        shop.till().sell(dear, shop.signed(amount=10**12), REQUEST, shop.answer)
    far = replace(shop.price, currency=replace(shop.price.currency, chain_id=1))
    with pytest.raises(PaymentError, match="no payment on eip155:1 can be cashed here"):
        shop.till().sell(far, good, REQUEST, shop.answer)

    def fail() -> bytes:
        raise InputError("no such column")

    with pytest.raises(InputError, match="no such column"):
        shop.till().sell(shop.price, good, REQUEST, fail)
    assert (shop.received, shop.answers) == (0, 0)
    assert shop.till().sell(shop.price, good, OTHER, shop.answer).answer == b"answer 1"  # nothing was bound by that


class Silent(Dying):
    def cash(self, cheque: Cheque, since: int) -> Cashed:
        raise ChainError("does not answer")


def test_a_chain_that_does_not_answer_leaves_it_open(shop: Shop) -> None:
    paid = shop.signed()
    with pytest.raises(ChainError):
        shop.till(Silent(shop.cashier(), "")).sell(shop.price, paid, REQUEST, shop.answer)
    assert shop.till().sell(shop.price, paid, REQUEST, shop.answer).answer == b"answer 1"


def test_receipts_are_forgotten_only_where_nothing_can_come_of_them(tmp_path: Path) -> None:
    receipts = Receipts(tmp_path / "r.sqlite")
    names = [PaymentName("eip155:1", "0x", "0x", str(number)) for number in range(3)]
    for name in names:
        receipts.bind(name, REQUEST, b"", 1, 1000)
    receipts.cash(names[0], "ab")
    receipts.bind(names[2], OTHER, b"other", 1, 5000)
    assert [receipts.forget(1000), receipts.forget(1001)] == [0, 2]
    found = [receipts.find(name) for name in names]
    assert found[0] is not None
    assert found[0].cashed == "ab"
    assert found[1:] == [None, None]
    assert (tmp_path / "r.sqlite").stat().st_mode & 0o777 == 0o600


GOOD = {
    "from": "0x" + "aa" * 20, "to": "0x" + "bb" * 20, "value": "1", "validAfter": "0", "validBefore": "9",
    "nonce": "0x" + "cc" * 32,
}  # fmt: skip
SIGNED = "0x" + "dd" * 64 + "00"


@pytest.mark.parametrize(
    ("change", "signature"),
    [
        ({"from": "aa" * 20}, SIGNED), ({"to": 5}, SIGNED), ({"value": 1}, SIGNED), ({"value": "01"}, SIGNED),
        ({"value": "-1"}, SIGNED), ({"value": str(2**256)}, SIGNED), ({"validAfter": "1e3"}, SIGNED),
        ({"validBefore": None}, SIGNED), ({"nonce": "0x00"}, SIGNED), ({}, SIGNED[:-2]), ({}, None), ({}, 7),
    ],
)  # fmt: skip
def test_authorizations_that_are_none(change: dict[str, object], signature: object) -> None:
    assert read_authorization(GOOD, SIGNED).signature[64] == 27
    with pytest.raises(PaymentError):
        read_authorization(GOOD | change, signature)
