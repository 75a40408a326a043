"""What works earn on a ledger, drawn and paid: verbs of whoever has an account, and what they give.

The ledger is the one that the folder remembers (`bailee ledger deploy | use`); `ledger` and `contracts` name another.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from bailee.adapters.chain.accounts import list_accounts
from bailee.errors import InputError
from bailee.party.accounts import chosen
from bailee.party.amounts import in_words, money
from bailee.party.earnings import WorkEarnings, earnings_at
from bailee.party.ledger_reading import read_events
from bailee.party.ledger_view import datasets_by_commitment
from bailee.party.opened_ledger import acting, reading
from bailee.party.paying import Paid, draw, pay_for, use_of
from bailee.party.registered import work_named
from bailee.party.titles import titles_of
from bailee.verbs.folder import PartyFolder, Place, passphrase_of
from bailee.verbs.showing import Rows, Shown

if TYPE_CHECKING:
    from bailee.adapters.chain.index.earnings import Drawn


@dataclass(frozen=True, repr=False)
class Earnings(Shown):
    """What works earned of which this party's accounts hold shares, when it was asked. ledger: its CAIP-10 name."""

    ledger: str
    works: tuple[WorkEarnings, ...]
    titles: Mapping[int, str] = field(default_factory=dict)

    def _title(self) -> str:
        return "Earnings"

    def _facts(self) -> Mapping[str, object]:
        return {"ledger": self.ledger, "works": len(self.works)}

    def _tables(self) -> Mapping[str, Rows]:
        rows = [
            {
                "work": self.titles.get(one.work) or one.dataset or f"{one.kind} {one.commitment[:16]}...",
                "held": f"{money(one.units, 7)} %",
                "paid": coin.paid.words,
                "to claim": coin.drawable.words,
                "below": coin.waiting.words,
                "drawn": coin.withdrawn.words,
            }
            for one in self.works
            for coin in one.money
            if coin.paid.smallest or coin.drawable.smallest or coin.waiting.smallest or coin.withdrawn.smallest
        ]
        return {"money": rows} if rows else {}


@dataclass(frozen=True, repr=False)
class Payment(Shown):
    """A payment for a use of a work, as it stands in a block."""

    paid: Paid
    title: str | None = None

    @property
    def transaction(self) -> str:
        return self.paid.transaction

    def _title(self) -> str:
        return f"Payment: {self.paid.words}"

    def _facts(self) -> Mapping[str, object]:
        facts = {name: getattr(self.paid, name) for name in ("work", "currency", "use", "transaction", "block", "fee")}
        facts["title"] = self.title
        return {name: value for name, value in facts.items() if value is not None}


@dataclass(frozen=True, repr=False)
class Claimed(Shown):
    """What was drawn, step by step. totals: what came to the account, in words, by currency; refused: what did not."""

    holder: str
    steps: tuple[Drawn, ...]
    totals: Mapping[str, str]

    @property
    def refused(self) -> tuple[str, ...]:
        return tuple(f"{one.currency}: {one.refused}" for one in self.steps if one.refused is not None)

    def _title(self) -> str:
        return f"Claimed: {', '.join(self.totals.values()) or 'nothing is there to be drawn'}"

    def _facts(self) -> Mapping[str, object]:
        facts: dict[str, object] = {"account": self.holder, "transactions": sum(not one.refused for one in self.steps)}
        return facts | ({"refused": self.refused} if self.refused else {})


class Royalties(PartyFolder):
    """Verbs of whoever holds shares of works, or uses them."""

    def earnings(
        self, *, account: str | None = None, ledger: str | None = None, contracts: str | None = None
    ) -> Earnings:
        """What the works earned that this party's accounts hold shares of: drawn, to be claimed, and waiting below.

        account: only that one. ledger, contracts: a node's URL and a ledger's name, those that the folder remembers by
        default. No passphrase is needed. Raises InputError, ChainError, StorageError.
        """
        from bailee.adapters.chain.index.lineage import lineage

        accounts = list_accounts(self.home) if account is None else [chosen(self.home, account)]
        with reading(self.home, ledger, contracts) as found:
            every = read_events(found, self.home)
            datasets = datasets_by_commitment(self.home)
            works = earnings_at(found, lineage(every), every, [one.address for one in accounts], datasets)
            return Earnings(found.name, works, titles_of(self.home, found.name))

    def pay(
        self, work: str | int, amount: str, *, currency: str | None = None, use: str | Path | None = None,
        account: str | None = None, passphrase_file: Place | None = None, ledger: str | None = None,
        contracts: str | None = None,
    ) -> Payment:  # fmt: skip
        """Pay for a use of a work. All who hold its shares are credited in the same transaction; nobody takes a fee.

        work: its number, its commitment, or the name of a dataset of this party. amount: such as "3.50". currency: an
        ERC-20's address, native money by default. use: a file, whose BLAKE3 is kept, or 64 hex digits. account: the
        only one by default; passphrase_file opens it. ledger, contracts: as in `earnings`. Raises InputError,
        GrantError (a void work), NotFoundError, RevertError, ChainError.
        """
        if not isinstance(amount, str):
            raise InputError(
                f'expected an amount as text, such as "3.50" (a float rounds), got {type(amount).__name__}'
            )
        what, file = use_of(None if use is None else str(use)), passphrase_of(passphrase_file)
        with acting(self.home, ledger, contracts, account, file) as found:
            paid = pay_for(found, self.home, str(work), amount, currency, what)
            return Payment(paid, titles_of(self.home, found.name).get(paid.work))

    def claim(
        self, works: Sequence[str | int] = (), *, steps: int = 1, account: str | None = None,
        passphrase_file: Place | None = None, ledger: str | None = None, contracts: str | None = None,
    ) -> Claimed:  # fmt: skip
        """Draw what an account earned: fetch what waits below its works, then claim, in every currency.

        works: all that the account holds shares of by default. steps: how far down the lineage, 1 to 64. Each step is a
        transaction; called again, only what is left is done. A currency that refuses holds up no other: see `refused`.
        account: the only one by default; passphrase_file opens it. ledger, contracts: as in `earnings`. Raises
        InputError, NotFoundError, ChainError.
        """
        from bailee.adapters.chain.index.lineage import lineage

        if not 1 <= steps <= 64:
            raise InputError(f"expected 1 to 64 steps, got {steps}")
        holder = chosen(self.home, account).address
        with acting(self.home, ledger, contracts, account, passphrase_of(passphrase_file)) as found:
            known = lineage(read_events(found, self.home))
            meant = [known.work(work_named(found, self.home, str(one))).id for one in works] or known.held_by([holder])
            drawn = tuple(draw(found, known, meant, holder, steps))
            came = _sums(one for one in drawn if one.child is None and one.refused is None)
            words = {coin: in_words(found.chain, coin, amount) for coin, amount in came.items()}
        return Claimed(holder, drawn, words)


def _sums(drawn: Iterable[Drawn]) -> dict[str, int]:
    sums: dict[str, int] = {}
    for one in drawn:
        sums[one.currency] = sums.get(one.currency, 0) + one.amount
    return sums
