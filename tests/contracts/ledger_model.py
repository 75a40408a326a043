"""What a graph of works must do with money, in exact integers: the model that the contracts are compared with.

Per work and currency each holder's entitlement is a number in 1/10^9 of the smallest unit; it grows by units * money at
each credit and is never rounded. What a holder can claim is its whole part, less what it had.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from evm import MOST, WHOLE


@dataclass
class Book:
    """One work's money in one currency."""

    received: int = 0
    withdrawn: int = 0
    earned: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    """In 1/10^9, by holder, ever."""
    had: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))

    def owed(self, holder: str) -> int:
        return self.earned[holder] // WHOLE - self.had[holder]


@dataclass
class Model:
    """fees: by currency, of a transfer, in 1/10,000. Names stand for addresses."""

    fees: dict[str, int]
    units: dict[str, dict[str, int]]
    """By work, by holder."""
    purse: defaultdict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))
    """What is held: (currency, who)."""
    books: defaultdict[tuple[str, str], Book] = field(default_factory=lambda: defaultdict(Book))
    """(work, currency)."""
    burnt: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))

    def move(self, currency: str, sender: str, receiver: str, amount: int) -> None:
        fee = amount * self.fees.get(currency, 0) // 10_000
        self.purse[currency, sender] -= amount
        self.purse[currency, receiver] += amount - fee
        self.burnt[currency] += fee
        if self.purse[currency, sender] < 0:
            raise AssertionError(f"{sender} sent {currency} that it has not")

    def credit(self, work: str, currency: str) -> int:
        book = self.books[work, currency]
        new = max(0, self.purse[currency, work] - (book.received - book.withdrawn))
        new = min(new, MOST - book.received)
        book.received += new
        for holder, units in self.units[work].items():
            book.earned[holder] += units * new
        return new

    def pay(self, work: str, currency: str, payer: str, amount: int) -> int:
        before = self.purse[currency, work]
        self.move(currency, payer, work, amount)
        came = self.purse[currency, work] - before
        self.credit(work, currency)
        return came

    def claim(self, work: str, currency: str, holder: str, to: str | None = None) -> int:
        book = self.books[work, currency]
        amount = min(book.owed(holder), self.purse[currency, work])
        book.had[holder] += amount
        book.withdrawn += amount
        self.move(currency, work, to or holder, amount)
        return amount

    def gathered(self, parent: str, child: str, currency: str) -> int:
        """What `gather` would bring."""
        amount = min(self.books[child, currency].owed(parent), self.purse[currency, child])
        return amount - amount * self.fees.get(currency, 0) // 10_000

    def gather(self, parent: str, child: str, currency: str) -> int:
        before = self.purse[currency, parent]
        self.claim(child, currency, parent)
        came = self.purse[currency, parent] - before
        self.credit(parent, currency)
        return came

    def transfer(self, work: str, sender: str, receiver: str, units: int) -> None:
        held = self.units[work]
        held[sender] = held.get(sender, 0) - units
        held[receiver] = held.get(receiver, 0) + units
