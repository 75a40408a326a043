"""Payment against answer, once: a payment is bound to its request on disk, then cashed, then answered.

What is repeated gets the same answer and pays nothing more; what was killed in between goes on where it was, because
the binding is on disk and the payment on the chain; who comes with a payment of somebody else's request gets nothing.
A payment that was cashed before it was bound is refused: its signature is public then, and anybody could bring it.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol, TypeVar

from bailee.adapters.chain.payments import Cashed, Cheque
from bailee.adapters.receipts import PaymentName, Receipts
from bailee.errors import PaymentError, RevertError
from bailee.settle.authorization import Authorization
from bailee.settle.pricing import Price

T = TypeVar("T")


class Cashier(Protocol):
    """What a till needs of a chain (`adapters.chain.payments.Payments`)."""

    def newest(self) -> int: ...
    def check(self, cheque: Cheque) -> None: ...
    def cash(self, cheque: Cheque, since: int) -> Cashed: ...


@dataclass(frozen=True)
class Sale:
    """transaction: hash, hex, of the one that moved the money."""

    answer: bytes
    transaction: str


class Till:
    """One till for all that is sold; several processes may share the receipts' file, and must, if they sell the same.

    cashiers: by network (CAIP-2). clock: seconds since 1970.
    """

    def __init__(self, receipts: Receipts, cashiers: dict[str, Cashier], clock: Callable[[], float]) -> None:
        self._receipts, self._cashiers, self._clock = receipts, cashiers, clock
        self._turns: weakref.WeakValueDictionary[PaymentName, _Turn] = weakref.WeakValueDictionary()
        self._taking = threading.Lock()

    def sell(self, price: Price, paid: Authorization, request: str, answer: Callable[[], bytes]) -> Sale:
        """What `answer` gives, against the payment. request: hex digest of what is asked, price and place included.

        `answer` is called before money moves, so that nobody pays for an error, and at most once for a payment that
        was bound. PaymentError, SignatureError: nothing was or will be taken for this request, or it was taken for
        another one. ChainError: unknown; the same request with the same payment goes on where this one stopped.
        """
        cashier = self._cashiers.get(price.currency.network)
        if cashier is None:
            raise PaymentError(f"no payment on {price.currency.network} can be cashed here")
        paid.check_signature(price)
        network, currency = price.currency.network, price.currency.address.lower()
        name = PaymentName(network, currency, paid.payer, paid.nonce)
        with self._turn(name):
            bound = self._receipts.find(name)
            if bound is None:
                paid.check_time(self._clock())
                block = cashier.newest()
                _refusals(cashier.check, _cheque(price, paid))
                bound = self._receipts.bind(name, request, answer(), block, paid.valid_before)
            if bound.request != request:
                raise PaymentError("this payment is for another request: sign a new one")
            if bound.cashed is not None:
                return Sale(bound.answer, bound.cashed)
            since = bound.block
            cashed = _refusals(lambda cheque: cashier.cash(cheque, since), _cheque(price, paid))
            self._receipts.cash(name, cashed.transaction)
            return Sale(bound.answer, cashed.transaction)

    @contextmanager
    def _turn(self, name: PaymentName) -> Iterator[None]:
        """One request at a time for a payment, in this process; between processes the receipts' key decides."""
        with self._taking:
            turn = self._turns.setdefault(name, _Turn())
        with turn.lock:
            yield


class _Turn:
    """A lock that can be held weakly: it goes when nobody waits for it."""

    def __init__(self) -> None:
        self.lock = threading.Lock()


def _refusals(ask: Callable[[Cheque], T], cheque: Cheque) -> T:
    try:
        return ask(cheque)
    except RevertError as error:
        raise PaymentError(f"the payment cannot be cashed: {error.reason or error}; nothing was taken by it") from None


def _cheque(price: Price, paid: Authorization) -> Cheque:
    return Cheque(
        price.currency.address, paid.payer, price.shares, paid.amount,
        paid.valid_after, paid.valid_before, paid.nonce, paid.signature,
    )  # fmt: skip
