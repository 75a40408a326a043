"""The shares of one work: money in, money out, and units, an ERC-20 that any wallet shows and sends too."""

from __future__ import annotations

from bailee.adapters.chain.ledger.contract import MOST_GAS, LedgerContract, Sent
from bailee.adapters.chain.ledger.facts import NATIVE, word


class Shares(LedgerContract):
    NAME = "Shares"

    def pay(self, amount: int, use: str, currency: str = NATIVE) -> Sent:
        """Credit all holders. `use`: what is paid for, 32 bytes hex. An ERC-20 is allowed to be taken first."""
        if currency != NATIVE:
            self._allow(currency, self.address, amount)
        value = amount if currency == NATIVE else 0
        return self._do("pay", currency, amount, word(use), value=value, most_gas=MOST_GAS)

    def credit(self, currency: str = NATIVE) -> Sent:
        """What came by plain transfers."""
        return self._do("credit", currency)

    def claim(self, holder: str | None = None, currency: str = NATIVE) -> Sent:
        """Send a holder (this account) what it earned; anybody may, for anybody."""
        return self._do("claim", holder or self._sender().address, currency, most_gas=MOST_GAS)

    def claim_to(self, to: str, currency: str = NATIVE) -> Sent:
        return self._do("claim_to", currency, to, most_gas=MOST_GAS)

    def gather(self, child: str, currency: str = NATIVE) -> Sent:
        """Fetch what this work earned as a holder of the shares at `child`, one step of the lineage."""
        return self._do("gather", child, currency, most_gas=MOST_GAS)

    def accept_currency(self, currency: str) -> Sent:
        return self._do("accept_currency", currency)

    def transfer(self, receiver: str, units: int) -> Sent:
        return self._do("transfer", receiver, units)

    def units(self, holder: str) -> int:
        return int(self._ask("balanceOf", holder))

    def claimable(self, holder: str, currency: str = NATIVE) -> int:
        return int(self._ask("claimable", holder, currency))

    def received(self, currency: str = NATIVE) -> int:
        return int(self._ask("received", currency))

    def withdrawn(self, currency: str = NATIVE) -> int:
        return int(self._ask("withdrawn", currency))

    def currencies(self) -> tuple[str, ...]:
        return tuple(self._ask("currencies"))

    @property
    def work(self) -> int:
        return int(self._ask("work"))
