"""Paying for a use of a work, and drawing what works earned: what is looked at first, and what came of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from blake3 import blake3

from bailee.adapters.files import read_bytes
from bailee.errors import GrantError, InputError
from bailee.party.amounts import currency_address, in_words, smallest_units
from bailee.party.registered import work_named

if TYPE_CHECKING:
    from bailee.adapters.chain.index.earnings import Drawn
    from bailee.adapters.chain.index.lineage import Lineage
    from bailee.adapters.chain.ledger import Ledger

_MOST_USE = 1 << 30


@dataclass(frozen=True)
class Paid:
    """A payment as it stands in a block. words: what came to the work; fee: what the currency kept, if it did; use: 32
    bytes, hex."""

    work: int
    words: str
    amount: int
    currency: str
    use: str
    transaction: str
    block: int
    fee: str | None


def pay_for(ledger: Ledger, home: Path, work: str, amount: str, currency: str | None, use: str) -> Paid:
    """Pay an amount such as `3.50` for a use (`use_of`) of a work (`work_named`). All who hold its shares are credited
    in the same transaction. Raises InputError, GrantError (a void work), NotFoundError, RevertError, ChainError."""
    from bailee.adapters.chain.ledger.events import Paid as Said

    coin, number = currency_address(currency), work_named(ledger, home, work)
    require_good(ledger, number)
    shares, chain = ledger.shares(number), ledger.chain
    require_taken(ledger, number, coin)
    wanted = smallest_units(chain, coin, amount)
    if not wanted:
        raise InputError("expected an amount above 0")
    sent = shares.pay(wanted, use, coin)
    # A currency may say `Paid` too, of anything.
    came: int = next(
        one.amount for one in sent.events if isinstance(one, Said) and one.where.contract == shares.address
    )
    fee = None if came == wanted else in_words(chain, coin, wanted - came)
    return Paid(number, in_words(chain, coin, came), came, coin, use, f"0x{sent.transaction}", sent.block, fee)


def use_of(text: str | None) -> str:
    """What is paid for, as 32 bytes in hex: the BLAKE3 of a file, 64 hex digits as they are, zeros where nothing is
    said. InputError."""
    if text is None:
        return "00" * 32
    plain_hex = text.removeprefix("0x").lower()
    if len(plain_hex) == 64 and all(one in "0123456789abcdef" for one in plain_hex):
        return plain_hex
    return blake3(read_bytes(Path(text), _MOST_USE, "what is paid for")).hexdigest()


def draw(ledger: Ledger, known: Lineage, works: Sequence[int], holder: str, steps: int) -> Iterator[Drawn]:
    """Bring up what waits so many steps below works, then claim it for the holder, in every currency.

    Each step is a transaction; done again after anything, only what is left is done.
    """
    from bailee.adapters.chain.index.earnings import claimed, gathered

    yield from gathered(ledger, known, works, steps)
    yield from claimed(ledger, known, works, holder)


def require_good(ledger: Ledger, work: int) -> None:
    """GrantError where the arbiters voided it: whoever registered it may not own it."""
    from bailee.adapters.chain.ledger.facts import Status

    if ledger.registry.work(work).status is Status.VOID:
        raise GrantError(f"work {work} was voided by the arbiters: whoever registered it may not own it; pay nothing")


def require_taken(ledger: Ledger, work: int, currency: str) -> None:
    """InputError where the work cannot be paid in that currency."""
    taken = ledger.shares(work).currencies()
    if currency not in taken:
        told = ", ".join(taken[1:]) or "no ERC-20"
        raise InputError(
            f"work {work} takes native money and {told}, got --currency {currency}; its owner lists more with: "
            "bailee royalty accept-currency"
        )
