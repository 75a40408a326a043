"""What a folder's gate sold: answers of a model, each against a payment. HOME/gate/receipts.sqlite."""

from __future__ import annotations

from dataclasses import dataclass

from bailee.adapters.receipts import Receipts
from bailee.party.home import PartyHome

_MOST = 200


@dataclass(frozen=True)
class Sold:
    """One answer. payer, currency: addresses; network: CAIP-2; request: digest of what was asked; block: the chain's
    newest when it was paid; cashed: hash of the transaction that moved the money, None as long as none is known."""

    payer: str
    network: str
    currency: str
    request: str
    block: int
    cashed: str | None


def answers_sold(party: PartyHome, most: int = _MOST) -> tuple[Sold, ...]:
    """The newest `most`; none where there was no gate. StorageError where the receipts cannot be read."""
    path = party.path / "gate" / "receipts.sqlite"
    if not path.is_file():
        return ()
    receipts = Receipts(path)
    try:
        return tuple(
            Sold(name.payer, name.network, name.currency, bound.request, bound.block, bound.cashed)
            for name, bound in receipts.newest(most)
        )
    finally:
        receipts.close()
