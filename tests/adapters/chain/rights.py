"""A small life of works on a chain: registered, offered, granted, spent on, paid for, claimed."""

from __future__ import annotations

from dataclasses import dataclass

from bailee.adapters.chain.deployment import Configuration, deploy
from bailee.adapters.chain.ledger import Ledger
from bailee.adapters.chain.ledger.facts import NATIVE, ZERO, Kind, Naming
from bailee.records.offer import Offer, sign_offer
from chains import Engine, account

CONFIGURATION = Configuration(tuple(account(number).address for number in (6, 7, 8)), 2, 1, 1_000, 10**18, 10**17)
ROWS, SONG, SESSION, USE = (f"{number:064x}" for number in (1, 2, 3, 4))


@dataclass
class Life:
    engine: Engine
    owner: Ledger
    builder: Ledger
    rows: int = 0
    song: int = 0
    grant: str = ""

    def begin(self) -> None:
        """Two works; one is granted for money and spent on, both are paid for."""
        for commitment, kind in ((ROWS, Kind.DATASET), (SONG, Kind.CONTENT)):
            self.owner.registry.register(kind, Naming(commitment), uri=f"ipfs://{commitment[-4:]}")
        self.rows, self.song = (self.owner.registry.id_of(one) for one in (ROWS, SONG))
        self.owner.grants.set_budget(self.rows, 8 * 10**9, 10**13)
        accounts = self.engine.accounts
        offer = Offer(
            self.rows, accounts[1].address, ZERO, ZERO, ZERO, ZERO, 0, 2**40, NATIVE, 10**15, 10**8, 4 * 10**9, 10**12,
            ZERO,
        )  # fmt: skip
        signed = sign_offer(offer, accounts[0], self.owner.name)
        self.grant = self.builder.grants.accept(signed.offer, signed.signature).events[0].grant  # type: ignore[attr-defined]
        self.owner.grants.spend(self.grant, SESSION, 10**9, 10**11, ZERO)
        self.owner.shares(self.rows).transfer(accounts[2].address, 10**8)
        self.pay(10**16)
        self.owner.shares(self.rows).claim(accounts[2].address)

    def pay(self, amount: int) -> None:
        self.builder.shares(self.rows).pay(amount, USE)


def begun(engine: Engine) -> Life:
    addresses = deploy(engine.chain, engine.accounts[9], CONFIGURATION)
    life = Life(engine, *(Ledger(engine.chain, addresses, engine.accounts[number]) for number in (0, 1)))
    life.begin()
    return life
